//! Receipts as rows of `landbridge_ops.receipts`, for analysts to query.
//!
//! Receipts are sent in batches. Each batch is recorded before it is sent and appended by a load
//! job whose id is derived from the batch, so a batch that is sent twice is added once.

use std::collections::BTreeSet;
use std::fmt::Write;

use landbridge_core::diff::TableColumn;
use landbridge_core::ids::JobId;
use landbridge_core::plan::DayPlan;
use landbridge_core::receipt::{FIELDS, Receipt, ReceiptField};
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_gcp::bigquery::{Inserted, JobState, LoadJob, LoadMode, NewTable, TableStamp};
use landbridge_ledger::records::{self, Batch, BatchDone, below};
use landbridge_ledger::{DayLedger, Written};

use super::Receipts;
use super::table::wait_for_job;
use crate::{Context, Tick};

/// The table's name.
const TABLE: &str = "receipts";
/// The value of the table's source label: the table belongs to all sources of the project.
const OPS_LABEL: &str = "landbridge";
/// Batches per day: each is a change of state, which a person or a new deployment caused.
const MAX_BATCHES: usize = 100;

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
        let batch = match ledger.value(&records::batch(number)).await? {
            Some(batch) => batch,
            None => {
                let is_new = |receipt: &&Receipt| !sent.contains(&fingerprint(receipt));
                let new: Vec<&Receipt> = receipts.values().filter(is_new).collect();
                if new.is_empty() {
                    return Ok(());
                }
                let batch = Batch {
                    number,
                    receipts: new.iter().map(|receipt| fingerprint(receipt)).collect(),
                    lines: new.iter().map(|receipt| format!("{}\n", receipt.row())).collect(),
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

/// What distinguishes a receipt from an earlier one of the same table: its state, its problem, and which
/// request it answers.
fn fingerprint(receipt: &Receipt) -> String {
    let why = receipt.problem.as_ref().map(ToString::to_string).unwrap_or_default();
    let state = receipt.state.name();
    let mut fingerprint = format!("{}@{state}", receipt.source_table);
    if !why.is_empty() {
        let _ = write!(fingerprint, "-{}", landbridge_core::ids::short_hash(&why));
    }
    if receipt.redo > 0 {
        let _ = write!(fingerprint, "-redo{}", receipt.redo);
    }
    fingerprint
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
                ledger.create(&done, &BatchDone { job: id.to_string() }).await?;
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
