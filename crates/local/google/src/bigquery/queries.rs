//! Query calls: `jobs.query`, `jobs.getQueryResults` and dry runs.

use std::sync::Arc;

use serde_json::{Value, json};

use super::BigQuery;
use super::catalog::TableName;
use super::job::{ANONYMOUS_DATASET, PAGE_ROWS, QueryResult, job_not_found};
use super::jobs::JobSpec;
use super::query::QuerySpec;
use super::query::cells::{CellFormat, row_json};
use super::schema::fields_resource;
use crate::access::Principal;
use crate::error::GoogleError;
use crate::web::{ApiResult, Call, json_response};

impl BigQuery {
    /// `jobs.query`: runs the query and returns the first page of the result.
    pub(super) async fn query(&self, caller: &Principal, call: &Call) -> ApiResult {
        self.authorize_on_project(caller, "bigquery.jobs.create")?;
        let body = call.json_body()?;
        let spec = QuerySpec::parse(&body, &self.project)?;
        let format = CellFormat::from_request(&body);
        let location = body.get("location").and_then(Value::as_str).unwrap_or(&self.location);
        if body.get("dryRun").and_then(Value::as_bool) == Some(true) {
            let result = self.run_query(caller, &spec, true).await?;
            return Ok(json_response(
                200,
                &json!({
                    "kind": "bigquery#queryResponse",
                    "schema": {"fields": fields_resource(&result.fields)},
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
        let id = self.register_job(caller, None, location.to_owned(), configuration)?;
        let outcome = self.run_job(caller, JobSpec::Query(spec)).await;
        drop(self.finish_job(&id, outcome));
        let limit = body.get("maxResults").and_then(Value::as_u64).map(|it| it as usize);
        self.results_response(&id, 0, limit, format, "bigquery#queryResponse")
    }

    pub(super) fn query_results(&self, caller: &Principal, call: &Call, id: &str) -> ApiResult {
        self.authorize_job(caller, call, id)?;
        let start = match call.int_param("pageToken")? {
            Some(token) => token.max(0) as usize,
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
                body["pageToken"] = json!(end.to_string());
            }
        }
        Ok(json_response(200, &body))
    }

    /// The result of a query job, by the name of its anonymous table.
    pub(super) fn anonymous_result(
        &self,
        caller: &Principal,
        table: &str,
    ) -> Result<Arc<QueryResult>, GoogleError> {
        let catalog = self.catalog();
        let job = catalog.jobs.get(table).filter(|job| job.email == caller.email);
        job.and_then(|job| job.result.clone())
            .ok_or_else(|| TableName::new(&self.project, ANONYMOUS_DATASET, table).not_found())
    }

    /// A dry run: plans the query and checks the permissions, but does not run it.
    pub(super) async fn dry_run(
        &self,
        caller: &Principal,
        job_spec: JobSpec,
        configuration: Value,
        location: String,
    ) -> ApiResult {
        let JobSpec::Query(spec) = job_spec else {
            return Err(GoogleError::invalid("Only query jobs support dryRun."));
        };
        let result = self.run_query(caller, &spec, true).await?;
        Ok(json_response(
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
                        "schema": {"fields": fields_resource(&result.fields)},
                    },
                },
            }),
        ))
    }
}
