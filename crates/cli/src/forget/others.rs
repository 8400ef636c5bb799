//! The rows of a key in other tables than the one that each day replaces: histories, on every day that they keep, and
//! tables that the source table was in BigQuery under a former name, which nothing writes any more. The contract does not
//! describe these, so their columns are closed, and no row can be chosen in them: a person deletes them.

use std::collections::BTreeSet;

use landbridge_core::calendar::Day;
use landbridge_core::names::{MOST_HISTORY_TABLES, history_table};
use landbridge_core::plan::{SourceColumn, TablePlan};
use landbridge_core::types::BigQueryType;
use landbridge_ledger::records::{self, Claim};
use serde::Serialize;

use super::Command;
use super::warehouse::{condition_on, require_no_load, rows_in_warehouse};
use crate::failure::Result;
use crate::render;
use crate::requests::read_claims;

/// Another table, and what it has of the key.
#[derive(Debug, Serialize)]
pub(super) struct OtherTable {
    pub(super) table: String,
    /// Rows of the key, on all days.
    pub(super) rows: u64,
    /// Whether the table, or the one whose days it keeps, has another name now.
    pub(super) is_former: bool,
    /// Days on which the column is missing, or has tokens or another class, so that rows cannot be chosen by it.
    pub(super) not_reached: Vec<Day>,
    /// The condition in BigQuery, which has the value; empty if no day can be reached.
    #[serde(skip)]
    pub(super) condition: String,
}

/// The histories of the table, and its tables of former names with their histories, each with the rows of the key.
/// Changes nothing.
///
/// # Errors
/// `Failed` while a load may be writing one of them; any ledger or BigQuery error.
pub(super) async fn find(
    command: &Command,
    plan: &TablePlan,
    column: &SourceColumn,
) -> Result<Vec<OtherTable>> {
    let mut found = Vec::new();
    if !plan.table.is_empty() {
        for (table, claim) in histories(command, &plan.table).await? {
            found.push(look(command, column, table, &claim).await?);
        }
    }
    for (table, claim) in former(command, plan).await? {
        let rows = claim.loaded.iter().chain(&claim.loading);
        let days = rows.filter_map(|rows| rows.day).collect();
        found.extend(closed(command, table.clone(), days).await?);
        for (table, claim) in histories(command, &table).await? {
            let mut days = claim.kept.days();
            days.extend(claim.loading.and_then(|rows| rows.day));
            found.extend(closed(command, table, days).await?);
        }
    }
    Ok(found)
}

/// The history tables of a table, with their claims.
async fn histories(command: &Command, table: &str) -> Result<Vec<(String, Claim)>> {
    let mut found = Vec::new();
    for number in 1..=MOST_HISTORY_TABLES {
        let table = history_table(table, number);
        let name = records::history_claim(&table);
        let Some(claim) = command.ledger.source().value(&name).await? else { break };
        found.push((table, claim));
    }
    Ok(found)
}

/// A table of a former name, if it is still there.
async fn closed(command: &Command, table: String, days: Vec<Day>) -> Result<Option<OtherTable>> {
    let dataset = &command.config.warehouse.dataset;
    let live = command.bigquery.table(dataset, &table).await.map_err(super::with_rights)?;
    Ok(live.filter(|_| !days.is_empty()).map(|_| OtherTable {
        table,
        rows: 0,
        is_former: true,
        not_reached: days,
        condition: String::new(),
    }))
}

/// The tables that have rows of the source table and another name than the newest plan gives it, by their names.
async fn former(command: &Command, plan: &TablePlan) -> Result<Vec<(String, Claim)>> {
    let is_of = |claim: &Claim| {
        let mut rows = claim.loaded.iter().chain(&claim.loading);
        rows.any(|rows| rows.source_table == plan.source_table)
    };
    let claims = read_claims(&command.ledger).await?.into_iter();
    Ok(claims.filter(|(name, claim)| *name != plan.table && is_of(claim)).collect())
}

/// Counts the rows of the key in a history.
async fn look(
    command: &Command,
    column: &SourceColumn,
    table: String,
    claim: &Claim,
) -> Result<OtherTable> {
    // By the column of the source: it can have had another name in BigQuery.
    let (mut names, mut not_reached) = (BTreeSet::new(), Vec::new());
    let source = &column.parquet.name;
    for day in claim.kept.days() {
        let rows = claim.kept.of_day(day);
        let columns = rows.as_ref().and_then(|it| it.columns.as_ref());
        let of_day = columns.and_then(|it| it.get(source));
        let open = of_day.filter(|it| {
            it.transform.is_none()
                && it.class.is_none()
                && matches!(it.ty, BigQueryType::Int64 | BigQueryType::String)
        });
        match open {
            Some(of_day) => drop(names.insert(of_day.name(source).to_owned())),
            // The rows of the day are there without the column, too.
            None => not_reached.push(day),
        }
    }
    let conditions = names.iter().map(|name| condition_on(command, column, name));
    let condition = conditions.collect::<Result<Vec<String>>>()?.join(" OR ");
    require_no_load(&table, claim)?;
    let rows = match condition.as_str() {
        "" => 0,
        condition => rows_in_warehouse(command, &table, condition).await?,
    };
    Ok(OtherTable { table, rows, is_former: false, not_reached, condition })
}

/// What the plan says of a table.
pub(super) fn text(other: &OtherTable) -> String {
    let OtherTable { table, rows, is_former, .. } = other;
    let mut text = String::new();
    if !is_former {
        let rows = render::counted(usize::try_from(*rows).unwrap_or(usize::MAX), "row");
        text +=
            &format!("\n  delete {rows} in BigQuery's table {table}, on all days that it keeps");
    }
    if let Some((what, until)) = remains(other) {
        text += &format!("\n  not reached: {what}; {until}");
    }
    text
}

/// Rows that no condition reaches, and when they go.
pub(super) fn remains(other: &OtherTable) -> Option<(String, String)> {
    let (table, days) = (&other.table, days(&other.not_reached)?);
    Some(match other.is_former {
        true => (
            format!(
                "the rows of {days} in BigQuery's table {table}, whose columns are closed since the table has another name"
            ),
            "they go when a person deletes that table, which nothing writes any more".to_owned(),
        ),
        false => (
            format!(
                "the rows of {days} in BigQuery's table {table}, where the column is missing, or has tokens, a class or another type"
            ),
            "they go when the days expire, or with the table".to_owned(),
        ),
    })
}

/// The first and the last of some days.
fn days(days: &[Day]) -> Option<String> {
    match days {
        [] => None,
        [day] => Some(day.to_string()),
        [first, .., last] => Some(format!("{} days from {first} to {last}", days.len())),
    }
}
