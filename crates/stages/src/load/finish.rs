//! The end of the day: every table has a receipt, or an alert says why not.

use jiff::Timestamp;
use landbridge_core::calendar::{Calendar, Day};
use landbridge_core::ids::short_hash;
use landbridge_core::plan::{DayPlan, Problem};
use landbridge_core::receipt::{Note, NoteCode, Receipt, ReceiptState};
use landbridge_core::{ErrorKind, Result};
use landbridge_ledger::records::{self, DAY, DayRecord, RECEIPTS};
use landbridge_ledger::{DayLedger, Recorded};

use super::Receipts;
use super::{gone, receipts};
use crate::{Context, Progress, Tick, TickOutcome, alert, redo};

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
    let names = ledger.names(RECEIPTS).await?;
    let mut receipts = Receipts::new();
    let skipped = plan.skipped.iter().map(|skipped| skipped_name(&skipped.source_table));
    let gone = names.keys().filter(|name| name.starts_with(gone::PREFIX)).cloned();
    for name in plan.tables.iter().map(|entry| entry.table.clone()).chain(skipped).chain(gone) {
        if names.contains_key(&name)
            && let Some(receipt) = ledger.value(&records::receipt(&name)).await?
        {
            let counts = match receipt.state {
                ReceiptState::Skipped => true,
                ReceiptState::Missing => !is_planned(plan, &receipt),
                _ => context.redo.is_current(&receipt.source_table, receipt.redo),
            };
            if counts {
                receipts.insert(name, receipt);
            }
        }
    }
    Ok(receipts)
}

/// Whether the plan loads the table of a receipt, by its name in BigQuery if it has one.
fn is_planned(plan: &DayPlan, receipt: &Receipt) -> bool {
    plan.tables.iter().any(|entry| match receipt.table.as_str() {
        "" => entry.source_table == receipt.source_table,
        table => entry.table == table,
    })
}

/// The name of a skipped table's receipt. Table names contain no hyphen, so it is unique.
fn skipped_name(source_table: &str) -> String {
    format!("skipped-{}", short_hash(source_table))
}

/// Writes the receipts of the tables that are not loaded, and raises their alerts.
///
/// # Errors
/// Any ledger error.
pub(super) async fn write_skipped(ledger: &DayLedger, plan: &DayPlan, tick: Tick) -> Result<()> {
    if plan.skipped.is_empty() {
        return Ok(());
    }
    let existing = ledger.names(RECEIPTS).await?;
    for skipped in &plan.skipped {
        let name = skipped_name(&skipped.source_table);
        if existing.contains_key(&name) {
            continue;
        }
        let mut receipt =
            Receipt::new(plan, &skipped.source_table, ReceiptState::Skipped, tick.now);
        if skipped.alert {
            let problem = Problem::new(
                ErrorKind::Held,
                "a table of the source is not in the export",
                format!("{}: {}", skipped.source_table, skipped.reason),
            );
            alert::raise(ledger, &problem, &skipped.source_table, tick.now).await?;
            receipt.problem = Some(problem);
        } else {
            let code = skipped.note.unwrap_or(NoteCode::Partition);
            receipt.notes.push(Note::new(code, &skipped.reason));
        }
        ledger.create(&records::receipt(&name), &receipt).await?;
    }
    Ok(())
}

/// Finishes the day if every table has a receipt: receipts go to BigQuery, and the day's record is
/// written. Idempotent.
///
/// # Errors
/// Any error of the ledger, Cloud Storage or BigQuery.
pub(super) async fn finish_day(
    context: &Context,
    ledger: &DayLedger,
    plan: &DayPlan,
    receipts: &Receipts,
    tick: Tick,
) -> Result<TickOutcome> {
    let open = plan.tables.iter().filter(|entry| !receipts.contains_key(&entry.table)).count();
    if open > 0 {
        check_deadline(context, ledger, plan.day, tick).await?;
        let message = format!("{open} of {} tables of {} are open", plan.tables.len(), plan.day);
        return Ok(TickOutcome::new(Progress::Partial, message));
    }
    // Without any table, the export itself is in question, not each table.
    let newest = context.redo.newest();
    let is_new = |day: DayRecord| !day.published || day.redo < newest;
    if !plan.tables.is_empty() && ledger.value(&DAY).await?.is_none_or(is_new) {
        gone::write_gone(context, ledger, plan, tick).await?;
    }
    // `receipts` may lack the skipped tables; the ledger has all.
    let all = read_receipts(context, ledger, plan).await?;
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
    if write_day_record(ledger, &record).await? {
        tracing::info!(day = %plan.day, published = record.published, rows = record.rows, "{message}");
    }
    redo::finish(context, plan.day, tick).await?;
    if record.published {
        return Ok(TickOutcome::new(Progress::Done, message));
    }
    if plan.tables.is_empty() {
        let problem = Problem::new(
            ErrorKind::Held,
            "the export contains no table that can be loaded, so the day is not published; the tables in BigQuery keep their rows",
            format!("{}, {}", plan.day, plan.export),
        );
        alert::raise(ledger, &problem, DAY.path(), tick.now).await?;
    }
    check_deadline(context, ledger, plan.day, tick).await?;
    Ok(TickOutcome::new(Progress::Partial, message))
}

fn day_record(plan: &DayPlan, receipts: &Receipts, redo: u32, tick: Tick) -> DayRecord {
    let with = |state| receipts.values().filter(move |receipt| receipt.state == state);
    let names = |state| with(state).map(|receipt| receipt.source_table.clone()).collect();
    // What RDS skipped has a problem; a partition and what the contract leaves in AWS have none.
    let is_gap = |receipt: &&Receipt| match receipt.state {
        ReceiptState::Skipped => receipt.problem.is_some(),
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
async fn write_day_record(ledger: &DayLedger, record: &DayRecord) -> Result<bool> {
    match ledger.get(&DAY).await? {
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

/// The time by which a day should be published.
pub(crate) fn deadline(calendar: &Calendar, hour: u8, day: Day) -> Option<Timestamp> {
    let hour = i8::try_from(hour).ok()?;
    let deadline = day.date().at(hour, 0, 0, 0).to_zoned(calendar.zone().clone()).ok()?;
    Some(deadline.timestamp())
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
    let deadline = deadline(&context.calendar, context.config.schedule.deadline_hour, day);
    if deadline.is_some_and(|deadline| tick.now >= deadline) {
        if !context.redo.open().is_empty()
            && ledger.value(&DAY).await?.is_some_and(|day| day.published)
        {
            return Ok(());
        }
        let problem = Problem::new(
            ErrorKind::Transient,
            "the day is not published by its deadline",
            format!("{day}, {}", ledger.location("")),
        );
        alert::raise(ledger, &problem, DAY.path(), tick.now).await?;
    }
    Ok(())
}
