//! The plan of a table in the ledger: the records of its objects, its next revision, and what decides whether it is
//! still the plan that is wanted.

use futures::{StreamExt, TryStreamExt};
use landbridge_core::contract::TableContract;
use landbridge_core::names::ColumnNames;
use landbridge_core::plan::TablePlan;
use landbridge_core::redo::with_redo;
use landbridge_core::types::TimeRules;
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_ledger::DayLedger;
use landbridge_ledger::records::{self, ItemRecord};

use crate::Context;

/// Records of items read at once: they are small, and latency dominates.
const AT_ONCE: usize = 16;

/// Reads the records of all items, in the order of the plan.
///
/// # Errors
/// Any ledger error; [`ErrorKind::Corrupt`] when a record is missing.
pub(crate) async fn read_items(ledger: &DayLedger, table: &TablePlan) -> Result<Vec<ItemRecord>> {
    futures::stream::iter(&table.items)
        .map(|item| async move {
            let name = records::item(table, item.number);
            let record: Option<ItemRecord> = ledger.value(&name).await?;
            let record = record.ok_or_else(|| {
                Error::new(
                    ErrorKind::Corrupt,
                    "the ledger lacks the record of an object",
                    name.to_string(),
                )
            })?;
            Ok(record)
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

/// Gives a table the next revision, because an object of this one has other content than was sent, and
/// an object is never replaced.
///
/// Idempotent: of two ticks that ask, one writes the revision. The next tick transfers all objects of
/// the table under their new names; no load job reads the former ones.
///
/// # Errors
/// Any ledger error.
pub(crate) async fn renew(ledger: &DayLedger, table: &TablePlan) -> Result<()> {
    let name = records::table_plan(&table.table);
    let Some(recorded) = ledger.get(&name).await? else { return Ok(()) };
    if recorded.value == *table {
        let next = table.clone().with_revision(table.revision + 1);
        ledger.replace(&name, &recorded.etag, &next).await?;
    }
    Ok(())
}

/// The fingerprint of what the contract and an operator's request ask of a table's transfer, as the day's
/// plan contains it.
pub(crate) fn transfer_fingerprint(context: &Context, source_table: &str) -> String {
    let fingerprint = contract_fingerprint(context, source_table);
    with_redo(fingerprint, context.redo.of_table(source_table))
}

/// The fingerprint of what the contract asks of a table's transfer.
pub(crate) fn contract_fingerprint(context: &Context, source_table: &str) -> String {
    let table = context.contract.tables.get(source_table);
    let times = TimeRules::of(&context.config, table);
    let mut fingerprint = TableContract::transfer_fingerprint(table, &times);
    if context.config.warehouse.column_names == ColumnNames::Plain {
        fingerprint.push_str("-plain");
    }
    // The default adds nothing: a new version must not transfer a day again that is planned.
    let others = context.contract.others_of(source_table);
    if !others.is_unclassified() {
        fingerprint = format!("{fingerprint}-{}", others.name());
    }
    fingerprint
}
