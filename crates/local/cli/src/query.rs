//! `landbridge query`: asking the running local cloud's warehouse.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use landbridge_cli_support::paint::Paint;
use landbridge_cli_support::render::{self, Column, counted, left, right};
use landbridge_local::Principal;
use serde_json::Value;

use crate::bigquery::{BigQuery, Rows};
use crate::failure::Result;
use crate::up;

/// What stands for NULL in a table.
const NULL: &str = "NULL";

/// How rows are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowsOutput {
    /// A table
    #[default]
    Text,
    /// One object with `columns` and `rows`
    Json,
    /// Lines as of RFC 4180, with a header; NULL is nothing between the commas
    Csv,
}

/// Ask the warehouse of the running local cloud
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge query --as analyst 'SELECT name, email FROM creators ORDER BY id LIMIT 3'
  landbridge query --as pii-reader 'SELECT name, email FROM creators ORDER BY id LIMIT 3'
  landbridge query --as stranger 'SELECT id, tier, active FROM creators LIMIT 3'
  landbridge query --as analyst --output csv 'SELECT * FROM landbridge_ops.receipts'

Who there is:
  analyst     sees every class of personal data masked
  pii-reader  sees every class plain, but no unclassified column
  stranger    may read the dataset, but no tagged column in any form
  loader      the functions themselves: write everything, read nothing that is tagged

Tables without a dataset are those of `warehouse.dataset`. A refusal ends with exit code 3.")]
pub(crate) struct QueryArgs {
    /// As whom
    #[arg(long = "as", value_name = "WHO", value_parser = principal)]
    pub(crate) who: Principal,
    /// GoogleSQL
    pub(crate) sql: String,
    /// How the rows are shown
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: RowsOutput,
    /// Where `landbridge local up` keeps its data
    #[arg(long, value_name = "DIR", default_value = up::DIR)]
    pub(crate) data_dir: PathBuf,
}

fn principal(name: &str) -> Result<Principal, String> {
    Principal::parse(name).ok_or_else(|| {
        let names: Vec<&str> = Principal::ALL.iter().map(|principal| principal.name()).collect();
        format!("nobody of that name: {}", names.join(", "))
    })
}

/// Runs the command.
pub(crate) async fn run(args: QueryArgs) -> Result {
    let state = up::State::read(&args.data_dir)?;
    let found = BigQuery::new(state.warehouse)?.query(args.who, &args.sql).await?;
    match args.output {
        RowsOutput::Json => render::json(&found),
        RowsOutput::Csv => render::print(&csv(&found)),
        RowsOutput::Text => {
            let rows = found.rows.iter().map(|row| row.iter().map(text).collect()).collect();
            render::print(&render::table(&columns(&found), rows, 0))?;
            let paint = Paint::stdout();
            render::print(&paint.dim(&format!(
                "{}, as {} sees them",
                counted(found.rows.len(), "row"),
                args.who.name()
            )))
        }
    }
}

/// The columns of a table of rows: numbers to the right.
pub(crate) fn columns(found: &Rows) -> Vec<Column> {
    let number = ["INTEGER", "INT64", "FLOAT", "FLOAT64", "NUMERIC", "BIGNUMERIC"];
    let column = |field: &crate::bigquery::Field| {
        if number.contains(&field.ty.as_str()) { right(&field.name) } else { left(&field.name) }
    };
    found.columns.iter().map(column).collect()
}

/// A value as a cell of a table.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Null => NULL.to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn csv(found: &Rows) -> String {
    let line = |cells: Vec<String>| cells.join(",") + "\r\n";
    let header = line(found.columns.iter().map(|field| quoted(&field.name)).collect());
    let rows = found.rows.iter().map(|row| {
        line(
            row.iter()
                .map(|value| if value.is_null() { String::new() } else { quoted(&text(value)) })
                .collect(),
        )
    });
    [header].into_iter().chain(rows).collect()
}

/// As of RFC 4180. Empty text is quoted, so that it differs from NULL.
fn quoted(text: &str) -> String {
    if text.is_empty() || text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::bigquery::Field;

    #[test]
    fn csv_tells_null_from_empty_text() {
        let field = |name: &str| Field { name: name.to_owned(), ty: "STRING".to_owned() };
        let found = Rows {
            columns: vec![field("a"), field("b")],
            rows: vec![vec![json!("plain"), json!(null)], vec![json!(""), json!("a \"b\",\nc")]],
        };
        expect_test::expect![[r#"
            a,b
            plain,
            "","a ""b"",
            c"
        "#]]
        .assert_eq(&csv(&found).replace("\r\n", "\n"));
    }
}
