//! Jobs: loads and queries. A job runs to its end before jobs.insert answers, but says
//! RUNNING there; a job's id is taken for good, whether the job succeeded or not.

use std::sync::Arc;

use arrow::array::RecordBatch;
use jiff::Timestamp;
use landbridge_local_wire as wire;
use serde_json::{Value, json};

use super::catalog::TableName;
use super::load::LoadSpec;
use super::schema::{Field, resources};
use super::{BigQuery, page};
use crate::access::Principal;
use crate::error::{GoogleError, status_of_reason};
use crate::query::QuerySpec;
use crate::query::values::{Format, row};
use crate::web::{Call, json as answer, no_content};

/// The dataset that query results are said to lie in.
pub(super) const ANONYMOUS_DATASET: &str = "_anonymous";
/// Rows of a page when the caller names no limit.
pub(super) const PAGE_ROWS: usize = 100_000;

/// The rows that a query found.
#[derive(Debug, Default)]
pub(crate) struct QueryResult {
    pub(crate) fields: Vec<Field>,
    pub(crate) batches: Vec<RecordBatch>,
    pub(crate) bytes: u64,
}

impl QueryResult {
    pub(crate) fn total(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// The rows from `start` on, at most `limit`: each a batch and a position in it.
    pub(crate) fn slice(
        &self,
        start: usize,
        limit: usize,
    ) -> impl Iterator<Item = (&RecordBatch, usize)> {
        (self.batches.iter())
            .flat_map(|batch| (0..batch.num_rows()).map(move |at| (batch, at)))
            .skip(start)
            .take(limit)
    }
}

/// A job as it stands.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    email: String,
    location: String,
    configuration: Value,
    done: bool,
    /// How many more answers say RUNNING although it is done.
    polls: u32,
    error: Option<GoogleError>,
    statistics: Value,
    created: Timestamp,
    ended: Option<Timestamp>,
    pub(crate) result: Option<Arc<QueryResult>>,
}

impl Job {
    fn resource(&self, project: &str, id: &str, done: bool) -> Value {
        let mut statistics = json!({
            "creationTime": self.created.as_millisecond().to_string(),
            "startTime": self.created.as_millisecond().to_string(),
        });
        let mut status = json!({"state": if done { "DONE" } else { "RUNNING" }});
        if done {
            if let (Some(target), Some(found)) =
                (statistics.as_object_mut(), self.statistics.as_object())
            {
                target.extend(found.clone());
            }
            let ended = self.ended.unwrap_or(self.created);
            statistics["endTime"] = json!(ended.as_millisecond().to_string());
            if let Some(error) = &self.error {
                status["errorResult"] = error.proto();
                status["errors"] = json!([error.proto()]);
            }
        }
        json!({
            "kind": "bigquery#job",
            "etag": format!("\"{id}-{}\"", u8::from(done)),
            "id": format!("{project}:{}.{id}", self.location),
            "selfLink": format!("/bigquery/v2/projects/{project}/jobs/{id}?location={}", self.location),
            "user_email": self.email,
            "jobReference": {"projectId": project, "jobId": id, "location": self.location},
            "configuration": self.configuration,
            "status": status,
            "statistics": statistics,
        })
    }
}

/// Google's rule for job ids.
fn check_job_id(id: &str) -> Result<(), GoogleError> {
    let good = (1..=1024).contains(&id.len())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if good { Ok(()) } else { Err(GoogleError::invalid(format!("Invalid job ID \"{id}\"."))) }
}

impl BigQuery {
    pub(super) async fn insert_job(
        &self,
        who: &Principal,
        call: &Call,
    ) -> Result<wire::Response, GoogleError> {
        self.may_on_project(who, "bigquery.jobs.create")?;
        let body = call.json()?;
        let reference = body.get("jobReference").unwrap_or(&Value::Null);
        let id = reference.get("jobId").and_then(Value::as_str);
        let mut configuration = body.get("configuration").cloned().unwrap_or(json!({}));
        let location = reference.get("location").and_then(Value::as_str);
        let location = location.unwrap_or(&self.location).to_owned();
        let work = if let Some(load) = configuration.get("load") {
            let spec = LoadSpec::parse(load, &self.project)?;
            configuration["jobType"] = json!("LOAD");
            Work::Load(Box::new(spec))
        } else if let Some(query) = configuration.get("query") {
            let spec = QuerySpec::parse(query, &self.project)?;
            configuration["jobType"] = json!("QUERY");
            Work::Query(spec)
        } else {
            return Err(GoogleError::invalid(
                "Job configuration must contain exactly one job-specific configuration object \
                 (this server runs load and query jobs).",
            ));
        };
        let dry_run = configuration.get("dryRun").and_then(Value::as_bool) == Some(true);
        if dry_run {
            return self.dry_run(who, work, configuration, location).await;
        }
        let id = self.reserve(who, id, location, configuration)?;
        let outcome = self.run(who, work).await;
        let catalog = self.finish(&id, outcome);
        let job = catalog.jobs.get(&id).ok_or_else(|| no_job(&self.project, &id))?;
        // The answer to insert is not yet the end: a client that stops here has proved nothing.
        Ok(answer(200, &job.resource(&self.project, &id, false)))
    }

    /// jobs.query: runs at once and answers with the first page.
    pub(super) async fn query(
        &self,
        who: &Principal,
        call: &Call,
    ) -> Result<wire::Response, GoogleError> {
        self.may_on_project(who, "bigquery.jobs.create")?;
        let body = call.json()?;
        let spec = QuerySpec::parse(&body, &self.project)?;
        let format = Format::of_json(&body);
        let location = body.get("location").and_then(Value::as_str).unwrap_or(&self.location);
        if body.get("dryRun").and_then(Value::as_bool) == Some(true) {
            let result = self.run_query(who, &spec, true).await?;
            return Ok(answer(
                200,
                &json!({
                    "kind": "bigquery#queryResponse",
                    "schema": {"fields": resources(&result.fields)},
                    "jobReference": {"projectId": self.project, "location": location},
                    "totalBytesProcessed": "0",
                    "jobComplete": true,
                    "cacheHit": false,
                }),
            ));
        }
        let configuration = json!({"jobType": "QUERY", "query": {
            "query": spec.sql, "useLegacySql": false,
        }});
        let id = self.reserve(who, None, location.to_owned(), configuration)?;
        let outcome = self.run(who, Work::Query(spec)).await;
        drop(self.finish(&id, outcome));
        let limit = body.get("maxResults").and_then(Value::as_u64).map(|it| it as usize);
        self.results(&id, 0, limit, format, "bigquery#queryResponse")
    }

    pub(super) fn query_results(
        &self,
        who: &Principal,
        call: &Call,
        id: &str,
    ) -> Result<wire::Response, GoogleError> {
        self.visible_job(who, call, id)?;
        let start = match call.number("pageToken")? {
            Some(token) => token.max(0) as usize,
            None => call.number("startIndex")?.unwrap_or(0).max(0) as usize,
        };
        let limit = call.number("maxResults")?.map(|it| it.max(0) as usize);
        let format = Format { int64_timestamps: call.flag("formatOptions.useInt64Timestamp") };
        self.results(id, start, limit, format, "bigquery#getQueryResultsResponse")
    }

    fn results(
        &self,
        id: &str,
        start: usize,
        limit: Option<usize>,
        format: Format,
        kind: &str,
    ) -> Result<wire::Response, GoogleError> {
        let job = self.catalog().jobs.get(id).cloned();
        let job = job.ok_or_else(|| no_job(&self.project, id))?;
        let reference = json!({"projectId": self.project, "jobId": id, "location": job.location});
        if !job.done {
            return Ok(answer(
                200,
                &json!({"kind": kind, "jobReference": reference, "jobComplete": false}),
            ));
        }
        if let Some(error) = job.error {
            return Err(error);
        }
        let Some(result) = job.result else {
            return Err(GoogleError::invalid(format!("Job {}:{id} is not a query.", self.project)));
        };
        let rows: Vec<Value> = (result.slice(start, limit.unwrap_or(PAGE_ROWS)))
            .map(|(batch, at)| row(&result.fields, batch, at, format))
            .collect();
        let (total, end) = (result.total(), start + rows.len());
        let mut body = json!({
            "kind": kind,
            "jobReference": reference,
            "jobComplete": true,
            "cacheHit": false,
            "schema": {"fields": resources(&result.fields)},
            "totalRows": total.to_string(),
            "totalBytesProcessed": result.bytes.to_string(),
        });
        // Google leaves `rows` out when the caller asked for none (`maxResults=0`).
        if limit != Some(0) {
            body["rows"] = json!(rows);
            if end < total {
                body["pageToken"] = json!(end.to_string());
            }
        }
        Ok(answer(200, &body))
    }

    pub(super) fn get_job(
        &self,
        who: &Principal,
        call: &Call,
        id: &str,
    ) -> Result<wire::Response, GoogleError> {
        self.visible_job(who, call, id)?;
        let mut catalog = self.catalog();
        let job = catalog.jobs.get_mut(id).ok_or_else(|| no_job(&self.project, id))?;
        let done = job.done && job.polls == 0;
        job.polls = job.polls.saturating_sub(u32::from(job.done));
        Ok(answer(200, &job.resource(&self.project, id, done)))
    }

    pub(super) fn list_jobs(
        &self,
        who: &Principal,
        call: &Call,
    ) -> Result<wire::Response, GoogleError> {
        let all_users = call.flag("allUsers");
        if all_users {
            self.may_on_project(who, "bigquery.jobs.listAll")?;
        }
        let all: Vec<Value> = (self.catalog().jobs.iter())
            .filter(|(_, job)| all_users || job.email == who.email)
            .map(|(id, job)| {
                let mut resource = job.resource(&self.project, id, job.done);
                resource["state"] = resource["status"]["state"].clone();
                resource
            })
            .collect();
        let (jobs, next) = page(call, all)?;
        let mut body = json!({"kind": "bigquery#jobList", "jobs": jobs});
        if let Some(next) = next {
            body["nextPageToken"] = json!(next);
        }
        Ok(answer(200, &body))
    }

    /// A job that has run cannot be stopped any more; Google answers with its state then.
    pub(super) fn cancel_job(
        &self,
        who: &Principal,
        call: &Call,
        id: &str,
    ) -> Result<wire::Response, GoogleError> {
        self.visible_job(who, call, id)?;
        let catalog = self.catalog();
        let job = catalog.jobs.get(id).ok_or_else(|| no_job(&self.project, id))?;
        Ok(answer(
            200,
            &json!({
                "kind": "bigquery#jobCancelResponse",
                "job": job.resource(&self.project, id, job.done),
            }),
        ))
    }

    pub(super) fn delete_job(
        &self,
        who: &Principal,
        id: &str,
    ) -> Result<wire::Response, GoogleError> {
        self.may_on_project(who, "bigquery.jobs.delete")?;
        self.catalog().jobs.remove(id).ok_or_else(|| no_job(&self.project, id))?;
        Ok(no_content())
    }

    /// The result of a query job under its anonymous table's name.
    pub(super) fn result_table(
        &self,
        who: &Principal,
        table: &str,
    ) -> Result<Arc<QueryResult>, GoogleError> {
        let catalog = self.catalog();
        let job = catalog.jobs.get(table).filter(|job| job.email == who.email);
        job.and_then(|job| job.result.clone())
            .ok_or_else(|| TableName::new(&self.project, ANONYMOUS_DATASET, table).not_found())
    }

    /// Own jobs are visible to everybody; those of others to an administrator.
    fn visible_job(&self, who: &Principal, call: &Call, id: &str) -> Result<(), GoogleError> {
        let catalog = self.catalog();
        let job = catalog.jobs.get(id).filter(|job| {
            call.query("location").is_none_or(|it| it.eq_ignore_ascii_case(&job.location))
        });
        let job = job.ok_or_else(|| no_job(&self.project, id))?;
        if job.email == who.email {
            return Ok(());
        }
        self.may_on_project(who, "bigquery.jobs.get")
    }

    /// Takes an id for a job that is about to run; from now on a repeat is a duplicate.
    fn reserve(
        &self,
        who: &Principal,
        id: Option<&str>,
        location: String,
        mut configuration: Value,
    ) -> Result<String, GoogleError> {
        let mut catalog = self.catalog();
        let id = match id {
            Some(id) => id.to_owned(),
            None => {
                catalog.next_job += 1;
                format!("job_{:06}", catalog.next_job)
            }
        };
        check_job_id(&id)?;
        if catalog.jobs.contains_key(&id) {
            let message = format!("Already Exists: Job {}:{location}.{id}", self.project);
            return Err(GoogleError::duplicate(message));
        }
        if let Some(query) = configuration.get_mut("query")
            && query.get("destinationTable").is_none()
        {
            query["destinationTable"] =
                TableName::new(&self.project, ANONYMOUS_DATASET, &id).reference();
        }
        let job = Job {
            email: who.email.clone(),
            location,
            configuration,
            done: false,
            polls: self.job_polls,
            error: None,
            statistics: json!({}),
            created: self.clock.now(),
            ended: None,
            result: None,
        };
        catalog.jobs.insert(id.clone(), job);
        Ok(id)
    }

    async fn run(&self, who: &Principal, work: Work) -> Result<Outcome, GoogleError> {
        let failure = self.catalog().failures.pop();
        if let Some(failure) = failure {
            let status = status_of_reason(&failure.reason);
            return Err(GoogleError::new(status, failure.reason, failure.message));
        }
        match work {
            Work::Query(spec) => {
                let result = Arc::new(self.run_query(who, &spec, false).await?);
                let bytes = result.bytes.to_string();
                let statistics = json!({
                    "totalBytesProcessed": bytes,
                    "query": {
                        "statementType": "SELECT",
                        "totalBytesProcessed": bytes,
                        "totalBytesBilled": "0",
                        "cacheHit": false,
                    },
                });
                Ok(Outcome { statistics, result: Some(result) })
            }
            Work::Load(spec) => {
                let (server, who) = (self.clone(), who.clone());
                let loaded = tokio::task::spawn_blocking(move || server.load(&who, &spec)).await;
                let statistics = loaded.map_err(|_| {
                    GoogleError::new(500, "internalError", "The load job stopped unexpectedly.")
                })??;
                Ok(Outcome { statistics, result: None })
            }
        }
    }

    fn finish(
        &self,
        id: &str,
        outcome: Result<Outcome, GoogleError>,
    ) -> std::sync::MutexGuard<'_, super::Catalog> {
        let mut catalog = self.catalog();
        if let Some(job) = catalog.jobs.get_mut(id) {
            job.done = true;
            job.ended = Some(self.clock.now());
            match outcome {
                Ok(outcome) => {
                    job.statistics = outcome.statistics;
                    job.result = outcome.result;
                }
                Err(error) => {
                    tracing::debug!(job = id, reason = error.reason, "job failed");
                    job.error = Some(error);
                }
            }
        }
        catalog
    }

    async fn dry_run(
        &self,
        who: &Principal,
        work: Work,
        configuration: Value,
        location: String,
    ) -> Result<wire::Response, GoogleError> {
        let Work::Query(spec) = work else {
            return Err(GoogleError::invalid("Only query jobs can be run dry."));
        };
        let result = self.run_query(who, &spec, true).await?;
        Ok(answer(
            200,
            &json!({
                "kind": "bigquery#job",
                "jobReference": {"projectId": self.project, "location": location},
                "configuration": configuration,
                "status": {"state": "DONE"},
                "statistics": {
                    "totalBytesProcessed": "0",
                    "query": {
                        "statementType": "SELECT",
                        "totalBytesProcessed": "0",
                        "schema": {"fields": resources(&result.fields)},
                    },
                },
            }),
        ))
    }
}

enum Work {
    Load(Box<LoadSpec>),
    Query(QuerySpec),
}

struct Outcome {
    statistics: Value,
    result: Option<Arc<QueryResult>>,
}

fn no_job(project: &str, id: &str) -> GoogleError {
    GoogleError::not_found(format!("Not found: Job {project}:{id}"))
}
