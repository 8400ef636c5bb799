//! The end of the day: every table has a receipt, or an alert says why not.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt};
use landbridge_core::calendar::Day;
use landbridge_core::ids::short_hash;
use landbridge_core::incident;
use landbridge_core::plan::{DayPlan, Problem, SkippedTable};
use landbridge_core::receipt::{Note, NoteCode, Receipt, ReceiptState};
use landbridge_core::{ErrorKind, Result};
use landbridge_ledger::records::{self, DAY, DayRecord};
use landbridge_ledger::{DayLedger, ReceiptSummary, Recorded};

use super::Receipts;
use super::ops::receipts;
use super::planned::PlannedNames;
use super::slots::at_once;
use super::{chain, gone};
use crate::alert::{self, Subject};
use crate::{Context, Progress, Tick, TickOutcome, redo};

/// Reads the receipts that exist for the plan's tables. One from before a request to load its table again
/// does not count, nor does one of a missing table that is in the plan now.
///
/// # Errors
/// Any ledger error.
pub(super) async fn read_receipts(
    context: &Context,
    ledger: &DayLedger,
    plan: &DayPlan,
) -> Result<Receipts> {
    let mut receipts = ledger.receipt_summaries(at_once(context)).await?;
    let skipped = plan.skipped.iter().map(|skipped| skipped_name(&skipped.source_table));
    let skipped: BTreeSet<String> = skipped.collect();
    let planned = PlannedNames::of(plan);
    let is_known = |name: &str| planned.tables.contains(name) || skipped.contains(name);
    receipts.retain(|name, receipt| {
        (is_known(name) || name.starts_with(gone::PREFIX))
            && match receipt.state {
                ReceiptState::Missing => !planned.loads(receipt),
                _ => context.redo.is_current(&receipt.source_table, receipt.redo),
            }
    });
    Ok(receipts)
}

/// The name of a skipped table's receipt. Table names contain no hyphen, so it is unique.
fn skipped_name(source_table: &str) -> String {
    format!("skipped-{}", short_hash(source_table))
}

/// Writes the receipts of the tables that are not loaded, and raises their alerts. `receipts` are those
/// that exist. Returns whether one was written.
///
/// # Errors
/// Any ledger error.
pub(super) async fn write_skipped(
    context: &Context,
    ledger: &DayLedger,
    plan: &DayPlan,
    receipts: &Receipts,
    tick: Tick,
) -> Result<bool> {
    let named = plan.skipped.iter().map(|it| (skipped_name(&it.source_table), it));
    let new: Vec<_> = named.filter(|(name, _)| !receipts.contains_key(name)).collect();
    let has_new = !new.is_empty();
    futures::stream::iter(new)
        .map(|(name, skipped)| async move {
            let receipt = skipped_receipt(context, ledger, plan, skipped, tick).await?;
            // One from before a request to do the day again is replaced.
            ledger.set(&records::receipt(&name), &receipt).await
        })
        .buffered(at_once(context))
        .try_for_each(async |_| Ok(()))
        .await?;
    Ok(has_new)
}

/// The receipt of a table that is not loaded, after its alert.
async fn skipped_receipt(
    context: &Context,
    ledger: &DayLedger,
    plan: &DayPlan,
    skipped: &SkippedTable,
    tick: Tick,
) -> Result<Receipt> {
    let mut receipt = Receipt::new(plan, &skipped.source_table, ReceiptState::Skipped, tick.now);
    receipt.redo = context.redo.of_table(&skipped.source_table);
    if skipped.alert {
        let problem = Problem::new(
            ErrorKind::Held,
            "a table of the source is not in the export",
            format!("{}: {}", skipped.source_table, skipped.reason),
        );
        let subject = Subject::of_redo(&skipped.source_table, receipt.redo);
        alert::raise(ledger, &problem, &subject, tick.now).await?;
        receipt.problem = Some(problem);
    } else {
        let code = skipped.note.unwrap_or(NoteCode::Partition);
        receipt.notes.push(Note::new(code, &skipped.reason));
    }
    Ok(receipt)
}

/// Finishes the day if every table has a receipt: receipts go to BigQuery, and the day's record is
/// written. `receipts` belong to the plan's tables; `is_complete` says that they are all receipts of
/// the day, because this tick has written none. Idempotent.
///
/// # Errors
/// Any error of the ledger, Cloud Storage or BigQuery.
pub(super) async fn finish_day(
    context: &Context,
    ledger: &DayLedger,
    plan: &DayPlan,
    receipts: Receipts,
    mut is_complete: bool,
    tick: Tick,
) -> Result<TickOutcome> {
    let open = plan.tables.iter().filter(|entry| !receipts.contains_key(&entry.table)).count();
    if open > 0 {
        check_deadline(context, ledger, plan.day, tick).await?;
        let message = format!("{open} of {} tables of {} are open", plan.tables.len(), plan.day);
        return Ok(TickOutcome::new(Progress::Partial, message));
    }
    let day = ledger.get(&DAY).await?;
    let has_written = !is_complete;
    // Without any table, the export itself is in question, not each table.
    let newest = context.redo.newest();
    let is_new = |day: &Recorded<DayRecord>| !day.value.published || day.value.redo < newest;
    if !plan.tables.is_empty() && day.as_ref().is_none_or(is_new) {
        is_complete &= !gone::write_gone(context, ledger, plan, &receipts, tick).await?;
    }
    let all = if is_complete { receipts } else { read_receipts(context, ledger, plan).await? };
    receipts::publish(context, ledger, plan, &all, tick).await?;
    let record = day_record(plan, &all, newest, tick);
    let message = format!(
        "{}: tables published {}, held {}, skipped {}, missing {}",
        plan.day,
        record.tables,
        record.held.len(),
        record.skipped.len(),
        all.values().filter(|receipt| receipt.state == ReceiptState::Missing).count(),
    );
    // Before the day's record, so that a published day has its link. A tick that overlapped with the one that published
    // may have replaced a receipt.
    if record.published && (has_written || day.as_ref().is_none_or(is_new)) {
        chain::link(context, ledger, plan, newest, tick).await?;
    }
    if write_day_record(ledger, day, &record).await? {
        tracing::info!(day = %plan.day, published = record.published, rows = record.rows, "{message}");
    }
    redo::finish(context, plan.day, tick).await?;
    if record.published {
        chain::sign(context, plan.day).await?;
        return Ok(TickOutcome::new(Progress::Done, message));
    }
    if plan.tables.is_empty() {
        let problem = Problem::new(
            ErrorKind::Held,
            "the export contains no table that can be loaded, so the day is not published; the tables in BigQuery keep their rows",
            format!("{}, {}", plan.day, plan.export),
        );
        let subject = Subject::of_redo(DAY.path(), newest);
        alert::raise(ledger, &problem, &subject, tick.now).await?;
    }
    check_deadline(context, ledger, plan.day, tick).await?;
    Ok(TickOutcome::new(Progress::Partial, message))
}

fn day_record(plan: &DayPlan, receipts: &Receipts, redo: u32, tick: Tick) -> DayRecord {
    let with = |state| receipts.values().filter(move |receipt| receipt.state == state);
    let names = |state| with(state).map(|receipt| receipt.source_table.clone()).collect();
    // What RDS skipped has a problem; a partition and what the contract leaves in AWS have none.
    let is_gap = |receipt: &&ReceiptSummary| match receipt.state {
        ReceiptState::Skipped => receipt.has_problem,
        state => state == ReceiptState::Missing,
    };
    let gaps = receipts.values().filter(is_gap).map(|receipt| receipt.source_table.clone());
    DayRecord {
        published: !plan.tables.is_empty() && with(ReceiptState::Held).next().is_none(),
        tables: with(ReceiptState::Published).count(),
        rows: with(ReceiptState::Published).filter_map(|receipt| receipt.rows_table).sum(),
        held: names(ReceiptState::Held),
        skipped: names(ReceiptState::Skipped),
        gaps: gaps.collect(),
        finished_at: tick.now,
        redo,
    }
}

/// Writes the day's record. `false`: an equal one, apart from its time, exists.
///
/// A day that is published again keeps its time: the alarms count from it how old the newest day is, and
/// the redo of an older one must not hide that a newer one is late.
async fn write_day_record(
    ledger: &DayLedger,
    earlier: Option<Recorded<DayRecord>>,
    record: &DayRecord,
) -> Result<bool> {
    match earlier {
        None => {
            ledger.create(&DAY, record).await?;
        }
        Some(Recorded { value: earlier, etag }) => {
            let was_published = earlier.published && record.published && earlier.redo < record.redo;
            let finished_at = if was_published { earlier.finished_at } else { record.finished_at };
            let record = &DayRecord { finished_at, ..record.clone() };
            if (DayRecord { finished_at, ..earlier }) == *record {
                return Ok(false);
            }
            ledger.replace(&DAY, &etag, record).await?;
        }
    }
    Ok(true)
}

/// Raises an alert if the day's deadline has passed. Called when the day is not published. One that is done
/// again was published, and is until a table is held.
///
/// # Errors
/// Any ledger error.
pub(super) async fn check_deadline(
    context: &Context,
    ledger: &DayLedger,
    day: Day,
    tick: Tick,
) -> Result<()> {
    if tick.now >= context.deadline(day).start() {
        if !context.redo.open().is_empty()
            && ledger.value(&DAY).await?.is_some_and(|day| day.published)
        {
            return Ok(());
        }
        let problem = Problem::new(
            ErrorKind::Transient,
            incident::what::DEADLINE,
            format!("{day}, {}", ledger.location("")),
        );
        alert::raise(ledger, &problem, &Subject::new(DAY.path()), tick.now).await?;
    }
    Ok(())
}
