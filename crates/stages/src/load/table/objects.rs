//! The objects of a table in Cloud Storage, compared with what the transfer wrote, before a job loads them.

use futures::{StreamExt, TryStreamExt};
use landbridge_core::plan::Problem;
use landbridge_core::{ErrorKind, Result};
use landbridge_ledger::records::ItemRecord;

use super::TableLoad;

/// Tables with more objects are not compared: a tick has no time for a call per object. Their rows are still
/// counted after the load.
const MOST_OBJECTS: usize = 1_000;
/// Objects compared at once: the calls are small, and latency dominates.
const AT_ONCE: usize = 16;

impl TableLoad<'_> {
    /// Why the table is held, if an object is not the one that was transferred: it has another generation, length or
    /// checksum, or is gone. A load job names objects without a generation, so it would load what is there. An object
    /// that is replaced between this call and the job is not seen; the number of rows is.
    ///
    /// # Errors
    /// Any Cloud Storage error.
    pub(super) async fn changed_object(&self, items: &[ItemRecord]) -> Result<Option<Problem>> {
        if items.len() > MOST_OBJECTS {
            return Ok(None);
        }
        let bucket = &self.context.config.transfer.bucket;
        let storage = &self.context.gcp.storage;
        let changed = futures::stream::iter(items)
            .map(|item| async move {
                let found = storage.metadata(bucket, &item.object).await?;
                let what = match found {
                    None => "is gone",
                    Some(it) if it.generation != item.generation => "was replaced",
                    Some(it) if it.bytes != item.bytes || it.crc32c != Some(item.crc32c) => {
                        "has other content"
                    }
                    Some(_) => return Ok(None),
                };
                Ok::<_, landbridge_core::Error>(Some(format!(
                    "gs://{bucket}/{} {what}",
                    item.object
                )))
            })
            .buffered(AT_ONCE)
            .try_filter_map(async |it| Ok(it));
        let Some(first) = std::pin::pin!(changed).try_next().await? else { return Ok(None) };
        let context = format!("{}: {first}", self.name());
        let what = "an object in Cloud Storage is not the one that was transferred, so the table is not loaded";
        let mut problem = Problem::new(ErrorKind::Conflict, what, context);
        problem.action = format!(
            "find out who changed it; `landbridge redo {} --table {}` transfers the table again under new names",
            self.day.day, self.table.source_table
        );
        Ok(Some(problem))
    }
}
