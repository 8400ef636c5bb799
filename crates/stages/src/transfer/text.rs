//! Which columns stay text: a contract may ask that a column of which one value does not fit
//! keeps all of them as text (`on_misfit: keep_text`). Every object of the table must decide
//! alike, so the values of all are counted before the first is carried.

use std::collections::BTreeSet;

use landbridge_core::plan::columns::undecided;
use landbridge_core::plan::{TablePlan, TransferItem};
use landbridge_core::{Error, ErrorKind, Result};

use crate::Ledger;
use crate::records::{self, Claim, ScanRecord, TextRecord};

/// What is known of a table's undecided columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// These columns stay text.
    Made(BTreeSet<String>),
    /// These items must be counted first.
    Missing(Vec<TransferItem>),
}

/// Decides when everything is counted, and records it: the first record counts.
///
/// A column that stayed text on an earlier day stays so, since BigQuery cannot change the type
/// of a column.
///
/// # Errors
/// Those of the ledger.
pub async fn decide(ledger: &Ledger, table: &TablePlan) -> Result<Decision> {
    let undecided = undecided(&table.columns);
    if undecided.is_empty() {
        return Ok(Decision::Made(BTreeSet::new()));
    }
    if let Some(made) = ledger.get::<TextRecord>(&records::text(table)).await? {
        return Ok(Decision::Made(made.value.columns));
    }
    let claim = ledger.get_of_source::<Claim>(&records::claim(&table.table)).await?;
    let mut columns: BTreeSet<String> = claim.map_or_else(BTreeSet::new, |claim| claim.value.text);
    let mut missing = Vec::new();
    for item in &table.items {
        match ledger.get::<ScanRecord>(&records::scan(table, item.number)).await? {
            Some(scan) => columns.extend(scan.value.misfits),
            None => missing.push(item.clone()),
        }
    }
    if !missing.is_empty() {
        return Ok(Decision::Missing(missing));
    }
    columns.retain(|column| undecided.contains(column));
    ledger.create(&records::text(table), &TextRecord { columns }).await?;
    made(ledger, table).await.map(Decision::Made)
}

/// The columns of a carried table that stay text.
///
/// # Errors
/// [`ErrorKind::Corrupt`] when nobody decided.
pub async fn made(ledger: &Ledger, table: &TablePlan) -> Result<BTreeSet<String>> {
    if undecided(&table.columns).is_empty() {
        return Ok(BTreeSet::new());
    }
    let made = ledger.get::<TextRecord>(&records::text(table)).await?;
    made.map(|made| made.value.columns).ok_or_else(|| {
        Error::new(
            ErrorKind::Corrupt,
            "the ledger does not say which columns of a table stay text",
            table.table.clone(),
        )
    })
}
