//! Tables of which only the rows that changed are transferred (`tables.<table>.delta`). The transfer finds them and
//! decides it (`transfer/delta.rs`); the load merges them into the table (`load/table/delta.rs`), or has the whole
//! table transferred after all. `core::delta` and `core::unchanged` have the rules.

use jiff::Timestamp;
use landbridge_core::Result;
use landbridge_core::delta::DeltaColumns;
use landbridge_core::plan::TablePlan;
use landbridge_core::plan::table::ResolvedTable;
use landbridge_ledger::DayLedger;
use landbridge_ledger::records::{self, DeltaRecord};

use crate::{Context, plan, unchanged};

/// The columns of a delta of this table, or why all of its rows are transferred; `None` if `delta` is not configured for it.
pub(crate) fn columns(
    context: &Context,
    table: &TablePlan,
    resolved: &ResolvedTable,
) -> Option<Result<DeltaColumns, &'static str>> {
    let wanted = context.config.delta_of(&table.source_table)?;
    let contract = context.contract.tables.get(&table.source_table);
    Some(landbridge_core::delta::columns(table, contract, resolved, &wanted.key))
}

/// The changes of a table that are transferred alone, also if `delta` was taken out of landbridge.yaml since; `None` if the whole
/// table is.
///
/// # Errors
/// Any ledger error.
pub(crate) async fn of(ledger: &DayLedger, table: &TablePlan) -> Result<Option<DeltaRecord>> {
    let Some(record) = ledger.value(&records::delta(table)).await? else { return Ok(None) };
    let is_carried = ledger.value(&records::carried(table)).await?.is_some();
    Ok((!is_carried).then_some(record))
}

/// Has the whole table transferred, whatever was decided before. The records of its objects describe objects that
/// do not exist, so it gets the next revision, under whose names they are made.
///
/// Idempotent. The decision for the next revision is written before that revision: a tick that dies in between leaves a plan
/// of which every tick of the load says the same again.
///
/// # Errors
/// Any ledger error.
pub(crate) async fn give_up(
    ledger: &DayLedger,
    table: &TablePlan,
    why: &str,
    at: Timestamp,
) -> Result<()> {
    tracing::info!(table = table.table, why, "all rows of a table are transferred");
    let next = table.clone().with_revision(table.revision + 1);
    unchanged::carry(ledger, &next, why, at).await?;
    unchanged::carry(ledger, table, why, at).await?;
    plan::renew(ledger, table).await
}
