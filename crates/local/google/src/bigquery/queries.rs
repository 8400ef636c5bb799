//! Query calls: `jobs.query`, `jobs.getQueryResults` and dry runs.

use serde_json::{Map, Value, json};

use super::job::{Job, PAGE_ROWS, job_not_found};
use super::jobs::{JobOutcome, JobSpec};
use super::names::ANONYMOUS_DATASET;
use super::names::TableName;
use super::query::cells::{CellFormat, row_json};
use super::schema::fields_resource;
use super::settings::int64;
use super::settings::{self, Settings};
use super::{BigQuery, check_labels, page_start, page_token};
use crate::access::Principal;
use crate::error::GoogleError;
use crate::turned::is_turned;
use crate::web::{ApiResult, Call, json_response};

impl BigQuery {
    /// `jobs.query`: runs the query and returns the first page of the result.
    pub(super) async fn query(&self, caller: &Principal, call: &Call) -> ApiResult {
        self.authorize_on_project(caller, "bigquery.jobs.create")?;
        let body = call.json_body()?;
        Settings::check_all(&[&settings::QUERY_REQUEST, &settings::QUERY], &body)?;
        check_labels(body.as_object().unwrap_or(&Map::new()))?;
        let job_spec = JobSpec::query(&body, &self.project)?;
        let format = CellFormat::from_request(&body);
        let location = body.get("location").and_then(Value::as_str).unwrap_or(&self.location);
        let mut configuration = query_configuration(&body);
        if body.get("dryRun").and_then(Value::as_bool) == Some(true) {
            configuration["dryRun"] = json!(true);
            return self.dry_query(caller, job_spec, location).await;
        }
        let limit = body.get("maxResults").and_then(int64).map(|it| it.max(0) as usize);
        let request = body.get("requestId").and_then(Value::as_str).filter(|it| !it.is_empty());
        let request = request.map(|it| (caller.email.clone(), it.to_owned()));
        let cached = is_turned("query-cache")
            && body.get("useQueryCache").and_then(Value::as_bool) != Some(false);
        let request = match cached {
            true => body.get("query").map(|it| (caller.email.clone(), it.to_string())),
            false => request,
        };
        let earlier = request.as_ref().and_then(|it| self.catalog().requests.get(it).cloned());
        // "If a request has the same requestId as an earlier one, the response is the earlier one's."
        if let Some(id) = earlier {
            return self.results_response(&id, 0, limit, format, QUERY_RESPONSE);
        }
        let id = self.register_job(caller, None, location.to_owned(), configuration)?;
        if let Some(request) = request {
            self.catalog().requests.insert(request, id.clone());
        }
        let outcome = self.run_job(caller, job_spec).await;
        self.finish_job(&id, outcome);
        self.results_response(&id, 0, limit, format, QUERY_RESPONSE)
    }

    pub(super) fn query_results(&self, caller: &Principal, call: &Call, id: &str) -> ApiResult {
        self.authorize_job(caller, call, id)?;
        let start = match page_start(call)? {
            Some(start) => start,
            None => call.int_param("startIndex")?.unwrap_or(0).max(0) as usize,
        };
        let limit = call.int_param("maxResults")?.map(|it| it.max(0) as usize);
        let format =
            CellFormat { int64_timestamps: call.bool_param("formatOptions.useInt64Timestamp") };
        self.results_response(id, start, limit, format, "bigquery#getQueryResultsResponse")
    }

    fn results_response(
        &self,
        id: &str,
        start: usize,
        limit: Option<usize>,
        format: CellFormat,
        kind: &str,
    ) -> ApiResult {
        let job = self.catalog().jobs.get(id).cloned();
        let job = job.ok_or_else(|| job_not_found(&self.project, id))?;
        let reference = json!({"projectId": self.project, "jobId": id, "location": job.location});
        if !job.done {
            return Ok(json_response(
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
        if !job.returns_rows {
            let mut body = json!({
                "kind": kind,
                "jobReference": reference,
                "jobComplete": true,
                "cacheHit": false,
                "schema": {},
                "totalBytesProcessed": result.bytes_processed.to_string(),
            });
            for key in ["numDmlAffectedRows", "dmlStats"] {
                if let Some(value) = job.statistics.pointer(&format!("/query/{key}")) {
                    body[key] = value.clone();
                }
            }
            return Ok(json_response(200, &body));
        }
        let rows: Vec<Value> = (result.slice(start, limit.unwrap_or(PAGE_ROWS)))
            .map(|(batch, at)| row_json(&result.fields, batch, at, format))
            .collect();
        let (total, end) = (result.row_count(), start + rows.len());
        let mut body = json!({
            "kind": kind,
            "jobReference": reference,
            "jobComplete": true,
            "cacheHit": false,
            "schema": {"fields": fields_resource(&result.fields)},
            "totalRows": total.to_string(),
            "totalBytesProcessed": result.bytes_processed.to_string(),
        });
        // Google leaves `rows` out if the caller requests none (`maxResults=0`).
        if limit != Some(0) {
            body["rows"] = json!(rows);
            if end < total {
                body["pageToken"] = json!(page_token(end));
            }
        }
        Ok(json_response(200, &body))
    }

    /// The query job with an anonymous table.
    pub(super) fn anonymous_job(
        &self,
        caller: &Principal,
        table: &str,
    ) -> Result<Job, GoogleError> {
        let catalog = self.catalog();
        let job =
            catalog.jobs.get(table).filter(|job| job.email == caller.email && job.returns_rows);
        job.cloned()
            .ok_or_else(|| TableName::new(&self.project, ANONYMOUS_DATASET, table).not_found())
    }

    /// `tables.get` of the anonymous table with a query's result. Only the caller of the query sees it.
    pub(super) fn anonymous_table(&self, caller: &Principal, name: &TableName) -> ApiResult {
        let job = self.anonymous_job(caller, &name.table)?;
        let result = job.result.clone().unwrap_or_default();
        let ended = job.ended.unwrap_or(job.created).as_millisecond().to_string();
        Ok(json_response(
            200,
            &json!({
                "kind": "bigquery#table",
                "etag": format!("\"{}\"", name.table),
                "id": name.to_string(),
                "tableReference": name.reference(),
                "schema": {"fields": fields_resource(&result.fields)},
                "numRows": result.row_count().to_string(),
                "creationTime": ended,
                "lastModifiedTime": ended,
                "type": "TABLE",
                "location": job.location,
            }),
        ))
    }

    /// A dry run of a job: plans the statement and checks the permissions, but does not run it.
    pub(super) async fn dry_run(
        &self,
        caller: &Principal,
        job_spec: JobSpec,
        configuration: Value,
        location: String,
    ) -> ApiResult {
        let statistics = self.dry_statistics(caller, job_spec).await?;
        Ok(json_response(
            200,
            &json!({
                "kind": "bigquery#job",
                "jobReference": {"projectId": self.project, "location": location},
                "configuration": configuration,
                "status": {"state": "DONE"},
                "statistics": statistics,
            }),
        ))
    }

    /// A dry run of `jobs.query`.
    async fn dry_query(&self, caller: &Principal, job_spec: JobSpec, location: &str) -> ApiResult {
        let statistics = self.dry_statistics(caller, job_spec).await?;
        let query = &statistics["query"];
        Ok(json_response(
            200,
            &json!({
                "kind": QUERY_RESPONSE,
                "schema": query.get("schema").unwrap_or(&json!({})),
                "jobReference": {"projectId": self.project, "location": location},
                "totalBytesProcessed": query["totalBytesProcessed"],
                "jobComplete": true,
                "cacheHit": false,
            }),
        ))
    }

    async fn dry_statistics(
        &self,
        caller: &Principal,
        job_spec: JobSpec,
    ) -> Result<Value, GoogleError> {
        let JobSpec::Query(spec, target) = job_spec else {
            return Err(GoogleError::invalid("Only query jobs support dryRun."));
        };
        let done = self.run_statement(caller, &spec, target.as_deref(), true).await?;
        let fields = fields_resource(&done.result.fields);
        let returns_rows = done.returns_rows();
        let mut statistics = JobOutcome::of_statement(done).statistics;
        if returns_rows {
            statistics["query"]["schema"] = json!({ "fields": fields });
        }
        Ok(statistics)
    }
}

/// The `kind` of a response of `jobs.query`.
const QUERY_RESPONSE: &str = "bigquery#queryResponse";

/// The job configuration of a `jobs.query` call.
fn query_configuration(body: &Value) -> Value {
    let mut query = Map::new();
    for key in [
        "query",
        "defaultDataset",
        "parameterMode",
        "queryParameters",
        "destinationTable",
        "writeDisposition",
        "createDisposition",
    ] {
        if let Some(value) = body.get(key) {
            query.insert(key.to_owned(), value.clone());
        }
    }
    query.insert("useLegacySql".to_owned(), json!(false));
    let mut configuration = json!({"jobType": "QUERY", "query": query});
    if let Some(labels) = body.get("labels") {
        configuration["labels"] = labels.clone();
    }
    configuration
}
