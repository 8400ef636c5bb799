//! [`crate::scan`] for PostgreSQL: `COPY … TO STDOUT` in its text format, which is streamed and writes each value by its
//! type's output function (PostgreSQL documentation, "COPY").

use std::pin::pin;

use bytes::{Buf, BytesMut};
use futures::TryStreamExt;
use tokio_postgres::Client;

use super::PostgresServer;
use crate::catalogue::{Storage, Table, quote_name};
use crate::cell::Cell;
use crate::error::Result;

/// Values as an export writes them. Row-level security is an error instead of hiding rows (PostgreSQL documentation,
/// "Client Connection Defaults", `row_security`).
const BEGIN: &str = "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; \
    SET bytea_output = 'hex'; SET extra_float_digits = 1; SET client_encoding = 'UTF8'; \
    SET statement_timeout = 0; SET row_security = off; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

const PRIMARY_KEY: &str = "SELECT a.attname::text FROM pg_index i \
    CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, place) \
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
    WHERE i.indisprimary AND i.indrelid = to_regclass(quote_ident($1) || '.' || quote_ident($2)) \
    ORDER BY k.place";

pub(crate) async fn begin(server: &PostgresServer) -> Result<Client> {
    let client = server.open_session().await?;
    client.batch_execute(BEGIN).await.map_err(|error| server.error("read", &error))?;
    Ok(client)
}

pub(crate) async fn primary_key(
    server: &PostgresServer,
    client: &Client,
    table: &Table,
) -> Result<Vec<String>> {
    let rows = client.query(PRIMARY_KEY, &[&table.schema, &table.name]).await;
    let rows = rows.map_err(|error| server.error("list the tables of", &error))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

pub(crate) async fn rows(
    server: &PostgresServer,
    client: &Client,
    table: &Table,
    columns: &[usize],
    each: &mut (dyn FnMut(&[Cell<'_>]) + Send),
) -> Result<()> {
    let error = |error: &tokio_postgres::Error| server.error("read the rows of", error);
    let copy = client.copy_out(statement(table, columns).as_str()).await;
    let mut chunks = pin!(copy.map_err(|e| error(&e))?);
    let binary: Vec<bool> =
        columns.iter().map(|at| table.columns[*at].data_type == "bytea").collect();
    let (mut buffer, mut line) = (BytesMut::new(), Line::default());
    while let Some(chunk) = chunks.try_next().await.map_err(|e| error(&e))? {
        buffer.extend_from_slice(&chunk);
        while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
            line.read(&buffer[..end], &binary);
            each(&line.cells());
            buffer.advance(end + 1);
        }
    }
    Ok(())
}

fn statement(table: &Table, columns: &[usize]) -> String {
    let names: Vec<String> =
        columns.iter().map(|at| quote_name('"', &table.columns[*at].name)).collect();
    // As an export: rows of a table that inherits from this one are not read twice.
    let only = match table.storage {
        Storage::Postgres { partitioned: false, .. } => "ONLY ",
        _ => "",
    };
    let (schema, name) = (quote_name('"', &table.schema), quote_name('"', &table.name));
    format!("COPY (SELECT {} FROM {only}{schema}.{name}) TO STDOUT", names.join(", "))
}

/// The cells of a line in the text format of COPY.
#[derive(Default)]
struct Line {
    bytes: Vec<u8>,
    /// Where each cell ends in `bytes`; `None` for NULL.
    ends: Vec<Option<usize>>,
}

impl Line {
    /// Replaces the cells by the cells of a line without its end.
    fn read(&mut self, line: &[u8], binary: &[bool]) {
        self.bytes.clear();
        self.ends.clear();
        if binary.is_empty() {
            return;
        }
        for (cell, binary) in line.split(|byte| *byte == b'\t').zip(binary) {
            if cell == b"\\N" {
                self.ends.push(None);
                continue;
            }
            // The backslash of `\x` is written twice.
            match cell.strip_prefix(b"\\\\x").filter(|_| *binary) {
                Some(digits) => self.push_hex(digits),
                None => self.push_text(cell),
            }
            self.ends.push(Some(self.bytes.len()));
        }
    }

    fn push_hex(&mut self, digits: &[u8]) {
        let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default() as u8;
        self.bytes
            .extend(digits.as_chunks::<2>().0.iter().map(|[a, b]| digit(*a) << 4 | digit(*b)));
    }

    fn push_text(&mut self, cell: &[u8]) {
        let mut bytes = cell.iter().copied();
        while let Some(byte) = bytes.next() {
            let byte = match byte {
                b'\\' => match bytes.next() {
                    Some(b'b') => 8,
                    Some(b'f') => 12,
                    Some(b'n') => b'\n',
                    Some(b'r') => b'\r',
                    Some(b't') => b'\t',
                    Some(b'v') => 11,
                    Some(other) => other,
                    None => b'\\',
                },
                other => other,
            };
            self.bytes.push(byte);
        }
    }

    fn cells(&self) -> Vec<Cell<'_>> {
        let mut start = 0;
        let cell = |end: &Option<usize>| {
            let cell = end.map(|end| &self.bytes[start..end]);
            start = end.unwrap_or(start);
            cell
        };
        self.ends.iter().map(cell).collect()
    }
}

#[cfg(test)]
mod tests {
    use landbridge_local_database::TestPostgres;
    use tokio_postgres::NoTls;

    use super::*;
    use crate::Database;
    use crate::catalogue::NOT_READABLE;

    #[tokio::test]
    async fn rows_that_a_policy_hides_are_an_error_and_not_missing() {
        let server = tokio::task::spawn_blocking(TestPostgres::start).await.unwrap();
        let server = server.unwrap_or_else(|error| panic!("{error}"));
        let url = server.url();
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        tokio::spawn(connection);
        let tables =
            "CREATE ROLE reader LOGIN; CREATE TABLE orders AS SELECT generate_series(1, 20) AS id;
            GRANT SELECT ON orders TO reader; ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
            CREATE POLICY few ON orders USING (id < 10)";
        client.batch_execute(tables).await.unwrap();
        let (_, place) = url.split_once('@').unwrap();
        let reader = Database::connect(&format!("postgres://reader@{place}"), None).await.unwrap();
        let tables = reader.tables().await.unwrap();
        let table = tables.iter().find(|it| it.name == "orders").unwrap();
        assert_eq!(table.skip_reason.as_deref(), Some(NOT_READABLE));
        let mut scan = reader.scan().await.unwrap();
        let mut rows = 0;
        let read = scan.rows(table, &[0], &mut |_| rows += 1).await;
        let message = read.unwrap_err().to_string();
        assert!(message.contains("42501") && message.contains("BYPASSRLS"), "{message}");
        assert_eq!(rows, 0);
    }

    #[test]
    fn a_line_of_copy() {
        let mut line = Line::default();
        let read = |line: &mut Line, text: &str, binary: &[bool]| -> Vec<Option<Vec<u8>>> {
            line.read(text.as_bytes(), binary);
            line.cells().into_iter().map(|cell| cell.map(<[u8]>::to_vec)).collect()
        };
        let cell = |text: &[u8]| Some(text.to_vec());
        assert_eq!(
            read(&mut line, "a\\tb\t\\N\t\t\\\\N\\n\\\\", &[false; 4]),
            [cell(b"a\tb"), None, cell(b""), cell(b"\\N\n\\")]
        );
        assert_eq!(
            read(&mut line, "\\\\x00fF5c\t\\\\x", &[true, false]),
            [cell(b"\x00\xff\\"), cell(b"\\x"),]
        );
        assert_eq!(read(&mut line, "\\\\x", &[true]), [cell(b"")]);
        assert_eq!(read(&mut line, "", &[]), []);
    }
}
