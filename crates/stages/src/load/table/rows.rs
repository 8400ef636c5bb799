//! The rows of the table: the claim that keeps days in order, and the load job.

use std::collections::BTreeSet;
use std::time::Duration;

use landbridge_core::calendar::Day;
use landbridge_core::diff::SchemaChange;
use landbridge_core::ids::JobId;
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_gcp::bigquery::{JobState, LoadJob, LoadMode};
use landbridge_ledger::Written;
use landbridge_ledger::records::{self, Claim};

use super::TableLoad;
use crate::{Context, Tick};

/// The first wait between checks of a running job, doubled up to [`LAST_POLL`].
const FIRST_POLL: Duration = Duration::from_millis(100);
/// The longest wait between checks: a load of minutes needs no check every second.
const LAST_POLL: Duration = Duration::from_secs(5);
/// URIs per load job. [BigQuery quotas, "Maximum number of source URIs"]
const MAX_URIS: usize = 10_000;

/// The outcome of claiming a table for a day.
pub(super) enum ClaimOutcome {
    /// This day may load the table.
    Won,
    /// Another tick or job is at work; the next tick tries again.
    Retry,
    /// The table already has the data of this newer day.
    Superseded(Day),
}

/// A load job that is done.
pub(super) struct LoadedRows {
    pub(super) job: JobId,
    pub(super) rows: u64,
    /// Its running time in milliseconds.
    pub(super) duration_ms: Option<u64>,
}

impl TableLoad<'_> {
    /// Claims the table for this day. A late tick of an older day must not replace newer rows.
    pub(super) async fn claim(
        &self,
        text_columns: &BTreeSet<String>,
        token_key: Option<String>,
    ) -> Result<ClaimOutcome> {
        let name = records::claim(&self.table.table);
        let claims = self.ledger.source();
        let claim = Claim {
            day: self.day.day,
            job: self.job_id(1)?.to_string(),
            text_columns: text_columns.clone(),
            token_key,
        };
        let outcome = |written| match written {
            Written::Yes => ClaimOutcome::Won,
            Written::Overtaken => ClaimOutcome::Retry,
        };
        let Some(current) = claims.get(&name).await? else {
            return claims.create(&name, &claim).await.map(outcome);
        };
        if current.value.day > self.day.day {
            return Ok(ClaimOutcome::Superseded(current.value.day));
        }
        if current.value.day == self.day.day {
            return Ok(ClaimOutcome::Won);
        }
        // A job of the older day that is still running would end after this one and win.
        let earlier = JobId::new(current.value.job.clone())?;
        if matches!(self.context.gcp.bigquery.job(&earlier).await?, Some(JobState::Running)) {
            return Ok(ClaimOutcome::Retry);
        }
        claims.replace(&name, &current.etag, &claim).await.map(outcome)
    }

    /// Records in the claim that this job may be running, for the claim of a later day.
    async fn claim_job(&self, job: &JobId) -> Result<()> {
        let name = records::claim(&self.table.table);
        let claims = self.ledger.source();
        if let Some(current) = claims.get(&name).await?
            && current.value.day == self.day.day
            && current.value.job.as_str() < job.as_str()
        {
            let claim = Claim { job: job.to_string(), ..current.value };
            claims.replace(&name, &current.etag, &claim).await?;
        }
        Ok(())
    }

    fn job_id(&self, attempt: u32) -> Result<JobId> {
        JobId::for_load(&self.day.source, self.day.day, &self.table.table, attempt)
    }

    /// Runs the load job to its end; `None` when this tick has not enough time.
    pub(super) async fn load_rows(&self, change: &SchemaChange) -> Result<Option<LoadedRows>> {
        let bigquery = &self.context.gcp.bigquery;
        let uris = self.uris();
        let mut last_failure = None;
        for attempt in 1..=self.context.config.load.max_attempts {
            let id = self.job_id(attempt)?;
            if attempt > 1 {
                self.claim_job(&id).await?;
            }
            let job = LoadJob {
                id: &id,
                dataset: &self.context.config.warehouse.dataset,
                table: &self.table.table,
                uris: uris.clone(),
                columns: change.columns(),
                mode: LoadMode::ReplaceRows,
            };
            let inserted = bigquery.insert_load_job(&job).await?;
            match wait_for_job(self.context, &id, self.tick).await? {
                None | Some(JobState::Running) => return Ok(None),
                Some(JobState::Done { rows, duration_ms }) => {
                    return Ok(Some(LoadedRows { job: id, rows, duration_ms }));
                }
                Some(JobState::Failed { reason, kind, message }) => {
                    let why =
                        message.map_or(reason.clone(), |message| format!("{reason}: {message}"));
                    let failure = format!("{}, job {id}: {why}", self.name());
                    if inserted.is_new() && !kind.is_transient() {
                        // Another attempt would fail as well; the next tick tries again.
                        return Err(Error::new(
                            kind_of_refused_job(kind),
                            "a load job was refused",
                            failure,
                        ));
                    }
                    tracing::warn!(job = id.as_str(), reason, "load job failed");
                    last_failure = Some(failure);
                }
            }
        }
        Err(Error::new(
            ErrorKind::Held,
            "every attempt to load a table failed",
            last_failure.unwrap_or_default(),
        ))
    }

    /// The objects of the table, or one wildcard if there are too many for one job.
    fn uris(&self) -> Vec<String> {
        let bucket = &self.context.config.transfer.bucket;
        let items = &self.table.items;
        if items.len() > MAX_URIS
            && let Some((folder, _)) = items.first().and_then(|item| item.object.rsplit_once('/'))
        {
            // The folder is named after this export and contains only this table's objects.
            return vec![format!("gs://{bucket}/{folder}/*.parquet")];
        }
        items.iter().map(|item| format!("gs://{bucket}/{}", item.object)).collect()
    }
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
            Some(JobState::Running) if tick.has(wait) => tokio::time::sleep(wait).await,
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
