//! Distributes the tables of a database over several sessions that copy them in parallel.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use tokio::task::JoinSet;

use crate::error::DatabaseError;

/// A table, or a part of one, to be copied.
pub(crate) struct CopyJob<R> {
    /// The table's index.
    pub(crate) table: usize,
    /// The size of the part, in any unit that all jobs share.
    pub(crate) size: u64,
    /// Which rows of the table to copy.
    pub(crate) range: R,
}

/// A table, or a part of one, that was copied into a file.
pub(crate) struct CopiedChunk {
    /// The table's index.
    pub(crate) table: usize,
    /// The file with the rows.
    pub(crate) path: PathBuf,
    /// Number of rows.
    pub(crate) rows: u64,
}

/// Copies all jobs, the largest first, each in the next free session, and returns the chunks in
/// the order of `jobs`. `copy` copies one job and returns the number of rows. Dropping the future
/// stops all sessions.
///
/// # Errors
/// The first error of any job, which stops the others.
pub(crate) async fn run<S, R>(
    sessions: Vec<S>,
    jobs: Vec<CopyJob<R>>,
    dir: &Path,
    copy: impl Fn(Arc<S>, usize, R, PathBuf) -> BoxFuture<'static, Result<u64, DatabaseError>>
    + Clone
    + Send
    + 'static,
) -> Result<Vec<CopiedChunk>, DatabaseError>
where
    S: Send + Sync + 'static,
    R: Send + 'static,
{
    let mut queue: Vec<(usize, CopyJob<R>)> = jobs.into_iter().enumerate().collect();
    queue.sort_by_key(|(_, job)| std::cmp::Reverse(job.size));
    let queue = Arc::new(Mutex::new(VecDeque::from(queue)));
    let mut workers = JoinSet::new();
    for session in sessions {
        let (queue, copy, dir) = (Arc::clone(&queue), copy.clone(), dir.to_owned());
        let session = Arc::new(session);
        workers.spawn(async move {
            let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let mut copied = Vec::new();
            while let Some((number, CopyJob { table, range, .. })) = next() {
                let path = dir.join(format!("{number:06}.arrow"));
                let rows = copy(Arc::clone(&session), table, range, path.clone()).await?;
                copied.push((number, CopiedChunk { table, path, rows }));
            }
            Ok::<_, DatabaseError>(copied)
        });
    }
    let mut all = Vec::new();
    while let Some(copied) = workers.join_next().await {
        all.extend(copied??);
    }
    all.sort_by_key(|(number, _)| *number);
    Ok(all.into_iter().map(|(_, copied)| copied).collect())
}
