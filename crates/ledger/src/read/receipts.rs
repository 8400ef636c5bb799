//! The receipts of a day, and the audits of a table.

use std::collections::BTreeMap;

use landbridge_core::Result;
use landbridge_core::audit::Verdict;
use landbridge_core::receipt::{Receipt, ReceiptState};

use crate::records::{self, AUDITS, AuditRecord, RECEIPTS};
use crate::{DayLedger, ReceiptSummaries};

/// The receipts of a day, sorted by table.
///
/// # Errors
/// As [`Records::read_all`](crate::Records::read_all).
pub async fn of_day(ledger: &DayLedger) -> Result<Vec<Receipt>> {
    let mut receipts = current(ledger.read_all(RECEIPTS).await?);
    receipts.sort_by(|a: &Receipt, b| a.source_table.cmp(&b.source_table));
    Ok(receipts)
}

/// Leaves out that a table was not exported, if it was when the day was done again: it has a receipt under
/// another name then.
fn current(receipts: Vec<Receipt>) -> Vec<Receipt> {
    let newest = newest(receipts.iter().map(|it| (it.source_table.as_str(), it.redo)));
    let kept: Vec<bool> =
        receipts.iter().map(|it| is_current(it.state, newest[&it.source_table])).collect();
    receipts.into_iter().zip(kept).filter_map(|(it, kept)| kept.then_some(it)).collect()
}

/// The same of summaries.
pub fn current_summaries(mut receipts: ReceiptSummaries) -> ReceiptSummaries {
    let newest = newest(receipts.values().map(|it| (it.source_table.as_str(), it.redo)));
    receipts.retain(|_, it| is_current(it.state, newest[&it.source_table]));
    receipts
}

/// The newest request to do each table again.
fn newest<'a>(receipts: impl Iterator<Item = (&'a str, u32)>) -> BTreeMap<String, u32> {
    let mut newest: BTreeMap<String, u32> = BTreeMap::new();
    for (table, redo) in receipts {
        match newest.get_mut(table) {
            Some(number) => *number = redo.max(*number),
            None => _ = newest.insert(table.to_owned(), redo),
        }
    }
    newest
}

fn is_current(state: ReceiptState, newest_redo: u32) -> bool {
    match state {
        ReceiptState::Skipped | ReceiptState::Missing => newest_redo == 0,
        _ => true,
    }
}

/// The verdicts of the newest audit of a table, by its name in BigQuery; none if it was not audited.
///
/// # Errors
/// Any ledger error.
pub async fn verdicts(ledger: &DayLedger, table: &str) -> Result<Vec<Verdict>> {
    let mut newest: Option<AuditRecord> = None;
    for name in ledger.names_from(AUDITS, &format!("{table}@")).await? {
        let record = ledger.value(&records::audit_named(&name)).await?;
        newest = newest.into_iter().chain(record).max_by_key(|it| it.audited_at);
    }
    Ok(newest.map(|it| it.verdicts).unwrap_or_default())
}
