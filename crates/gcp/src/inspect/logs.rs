//! Reads records of access: BigQuery's data access logs. (Logging API v2, `entries.list`;
//! `google.cloud.audit.BigQueryAuditMetadata`, `TableDataRead`.)

use std::collections::BTreeSet;

use jiff::Timestamp;
use landbridge_core::access::TableDataRead;
use landbridge_core::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::Inspector;

const LOGGING: &str = "https://logging.googleapis.com";
/// Entries of a page: the largest of `entries.list`.
const PAGE_SIZE: u32 = 1_000;

impl Inspector {
    /// The reads of tables of a dataset from `from` until before `until`. `place` is the project
    /// (`projects/P`), or a view of a log bucket. Entries of jobs, which contain the texts of queries, are
    /// not asked for.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `logging.privateLogEntries.list`; [`ErrorKind::NotFound`] if there is
    /// no such log bucket; any other error of the Logging API.
    pub async fn table_reads(
        &self,
        place: &str,
        dataset: &str,
        (from, until): (Timestamp, Timestamp),
    ) -> Result<Vec<TableDataRead>> {
        const WHAT: &str = "the records of access cannot be read";
        let project = &self.project;
        let filter = format!(
            "logName=\"projects/{project}/logs/cloudaudit.googleapis.com%2Fdata_access\" AND protoPayload.serviceName=\"bigquery.googleapis.com\" AND protoPayload.metadata.tableDataRead:* AND protoPayload.resourceName:\"projects/{project}/datasets/{dataset}/\" AND timestamp>=\"{from}\" AND timestamp<\"{until}\""
        );
        let url = format!("{}/v2/entries:list", self.api(LOGGING));
        let (mut all, mut seen, mut page) = (Vec::new(), BTreeSet::new(), String::new());
        loop {
            let body = json!({
                "resourceNames": [place], "filter": filter, "orderBy": "timestamp asc",
                "pageSize": PAGE_SIZE, "pageToken": page,
            });
            let found = self.post(WHAT, place, &url, &body).await?;
            let found = found.ok_or_else(|| Error::new(ErrorKind::NotFound, WHAT, place))?;
            let entries = found.get("entries").and_then(Value::as_array);
            for entry in entries.into_iter().flatten() {
                // An entry can be listed twice.
                let id = entry.get("insertId").and_then(Value::as_str).unwrap_or_default();
                let is_new = id.is_empty() || seen.insert(id.to_owned());
                if is_new {
                    all.extend(TableDataRead::parse(entry, dataset));
                }
            }
            match found.get("nextPageToken").and_then(Value::as_str) {
                Some(token) if !token.is_empty() => token.clone_into(&mut page),
                _ => return Ok(all),
            }
        }
    }
}
