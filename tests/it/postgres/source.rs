//! The PostgreSQL side: fills tables, and reads them over the plain text protocol.

use std::fmt::Write;
use std::pin::pin;

use bytes::Bytes;
use futures::{SinkExt, TryStreamExt};
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::reconcile::Rows;
use crate::tpch;

/// The columns of a table: name and type.
pub(super) async fn columns(client: &Client, table: &str) -> Vec<(String, String)> {
    let columns = "SELECT column_name::text, data_type::text FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name = $1 ORDER BY ordinal_position";
    let rows = client.query(columns, &[&table]).await.expect("a catalogue");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// A contract for every table of schema `public`: types by the documented rules of an
/// export; `class` returns the class of a column.
pub(super) async fn contract(
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
        let column_type = match source {
            "smallint" | "integer" | "bigint" => "INT64",
            "double precision" => "FLOAT64",
            "boolean" => "BOOL",
            "bytea" => "BYTES",
            _ => "STRING",
        };
        let class = class(&table, column);
        writeln!(
            text,
            "      {column}: {{ source: {source}, type: {column_type}, class: {class} }}"
        )
        .expect("memory");
        last = table;
    }
    text
}

/// Adds all rows of a table, as PostgreSQL prints them.
pub(super) async fn read(client: &Client, table: &str, rows: &mut Rows) {
    let columns = columns(client, table).await;
    let binary: Vec<bool> = columns.iter().map(|(_, ty)| ty == "bytea").collect();
    let select = columns.iter().map(|(name, ty)| match ty.as_str() {
        // The same number as the loaded one, with as many digits as a double has.
        "real" => format!("\"{name}\"::float8"),
        _ => format!("\"{name}\""),
    });
    let select = format!("SELECT {} FROM \"{table}\"", select.collect::<Vec<_>>().join(", "));
    let mut stream = pin!(client.simple_query_raw(&select).await.expect("a query"));
    while let Some(message) = stream.try_next().await.expect("rows") {
        if let SimpleQueryMessage::Row(row) = message {
            let cells = (0..row.len()).map(|at| {
                let cell = row.get(at)?;
                Some(if binary[at] { unhex(&cell[2..]) } else { cell.as_bytes().to_vec() })
            });
            let cells: Vec<Option<Vec<u8>>> = cells.collect();
            rows.add(cells.iter().map(Option::as_deref));
        }
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("ASCII"));
    digits.map(|pair| u8::from_str_radix(pair, 16).expect("two digits")).collect()
}

/// Creates the tables of TPC-H and fills them with COPY.
pub(super) async fn load_tpch(client: &Client) {
    client.batch_execute(tpch::SCHEMA).await.expect("the tables");
    for (table, rows) in tpch::TABLES {
        let copy = format!("COPY {table} FROM STDIN (FORMAT csv)");
        let mut sink = pin!(client.copy_in(&copy).await.expect("a COPY"));
        sink.send(Bytes::from(tpch::csv(table).await)).await.expect("bytes to go");
        let copied = sink.as_mut().finish().await.expect("rows that the table takes");
        assert_eq!(copied, rows as u64, "{table}");
    }
}
