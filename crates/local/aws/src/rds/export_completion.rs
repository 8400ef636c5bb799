//! Writes the objects of export tasks that have ended: once, and before a request can observe
//! the end of the task.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::future::BoxFuture;
use jiff::Timestamp;
use landbridge_local_database::{ExportSpec, ObjectSink, export};
use serde_json::json;

use super::model::{ExportResult, ExportTask, PlannedEnd};
use super::state::Rds;
use crate::s3::Store;
use crate::turned::TurnedExport;

/// Completes the export tasks whose time has come. Concurrent calls wait until all objects are
/// written.
pub(crate) async fn complete_due_exports(rds: &Rds) {
    if due_tasks(rds).is_empty() {
        return;
    }
    let _guard = rds.export_lock.lock().await;
    for task in due_tasks(rds) {
        let result = write_objects(rds, &task).await;
        tracing::debug!(export = task.id, ?result, "export ended");
        if let Some(task) = rds.state().exports.get_mut(&task.id) {
            task.result = Some(result);
        }
    }
}

/// The tasks whose end has come and whose objects are not written.
fn due_tasks(rds: &Rds) -> Vec<ExportTask> {
    let now = rds.now();
    let is_due = |task: &&ExportTask| task.result.is_none() && task.ends <= now;
    rds.state().exports.values().filter(is_due).cloned().collect()
}

async fn write_objects(rds: &Rds, task: &ExportTask) -> ExportResult {
    let max_objects = match task.planned_end {
        PlannedEnd::Complete => None,
        PlannedEnd::Failed(_) | PlannedEnd::Canceled => Some(rds.options().partial_objects),
    };
    let sink = BucketSink {
        store: &rds.store,
        bucket: &task.bucket,
        kms_key: &task.key,
        max_objects,
        turned: TurnedExport::new(rds.account.turned.clone()),
        object_count: AtomicUsize::new(0),
        written: match rds.account.turned.is("export-complete-has-manifests") {
            true => rds.now(),
            false => task.ends,
        },
    };
    let prefix = task.prefix.as_deref().map(|prefix| prefix.trim_matches('/'));
    let spec = ExportSpec {
        export_id: &task.id,
        prefix: prefix.filter(|prefix| !prefix.is_empty()),
        bucket: &task.bucket,
        source_arn: &task.source_arn,
        role_arn: &task.role,
        kms_key: &task.key,
        only: &task.only,
        started: task.begins,
        ended: task.ends,
        quirks: rds.account.turned.quirks(task.quirks.clone()),
    };
    let written = export(task.data.as_ref(), &spec, &sink).await;
    match (&task.planned_end, written) {
        (PlannedEnd::Failed(cause), _) => ExportResult::Failed(cause.clone()),
        (PlannedEnd::Canceled, _) => ExportResult::Canceled,
        (PlannedEnd::Complete, Ok(written)) => ExportResult::Complete {
            // The field of the API is an integer; a fraction of a gigabyte is reported as 0.
            whole_gb: written.total_gb as i64,
            warning: warning_message(&written.warnings),
        },
        (PlannedEnd::Complete, Err(error)) => ExportResult::Failed(error.to_string()),
    }
}

/// The `WarningMessage` of a task that skipped tables: a JSON text with these three members (RDS User
/// Guide, "Exporting DB snapshot data to Amazon S3", example of describe-export-tasks). The guide shows
/// no skipped table, so what stands in its list is assumed to be as in `general`.
fn warning_message(skipped: &[String]) -> Option<String> {
    let tables: Vec<_> = skipped.iter().map(|reason| json!({ "reason": reason })).collect();
    let message = json!({"skippedTables": tables, "skippedObjectives": [], "general": []});
    (!skipped.is_empty()).then(|| message.to_string())
}

/// The bucket that an export writes to. It accepts at most `max_objects` objects.
struct BucketSink<'s> {
    store: &'s Store,
    bucket: &'s str,
    kms_key: &'s str,
    max_objects: Option<usize>,
    object_count: AtomicUsize,
    /// When its objects were written: not later than the end of the task, though they are made when a request first asks.
    written: Timestamp,
    turned: TurnedExport,
}

impl ObjectSink for BucketSink<'_> {
    fn put<'a>(&'a self, key: String, bytes: Bytes) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async move {
            let number = self.object_count.fetch_add(1, Ordering::Relaxed);
            if self.max_objects.is_some_and(|max_objects| number >= max_objects) {
                return Err(io::Error::other("the export ended before this object"));
            }
            if let Some(message) = self.store.denial(self.bucket, None) {
                return Err(io::Error::other(message));
            }
            match self.turned.object(key, bytes) {
                Some((key, bytes)) => {
                    let written = (self.written, Some(self.kms_key));
                    self.store.put_bytes_at(self.bucket, &key, &bytes, written).await
                }
                None => Ok(()),
            }
        })
    }
}
