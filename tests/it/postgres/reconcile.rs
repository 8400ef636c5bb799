//! What a PostgreSQL table holds and what landed of it, cell by cell.
//!
//! PostgreSQL's side is asked in the plain text protocol, each cell as the server itself
//! prints it: not by the way on which the snapshot was taken.

use std::fmt::Write;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::record_batch::RecordBatch;
use tokio_postgres::{Client, SimpleQueryMessage};

type Row = Vec<Option<String>>;

/// A contract for every table of schema `public`: types by the documented rules of an
/// export, `class` for the class of a table's column.
pub(crate) async fn contract(
    client: &Client,
    class: impl Fn(&str, &str) -> &'static str,
) -> String {
    let columns = "SELECT table_name::text, column_name::text, data_type::text
         FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2";
    let mut text = String::from("version: 1\ntables:\n");
    let mut last = String::new();
    for row in client.query(columns, &[]).await.expect("a catalogue") {
        let (table, column, source): (String, &str, &str) = (row.get(0), row.get(1), row.get(2));
        if table != last {
            writeln!(text, "  public.{table}:\n    columns:").expect("memory");
        }
        let lands = match source {
            "smallint" | "integer" | "bigint" => "INT64",
            "double precision" => "FLOAT64",
            "boolean" => "BOOL",
            "bytea" => "BYTES",
            _ => "STRING",
        };
        let class = class(&table, column);
        writeln!(text, "      {column}: {{ source: {source}, type: {lands}, class: {class} }}")
            .expect("memory");
        last = table;
    }
    text
}

/// All rows of a table as PostgreSQL prints them, with the names of its columns.
pub(crate) async fn source_rows(client: &Client, table: &str) -> (Vec<String>, Vec<Row>) {
    let select = format!("SELECT * FROM {table}");
    let (mut names, mut rows) = (Vec::new(), Vec::new());
    for message in client.simple_query(&select).await.expect("rows") {
        match message {
            SimpleQueryMessage::RowDescription(columns) => {
                names = columns.iter().map(|column| column.name().to_owned()).collect();
            }
            SimpleQueryMessage::Row(row) => {
                rows.push((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect());
            }
            _ => {}
        }
    }
    (names, rows)
}

/// All rows of a warehouse table in PostgreSQL's notation, columns in the order of `names`.
pub(super) fn landed_rows(batches: &[RecordBatch], names: &[String]) -> Vec<Row> {
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<Row> = names
            .iter()
            .map(|name| {
                cells(batch.column_by_name(name).unwrap_or_else(|| panic!("no column {name}")))
            })
            .collect();
        assert_eq!(batch.num_columns(), names.len(), "columns that nobody sent");
        let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
        rows.extend((0..batch.num_rows()).map(|_| {
            columns.iter_mut().map(|column| column.next().expect("a cell")).collect::<Row>()
        }));
    }
    rows
}

fn cells(column: &dyn Array) -> Row {
    fn text<T>(cells: impl Iterator<Item = Option<T>>, print: impl Fn(T) -> String) -> Row {
        cells.map(|cell| cell.map(&print)).collect()
    }
    match column.data_type() {
        DataType::Utf8 => text(column.as_string::<i32>().iter(), str::to_owned),
        DataType::Int64 => text(column.as_primitive::<Int64Type>().iter(), |it| it.to_string()),
        // The shortest digits that give the same number, in both.
        DataType::Float64 => text(column.as_primitive::<Float64Type>().iter(), |it| it.to_string()),
        DataType::Boolean => {
            text(column.as_boolean().iter(), |it| if it { "t" } else { "f" }.to_owned())
        }
        DataType::Binary => text(column.as_binary::<i32>().iter(), |it| {
            it.iter().fold("\\x".to_owned(), |text, byte| format!("{text}{byte:02x}"))
        }),
        other => panic!("no column of this test lands as {other}"),
    }
}

/// The same rows as often in both, in whatever order. Says the first cell that differs; the
/// data is made up, so it may be shown.
pub(super) fn assert_same(
    table: &str,
    names: &[String],
    mut source: Vec<Row>,
    mut landed: Vec<Row>,
) {
    assert_eq!(source.len(), landed.len(), "rows of {table}");
    source.sort_unstable();
    landed.sort_unstable();
    for (source, landed) in source.iter().zip(&landed) {
        for ((name, source), landed) in names.iter().zip(source).zip(landed) {
            assert_eq!(source, landed, "{table}.{name}");
        }
    }
}
