//! Samples of the rows of MySQL and MariaDB tables.

use mysql_async::prelude::Queryable;
use mysql_async::{Row, Value};

use super::{MySqlServer, disconnect};
use crate::catalogue::{Table, quote_name};
use crate::error::Result;
use crate::sample::{MAX_CHARACTERS, Observer, SampleLimits};

impl MySqlServer {
    /// [`crate::Database::sample`] for MySQL and MariaDB.
    pub(crate) async fn sample(
        &self,
        tables: &[Table],
        limits: SampleLimits,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        let mut conn = self.open_session().await?;
        let error = |error: &mysql_async::Error| self.error("read a sample of", error);
        conn.query_drop("SET SESSION TRANSACTION READ ONLY").await.map_err(|e| error(&e))?;
        // MySQL and MariaDB each know one of the two limits of time.
        for limit in [
            format!("SET SESSION max_execution_time = {}", limits.timeout.as_millis()),
            format!("SET SESSION max_statement_time = {}", limits.timeout.as_secs()),
        ] {
            _ = conn.query_drop(limit).await;
        }
        for (at, table) in tables.iter().enumerate() {
            let columns = texts(table);
            if columns.is_empty() {
                continue;
            }
            match conn.query::<Row, _>(statement(table, &columns, limits.rows)).await {
                Ok(rows) => {
                    for row in rows {
                        for (column, value) in columns.iter().zip(row.unwrap()) {
                            if let Value::Bytes(bytes) = value {
                                observer.value(at, *column, &String::from_utf8_lossy(&bytes));
                            }
                        }
                    }
                }
                Err(e) => observer.failed(at, &error(&e)),
            }
        }
        disconnect(conn).await;
        Ok(())
    }
}

/// The positions of the columns whose values are texts, or can be shown as such.
fn texts(table: &Table) -> Vec<usize> {
    let binary = |ty: &str| {
        ty.contains("blob") || ty.contains("binary") || ty == "bit" || ty.contains("geom")
    };
    let columns = table.columns.iter().enumerate();
    columns.filter(|(_, column)| !binary(&column.data_type)).map(|(at, _)| at).collect()
}

fn statement(table: &Table, columns: &[usize], rows: u32) -> String {
    let shown: Vec<String> = columns
        .iter()
        .map(|at| {
            format!(
                "LEFT(CAST({} AS CHAR), {MAX_CHARACTERS})",
                quote_name('`', &table.columns[*at].name)
            )
        })
        .collect();
    let (schema, name) = (quote_name('`', &table.schema), quote_name('`', &table.name));
    format!("SELECT {} FROM {schema}.{name} LIMIT {rows}", shown.join(", "))
}
