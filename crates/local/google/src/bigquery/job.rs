//! A job's state and the result of a query.

use std::sync::Arc;

use arrow::array::RecordBatch;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::jobs::JobOutcome;
use super::query::cells::{CellFormat, format_datetime, row_json};
use super::schema::{Field, FieldMode, FieldType};
use super::statements::{sql_type_name, text_literal};
use crate::error::GoogleError;
use crate::turned::is_turned;

/// Rows of a page without `maxResults`.
pub(super) const PAGE_ROWS: usize = 100_000;

/// How much earlier a load job ends if the claim `load-job-ends-after-table-modified` is turned around.
const EARLY_MS: i64 = 3_600_000;

/// The rows that a query returned.
#[derive(Debug, Default)]
pub(crate) struct QueryResult {
    pub(crate) fields: Vec<Field>,
    pub(crate) batches: Vec<RecordBatch>,
    pub(crate) bytes_processed: u64,
}

impl QueryResult {
    pub(crate) fn row_count(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// At most `limit` rows from `start` on. A row is a batch and an index in it.
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

impl QueryResult {
    /// Column `at` of the first row as text of the API; `None` without a row, and for NULL. A TIMESTAMP
    /// is a number of microseconds.
    pub(super) fn first_text(&self, at: usize) -> Option<String> {
        let (batch, row) = self.slice(0, 1).next()?;
        let format = CellFormat { int64_timestamps: true };
        let value =
            row_json(&self.fields, batch, row, format).pointer(&format!("/f/{at}/v"))?.clone();
        value.as_str().map(str::to_owned)
    }

    /// A row as a STRUCT of the type `of`.
    pub(super) fn row_literal(&self, row: usize, of: &str) -> String {
        let format = CellFormat { int64_timestamps: true };
        let Some((batch, row)) = self.slice(row, 1).next() else {
            return format!("CAST(NULL AS {of})");
        };
        let value = row_json(&self.fields, batch, row, format);
        let members = self.fields.iter().enumerate().map(|(at, field)| {
            literal(field, value.pointer(&format!("/f/{at}/v")).unwrap_or(&Value::Null))
        });
        format!("{of}({})", members.collect::<Vec<_>>().join(", "))
    }

    /// Column `at` of the first row as a GoogleSQL expression; `None` without a row, and for NULL.
    pub(super) fn first_literal(&self, at: usize) -> Option<String> {
        let (batch, row) = self.slice(0, 1).next()?;
        let format = CellFormat { int64_timestamps: true };
        let value = row_json(&self.fields, batch, row, format);
        let value = value.pointer(&format!("/f/{at}/v")).filter(|it| !it.is_null())?;
        Some(literal(self.fields.get(at)?, value))
    }
}

/// A value of the API's form as a GoogleSQL expression of the field's type.
fn literal(field: &Field, value: &Value) -> String {
    let ty = sql_type_name(field);
    if let (FieldMode::Repeated, Value::Array(items)) = (field.mode, value) {
        let element = Field { mode: FieldMode::Nullable, ..field.clone() };
        let items: Vec<String> = items.iter().map(|it| literal(&element, &it["v"])).collect();
        return format!("{ty}[{}]", items.join(", "));
    }
    if field.field_type == FieldType::Record
        && let Some(members) = value.get("f").and_then(Value::as_array)
    {
        let members: Vec<String> =
            field.fields.iter().zip(members).map(|(field, it)| literal(field, &it["v"])).collect();
        return format!("{ty}({})", members.join(", "));
    }
    let Some(text) = value.as_str() else { return format!("CAST(NULL AS {ty})") };
    let quoted = text_literal(text);
    match field.field_type {
        FieldType::String => quoted,
        FieldType::Bytes => format!("FROM_BASE64({quoted})"),
        FieldType::Json => format!("PARSE_JSON({quoted})"),
        FieldType::Boolean => text.to_uppercase(),
        FieldType::Timestamp => match text.parse() {
            Ok(micros) => {
                let time = text_literal(&format!("{}+00", format_datetime(micros, ' ')));
                format!("CAST({time} AS TIMESTAMP)")
            }
            Err(_) => format!("CAST({quoted} AS TIMESTAMP)"),
        },
        _ => format!("CAST({quoted} AS {ty})"),
    }
}

/// The state of a job.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(super) email: String,
    pub(super) location: String,
    pub(super) configuration: Value,
    pub(super) done: bool,
    /// How many responses of `jobs.get` still report RUNNING after the job is done.
    pub(super) running_polls_left: u32,
    /// Whether `jobs.get` has shown the job.
    pub(super) seen: bool,
    pub(super) error: Option<GoogleError>,
    pub(super) statistics: Value,
    pub(super) created: Timestamp,
    pub(super) ended: Option<Timestamp>,
    /// Whether the statement returns rows: a query does, a definition or a change does not.
    pub(super) returns_rows: bool,
    pub(crate) result: Option<Arc<QueryResult>>,
}

impl Job {
    /// The id of the script of which this job is a statement.
    pub(super) fn parent(&self) -> Option<&str> {
        self.statistics.get("parentJobId").and_then(Value::as_str)
    }

    /// The job of one statement of this job, a script with the id `parent`.
    pub(super) fn child(&self, parent: &str, sql: &str, outcome: JobOutcome) -> Self {
        let mut statistics = outcome.statistics;
        statistics["parentJobId"] = json!(parent);
        // `bq` prints the results of the statements only. (BigQuery v2, ScriptStatistics)
        let script = self.configuration.pointer("/query/query").and_then(Value::as_str);
        let (line, column) = place_in(script.unwrap_or_default(), sql);
        let end = (line + sql.matches('\n').count(), column + sql.len());
        statistics["scriptStatistics"] = json!({
            "evaluationKind": "STATEMENT",
            "stackFrames": [{
                "startLine": line, "startColumn": column, "endLine": end.0, "endColumn": end.1, "text": sql,
            }],
        });
        let configuration = json!({
            "jobType": "QUERY", "query": {"query": sql, "useLegacySql": false},
        });
        Self {
            configuration,
            statistics,
            returns_rows: outcome.returns_rows,
            result: outcome.result,
            ..self.clone()
        }
    }

    /// The job resource of the REST API. Without `done`, the job is shown as RUNNING.
    pub(super) fn resource(&self, project: &str, id: &str, done: bool) -> Value {
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
            let is_early = self.configuration.get("load").is_some()
                && is_turned("load-job-ends-after-table-modified");
            let ended = ended.as_millisecond() - if is_early { EARLY_MS } else { 0 };
            statistics["endTime"] = json!(ended.to_string());
            if let Some(error) = &self.error {
                status["errorResult"] = error.error_proto();
                if is_turned("job-done-with-error") {
                    status["errorResult"]["reason"] = json!("anotherWord");
                }
                status["errors"] = json!([error.error_proto()]);
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

pub(super) fn job_not_found(project: &str, id: &str) -> GoogleError {
    GoogleError::not_found(format!("Not found: Job {project}:{id}"))
}

/// The line and the column of a statement in a script, from 1.
fn place_in(script: &str, sql: &str) -> (usize, usize) {
    let before = script.find(sql).map_or("", |at| &script[..at]);
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (before.matches('\n').count() + 1, column)
}
