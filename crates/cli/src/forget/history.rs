//! The rows of a key in history tables: on every day that they keep.

use std::collections::BTreeSet;

use landbridge_core::calendar::Day;
use landbridge_core::names::{MOST_HISTORY_TABLES, history_table};
use landbridge_core::plan::{SourceColumn, TablePlan};
use landbridge_core::types::BigQueryType;
use landbridge_ledger::records;
use serde::Serialize;

use super::Command;
use super::warehouse::{condition_on, rows_in_warehouse};
use crate::failure::Result;
use crate::render;

/// A history table, and what it has of the key.
#[derive(Debug, Serialize)]
pub(super) struct HistoryRows {
    pub(super) table: String,
    /// Rows of the key, on all days.
    pub(super) rows: u64,
    /// Days on which the column has tokens or another class, so that rows cannot be chosen by it.
    pub(super) not_reached: Vec<Day>,
    /// The condition in BigQuery, which has the value; empty if no day can be reached.
    #[serde(skip)]
    pub(super) condition: String,
}

/// The history tables of the table, with the rows of the key in each. Changes nothing.
///
/// # Errors
/// `Failed` while a load may be writing one of them; any ledger or BigQuery error.
pub(super) async fn find(
    command: &Command,
    plan: &TablePlan,
    column: &SourceColumn,
) -> Result<Vec<HistoryRows>> {
    let mut found = Vec::new();
    if plan.table.is_empty() {
        return Ok(found);
    }
    for number in 1..=MOST_HISTORY_TABLES {
        let table = history_table(&plan.table, number);
        let name = records::history_claim(&table);
        let Some(claim) = command.ledger.source().value(&name).await? else { break };
        // By the column of the source: it can have had another name in BigQuery.
        let (mut names, mut not_reached) = (BTreeSet::new(), Vec::new());
        for day in claim.kept.days() {
            let Some(rows) = claim.kept.of_day(day) else { continue };
            let source = &column.parquet.name;
            let Some(of_day) = rows.columns.as_ref().and_then(|it| it.get(source)) else {
                continue;
            };
            let is_open = of_day.transform.is_none()
                && of_day.class.is_none()
                && matches!(of_day.ty, BigQueryType::Int64 | BigQueryType::String);
            match is_open {
                true => drop(names.insert(of_day.name(source).to_owned())),
                false => not_reached.push(day),
            }
        }
        let conditions = names.iter().map(|name| condition_on(command, column, name));
        let condition = conditions.collect::<Result<Vec<String>>>()?.join(" OR ");
        let rows = match condition.as_str() {
            "" => 0,
            condition => rows_in_warehouse(command, &table, condition).await?,
        };
        found.push(HistoryRows { table, rows, not_reached, condition });
    }
    Ok(found)
}

/// What the plan says of a history table.
pub(super) fn text(history: &HistoryRows) -> String {
    let HistoryRows { table, rows, not_reached, .. } = history;
    let rows = render::counted(usize::try_from(*rows).unwrap_or(usize::MAX), "row");
    let mut text =
        format!("\n  delete {rows} in BigQuery's table {table}, on all days that it keeps");
    if let Some(days) = days(not_reached) {
        text += &format!(
            "\n  not reached in {table}: the column has tokens, a class or another type on {days}; those rows go when the days expire, or with the table"
        );
    }
    text
}

/// The first and the last of some days.
pub(super) fn days(days: &[Day]) -> Option<String> {
    match days {
        [] => None,
        [day] => Some(day.to_string()),
        [first, .., last] => Some(format!("{} days from {first} to {last}", days.len())),
    }
}
