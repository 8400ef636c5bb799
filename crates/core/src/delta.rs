//! Delta days: whether the rows of a table that changed can be applied to the rows that it has, and whether that
//! costs less than all rows. What must be the same on both days is in [`crate::unchanged`].

use crate::calendar::Day;
use crate::config::CLASS_NONE;
use crate::contract::TableContract;
use crate::cost::Prices;
use crate::plan::columns::columns_needing_scan;
use crate::plan::table::ResolvedTable;
use crate::plan::{SourceColumn, TablePlan};
use crate::protection::TableRows;
use crate::rewrite::Action;
use crate::types::BigQueryType;

/// What BigQuery charges for a scanned TiB on demand, in US dollars: more than in any location of its price list
/// (`BigQuery pricing`), so that a wrong guess is a full day.
const SCANNED_TIB_USD: f64 = 10.0;
/// The column of the statement that says whether a row was deleted. No column of the table may have its name.
pub const DELETED: &str = "landbridge_deleted";

/// The columns of a delta, by their names in BigQuery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeltaColumns {
    /// The columns of the key.
    pub key: Vec<String>,
    /// All columns of the objects, with those of the key.
    pub all: Vec<String>,
}

/// The columns of a delta of this table, or why the table is always transferred completely.
///
/// The statement reads the key in the table, so the key has the class `none` and its values as they are in the source.
/// Its source is read without a schema, so no column may need one to have its type.
///
/// # Errors
/// The reason, for people.
pub fn columns(
    plan: &TablePlan,
    contract: Option<&TableContract>,
    resolved: &ResolvedTable,
    key: &[String],
) -> Result<DeltaColumns, &'static str> {
    if !columns_needing_scan(&plan.columns).is_empty() {
        return Err("a column may stay text (`on_misfit: keep_text`)");
    }
    let in_objects =
        |column: &&SourceColumn| !matches!(column.action, Action::Drop | Action::SetNull);
    let landed = |source: &str| {
        resolved.columns.iter().find(|it| it.in_source && it.source_column == source)
    };
    let mut all = Vec::new();
    for column in plan.columns.iter().filter(in_objects) {
        let Some(desired) = landed(&column.parquet.name) else {
            return Err("a column of the export is not loaded");
        };
        if desired.repeated || desired.ty == BigQueryType::Json {
            return Err("it has a column of type JSON or an array");
        }
        if !is_plain(&desired.name) || desired.name.eq_ignore_ascii_case(DELETED) {
            return Err("the name of a column is not one of ASCII letters, digits and `_`");
        }
        all.push(desired.name.clone());
    }
    let key = key.iter().map(|name| key_column(plan, contract, resolved, name));
    let key = key.collect::<Result<Vec<_>, _>>()?;
    if key.is_empty() {
        return Err("its key has no column");
    }
    Ok(DeltaColumns { key, all })
}

/// The name of a key column in BigQuery.
fn key_column(
    plan: &TablePlan,
    contract: Option<&TableContract>,
    resolved: &ResolvedTable,
    name: &str,
) -> Result<String, &'static str> {
    const MISSING: &str = "a column of its key is not in the export or not in the contract";
    let column = plan.columns.iter().find(|it| it.parquet.name == name).ok_or(MISSING)?;
    let named = contract.and_then(|table| table.columns.get(column.key())).ok_or(MISSING)?;
    let desired = resolved.columns.iter().find(|it| it.in_source && it.source_column == name);
    let desired = desired.ok_or(MISSING)?;
    if named.class != CLASS_NONE {
        return Err("a column of its key has a class");
    }
    if named.transform.is_some() || !matches!(column.action, Action::Keep | Action::Annotate(_)) {
        return Err("a column of its key is changed on the way");
    }
    if !matches!(desired.ty, BigQueryType::Int64 | BigQueryType::String) {
        return Err("a column of its key is neither INT64 nor STRING");
    }
    Ok(desired.name.clone())
}

fn is_plain(name: &str) -> bool {
    let first = name.chars().next();
    first.is_some_and(|it| it.is_ascii_alphabetic() || it == '_')
        && name.chars().all(|it| it.is_ascii_alphanumeric() || it == '_')
}

/// The day on which all of these rows were loaded at once: that of the rows, or an earlier one if deltas followed.
pub fn full_day(rows: &TableRows) -> Option<Day> {
    rows.full_on.or(rows.day)
}

/// Whether a statement that scans `scanned` bytes, with `delta` bytes that leave AWS for it, costs less than the
/// `full` bytes of the whole table. By list prices beyond free allowances; without the prices of the region, no.
pub fn is_cheaper(region: &str, scanned: u64, delta: u64, full: u64) -> bool {
    let prices = Prices::shipped().ok();
    let out =
        prices.as_ref().and_then(|prices| prices.aws(region).ok()).map(|it| it.egress_gib.usd);
    let Some(out) = out else { return false };
    #[expect(clippy::cast_precision_loss, reason = "prices need no more than 53 bits of bytes")]
    let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
    gib(scanned) / 1024.0 * SCANNED_TIB_USD + gib(delta) * out < gib(full) * out
}

#[cfg(test)]
mod tests;
