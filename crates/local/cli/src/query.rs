//! `landbridge query`: queries the warehouse of the running local cloud.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use landbridge_cli_support::paint::Paint;
use landbridge_cli_support::render::{self, Column, counted, left, right};
use landbridge_local::Principal;
use serde_json::{Value, json};

use crate::bigquery::{BigQuery, Field, QueryRows};
use crate::failure::{Failure, Result};
use crate::up::{self, RunningCloud};

/// How a table shows NULL.
const NULL: &str = "NULL";

/// The output format of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowsOutput {
    /// A table
    #[default]
    Text,
    /// One object with `columns` and `rows`; a row is an object, numbers and booleans are no texts
    Json,
    /// RFC 4180 lines with a header; NULL is an empty field, an empty string is ""
    Csv,
}

/// Query the warehouse of the running local cloud
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge query --as analyst 'SELECT name, email FROM creators ORDER BY id LIMIT 3'
  landbridge query --as pii-reader 'SELECT name, email FROM creators ORDER BY id LIMIT 3'
  landbridge query --as stranger 'SELECT id, tier, active FROM creators LIMIT 3'
  landbridge query --as analyst --output csv 'SELECT * FROM landbridge_ops.receipts'
  landbridge query --as analyst --file report.sql
  echo 'SELECT 1' | landbridge query --as analyst

Users:
  analyst         sees masked values of every class; unclassified columns are NULL
  pii-reader      sees the plain values of every class; unclassified columns are NULL
  stranger        may read the dataset, but a query of a tagged column is refused
  loader          the functions' account: writes all tables, cannot read tagged columns
  models          the account of analysts' models: sees masks, writes the dataset of the models
  ga4-export      Google's account that writes the GA4 export
  project-viewer  has the basic role Viewer on the project: may not read the datasets
  reviewer        reads policies, the list of jobs and records of access: may not read the datasets

A table name without a dataset refers to `warehouse.dataset`. If BigQuery refuses the query, the
exit code is 3.")]
pub(crate) struct QueryArgs {
    /// The user that runs the query; see below
    #[arg(long = "as", value_name = "USER", value_parser = parse_principal)]
    pub(crate) user: Principal,
    /// The query, in GoogleSQL; without it, or with `-`, it is read from standard input
    pub(crate) sql: Option<String>,
    /// A file with the query
    #[arg(long, value_name = "FILE", conflicts_with = "sql")]
    pub(crate) file: Option<PathBuf>,
    /// The output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: RowsOutput,
    /// The data directory of `landbridge local up`
    #[arg(long, value_name = "DIR", default_value = up::DEFAULT_DATA_DIR)]
    pub(crate) data_dir: PathBuf,
}

fn parse_principal(name: &str) -> Result<Principal, String> {
    Principal::parse(name).ok_or_else(|| {
        let names: Vec<&str> = Principal::ALL.iter().map(|principal| principal.name()).collect();
        format!("must be one of {}", names.join(", "))
    })
}

/// The query of the command line, of a file or of standard input.
///
/// # Errors
/// [`Failure::Usage`] if there is none, or its file cannot be read.
fn statement(args: &QueryArgs) -> Result<String> {
    if let Some(path) = &args.file {
        return std::fs::read_to_string(path).map_err(|error| {
            Failure::Usage(format!("cannot read the query in {}: {error}", path.display()))
        });
    }
    match args.sql.as_deref() {
        Some(sql) if sql != "-" => return Ok(sql.to_owned()),
        None if std::io::stdin().is_terminal() => {
            return Err(Failure::Usage(
                "the query is missing: give it as an argument, with --file, or on standard input"
                    .to_owned(),
            ));
        }
        _ => {}
    }
    let sql = std::io::read_to_string(std::io::stdin());
    sql.map_err(|error| Failure::Usage(format!("cannot read the query: {error}")))
}

/// Rows as objects by the columns' names, which are different.
fn to_json(result: &QueryRows) -> Value {
    let object = |row: &Vec<Value>| -> Value {
        let names = result.columns.iter().map(|it| it.name.clone());
        names.zip(row.iter().cloned()).collect::<serde_json::Map<_, _>>().into()
    };
    json!({"columns": result.columns, "rows": result.rows.iter().map(object).collect::<Vec<_>>()})
}

/// Runs the command.
pub(crate) async fn run(args: QueryArgs) -> Result {
    let sql = statement(&args)?;
    let cloud = RunningCloud::read(&args.data_dir)?;
    let result = BigQuery::new(cloud.warehouse)?.query(args.user, &sql).await?;
    match args.output {
        RowsOutput::Json => render::json(&to_json(&result)),
        RowsOutput::Csv => render::print(&to_csv(&result)),
        RowsOutput::Text => {
            let rows = result.rows.iter().map(|row| row.iter().map(cell_text).collect()).collect();
            render::print(&render::table(&table_columns(&result), rows, 0))?;
            let paint = Paint::stdout();
            render::print(&paint.dim(&format!(
                "{}, as {} sees them",
                counted(result.rows.len(), "row"),
                args.user.name()
            )))
        }
    }
}

/// The columns of a text table, with numbers aligned to the right.
fn table_columns(result: &QueryRows) -> Vec<Column> {
    let numeric = ["INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC"];
    let column = |field: &Field| {
        if numeric.contains(&field.ty.as_str()) { right(&field.name) } else { left(&field.name) }
    };
    result.columns.iter().map(column).collect()
}

/// A value as the text of a table cell.
pub(crate) fn cell_text(value: &Value) -> String {
    match value {
        Value::Null => NULL.to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn to_csv(result: &QueryRows) -> String {
    let line = |cells: Vec<String>| cells.join(",") + "\r\n";
    let header = line(result.columns.iter().map(|field| csv_field(&field.name)).collect());
    let rows = result.rows.iter().map(|row| {
        line(
            row.iter()
                .map(
                    |value| {
                        if value.is_null() { String::new() } else { csv_field(&cell_text(value)) }
                    },
                )
                .collect(),
        )
    });
    [header].into_iter().chain(rows).collect()
}

/// A field as RFC 4180 writes it. An empty string is quoted, so that it differs from NULL.
fn csv_field(text: &str) -> String {
    if text.is_empty() || text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_objects_by_the_names_of_the_columns() {
        let columns = vec![Field { name: "id".to_owned(), ty: "INT64".to_owned() }];
        let result = QueryRows { columns, rows: vec![vec![json!(7)]] };
        assert_eq!(
            to_json(&result),
            json!({"columns": [{"name": "id", "type": "INT64"}], "rows": [{"id": 7}]})
        );
    }

    #[test]
    fn csv_distinguishes_null_from_an_empty_string() {
        let field = |name: &str| Field { name: name.to_owned(), ty: "STRING".to_owned() };
        let result = QueryRows {
            columns: vec![field("a"), field("b")],
            rows: vec![vec![json!("plain"), json!(null)], vec![json!(""), json!("a \"b\",\nc")]],
        };
        expect_test::expect![[r#"
            a,b
            plain,
            "","a ""b"",
            c"
        "#]]
        .assert_eq(&to_csv(&result).replace("\r\n", "\n"));
    }
}
