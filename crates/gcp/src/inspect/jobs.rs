//! Lists query jobs: who read which tables, and where the results went. (BigQuery v2, `jobs.list`: jobs of the
//! last six months. The texts of all users' queries need `bigquery.jobs.listAll`.)

use std::collections::BTreeMap;

use jiff::Timestamp;
use landbridge_core::access::{JobTable, QueryJob, QueryText};
use landbridge_core::{Error, ErrorKind, Result};
use serde_json::Value;

use super::Inspector;
use crate::bigquery::urlencode;

/// Jobs of a page. The documentation of `jobs.list` names no largest `maxResults`; a shorter page is followed all the same.
const PAGE_SIZE: u32 = 1_000;
/// What is asked about a job. An answer of `jobs.list` contains more, for example the query's plan.
const FIELDS: &str = "nextPageToken,unreachable,jobs(user_email,principal_subject,errorResult,jobReference(jobId,location),configuration(labels,jobType,query(query,destinationTable)),statistics(creationTime,numChildJobs,query/referencedTables))";

impl Inspector {
    /// The query jobs of all users of the project that were created from `from` until before `until`, in a
    /// location, and succeeded; the statements of scripts too, each as a job. `visit` gets each page, so that no more than a page is
    /// in memory, apart from the ids of scripts. One call for each script.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `bigquery.jobs.listAll`; [`ErrorKind::Transient`] if an answer skips the location; any
    /// other BigQuery error.
    pub async fn query_jobs(
        &self,
        location: &str,
        (from, until): (Timestamp, Timestamp),
        mut visit: impl FnMut(Vec<QueryJob>),
    ) -> Result<()> {
        let (from, until) = (from.as_millisecond(), until.as_millisecond() - 1);
        let range = format!("minCreationTime={from}&maxCreationTime={until}");
        let mut scripts = Vec::new();
        self.job_pages(location, &range, |jobs| {
            scripts.extend(jobs.iter().filter_map(script));
            visit(jobs.iter().filter_map(|it| query_job(it, location)).collect());
        })
        .await?;
        for script in scripts {
            let children = format!("parentJobId={}", urlencode(&script.id));
            self.job_pages(location, &children, |jobs| {
                let of_script = jobs.iter().filter_map(|it| query_job(it, location));
                visit(of_script.map(|it| script.statement(it)).collect());
            })
            .await?;
        }
        Ok(())
    }

    /// Lists jobs page by page. Without `parentJobId`, the list has no statement of a script (BigQuery v2, `jobs.list`).
    async fn job_pages(
        &self,
        location: &str,
        filter: &str,
        mut visit: impl FnMut(&[Value]),
    ) -> Result<()> {
        const WHAT: &str = "the jobs of the project cannot be listed";
        let mut page = String::new();
        loop {
            let url = format!(
                "{}/projects/{}/jobs?allUsers=true&projection=full&stateFilter=done&maxResults={PAGE_SIZE}&{filter}&fields={FIELDS}{page}",
                self.bigquery, self.project,
            );
            let found = self.get(WHAT, &self.project, &url).await?;
            let found =
                found.ok_or_else(|| Error::new(ErrorKind::NotFound, WHAT, &self.project))?;
            if is_skipped(&found, location) {
                return Err(Error::new(ErrorKind::Transient, WHAT, location));
            }
            let jobs = found.get("jobs").and_then(Value::as_array);
            visit(jobs.map_or(&[], Vec::as_slice));
            match found.get("nextPageToken").and_then(Value::as_str) {
                Some(token) if !token.is_empty() => {
                    page = format!("&pageToken={}", urlencode(token))
                }
                _ => return Ok(()),
            }
        }
    }
}

/// Whether an answer lacks the jobs of a location, because BigQuery could not reach it (`JobList.unreachable`).
fn is_skipped(answer: &Value, location: &str) -> bool {
    let skipped = answer.get("unreachable").and_then(Value::as_array);
    let mut skipped = skipped.into_iter().flatten().filter_map(Value::as_str);
    skipped.any(|it| it.eq_ignore_ascii_case(location))
}

/// A query job of `location` that succeeded; `None` for any other job.
fn query_job(job: &Value, location: &str) -> Option<QueryJob> {
    let text = |pointer: &str| job.pointer(pointer).and_then(Value::as_str);
    let is_here = text("/jobReference/location").is_none_or(|it| it.eq_ignore_ascii_case(location));
    let failed = job.get("errorResult").is_some() || job.pointer("/status/errorResult").is_some();
    if !is_here || failed {
        return None;
    }
    let query = text("/configuration/query/query")?;
    let tables = job.pointer("/statistics/query/referencedTables").and_then(Value::as_array);
    let created: i64 = text("/statistics/creationTime")?.parse().ok()?;
    Some(QueryJob {
        // A federated identity has no address.
        user: text("/user_email")
            .filter(|it| !it.is_empty())
            .or_else(|| text("/principal_subject"))
            .unwrap_or_default()
            .to_owned(),
        created: Timestamp::from_millisecond(created).ok()?,
        tables: tables.into_iter().flatten().filter_map(table).collect(),
        destination: job
            .pointer("/configuration/query/destinationTable")
            .and_then(table)
            .filter(|it| !it.dataset.starts_with('_')),
        labels: labels(job),
        text: QueryText::new(query),
    })
}

/// A script: its job names no table, its statements are jobs of their own.
struct Script {
    id: String,
    labels: BTreeMap<String, String>,
}

impl Script {
    /// A statement of the script, with the labels of the script, which say which dashboard sent it.
    fn statement(&self, mut job: QueryJob) -> QueryJob {
        for (key, value) in &self.labels {
            job.labels.entry(key.clone()).or_insert_with(|| value.clone());
        }
        job
    }
}

/// The script, if a job is one (BigQuery v2, `JobStatistics.numChildJobs`). One that failed has statements that succeeded.
fn script(job: &Value) -> Option<Script> {
    let text = |pointer: &str| job.pointer(pointer).and_then(Value::as_str);
    let children: u64 = text("/statistics/numChildJobs")?.parse().ok()?;
    let id = text("/jobReference/jobId").filter(|_| children > 0)?.to_owned();
    Some(Script { id, labels: labels(job) })
}

fn labels(job: &Value) -> BTreeMap<String, String> {
    let labels = job.pointer("/configuration/labels").and_then(Value::as_object);
    let labels = labels.into_iter().flatten();
    labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

fn table(it: &Value) -> Option<JobTable> {
    let text = |key: &str| it.get(key).and_then(Value::as_str).map(str::to_owned);
    Some(JobTable {
        project: text("projectId")?,
        dataset: text("datasetId")?,
        table: text("tableId")?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_job_in_the_documented_form() {
        // https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/jobs/list, `JobList.jobs` with the projection `full`.
        let job = json!({
            "id": "p:asia-northeast3.job_1", "kind": "bigquery#job", "state": "DONE",
            "user_email": "a@example.com",
            "jobReference": {"projectId": "p", "jobId": "job_1", "location": "asia-northeast3"},
            "configuration": {
                "jobType": "QUERY",
                "labels": {"requestor": "looker_studio", "looker_studio_report_id": "r"},
                "query": {
                    "query": "SELECT 'kim@example.com'",
                    "destinationTable": {"projectId": "p", "datasetId": "_6f", "tableId": "anon"},
                },
            },
            "statistics": {
                "creationTime": "1763683200000",
                "query": {"referencedTables": [
                    {"projectId": "p", "datasetId": "shop", "tableId": "creators"},
                ]},
            },
        });
        let read = query_job(&job, "ASIA-northeast3").expect("a job");
        assert_eq!(read.tables[0].to_string(), "p.shop.creators");
        assert_eq!(read.destination, None, "a temporary table");
        assert_eq!(read.labels["looker_studio_report_id"], "r");
        assert!(!format!("{read:?}").contains("kim@"));
        assert!(query_job(&job, "us").is_none(), "another location");
        let mut federated = job.clone();
        federated["user_email"] = json!("");
        let subject = "principal://iam.googleapis.com/locations/global/workforcePools/p/subject/s";
        federated["principal_subject"] = json!(subject);
        assert_eq!(query_job(&federated, "asia-northeast3").expect("a job").user, subject);
        let mut failed = job.clone();
        failed["errorResult"] = json!({"reason": "accessDenied"});
        assert!(query_job(&failed, "asia-northeast3").is_none());
        let mut load = job;
        load["configuration"] = json!({"jobType": "LOAD", "load": {}});
        assert!(query_job(&load, "asia-northeast3").is_none());
    }

    /// An answer without the jobs of the location is no answer: it would look as if no person read the tables.
    #[test]
    fn an_answer_that_skips_the_location_is_an_error() {
        let answer = json!({"jobs": [], "unreachable": ["europe-west5", "Asia-Northeast3"]});
        assert!(is_skipped(&answer, "asia-northeast3"));
        assert!(!is_skipped(&answer, "us") && !is_skipped(&json!({"jobs": []}), "us"));
    }
}
