//! [`crate::scan`] for MySQL and MariaDB: the text protocol, row by row.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row, Value};

use super::MySqlServer;
use crate::catalogue::{Column, Table, quote_name};
use crate::cell::Cell;
use crate::error::Result;

/// An empty SQL mode, so that the server refuses no value that it has stored. It may wait for this client for an hour.
const BEGIN: [&str; 4] = [
    "SET NAMES utf8mb4",
    "SET SESSION time_zone = '+00:00', sql_mode = '', net_write_timeout = 3600",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
];

const PRIMARY_KEY: &str = "SELECT column_name FROM information_schema.key_column_usage \
    WHERE table_schema = ? AND table_name = ? AND constraint_name = 'PRIMARY' \
    ORDER BY ordinal_position";

pub(crate) async fn begin(server: &MySqlServer) -> Result<Conn> {
    let mut conn = server.open_session().await?;
    for statement in BEGIN {
        conn.query_drop(statement).await.map_err(|error| server.error("read", &error))?;
    }
    Ok(conn)
}

pub(crate) async fn primary_key(
    server: &MySqlServer,
    conn: &mut Conn,
    table: &Table,
) -> Result<Vec<String>> {
    conn.exec(PRIMARY_KEY, (&table.schema, &table.name))
        .await
        .map_err(|error| server.error("list the tables of", &error))
}

pub(crate) async fn rows(
    server: &MySqlServer,
    conn: &mut Conn,
    table: &Table,
    columns: &[usize],
    each: &mut (dyn FnMut(&[Cell<'_>]) + Send),
) -> Result<()> {
    let error = |error: &mysql_async::Error| server.error("read the rows of", error);
    let mut result = conn.query_iter(statement(table, columns)).await.map_err(|e| error(&e))?;
    while let Some(row) = result.next().await.map_err(|e| error(&e))? {
        each(&cells(&row, columns.len()));
    }
    Ok(())
}

fn cells(row: &Row, columns: usize) -> Vec<Cell<'_>> {
    let cell = |at| match row.as_ref(at) {
        Some(Value::Bytes(bytes)) => Some(bytes.as_slice()),
        // The text protocol has no other values.
        _ => None,
    };
    (0..columns).map(cell).collect()
}

fn statement(table: &Table, columns: &[usize]) -> String {
    let cells: Vec<String> = columns.iter().map(|at| expression(&table.columns[*at])).collect();
    // A query has at least one column.
    let cells = if cells.is_empty() { "1".to_owned() } else { cells.join(", ") };
    let (schema, name) = (quote_name('`', &table.schema), quote_name('`', &table.name));
    format!("SELECT {cells} FROM {schema}.{name}")
}

/// A FLOAT is read as the DOUBLE of the same value, because the server prints only six of its digits.
fn expression(column: &Column) -> String {
    let name = quote_name('`', &column.name);
    match column.data_type.split(' ').next() {
        Some("float") => format!("{name} + 0e0"),
        _ => name,
    }
}
