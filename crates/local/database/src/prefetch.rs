//! Batches of an image on their way into a server.

use arrow::array::RecordBatch;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::error::DatabaseError;
use crate::snapshot::Batches;

/// Batches that are made ahead of the server.
const AHEAD: usize = 2;

/// A table's batches, each turned into what the server takes by a thread of its own.
pub(crate) struct Prefetch<T> {
    made: mpsc::Receiver<T>,
    maker: Option<JoinHandle<Result<(), DatabaseError>>>,
}

impl<T: Send + 'static> Prefetch<T> {
    /// Begins to read and to turn.
    pub(crate) fn of(
        open: impl FnOnce() -> Result<Batches, DatabaseError> + Send + 'static,
        turn: impl Fn(&RecordBatch) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Prefetch<T> {
        let (send, made) = mpsc::channel(AHEAD);
        let maker = tokio::task::spawn_blocking(move || {
            for batch in open()? {
                if send.blocking_send(turn(&batch?)?).is_err() {
                    break;
                }
            }
            Ok(())
        });
        Prefetch { made, maker: Some(maker) }
    }

    /// What is next; `None` after the last one.
    ///
    /// # Errors
    /// What broke the reading or the turning. It comes once, and `None` after it.
    pub(crate) async fn next(&mut self) -> Result<Option<T>, DatabaseError> {
        if let Some(next) = self.made.recv().await {
            return Ok(Some(next));
        }
        match self.maker.take() {
            Some(maker) => maker.await?.map(|()| None),
            None => Ok(None),
        }
    }
}
