//! Receipts as rows of `landbridge_ops.receipts`, for analysts to query.
//!
//! Receipts are sent in batches. Each batch is recorded before it is sent and appended by a load
//! job whose id is derived from the batch, so a batch that is sent twice is added once.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt};
use landbridge_core::diff::TableColumn;
use landbridge_core::ids::JobId;
use landbridge_core::plan::DayPlan;
use landbridge_core::receipt::{FIELDS, ReceiptField};
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_gcp::bigquery::{Inserted, JobState, LoadJob, LoadMode, NewTable, TableStamp};
use landbridge_ledger::records::{self, Batch, BatchDone, below};
use landbridge_ledger::{DayLedger, ReceiptSummary, Written};

use super::Receipts;
use super::finish::at_once;
use super::table::wait_for_job;
use crate::{Context, Tick};

/// The table's name.
const TABLE: &str = "receipts";
/// The value of the table's source label: the table belongs to all sources of the project.
const OPS_LABEL: &str = "landbridge";
/// Batches per day: beyond the batches of a large day, each is a change of state, which a person or a new
/// deployment caused.
const MAX_BATCHES: usize = 100;
/// A batch ends with the receipt that makes it as large as this: it is in memory several times while it
/// is recorded and sent.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// Appends the receipts that are not in BigQuery yet. Idempotent.
///
/// # Errors
/// Any error of the ledger, Cloud Storage or BigQuery; [`ErrorKind::Transient`] while another tick
/// does the same.
pub(super) async fn publish(
    context: &Context,
    ledger: &DayLedger,
    plan: &DayPlan,
    receipts: &Receipts,
    tick: Tick,
) -> Result<()> {
    let mut sent = BTreeSet::new();
    for number in 1..=MAX_BATCHES {
        let done = ledger.value(&records::batch_done(number)).await?;
        if let Some(done) = done.filter(|done| !done.receipts.is_empty()) {
            sent.extend(done.receipts);
            continue;
        }
        let batch = match ledger.value(&records::batch(number)).await? {
            Some(batch) => batch,
            None => {
                let Some(batch) = next_batch(context, ledger, number, receipts, &sent).await?
                else {
                    return Ok(());
                };
                if ledger.create(&records::batch(number), &batch).await? == Written::Overtaken {
                    return Err(Error::new(
                        ErrorKind::Transient,
                        "another tick is writing the receipts",
                        plan.day.to_string(),
                    ));
                }
                batch
            }
        };
        append(context, ledger, plan, &batch, tick).await?;
        sent.extend(batch.receipts);
    }
    Err(Error::new(
        ErrorKind::Held,
        "the receipts of a day changed too often to be sent to BigQuery",
        format!("{}, {MAX_BATCHES} batches", plan.day),
    ))
}

/// The receipts that are not sent, as far as one batch takes them; `None` if all are sent.
async fn next_batch(
    context: &Context,
    ledger: &DayLedger,
    number: usize,
    receipts: &Receipts,
    sent: &BTreeSet<String>,
) -> Result<Option<Batch>> {
    let is_new = |(_, receipt): &(&String, &ReceiptSummary)| !sent.contains(&receipt.fingerprint);
    let new: Vec<&String> = receipts.iter().filter(is_new).map(|(name, _)| name).collect();
    let mut read = futures::stream::iter(new)
        .map(|name| async move { ledger.value(&records::receipt(name)).await })
        .buffered(at_once(context));
    let mut batch = Batch { number, receipts: Vec::new(), lines: String::new() };
    while batch.lines.len() < BATCH_BYTES
        && let Some(receipt) = read.try_next().await?
    {
        // It may have changed since its summary was made, or be gone.
        let Some(receipt) = receipt else { continue };
        let fingerprint = ReceiptSummary::of(&receipt).fingerprint;
        if !sent.contains(&fingerprint) {
            batch.lines.push_str(&format!("{}\n", receipt.row()));
            batch.receipts.push(fingerprint);
        }
    }
    Ok((!batch.receipts.is_empty()).then_some(batch))
}

/// Jobs of one batch, over all ticks of the day. BigQuery runs an id once, so each tick looks at the
/// failed jobs of the ticks before.
const MAX_JOBS: u32 = 100;

/// Appends one batch, unless it was appended before.
async fn append(
    context: &Context,
    ledger: &DayLedger,
    plan: &DayPlan,
    batch: &Batch,
    tick: Tick,
) -> Result<()> {
    let done = records::batch_done(batch.number);
    if ledger.get(&done).await?.is_some() {
        return Ok(());
    }
    let dataset = &context.config.warehouse.ops_dataset;
    let bucket = &context.config.transfer.bucket;
    let name = format!("{}/{}/receipts/{:03}.json", plan.source, plan.day, batch.number);
    let object = below(&context.config.transfer.prefix, &name);
    context.gcp.storage.put(bucket, &object, batch.lines.clone().into()).await?;
    let columns = columns();
    if context.gcp.bigquery.table(dataset, TABLE).await?.is_none() {
        let about =
            "One row per table and day: what was exported, what was loaded, and what proves it";
        let new = NewTable {
            columns: &columns,
            source: OPS_LABEL,
            description: Some(about),
            stamp: TableStamp::default(),
        };
        // Another tick may have created it meanwhile.
        let _ = context.gcp.bigquery.create_table(dataset, TABLE, &new).await?;
    }
    let mut tries = 0;
    for attempt in 1..=MAX_JOBS {
        if tries == context.config.load.max_attempts {
            break;
        }
        let id = JobId::for_receipts(&plan.source, plan.day, batch.number, attempt)?;
        let job = LoadJob {
            id: &id,
            dataset,
            table: TABLE,
            uris: vec![format!("gs://{bucket}/{object}")],
            columns: &columns,
            mode: LoadMode::AppendJson,
            flexible_names: false,
        };
        // A job with this id may exist: if it has not failed, its result counts.
        let inserted = context.gcp.bigquery.insert_load_job(&job).await?;
        tries += u32::from(inserted == Inserted::New);
        match wait_for_job(context, &id, tick).await? {
            Some(JobState::Done { rows, .. }) if rows == batch.receipts.len() as u64 => {
                let receipts = batch.receipts.clone();
                ledger.create(&done, &BatchDone { job: id.to_string(), receipts }).await?;
                return Ok(());
            }
            Some(JobState::Done { rows, .. }) => {
                let place = format!(
                    "{dataset}.{TABLE}, job {id}: {} sent, {rows} added",
                    batch.receipts.len()
                );
                return Err(Error::new(
                    ErrorKind::Corrupt,
                    "the row count of a batch of receipts differs",
                    place,
                ));
            }
            // One of an earlier tick: a person may have removed its cause.
            Some(JobState::Failed { .. }) if inserted != Inserted::New => {}
            Some(JobState::Failed { kind, .. }) if kind.is_transient() => {}
            Some(JobState::Failed { reason, kind, .. }) => {
                return Err(Error::new(
                    kind,
                    "the receipts cannot be loaded",
                    format!("{dataset}.{TABLE}, job {id}: {reason}"),
                ));
            }
            Some(JobState::Running) | None => {
                return Err(Error::new(
                    ErrorKind::Transient,
                    "the receipts are still being loaded",
                    id.as_str(),
                ));
            }
        }
    }
    Err(Error::new(
        ErrorKind::Transient,
        "the receipts cannot be loaded",
        format!("{dataset}.{TABLE}"),
    ))
}

/// The columns of the table.
fn columns() -> Vec<TableColumn> {
    let column = |field: &ReceiptField| TableColumn {
        name: field.name.to_owned(),
        ty: field.ty,
        repeated: false,
        policy_tag: None,
        description: Some(field.description.to_owned()),
    };
    FIELDS.iter().map(column).collect()
}
