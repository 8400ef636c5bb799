//! Which columns stay text. A contract may ask that all values of a column stay text if one of
//! them does not fit its type (`on_misfit: keep_text`). All objects of the table must be treated
//! alike, so the values of all are counted before the first is transferred.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt};
use landbridge_core::names::is_same;
use landbridge_core::plan::columns::columns_needing_scan;
use landbridge_core::plan::{SourceColumn, TablePlan, TransferItem};
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_ledger::DayLedger;
use landbridge_ledger::records::{self, TextColumnsRecord};
use tokio::sync::Semaphore;

/// What is known of the columns that may stay text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// These columns stay text.
    Decided(BTreeSet<String>),
    /// These items must be counted first.
    NeedsScan(Vec<TransferItem>),
}

/// How many records are read at the same time, for all tables of a tick together.
pub(super) struct Reads {
    turns: Semaphore,
    at_once: usize,
}

impl Reads {
    pub(super) fn new(at_once: usize) -> Self {
        Self { turns: Semaphore::new(at_once), at_once }
    }
}

/// Decides when every item is counted, and records the decision: the first record counts.
///
/// A column that stayed text on an earlier day stays text, because BigQuery cannot change the
/// type of a column.
///
/// # Errors
/// Any ledger error.
pub(super) async fn decide(
    ledger: &DayLedger,
    table: &TablePlan,
    reads: &Reads,
) -> Result<Decision> {
    let undecided = columns_needing_scan(&table.columns);
    if undecided.is_empty() {
        return Ok(Decision::Decided(BTreeSet::new()));
    }
    if let Some(decided) = ledger.value(&records::text_columns(table)).await? {
        return Ok(Decision::Decided(decided.columns));
    }
    let claim = ledger.source().value(&records::claim(&table.table)).await?;
    let landed = claim.map_or_else(BTreeSet::new, |claim| claim.text_columns());
    let is_text = |column: &&SourceColumn| landed.iter().any(|name| is_same(name, column.name()));
    let as_text = table.columns.iter().filter(is_text);
    let mut columns: BTreeSet<String> = as_text.map(|it| it.parquet.name.clone()).collect();
    let mut uncounted = Vec::new();
    let mut scans = futures::stream::iter(&table.items)
        .map(|item| async move {
            let _turn = reads.turns.acquire().await;
            Ok::<_, Error>((item, ledger.value(&records::scan(table, item.number)).await?))
        })
        .buffered(reads.at_once);
    while let Some((item, scan)) = scans.try_next().await? {
        match scan {
            Some(scan) => columns.extend(scan.misfits),
            None => uncounted.push(item.clone()),
        }
    }
    drop(scans);
    if !uncounted.is_empty() {
        return Ok(Decision::NeedsScan(uncounted));
    }
    columns.retain(|column| undecided.contains(column));
    let record = TextColumnsRecord { columns };
    let decided = ledger.create_or_get(&records::text_columns(table), &record).await?;
    Ok(Decision::Decided(decided.value.columns))
}

/// The columns of a transferred table that stay text.
///
/// # Errors
/// [`ErrorKind::Corrupt`] when the transfer did not record its decision.
pub(crate) async fn decided(ledger: &DayLedger, table: &TablePlan) -> Result<BTreeSet<String>> {
    if columns_needing_scan(&table.columns).is_empty() {
        return Ok(BTreeSet::new());
    }
    let decided = ledger.value(&records::text_columns(table)).await?;
    decided.map(|decided| decided.columns).ok_or_else(|| {
        Error::new(
            ErrorKind::Corrupt,
            "the ledger lacks the decision which columns of a table stay text",
            table.table.clone(),
        )
    })
}
