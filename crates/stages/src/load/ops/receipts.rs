//! Receipts as rows of `landbridge_ops.receipts`, for analysts to query.
//!
//! Receipts are sent in batches. Each batch is recorded before it is sent and appended by a load
//! job whose id is derived from the batch, so a batch that is sent twice is added once.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt};
use landbridge_core::ids::JobId;
use landbridge_core::ops::OpsTable;
use landbridge_core::plan::DayPlan;
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_ledger::records::{self, Batch, BatchDone};
use landbridge_ledger::{DayLedger, ReceiptSummary, Written};

use super::append::{Appended, Rows};
use super::columns;
use crate::load::Receipts;
use crate::load::slots::at_once;
use crate::{Context, Tick};

/// Batches per day: beyond the batches of a large day, each is a change of state, which a person or a new
/// deployment caused.
const MAX_BATCHES: usize = 100;
/// A batch ends with the receipt that makes it as large as this, with the rows of other tables: it is in memory
/// several times while it is recorded and sent.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// Appends the receipts that are not in BigQuery yet. Idempotent.
///
/// # Errors
/// Any error of the ledger, Cloud Storage or BigQuery; [`ErrorKind::Transient`] while another tick
/// does the same.
pub(in crate::load) async fn publish(
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
                let Some(batch) =
                    next_batch(context, ledger, plan, number, receipts, &sent).await?
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
    plan: &DayPlan,
    number: usize,
    receipts: &Receipts,
    sent: &BTreeSet<String>,
) -> Result<Option<Batch>> {
    let is_new = |(_, receipt): &(&String, &ReceiptSummary)| !sent.contains(&receipt.fingerprint);
    let new: Vec<&String> = receipts.iter().filter(is_new).map(|(name, _)| name).collect();
    let audits = &columns::audit_records(plan);
    let mut read = futures::stream::iter(new)
        .map(|name| async move {
            // It may have changed since its summary was made, or be gone.
            let Some(receipt) = ledger.value(&records::receipt(name)).await? else {
                return Ok::<_, Error>(None);
            };
            let record = audits.get(name.as_str());
            let rows = columns::rows_of(context, ledger, &receipt, record).await?;
            Ok(Some((receipt, rows)))
        })
        .buffered(at_once(context));
    let mut batch = Batch {
        number,
        receipts: Vec::new(),
        lines: String::new(),
        columns: String::new(),
        audits: String::new(),
    };
    while batch.bytes() < BATCH_BYTES
        && let Some(read) = read.try_next().await?
    {
        let Some((receipt, (columns, audits))) = read else { continue };
        let fingerprint = ReceiptSummary::of(&receipt).fingerprint;
        if !sent.contains(&fingerprint) {
            batch.lines.push_str(&format!("{}\n", receipt.row()));
            batch.columns.push_str(&columns);
            batch.audits.push_str(&audits);
            batch.receipts.push(fingerprint);
        }
    }
    Ok((!batch.receipts.is_empty()).then_some(batch))
}

/// Jobs of one batch, over all ticks of the day.
const MAX_JOBS: u32 = 100;

/// Appends the receipts of one batch, unless they were appended before. The rows of other tables follow at the end of
/// the tick.
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
    columns::announce(ledger, plan.day, batch).await?;
    let id = |attempt| JobId::for_receipts(&plan.source, plan.day, batch.number, attempt);
    let rows = Rows {
        table: OpsTable::Receipts,
        file: format!("{}/{}/receipts/{:03}.json", plan.source, plan.day, batch.number),
        lines: &batch.lines,
        id: &id,
        new_jobs: context.config.load.max_attempts,
        max_jobs: MAX_JOBS,
    };
    match rows.append(context, tick).await? {
        Appended::By(job) => {
            let receipts = batch.receipts.clone();
            ledger.create(&done, &BatchDone { job: job.to_string(), receipts }).await?;
            Ok(())
        }
        Appended::GaveUp => Err(Error::new(
            ErrorKind::Transient,
            "the receipts cannot be loaded",
            format!("{}.{}", context.config.warehouse.ops_dataset, OpsTable::Receipts.name()),
        )),
    }
}
