//! Reads batches of a snapshot ahead of the server that they are inserted into.

use arrow::array::RecordBatch;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::error::DatabaseError;
use crate::snapshot::Batches;

/// Number of converted batches that wait for the server.
const CAPACITY: usize = 2;

/// A table's batches, read and converted for the server by a thread of its own.
pub(crate) struct Prefetch<T> {
    converted: mpsc::Receiver<T>,
    reader: Option<JoinHandle<Result<(), DatabaseError>>>,
}

impl<T: Send + 'static> Prefetch<T> {
    /// Starts the thread, which opens the batches and converts one after the other.
    pub(crate) fn start(
        open: impl FnOnce() -> Result<Batches, DatabaseError> + Send + 'static,
        convert: impl Fn(&RecordBatch) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Prefetch<T> {
        let (sender, converted) = mpsc::channel(CAPACITY);
        let reader = tokio::task::spawn_blocking(move || {
            for batch in open()? {
                if sender.blocking_send(convert(&batch?)?).is_err() {
                    break;
                }
            }
            Ok(())
        });
        Prefetch { converted, reader: Some(reader) }
    }

    /// The next converted batch; `None` after the last one.
    ///
    /// # Errors
    /// Any error of opening, reading or converting. It is returned once; the next call returns
    /// `None`.
    pub(crate) async fn next(&mut self) -> Result<Option<T>, DatabaseError> {
        if let Some(next) = self.converted.recv().await {
            return Ok(Some(next));
        }
        match self.reader.take() {
            Some(reader) => reader.await?.map(|()| None),
            None => Ok(None),
        }
    }
}
