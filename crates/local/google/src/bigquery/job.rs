//! A job's state and the result of a query.

use std::sync::Arc;

use arrow::array::RecordBatch;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::schema::Field;
use crate::error::GoogleError;

/// The dataset in which query results appear as tables.
pub(super) const ANONYMOUS_DATASET: &str = "_anonymous";
/// Rows of a page without `maxResults`.
pub(super) const PAGE_ROWS: usize = 100_000;

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

/// The state of a job.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(super) email: String,
    pub(super) location: String,
    pub(super) configuration: Value,
    pub(super) done: bool,
    /// How many responses of `jobs.get` still report RUNNING after the job is done.
    pub(super) running_polls_left: u32,
    pub(super) error: Option<GoogleError>,
    pub(super) statistics: Value,
    pub(super) created: Timestamp,
    pub(super) ended: Option<Timestamp>,
    pub(crate) result: Option<Arc<QueryResult>>,
}

impl Job {
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
            statistics["endTime"] = json!(ended.as_millisecond().to_string());
            if let Some(error) = &self.error {
                status["errorResult"] = error.error_proto();
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
