//! What is known of a table's columns from carrying them: NULLs, bounds, what did not fit.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt};
use landbridge_core::config::NONE;
use landbridge_core::diff::DesiredColumn;
use landbridge_core::plan::TablePlan;
use landbridge_core::plan::table::Resolved;
use landbridge_core::receipt;
use landbridge_core::rewrite::{Action, ColumnStats};
use landbridge_core::{Error, ErrorKind, Result};

use crate::Ledger;
use crate::records::{self, ItemRecord};

/// Records of items read at once: they are small, and the wait is the network's.
const AT_ONCE: usize = 16;

/// ColumnStats by column.
pub type Columns = BTreeMap<String, ColumnStats>;

/// Adds up what the records of all items say.
///
/// # Errors
/// Those of the ledger; [`ErrorKind::Corrupt`] when a record is gone.
pub async fn gather(ledger: &Ledger, table: &TablePlan) -> Result<Columns> {
    let records: Vec<ItemRecord> = futures::stream::iter(&table.items)
        .map(|item| async move {
            let name = records::item(table, item.number);
            let record = ledger.get::<ItemRecord>(&name).await?.map(|there| there.value);
            record.ok_or_else(|| {
                Error::new(ErrorKind::Corrupt, "the ledger lacks the record of an object", name)
            })
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let mut columns = Columns::new();
    for (name, facts) in records.iter().flat_map(|record| &record.columns) {
        columns.entry(name.clone()).or_default().merge(facts);
    }
    Ok(columns)
}

/// Whether few enough values did not fit; `percent` is the limit, of values that are not NULL.
///
/// # Errors
/// [`ErrorKind::Held`], naming the columns beyond it.
pub fn judge(columns: &Columns, percent: f64, place: &str) -> Result<()> {
    let beyond = columns.iter().filter(|(_, facts)| facts.exceeds(percent / 100.0));
    let beyond: Vec<String> = beyond
        .map(|(name, facts)| format!("column `{name}`: {}", facts.misfits_in_words()))
        .collect();
    if beyond.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Held,
        "too many values do not fit the type of their column, so the table keeps yesterday's data",
        format!(
            "{place}, {}; mend them in the source, give the column `type: STRING` or `on_misfit: keep_text` in contract.yaml, or raise `checks.max_misfit_percent`",
            beyond.join("; ")
        ),
    ))
}

/// One line for each column with values that did not fit.
pub fn warnings(columns: &Columns) -> Vec<String> {
    let misfits = columns.iter().filter(|(_, facts)| !facts.misfits.is_empty());
    misfits
        .map(|(name, facts)| {
            format!(
                "column `{name}`: {} do not fit its type and are NULL",
                facts.misfits_in_words()
            )
        })
        .collect()
}

/// The columns of the receipt. Bounds are told of columns alone that everybody may read: the
/// least of a masked column is somebody's.
pub fn columns(table: &TablePlan, resolved: &Resolved, facts: &Columns) -> Vec<receipt::Column> {
    let column = |wanted: &DesiredColumn| {
        let source = table.columns.iter().find(|column| column.parquet.name == wanted.name);
        let facts = facts.get(&wanted.name);
        let open = facts.filter(|_| wanted.class == NONE);
        receipt::Column {
            name: wanted.name.clone(),
            source: source.map_or_else(String::new, |column| column.source.clone()),
            ty: wanted.ty,
            repeated: wanted.repeated,
            action: source.map_or_else(String::new, |column| column.action.in_words()),
            class: wanted.class.clone(),
            nulls: facts.and_then(|facts| facts.nulls),
            misfits: facts.map_or_else(BTreeMap::new, |facts| facts.misfits.clone()),
            min: open.and_then(|facts| facts.min).map(|bound| bound.to_string()),
            max: open.and_then(|facts| facts.max).map(|bound| bound.to_string()),
            tag_read_back: false,
        }
    };
    resolved.columns.iter().map(column).collect()
}

/// The columns that were dropped on the way.
pub fn dropped_columns(table: &TablePlan) -> Vec<String> {
    let dropped = table.columns.iter().filter(|column| column.action == Action::Drop);
    dropped.map(|column| column.parquet.name.clone()).collect()
}
