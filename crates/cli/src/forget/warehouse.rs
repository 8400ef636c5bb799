//! The rows of a key in a table of BigQuery.

use landbridge_core::plan::SourceColumn;
use landbridge_core::types::BigQueryType;
use landbridge_ledger::records::{self, Claim};

use super::Command;
use crate::failure::{Failure, Result};

/// The condition on the column that is called `name` in BigQuery.
pub(super) fn condition_on(command: &Command, column: &SourceColumn, name: &str) -> Result<String> {
    let key = &command.args.key;
    let entry = column.contract_key.as_ref().unwrap_or(&key.column);
    let contract = command.contract.tables.get(&command.args.table);
    let ty = contract.and_then(|it| it.columns.get(entry)).map(|it| it.bigquery_type);
    let name = format!("`{}`", name.replace('`', ""));
    match ty {
        Some(BigQueryType::Int64) => {
            let number: i64 = key.value.parse().map_err(|_| {
                Failure::Usage(format!("{} has whole numbers; write one", key.column))
            })?;
            Ok(format!("{name} = {number}"))
        }
        Some(BigQueryType::String) => {
            // GoogleSQL has the escapes of JSON but `\/`, which serde does not write.
            let text = serde_json::to_string(&key.value)
                .map_err(|_| Failure::Usage("the value cannot be written as text".to_owned()))?;
            Ok(format!("{name} = {text}"))
        }
        _ => Err(Failure::Usage(format!(
            "{} is neither INT64 nor STRING in BigQuery, so rows cannot be chosen by it exactly; use another key",
            key.column
        ))),
    }
}

/// Refuses while a load job may be writing the table, or may have written rows that are not proven yet.
pub(super) fn require_no_load(table: &str, claim: &Claim) -> Result {
    match claim.loading {
        None => Ok(()),
        Some(_) => Err(Failure::Failed(format!(
            "a load job may be writing {table} at this moment, or its rows are not proven yet; run the command again in some minutes (`landbridge status` shows what the load waits for)"
        ))),
    }
}

/// Rows of the key in BigQuery.
pub(super) async fn rows_in_warehouse(
    command: &Command,
    table: &str,
    condition: &str,
) -> Result<u64> {
    if table.is_empty() {
        return Ok(0);
    }
    // A load can also be about to create the table.
    let source = command.ledger.source();
    let of_table = source.value(&records::claim(table)).await?;
    let of_history = source.value(&records::history_claim(table)).await?;
    for claim in of_table.iter().chain(&of_history) {
        require_no_load(table, claim)?;
    }
    let dataset = &command.config.warehouse.dataset;
    if command.bigquery.table(dataset, table).await.map_err(super::with_rights)?.is_none() {
        return Ok(0);
    }
    let full = full(command, table);
    let sql = format!("SELECT COUNT(*) AS n FROM {full} WHERE {condition}");
    let request = format!("forget-count-{}", jiff::Timestamp::now().as_microsecond());
    let row =
        command.bigquery.query_row(table, &sql, &request).await.map_err(super::with_rights)?;
    let rows = row.get("n").and_then(Option::as_deref).and_then(|it| it.parse().ok());
    rows.ok_or_else(|| Failure::Failed(format!("the rows of {table} cannot be counted")))
}

/// The table's name in a query.
pub(super) fn full(command: &Command, table: &str) -> String {
    let warehouse = &command.config.warehouse;
    format!("`{}.{}.{table}`", warehouse.project, warehouse.dataset)
}
