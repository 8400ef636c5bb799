//! Several sessions of one database that copy it between them.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use tokio::task::JoinSet;

use crate::error::DatabaseError;

/// A piece of a table that is to be copied.
pub(crate) struct Job<W> {
    /// The table's number.
    pub(crate) table: usize,
    /// How much there is to copy, compared with other jobs.
    pub(crate) size: u64,
    /// What the session is told.
    pub(crate) what: W,
}

/// A piece that was copied.
pub(crate) struct Copied {
    /// The table's number.
    pub(crate) table: usize,
    /// Where its rows are.
    pub(crate) path: PathBuf,
    /// How many they are.
    pub(crate) rows: u64,
}

/// Lets the sessions do all jobs, each job by whoever is free, the longest first, and gives
/// the pieces in the order of `jobs`. `copy` does one job and says how many rows it copied.
/// Dropping the future stops everybody.
///
/// # Errors
/// The first error of any job; the others are stopped then.
pub(crate) async fn run<S, W>(
    sessions: Vec<S>,
    jobs: Vec<Job<W>>,
    dir: &Path,
    copy: impl Fn(Arc<S>, usize, W, PathBuf) -> BoxFuture<'static, Result<u64, DatabaseError>>
    + Clone
    + Send
    + 'static,
) -> Result<Vec<Copied>, DatabaseError>
where
    S: Send + Sync + 'static,
    W: Send + 'static,
{
    let mut queue: Vec<(usize, Job<W>)> = jobs.into_iter().enumerate().collect();
    queue.sort_by_key(|(_, job)| std::cmp::Reverse(job.size));
    let queue = Arc::new(Mutex::new(VecDeque::from(queue)));
    let mut workers = JoinSet::new();
    for session in sessions {
        let (queue, copy, dir) = (Arc::clone(&queue), copy.clone(), dir.to_owned());
        let session = Arc::new(session);
        workers.spawn(async move {
            let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let mut copied = Vec::new();
            while let Some((number, Job { table, what, .. })) = next() {
                let path = dir.join(format!("{number:06}.arrow"));
                let rows = copy(Arc::clone(&session), table, what, path.clone()).await?;
                copied.push((number, Copied { table, path, rows }));
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
