//! [`crate::fill`] for MySQL and MariaDB: a table that is filled under another name and then renamed.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error};

use super::{MySqlServer, disconnect};
use crate::catalogue::quote_name;
use crate::error::{FILL, Result, SourceError};
use crate::new_table::{NewTable, STAGING_COMMENT, staging_name};

/// The comment of a table or view, if there is one of this name.
const COMMENT: &str = "SELECT table_comment FROM information_schema.tables \
    WHERE table_schema = ? AND table_name = ?";

/// "Table … already exists" (MySQL documentation, "Server Error Message Reference").
const EXISTS: u16 = 1050;

pub(crate) async fn begin(server: &MySqlServer, table: &NewTable) -> Result<Conn> {
    let mut conn = server.open_session().await?;
    let staging = staging_name(&table.name);
    // The server releases it when the connection ends. Without it, two commands would drop each other's table.
    let lock: Option<u8> = conn
        .exec_first("SELECT GET_LOCK(?, 0)", (&staging,))
        .await
        .map_err(|error| server.error(FILL, &error))?;
    if lock != Some(1) {
        return Err(SourceError::TableBusy { table: table.name.clone(), place: server.place() });
    }
    let exists =
        |name: &str| SourceError::TableExists { table: name.to_owned(), place: server.place() };
    let error = |error: Error| server.error(FILL, &error);
    if comment(&mut conn, table, &table.name).await.map_err(error)?.is_some() {
        return Err(exists(&table.name));
    }
    match comment(&mut conn, table, &staging).await.map_err(error)? {
        Some(found) if found == STAGING_COMMENT => {
            conn.query_drop(format!("DROP TABLE {}", full(table, &staging)))
                .await
                .map_err(error)?;
        }
        Some(_) => return Err(exists(&staging)),
        None => {}
    }
    conn.query_drop(&table.begin).await.map_err(error)?;
    Ok(conn)
}

pub(crate) async fn insert(server: &MySqlServer, conn: &mut Conn, statement: &str) -> Result<()> {
    conn.query_drop(statement).await.map_err(|error| server.error(FILL, &error))
}

pub(crate) async fn finish(
    server: &MySqlServer,
    mut conn: Conn,
    table: &NewTable,
    rows: u64,
) -> Result<()> {
    let staging = full(table, &staging_name(&table.name));
    let count = conn.query_first(format!("SELECT COUNT(*) FROM {staging}")).await;
    let found = match count {
        Ok(found) => found.unwrap_or_default(),
        Err(error) => {
            abandon(conn, table).await;
            return Err(server.error(FILL, &error));
        }
    };
    if found != rows {
        abandon(conn, table).await;
        let (table, place) = (table.name.clone(), server.place());
        return Err(SourceError::RowsDiffer { table, place, found, expected: rows });
    }
    let new = full(table, &table.name);
    // It commits the rows, and fails if the name is taken.
    match conn.query_drop(format!("RENAME TABLE {staging} TO {new}")).await {
        Ok(()) => {
            disconnect(conn).await;
            Ok(())
        }
        Err(Error::Server(refused)) if refused.code == EXISTS => {
            abandon(conn, table).await;
            Err(SourceError::TableExists { table: table.name.clone(), place: server.place() })
        }
        Err(Error::Server(refused)) => {
            abandon(conn, table).await;
            Err(server.error(FILL, &Error::Server(refused)))
        }
        Err(lost) => {
            drop(conn);
            after_a_lost_answer(server, table, &lost).await
        }
    }
}

/// The rename took effect if the new name is there and the staging name is not: the lock of this command ended with its
/// connection, but another command of the same name refuses to begin once the new name is there.
async fn after_a_lost_answer(server: &MySqlServer, table: &NewTable, lost: &Error) -> Result<()> {
    let error = |error: Error| server.error(FILL, &error);
    let mut conn = server.open_session().await?;
    let staging = comment(&mut conn, table, &staging_name(&table.name)).await.map_err(error)?;
    let is_there = comment(&mut conn, table, &table.name).await.map_err(error)?.is_some();
    if staging.is_some() || !is_there {
        return Err(server.error(FILL, lost));
    }
    disconnect(conn).await;
    Ok(())
}

/// Drops what is under the staging name. A failure leaves it to the next command.
pub(crate) async fn abandon(mut conn: Conn, table: &NewTable) {
    let staging = full(table, &staging_name(&table.name));
    let _ = conn.query_drop("ROLLBACK").await;
    let _ = conn.query_drop(format!("DROP TABLE IF EXISTS {staging}")).await;
    disconnect(conn).await;
}

async fn comment(conn: &mut Conn, table: &NewTable, name: &str) -> Result<Option<String>, Error> {
    conn.exec_first(COMMENT, (&table.schema, name)).await
}

fn full(table: &NewTable, name: &str) -> String {
    format!("{}.{}", quote_name('`', &table.schema), quote_name('`', name))
}
