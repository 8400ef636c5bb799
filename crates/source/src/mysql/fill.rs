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

/// How long the end of a statement is waited for whose answer was lost.
const LOST_SECONDS: u32 = 10;

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
            abandon(server, conn, table).await;
            return Err(server.error(FILL, &error));
        }
    };
    if found != rows {
        abandon(server, conn, table).await;
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
            abandon(server, conn, table).await;
            Err(SourceError::TableExists { table: table.name.clone(), place: server.place() })
        }
        Err(Error::Server(refused)) => {
            abandon(server, conn, table).await;
            Err(server.error(FILL, &Error::Server(refused)))
        }
        Err(lost) => {
            drop(conn);
            match is_renamed(server, table).await {
                Some(true) => Ok(()),
                Some(false) => Err(server.error(FILL, &lost)),
                None => Err(SourceError::EndUnknown {
                    table: table.name.clone(),
                    place: server.place(),
                }),
            }
        }
    }
}

/// Whether a rename of which the answer was lost took effect; `None` if the server does not say it. If it did not, the table is
/// dropped.
async fn is_renamed(server: &MySqlServer, table: &NewTable) -> Option<bool> {
    let (mut conn, is_left) = after_a_lost_connection(server, table).await.ok()??;
    let is_there = comment(&mut conn, table, &table.name).await.ok()?.is_some();
    if is_left {
        drop_staging(&mut conn, table).await.ok()?;
    }
    disconnect(conn).await;
    Some(is_there && !is_left)
}

/// A new session, and whether the table is there under its staging name; `None` while the server works for the lost connection:
/// it releases the lock of it when its last statement has ended, so until then nothing is concluded.
async fn after_a_lost_connection(
    server: &MySqlServer,
    table: &NewTable,
) -> Result<Option<(Conn, bool)>> {
    let error = |error: Error| server.error(FILL, &error);
    let mut conn = server.open_session().await?;
    let staging = staging_name(&table.name);
    let lock: Option<u8> =
        conn.exec_first("SELECT GET_LOCK(?, ?)", (&staging, LOST_SECONDS)).await.map_err(error)?;
    if lock != Some(1) {
        return Ok(None);
    }
    let found = comment(&mut conn, table, &staging).await.map_err(error)?;
    Ok(Some((conn, found.is_some_and(|it| it == STAGING_COMMENT))))
}

/// Drops what is under the staging name, by a new connection if this one is lost. A failure leaves it to the next command.
pub(crate) async fn abandon(server: &MySqlServer, mut conn: Conn, table: &NewTable) {
    let is_open = conn.query_drop("ROLLBACK").await.is_ok();
    if is_open && drop_staging(&mut conn, table).await.is_ok() {
        disconnect(conn).await;
        return;
    }
    drop(conn);
    if let Ok(Some((mut conn, true))) = after_a_lost_connection(server, table).await {
        let _ = drop_staging(&mut conn, table).await;
        disconnect(conn).await;
    }
}

async fn drop_staging(conn: &mut Conn, table: &NewTable) -> Result<(), Error> {
    let staging = full(table, &staging_name(&table.name));
    conn.query_drop(format!("DROP TABLE IF EXISTS {staging}")).await
}

async fn comment(conn: &mut Conn, table: &NewTable, name: &str) -> Result<Option<String>, Error> {
    conn.exec_first(COMMENT, (&table.schema, name)).await
}

fn full(table: &NewTable, name: &str) -> String {
    format!("{}.{}", quote_name('`', &table.schema), quote_name('`', name))
}
