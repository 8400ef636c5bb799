//! Values that did not fit the type of their column: the limit above which a table is held, and the
//! notes of its receipt.

use landbridge_core::contract::{ArrayNulls, TableContract};
use landbridge_core::names::is_same;
use landbridge_core::plan::table::ResolvedTable;
use landbridge_core::plan::{SourceColumn, TablePlan};
use landbridge_core::receipt::{Note, NoteCode};
use landbridge_core::rewrite::{Action, ColumnStats, Misfit};
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_gcp::bigquery::TableInfo;

use super::stats::TableStats;

/// The table whose misfits are checked.
pub(super) struct Checked<'a> {
    /// Its name in BigQuery.
    pub(super) name: &'a str,
    /// The table in BigQuery.
    pub(super) live: Option<&'a TableInfo>,
    /// Its plan.
    pub(super) plan: &'a TablePlan,
    /// Its columns in BigQuery.
    pub(super) resolved: &'a ResolvedTable,
}

impl Checked<'_> {
    /// Checks that at most `percent` of the values of each column, NULLs excluded, did not fit.
    ///
    /// # Errors
    /// [`ErrorKind::Held`], naming the columns above the limit and what can be done about each.
    pub(super) fn share(&self, stats: &TableStats, percent: f64) -> Result<()> {
        let above = stats.iter().filter(|(_, stats)| stats.misfits_exceed(percent / 100.0));
        let above: Vec<String> = above
            .map(|(column, stats)| {
                let misfits = stats.describe_misfits();
                format!("column `{column}`: {misfits}; {}", self.remedy(column))
            })
            .collect();
        if above.is_empty() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Held,
            "too many values do not fit the type of their column, so the table is not loaded",
            format!("{}, {}", self.name, above.join("; ")),
        ))
    }

    /// Checks that no array of a column with `array_nulls: hold` contains NULL.
    ///
    /// # Errors
    /// [`ErrorKind::Held`], naming the columns.
    pub(super) fn array_nulls(
        &self,
        stats: &TableStats,
        contract: Option<&TableContract>,
    ) -> Result<()> {
        let holds = |column: &str| {
            let source = self.plan.columns.iter().find(|it| it.parquet.name == column);
            let key = source.map_or(column, SourceColumn::key);
            let named = contract.and_then(|table| table.columns.get(key));
            named.is_some_and(|named| named.array_nulls == Some(ArrayNulls::Hold))
        };
        let found: Vec<String> = stats
            .iter()
            .filter_map(|(column, stats)| {
                let arrays = stats.misfits.get(&Misfit::NullElement).filter(|_| holds(column))?;
                let values = stats.values.unwrap_or(0);
                Some(format!("column `{column}`: {arrays} of {values} arrays"))
            })
            .collect();
        if found.is_empty() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Held,
            "arrays contain NULL, and contract.yaml holds the table for it (`array_nulls: hold`)",
            format!(
                "{}, {}; correct them in the source, or write `array_nulls: drop` to load the other elements",
                self.name,
                found.join("; ")
            ),
        ))
    }

    /// What a person can do about the misfits of a column. The type of a column that BigQuery has
    /// cannot change, so the contract can only keep its text before it has landed.
    fn remedy(&self, column: &str) -> &'static str {
        let desired = self.resolved.columns.iter().find(|it| it.source_column == column);
        let name = desired.map_or(column, |it| it.name.as_str());
        let has_landed = self
            .live
            .is_some_and(|table| table.live.columns.iter().any(|it| is_same(&it.name, name)));
        let planned = self.plan.columns.iter().find(|it| it.parquet.name == column);
        let is_array = planned.is_some_and(
            |it| matches!(&it.action, Action::Retype { to, .. } if to.element().is_some()),
        );
        match (has_landed, is_array) {
            (true, _) => {
                "correct them in the source, or raise `checks.max_misfit_percent` to load them as NULL; BigQuery has this column, so its type cannot become STRING"
            }
            (false, false) => {
                "correct them in the source, write `on_misfit: keep_text` for the column in contract.yaml to load its text, or raise `checks.max_misfit_percent` to load them as NULL"
            }
            (false, true) => {
                "correct them in the source, write `array_nulls: text` for the column in contract.yaml to load its arrays as JSON text, or raise `checks.max_misfit_percent` to load them as empty arrays"
            }
        }
    }
}

/// One note for each column with values that did not fit, or with NULLs in arrays.
pub(super) fn notes(stats: &TableStats) -> Vec<Note> {
    stats.iter().flat_map(|(column, stats)| column_notes(column, stats)).collect()
}

fn column_notes(column: &str, stats: &ColumnStats) -> impl Iterator<Item = Note> {
    let misfits = (!stats.misfits.is_empty()).then(|| {
        let misfits = stats.describe_misfits();
        let text = format!("column `{column}`: {misfits} do not fit its type and are NULL");
        Note::of_column(NoteCode::ValuesSetToNull, column, text)
    });
    let nulls = (stats.dropped_nulls > 0).then(|| {
        let text = format!(
            "column `{column}`: {} × NULL in an array left out, because BigQuery cannot store it (`array_nulls`)",
            stats.dropped_nulls
        );
        Note::of_column(NoteCode::ArrayNullsDropped, column, text)
    });
    misfits.into_iter().chain(nulls)
}
