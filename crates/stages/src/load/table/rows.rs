//! The rows of the table: the load job.

use std::time::Duration;

use jiff::Timestamp;
use landbridge_core::diff::SchemaChange;
use landbridge_core::ids::JobId;
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_gcp::bigquery::{Inserted, JobState, LoadJob, LoadMode};

use super::TableLoad;
use super::claim::Held;
use crate::{Context, Tick, deployment};

/// The first wait between checks of a running job, doubled up to [`LAST_POLL`].
const FIRST_POLL: Duration = Duration::from_millis(100);
/// The longest wait between checks: a load of minutes needs no check every second.
const LAST_POLL: Duration = Duration::from_secs(5);
/// What a job that ends needs of its tick to be proven. One that runs longer is proven by the next tick.
const TIME_TO_PROVE: Duration = Duration::from_secs(20);

/// A load job that is done.
pub(super) struct LoadedRows {
    pub(super) job: JobId,
    pub(super) rows: u64,
    /// Its running time in milliseconds.
    pub(super) duration_ms: Option<u64>,
    /// When it ended, if BigQuery reports it.
    pub(super) ended_at: Option<Timestamp>,
}

impl TableLoad<'_> {
    /// Runs the load job to its end; `None` when this tick has not enough time, or another tick has
    /// taken over. A job id runs once, so each attempt has a new one; a tick makes at most
    /// `load.max_attempts`.
    pub(super) async fn load_rows(
        &self,
        held: &mut Held,
        change: &SchemaChange,
    ) -> Result<Option<LoadedRows>> {
        if let Some(job) = held.finished_job() {
            return self.finished_rows(JobId::new(job)?).await;
        }
        let Some(loading) = held.claim.loading.clone() else { return Ok(None) };
        let mut last_failure = String::new();
        // Attempts before the recorded one have failed.
        let first = recorded_attempt(held);
        let (mut next, mut tries) = (first, 0);
        while tries < self.context.config.load.max_attempts {
            let attempt = next;
            next += 1;
            let id = self.job_id(&loading, (held.claim.sequence, attempt))?;
            if !self.claim_job(held, &id).await? {
                return Ok(None);
            }
            // After the claim: a newer contract's tick that does not see this job in the claim has
            // recorded its number before, so it is found here.
            if !deployment::is_newest(self.context, &self.ledger.source()).await? {
                return Ok(None);
            }
            let inserted =
                self.context.gcp.bigquery.insert_load_job(&self.job(&id, change)).await?;
            // The recorded attempt, if it ran, is one of an earlier tick.
            if inserted != Inserted::Same || attempt > first {
                tries += 1;
            }
            if inserted == Inserted::Other {
                last_failure = format!("{}, job {id}: the id is used", self.name());
                continue;
            }
            let waited = self.slot.release_during(wait_for_job(self.context, &id, self.tick)).await;
            match waited? {
                None | Some(JobState::Running) => return Ok(None),
                Some(JobState::Done { rows, duration_ms, ended_at }) => {
                    return Ok(Some(LoadedRows { job: id, rows, duration_ms, ended_at }));
                }
                Some(JobState::Failed { reason, kind, message }) => {
                    let why =
                        message.map_or(reason.clone(), |message| format!("{reason}: {message}"));
                    let failure = format!("{}, job {id}: {why}", self.name());
                    if inserted == Inserted::New && !kind.is_transient() {
                        // Another attempt now would fail as well. A later tick makes one, because
                        // a person may have removed the cause.
                        let refused = (kind_of_refused_job(kind), "a load job was refused");
                        return Err(self.failed(&loading.digest, refused, failure).await?);
                    }
                    tracing::warn!(job = id.as_str(), reason, "load job failed");
                    last_failure = failure;
                }
            }
        }
        let failed = (ErrorKind::Held, "every attempt to load a table failed");
        Err(self.failed(&loading.digest, failed, last_failure).await?)
    }

    /// The rows of the job that an earlier tick proved.
    async fn finished_rows(&self, job: JobId) -> Result<Option<LoadedRows>> {
        match self.context.gcp.bigquery.job(&job).await? {
            Some(JobState::Done { rows, duration_ms, ended_at }) => {
                Ok(Some(LoadedRows { job, rows, duration_ms, ended_at }))
            }
            // BigQuery forgets jobs after 180 days; the rows of the table are compared anyway.
            _ => {
                let rows = self.table.rows;
                Ok(Some(LoadedRows { job, rows, duration_ms: None, ended_at: None }))
            }
        }
    }

    fn job<'a>(&'a self, id: &'a JobId, change: &'a SchemaChange) -> LoadJob<'a> {
        LoadJob {
            id,
            dataset: &self.context.config.warehouse.dataset,
            table: &self.table.table,
            uris: self.uris(),
            columns: change.columns(),
            mode: LoadMode::ReplaceRows,
            flexible_names: self.context.config.warehouse.column_names.is_flexible(),
            partition: self.partition_day(),
        }
    }

    /// The objects of the table, or one wildcard if there are too many for one job.
    fn uris(&self) -> Vec<String> {
        let bucket = &self.context.config.transfer.bucket;
        let items = &self.table.items;
        if items.len() > self.context.max_load_uris
            && let Some((folder, _)) = items.first().and_then(|item| item.object.rsplit_once('/'))
        {
            // The folder is named after all these objects, so it contains no others.
            return vec![format!("gs://{bucket}/{folder}/*.parquet")];
        }
        items.iter().map(|item| format!("gs://{bucket}/{}", item.object)).collect()
    }
}

/// The attempt of the job that the claim names, from 1.
fn recorded_attempt(held: &Held) -> u32 {
    let job = held.claim.loading.as_ref().map_or("", |loading| loading.job.as_str());
    job.rsplit_once('a').and_then(|(_, attempt)| attempt.parse().ok()).unwrap_or(1)
}

/// The kind of a job's failure: a permanent one holds the table, unless its cause concerns more
/// than this table.
fn kind_of_refused_job(kind: ErrorKind) -> ErrorKind {
    match kind {
        ErrorKind::Denied | ErrorKind::NotFound | ErrorKind::Quota => kind,
        _ => ErrorKind::Rejected,
    }
}

/// Waits for the end of a job; `None` when this tick has not enough time.
pub(in crate::load) async fn wait_for_job(
    context: &Context,
    id: &JobId,
    tick: Tick,
) -> Result<Option<JobState>> {
    let mut wait = FIRST_POLL;
    loop {
        match context.gcp.bigquery.job(id).await? {
            Some(JobState::Running) if tick.has(wait + TIME_TO_PROVE) => {
                tokio::time::sleep(wait).await;
            }
            Some(JobState::Running) => return Ok(None),
            Some(state) => return Ok(Some(state)),
            None => {
                return Err(Error::new(
                    ErrorKind::Transient,
                    "a job that was inserted cannot be found",
                    id.as_str(),
                ));
            }
        }
        wait = (wait * 2).min(LAST_POLL);
    }
}
