//! Samples of the rows of PostgreSQL tables.

use tokio_postgres::{Client, SimpleQueryMessage};

use super::PostgresServer;
use crate::catalogue::{Storage, Table, quote_name};
use crate::error::Result;
use crate::sample::{MAX_CHARACTERS, Observer, SampleLimits};

/// Tables of at most so many blocks are read from their beginning; of larger ones, blocks all over
/// the table are sampled, because the first rows are often the oldest.
const SMALL_TABLE_BLOCKS: u64 = 1000;

/// How many blocks of a large table are sampled. A block is 8 KiB, so contains many rows or few wide ones.
const SAMPLED_BLOCKS: u64 = 200;

impl PostgresServer {
    /// [`crate::Database::sample`] for PostgreSQL.
    pub(crate) async fn sample(
        &self,
        tables: &[Table],
        limits: SampleLimits,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        let client = self.open_session().await?;
        let timeout = limits.timeout.as_millis();
        let begin =
            format!("SET default_transaction_read_only = on; SET statement_timeout = {timeout}");
        let error = |error: &tokio_postgres::Error| self.error("read a sample of", error);
        client.batch_execute(&begin).await.map_err(|e| error(&e))?;
        for (at, table) in tables.iter().enumerate() {
            let columns = texts(table);
            if columns.is_empty() {
                continue;
            }
            let sampled = async {
                let some = read(&client, table, &columns, &clause(table), limits.rows).await?;
                // A sample of blocks can miss the rows.
                let all = some.is_empty() && !clause(table).is_empty();
                if all { read(&client, table, &columns, "", limits.rows).await } else { Ok(some) }
            };
            match sampled.await {
                Ok(rows) => {
                    for (column, value) in rows.iter().flatten() {
                        observer.value(at, *column, value);
                    }
                }
                Err(e) if client.is_closed() => return Err(error(&e)),
                Err(e) => observer.failed(at, &error(&e)),
            }
        }
        Ok(())
    }
}

/// The positions of the columns whose values are texts, or can be shown as such.
fn texts(table: &Table) -> Vec<usize> {
    let columns = table.columns.iter().enumerate();
    columns.filter(|(_, column)| column.data_type != "bytea").map(|(at, _)| at).collect()
}

fn clause(table: &Table) -> String {
    match table.storage {
        Storage::Postgres { blocks, .. } if blocks > SMALL_TABLE_BLOCKS => {
            #[allow(clippy::cast_precision_loss)] // a percentage needs no 53 bits
            let percent = SAMPLED_BLOCKS as f64 * 100.0 / blocks as f64;
            format!(" TABLESAMPLE SYSTEM ({percent:.6})")
        }
        _ => String::new(),
    }
}

/// The values of some rows that are not NULL, each with the position of its column.
async fn read(
    client: &Client,
    table: &Table,
    columns: &[usize],
    clause: &str,
    rows: u32,
) -> Result<Vec<Vec<(usize, String)>>, tokio_postgres::Error> {
    let shown: Vec<String> = columns
        .iter()
        .map(|at| {
            format!("left({}::text, {MAX_CHARACTERS})", quote_name('"', &table.columns[*at].name))
        })
        .collect();
    let (schema, name) = (quote_name('"', &table.schema), quote_name('"', &table.name));
    let sql = format!("SELECT {} FROM {schema}.{name}{clause} LIMIT {rows}", shown.join(", "));
    let answer = client.simple_query(&sql).await?;
    let row = |message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    };
    let values = |row: tokio_postgres::SimpleQueryRow| {
        let value = |(field, at): (usize, &usize)| Some((*at, row.get(field)?.to_owned()));
        columns.iter().enumerate().filter_map(value).collect()
    };
    Ok(answer.into_iter().filter_map(row).map(values).collect())
}
