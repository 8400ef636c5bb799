//! One batch of rows of one table of the dataset: a file in Cloud Storage, and a load job that appends it.

use landbridge_core::ids::JobId;
use landbridge_core::ops::OpsTable;
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_gcp::bigquery::{Inserted, JobState, LoadJob, LoadMode, NewTable, TableStamp};
use landbridge_ledger::records::below;

use super::OPS_LABEL;
use crate::load::table::wait_for_job;
use crate::{Context, Tick};

/// Rows that are recorded and may be in BigQuery already.
pub(super) struct Rows<'a> {
    /// Their table.
    pub(super) table: OpsTable,
    /// The name of their file below the prefix of the transfer, for example `shop/2026-11-21/columns/001.json`.
    pub(super) file: String,
    /// One JSON object per line.
    pub(super) lines: &'a str,
    /// The id of the `attempt`-th job that appends exactly these rows.
    pub(super) id: &'a (dyn Fn(u32) -> Result<JobId> + Sync),
    /// Jobs that this tick may start.
    pub(super) new_jobs: u32,
    /// Jobs over all ticks. BigQuery runs an id once, so each tick looks at the failed jobs of the ticks
    /// before.
    pub(super) max_jobs: u32,
}

/// How appending ended.
pub(super) enum Appended {
    /// The rows are in the table, by this job.
    By(JobId),
    /// All jobs have failed.
    GaveUp,
}

/// The errors of a table: alerts of one cause have the same text.
struct Texts {
    count: &'static str,
    refused: &'static str,
    running: &'static str,
}

const OF_RECEIPTS: Texts = Texts {
    count: "the row count of a batch of receipts differs",
    refused: "the receipts cannot be loaded",
    running: "the receipts are still being loaded",
};
const OF_OTHERS: Texts = Texts {
    count: "the row count of a batch of rows differs",
    refused: "rows cannot be loaded into a table of the ops dataset",
    running: "rows are still being loaded into a table of the ops dataset",
};

impl Rows<'_> {
    /// Appends the rows, unless they were appended before: a job that exists and has not failed counts.
    ///
    /// # Errors
    /// Any error of Cloud Storage or BigQuery; [`ErrorKind::Transient`] while the job runs, and if this tick may
    /// start no further job.
    pub(super) async fn append(&self, context: &Context, tick: Tick) -> Result<Appended> {
        let texts = if self.table == OpsTable::Receipts { &OF_RECEIPTS } else { &OF_OTHERS };
        let (dataset, table) = (context.config.warehouse.ops_dataset.as_str(), self.table.name());
        let bucket = &context.config.transfer.bucket;
        let object = below(&context.config.transfer.prefix, &self.file);
        context.gcp.storage.put(bucket, &object, self.lines.to_owned().into()).await?;
        ensure_table(context, self.table).await?;
        let (columns, wanted) = (self.table.columns(), self.lines.lines().count() as u64);
        let mut started = 0;
        for attempt in 1..=self.max_jobs {
            if started == self.new_jobs {
                break;
            }
            let id = (self.id)(attempt)?;
            let job = LoadJob {
                id: &id,
                dataset,
                table,
                uris: vec![format!("gs://{bucket}/{object}")],
                columns: &columns,
                mode: LoadMode::AppendJson,
                flexible_names: false,
                partition: None,
            };
            let inserted = context.gcp.bigquery.insert_load_job(&job).await?;
            started += u32::from(inserted == Inserted::New);
            match wait_for_job(context, &id, tick).await? {
                Some(JobState::Done { rows, .. }) if rows == wanted => return Ok(Appended::By(id)),
                Some(JobState::Done { rows, .. }) => {
                    let place = format!("{dataset}.{table}, job {id}: {wanted} sent, {rows} added");
                    return Err(Error::new(ErrorKind::Corrupt, texts.count, place));
                }
                // One of an earlier tick: a person may have removed its cause.
                Some(JobState::Failed { .. }) if inserted != Inserted::New => {}
                Some(JobState::Failed { kind, .. }) if kind.is_transient() => {}
                Some(JobState::Failed { reason, kind, .. }) => {
                    let place = format!("{dataset}.{table}, job {id}: {reason}");
                    return Err(Error::new(kind, texts.refused, place));
                }
                Some(JobState::Running) | None => {
                    return Err(Error::new(ErrorKind::Transient, texts.running, id.as_str()));
                }
            }
        }
        if started == 0 {
            return Ok(Appended::GaveUp);
        }
        let place = format!("{dataset}.{table}");
        Err(Error::new(ErrorKind::Transient, texts.refused, place))
    }
}

/// Creates a table of the dataset if it does not exist. Idempotent.
///
/// # Errors
/// Any BigQuery error.
pub(super) async fn ensure_table(context: &Context, table: OpsTable) -> Result<()> {
    let dataset = &context.config.warehouse.ops_dataset;
    if context.gcp.bigquery.table(dataset, table.name()).await?.is_none() {
        let new = NewTable {
            columns: &table.columns(),
            source: OPS_LABEL,
            description: Some(table.description()),
            stamp: TableStamp::default(),
            keep_days: None,
        };
        // Another tick may have created it meanwhile.
        let _ = context.gcp.bigquery.create_table(dataset, table.name(), &new).await?;
    }
    Ok(())
}
