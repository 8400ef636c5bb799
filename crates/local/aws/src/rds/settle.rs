//! Exports that have ended by the clock write their objects: when somebody
//! looks, once, and before they get to see anything.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::future::BoxFuture;
use landbridge_local_database::{ExportSpec, ObjectSink, export};

use super::model::{Ending, Export, Outcome};
use crate::shared::Shared;

/// Writes what is due. Calls that come meanwhile wait for the end of it.
pub(crate) async fn settle(shared: &Shared) {
    if due(shared).is_empty() {
        return;
    }
    let _guard = shared.writing.lock().await;
    for task in due(shared) {
        let outcome = write(shared, &task).await;
        tracing::debug!(export = task.id, ?outcome, "export ended");
        if let Some(task) = shared.rds().exports.get_mut(&task.id) {
            task.outcome = Some(outcome);
        }
    }
}

/// Tasks whose end has come and whose objects aren't written.
fn due(shared: &Shared) -> Vec<Export> {
    let now = shared.clock.now();
    let state = shared.rds();
    let ended = |task: &&Export| task.outcome.is_none() && task.ends <= now;
    state.exports.values().filter(ended).cloned().collect()
}

async fn write(shared: &Shared, task: &Export) -> Outcome {
    let room = match task.ending {
        Ending::Complete => None,
        Ending::Failed(_) | Ending::Canceled => Some(shared.options.partial_objects),
    };
    let sink = Bucket { shared, bucket: &task.bucket, room, put: AtomicUsize::new(0) };
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
        quirks: task.quirks.clone(),
    };
    let written = export(task.image.as_ref(), &spec, &sink).await;
    match (&task.ending, written) {
        (Ending::Failed(cause), _) => Outcome::Failed(cause.clone()),
        (Ending::Canceled, _) => Outcome::Canceled,
        (Ending::Complete, Ok(written)) => Outcome::Complete {
            // The API's field is whole; a fraction of a gigabyte is 0 of them.
            whole_gb: written.total_gb as i64,
            warning: (!written.warnings.is_empty()).then(|| written.warnings.join("; ")),
        },
        (Ending::Complete, Err(error)) => Outcome::Failed(error.to_string()),
    }
}

/// The bucket that an export writes to, with room for so many objects.
struct Bucket<'s> {
    shared: &'s Shared,
    bucket: &'s str,
    room: Option<usize>,
    put: AtomicUsize,
}

impl ObjectSink for Bucket<'_> {
    fn put<'a>(&'a self, key: String, bytes: Bytes) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async move {
            let number = self.put.fetch_add(1, Ordering::Relaxed);
            if self.room.is_some_and(|room| number >= room) {
                return Err(io::Error::other("the export ended here"));
            }
            if let Some(message) = self.shared.store.denied(self.bucket) {
                return Err(io::Error::other(message));
            }
            self.shared.store.put_bytes(self.bucket, &key, &bytes).await
        })
    }
}
