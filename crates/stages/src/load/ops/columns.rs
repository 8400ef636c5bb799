//! The rows of `columns` and `audits`. They belong to receipts and are recorded in the batches of these.

use std::collections::BTreeMap;

use landbridge_core::audit::Verdict;
use landbridge_core::calendar::Day;
use landbridge_core::config::AuditLevel;
use landbridge_core::ids::{JobId, OpsRows};
use landbridge_core::ops::{OpsTable, rows};
use landbridge_core::plan::DayPlan;
use landbridge_core::receipt::{Receipt, ReceiptState};
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_ledger::DayLedger;
use landbridge_ledger::records::{self, Batch, OpsRecord};

use super::append::{Appended, Rows};
use super::update;
use crate::{Context, Tick};

/// Jobs of one batch and table, over all ticks: a day of ticks. After them, the receipts alone have these facts.
const MAX_JOBS: u32 = 30;

/// The records of audits by the name of their table's receipt.
pub(super) fn audit_records(plan: &DayPlan) -> BTreeMap<&str, String> {
    plan.tables.iter().map(|entry| (entry.table.as_str(), entry.record_name())).collect()
}

/// The rows of `columns` and `audits` of a receipt. `record` names the record of its table's audits.
///
/// # Errors
/// Any ledger error, but a record that cannot be read.
pub(super) async fn rows_of(
    context: &Context,
    ledger: &DayLedger,
    receipt: &Receipt,
    record: Option<&String>,
) -> Result<(String, String)> {
    let is_audited = matches!(receipt.state, ReceiptState::Published | ReceiptState::Held)
        && context.config.audits.audits(&receipt.source_table);
    let audits = match record.filter(|_| is_audited) {
        Some(record) => match ledger.value(&records::audit_named(record)).await {
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                tracing::warn!(table = receipt.table, %error, "the verdicts of a table cannot be read");
                None
            }
            audits => audits?,
        },
        None => None,
    };
    let level =
        |verdict: &Verdict| context.config.audits.level(&receipt.source_table, verdict.check);
    let with_level = |verdict| (level(&verdict), verdict);
    let verdicts = audits.into_iter().flat_map(|it| it.verdicts).map(with_level);
    let verdicts: Vec<(AuditLevel, Verdict)> = verdicts.collect();
    let due_at = context.deadline(receipt.day).start();
    Ok((rows::columns(receipt), rows::audits(receipt, &verdicts, Some(due_at))))
}

/// Names a batch in `ops.json`, before its receipts are appended.
///
/// # Errors
/// Any ledger error.
pub(super) async fn announce(ledger: &DayLedger, day: Day, batch: &Batch) -> Result<()> {
    if batch.columns.is_empty() && batch.audits.is_empty() {
        return Ok(());
    }
    let number = batch.number;
    update(&ledger.source(), |record| {
        record.waiting.entry(day).or_default().insert(number);
    })
    .await
}

/// Appends the rows of the batches that wait. The first failure ends it, so that a table that refuses rows costs a
/// few calls a tick.
///
/// # Errors
/// Any error of the ledger, Cloud Storage or BigQuery.
pub(super) async fn append_waiting(
    context: &Context,
    record: &OpsRecord,
    tick: Tick,
) -> Result<()> {
    for (day, numbers) in &record.waiting {
        for number in numbers {
            let ledger = context.ledger(*day);
            let gave_up = match ledger.value(&records::batch(*number)).await? {
                Some(batch) => append(context, *day, &batch, tick).await?,
                // A person deleted the record: nothing can be sent.
                None => None,
            };
            update(&context.ledger.source(), |record| {
                if let Some(numbers) = record.waiting.get_mut(day) {
                    numbers.remove(number);
                }
                record.waiting.retain(|_, numbers| !numbers.is_empty());
            })
            .await?;
            if let Some(table) = gave_up {
                return Err(Error::new(
                    ErrorKind::Rejected,
                    "every attempt to load rows into a table of the ops dataset failed, so the rows of a day are given up; its receipts have the same facts",
                    format!("{}, {day}, batch {number}", table.name()),
                ));
            }
        }
    }
    Ok(())
}

/// Appends the rows of a batch. Returns the table that takes no rows after all jobs.
async fn append(
    context: &Context,
    day: Day,
    batch: &Batch,
    tick: Tick,
) -> Result<Option<OpsTable>> {
    let source = &context.config.source.name;
    let mut gave_up = None;
    for (table, lines) in [(OpsTable::Columns, &batch.columns), (OpsTable::Audits, &batch.audits)] {
        if lines.is_empty() {
            continue;
        }
        let (name, number) = (table.name(), batch.number);
        let rows = OpsRows { table: name, day: Some(day), batch: number, lines };
        let id = |attempt| JobId::for_ops_rows(source, &rows, attempt);
        let rows = Rows {
            table,
            file: format!("{source}/{day}/{name}/{number:03}.json"),
            lines,
            id: &id,
            new_jobs: 1,
            max_jobs: MAX_JOBS,
        };
        if let Appended::GaveUp = rows.append(context, tick).await? {
            gave_up = Some(table);
        }
    }
    Ok(gave_up)
}
