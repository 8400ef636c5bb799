//! [`crate::fill`] for PostgreSQL: one transaction.

use std::time::Duration;

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::PostgresServer;
use crate::catalogue::quote_name;
use crate::error::{FILL, Result, SourceError};
use crate::new_table::NewTable;

/// How often, and with which pause, the state of a transaction is asked for after its answer was lost: the server may not yet
/// have seen that the connection is gone.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(500);

pub(crate) async fn begin(server: &PostgresServer, table: &NewTable) -> Result<Client> {
    let client = server.open_session().await?;
    client.batch_execute(&table.begin).await.map_err(|error| {
        // Of two sessions that make a table at once, the second one violates an index of the catalogue.
        let taken = [&SqlState::DUPLICATE_TABLE, &SqlState::UNIQUE_VIOLATION];
        if error.code().is_some_and(|code| taken.contains(&code)) {
            return SourceError::TableExists { table: table.name.clone(), place: server.place() };
        }
        server.error(FILL, &error)
    })?;
    Ok(client)
}

pub(crate) async fn insert(
    server: &PostgresServer,
    client: &Client,
    statement: &str,
) -> Result<()> {
    client.batch_execute(statement).await.map_err(|error| server.error(FILL, &error))
}

pub(crate) async fn finish(
    server: &PostgresServer,
    client: Client,
    table: &NewTable,
    rows: u64,
) -> Result<()> {
    let error = |error: &tokio_postgres::Error| server.error(FILL, error);
    let (schema, name) = (quote_name('"', &table.schema), quote_name('"', &table.name));
    let count = format!("SELECT count(*), txid_current() FROM {schema}.{name}");
    let row = client.query_one(&count, &[]).await.map_err(|e| error(&e))?;
    let found = u64::try_from(row.get::<_, i64>(0)).unwrap_or_default();
    if found != rows {
        let (table, place) = (table.name.clone(), server.place());
        return Err(SourceError::RowsDiffer { table, place, found, expected: rows });
    }
    match client.batch_execute("COMMIT").await {
        Ok(()) => Ok(()),
        Err(refused) if refused.as_db_error().is_some() => Err(error(&refused)),
        Err(lost) => {
            drop(client);
            match is_committed(server, row.get(1)).await {
                Some(true) => Ok(()),
                Some(false) => Err(error(&lost)),
                None => Err(SourceError::EndUnknown {
                    table: table.name.clone(),
                    place: server.place(),
                }),
            }
        }
    }
}

/// Whether a transaction of which the answer was lost took effect; `None` if the server does not say it.
async fn is_committed(server: &PostgresServer, transaction: i64) -> Option<bool> {
    let client = server.open_session().await.ok()?;
    for _ in 0..ATTEMPTS {
        let row = client.query_one("SELECT txid_status($1)", &[&transaction]).await.ok()?;
        match row.get::<_, Option<&str>>(0) {
            Some("committed") => return Some(true),
            Some("aborted") => return Some(false),
            Some("in progress") => tokio::time::sleep(PAUSE).await,
            _ => return None,
        }
    }
    None
}
