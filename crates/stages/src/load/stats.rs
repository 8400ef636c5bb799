//! The statistics of a table's columns, from the records of its transferred objects: NULLs,
//! bounds, and values that did not fit their type (see `misfits`).

use std::collections::{BTreeMap, BTreeSet};

use landbridge_core::config::{CLASS_NONE, Config};
use landbridge_core::contract::TableContract;
use landbridge_core::diff::DesiredColumn;
use landbridge_core::plan::table::ResolvedTable;
use landbridge_core::plan::{SourceColumn, TablePlan};
use landbridge_core::proof::verdict::shows_something;
use landbridge_core::receipt::{ProofWay, ReceiptColumn};
use landbridge_core::rewrite::{Action, ColumnStats};
use landbridge_ledger::records::ItemRecord;

/// Statistics by column.
pub(super) type TableStats = BTreeMap<String, ColumnStats>;

/// Adds up the statistics of all items.
pub(super) fn merge(records: &[ItemRecord]) -> TableStats {
    let mut columns = TableStats::new();
    for (name, stats) in records.iter().flat_map(|record| &record.columns) {
        columns.entry(name.clone()).or_default().merge(stats);
    }
    columns
}

/// The columns of the receipt. A column has bounds only if its contract allows them now: the
/// transfer recorded them under the contract of that time.
pub(super) fn receipt_columns(
    table: &TablePlan,
    contract: Option<&TableContract>,
    resolved: &ResolvedTable,
    stats: &TableStats,
    proof: &Proven<'_>,
) -> Vec<ReceiptColumn> {
    let column = |wanted: &DesiredColumn| {
        let source = table.columns.iter().find(|it| it.parquet.name == wanted.source_column);
        let stats = stats.get(&wanted.source_column);
        let key = source.map_or(wanted.source_column.as_str(), SourceColumn::key);
        let open = stats
            .filter(|_| wanted.class == CLASS_NONE && TableContract::allows_bounds(contract, key));
        let differs = wanted.source_column != wanted.name;
        ReceiptColumn {
            name: wanted.name.clone(),
            source_column: differs.then(|| wanted.source_column.clone()),
            source: source.map_or_else(String::new, |column| column.source.clone()),
            ty: wanted.ty,
            repeated: wanted.repeated,
            action: source.map_or_else(String::new, |column| column.action.describe()),
            class: wanted.class.clone(),
            nulls: stats.and_then(|stats| stats.nulls),
            misfits: stats.map_or_else(BTreeMap::new, |stats| stats.misfits.clone()),
            min: open.and_then(|stats| stats.min).map(|bound| bound.to_string()),
            max: open.and_then(|stats| stats.max).map(|bound| bound.to_string()),
            tag_read_back: false,
            proof: proof.way(&wanted.source_column, &wanted.class),
        }
    };
    resolved.columns.iter().map(column).collect()
}

/// The columns that have figures in the records of all objects, by their names in the source.
pub(super) fn proven_columns(records: &[ItemRecord]) -> BTreeSet<String> {
    let first = records.first().into_iter().flat_map(|record| record.proof.keys());
    let everywhere = |column: &&String| records.iter().all(|it| it.proof.contains_key(*column));
    first.filter(everywhere).cloned().collect()
}

/// How columns can be proven.
pub(super) struct Proven<'a> {
    pub(super) config: &'a Config,
    /// The [proven columns](proven_columns).
    pub(super) columns: &'a BTreeSet<String>,
}

impl Proven<'_> {
    /// How a column of this class can be proven; `None` without `proof` in the configuration.
    fn way(&self, source_column: &str, class: &str) -> Option<ProofWay> {
        self.config.proof.as_ref()?;
        Some(match self.config.class(class) {
            _ if !self.columns.contains(source_column) => ProofWay::NotProvable,
            _ if class == CLASS_NONE => ProofWay::Plain,
            Some(class) if shows_something(class.mask) => ProofWay::ThroughMask,
            _ => ProofWay::Readers,
        })
    }
}

/// The columns that the transfer dropped.
pub(super) fn dropped_columns(table: &TablePlan) -> Vec<String> {
    let dropped = table.columns.iter().filter(|column| column.action == Action::Drop);
    dropped.map(|column| column.parquet.name.clone()).collect()
}
