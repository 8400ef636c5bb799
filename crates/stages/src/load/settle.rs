//! The end of the day: every table has a receipt, or an alert says why not.

use std::collections::BTreeMap;

use landbridge_core::calendar::Day;
use landbridge_core::plan::{DayPlan, Problem};
use landbridge_core::receipt::{Receipt, ReceiptState};
use landbridge_core::{ErrorKind, Result};

use super::{receipt_name, receipts};
use crate::records::{self, DAY, DayRecord};
use crate::{Context, Ledger, Progress, Tick, TickOutcome, alert};

/// Receipts by the name they are recorded under: the table's, or `skipped-…`.
pub type Receipts = BTreeMap<String, Receipt>;

/// Reads the receipts that there are for the plan's tables.
///
/// # Errors
/// Those of the ledger.
pub async fn read(ledger: &Ledger, plan: &DayPlan) -> Result<Receipts> {
    let names = ledger.names("receipts").await?;
    let mut receipts = Receipts::new();
    let skipped = plan.skipped.iter().map(|skipped| skipped_name(&skipped.source_table));
    for name in plan.tables.iter().map(|entry| entry.table.clone()).chain(skipped) {
        if names.contains_key(&name)
            && let Some(receipt) = ledger.get::<Receipt>(&receipt_name(&name)).await?
        {
            receipts.insert(name, receipt.value);
        }
    }
    Ok(receipts)
}

/// Table names hold no hyphen, so no table is called this.
fn skipped_name(source_table: &str) -> String {
    format!("skipped-{}", landbridge_core::ids::short_hash(source_table))
}

/// Writes the receipts of the tables that are not loaded, and says so.
///
/// # Errors
/// Those of the ledger.
pub async fn skipped(ledger: &Ledger, plan: &DayPlan, tick: Tick) -> Result<()> {
    let known =
        if plan.skipped.is_empty() { BTreeMap::new() } else { ledger.names("receipts").await? };
    for skipped in &plan.skipped {
        let name = skipped_name(&skipped.source_table);
        if known.contains_key(&name) {
            continue;
        }
        let problem = Problem::new(
            ErrorKind::Held,
            "a table of the source is not in the export",
            format!("{}: {}", skipped.source_table, skipped.reason),
        );
        if skipped.alert {
            alert::raise(ledger, &problem, &skipped.source_table, tick.now).await?;
        }
        let receipt = Receipt {
            source: plan.source.clone(),
            day: plan.day,
            source_table: skipped.source_table.clone(),
            table: String::new(),
            state: ReceiptState::Skipped,
            snapshot: plan.snapshot.clone(),
            snapshot_at: None,
            export: plan.export.clone(),
            files: 0,
            bytes: 0,
            rows_footer: 0,
            rows_planned: 0,
            rows_loaded: None,
            rows_table: None,
            job: None,
            columns: Vec::new(),
            dropped_columns: Vec::new(),
            warnings: vec![skipped.reason.clone()],
            problem: skipped.alert.then_some(problem),
            export_started_at: None,
            export_ended_at: None,
            planned_at: Some(plan.planned_at),
            recorded_at: tick.now,
            load_ms: None,
        };
        ledger.create(&receipt_name(&name), &receipt).await?;
    }
    Ok(())
}

/// Ends the day if every table has a receipt.
///
/// # Errors
/// Those of the ledger and of BigQuery.
pub async fn settle(
    context: &Context,
    ledger: &Ledger,
    plan: &DayPlan,
    receipts: &Receipts,
    tick: Tick,
) -> Result<TickOutcome> {
    let open = plan.tables.iter().filter(|entry| !receipts.contains_key(&entry.table)).count();
    if open > 0 {
        overdue(context, ledger, plan.day, tick).await?;
        let message =
            format!("{open} of {} tables of {} are still to come", plan.tables.len(), plan.day);
        return Ok(TickOutcome::new(Progress::Partial, message));
    }
    // Skipped tables were written before the tables were read.
    let all = read(ledger, plan).await?;
    receipts::publish(context, ledger, plan, &all, tick).await?;
    let of = |state: ReceiptState| all.values().filter(move |receipt| receipt.state == state);
    let names = |state: ReceiptState| {
        of(state).map(|receipt| receipt.source_table.clone()).collect::<Vec<_>>()
    };
    let record = DayRecord {
        published: of(ReceiptState::Held).next().is_none(),
        tables: of(ReceiptState::Published).count(),
        rows: of(ReceiptState::Published).filter_map(|receipt| receipt.rows_table).sum(),
        held: names(ReceiptState::Held),
        skipped: names(ReceiptState::Skipped),
        finished_at: tick.now,
    };
    let message = format!(
        "{}: tables published {}, held {}, skipped {}",
        plan.day,
        record.tables,
        record.held.len(),
        record.skipped.len()
    );
    let there = ledger.get::<DayRecord>(DAY).await?;
    let changed = match there {
        None => {
            ledger.create(DAY, &record).await?;
            true
        }
        Some(there) => {
            let same = DayRecord { finished_at: record.finished_at, ..there.value } == record;
            if !same {
                ledger.replace(DAY, &there.etag, &record).await?;
            }
            !same
        }
    };
    if changed {
        tracing::info!(day = %plan.day, published = record.published, rows = record.rows, "{message}");
    }
    if record.published {
        return Ok(TickOutcome::new(Progress::Done, message));
    }
    overdue(context, ledger, plan.day, tick).await?;
    Ok(TickOutcome::new(Progress::Partial, message))
}

/// Raises an alert when the day's deadline has passed and it is not published.
///
/// # Errors
/// Those of the ledger.
pub async fn overdue(context: &Context, ledger: &Ledger, day: Day, tick: Tick) -> Result<()> {
    let hour = i8::try_from(context.config.schedule.deadline_hour).unwrap_or(0);
    let deadline = day.date().at(hour, 0, 0, 0).to_zoned(context.calendar.zone().clone());
    if deadline.is_ok_and(|deadline| tick.now >= deadline.timestamp()) {
        let problem = Problem::new(
            ErrorKind::Transient,
            "the day is not published by its deadline",
            format!(
                "{day}, s3://{}/{}",
                context.config.export.bucket, context.config.ledger.prefix
            ),
        );
        alert::raise(ledger, &problem, records::DAY, tick.now).await?;
    }
    Ok(())
}
