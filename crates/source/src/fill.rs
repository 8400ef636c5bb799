//! A new table, which appears with all of its rows or not at all. An existing table is never changed.
//!
//! PostgreSQL makes the table and its rows in one transaction. In MySQL and MariaDB each statement that makes a table commits, so
//! the table is filled under [`staging_name`] and renamed at the end, which fails if the name is taken. What an interrupted
//! command leaves under the staging name carries [`STAGING_COMMENT`], and the next command of the same name replaces it.

pub use crate::new_table::{NewTable, STAGING_COMMENT, staging_name};

use mysql_async::Conn;
use tokio_postgres::Client;

use crate::database::Database;
use crate::error::Result;
use crate::mysql::{MySqlServer, fill as mysql_fill};
use crate::postgres::{PostgresServer, fill as postgres_fill};

/// A table that is being filled. Dropping it without [`finish`](Self::finish) leaves no table in PostgreSQL; for MySQL and
/// MariaDB, call [`abandon`](Self::abandon).
pub struct Filling<'a> {
    table: NewTable,
    session: Session<'a>,
}

#[allow(clippy::large_enum_variant)] // a process has one of them
enum Session<'a> {
    Postgres(&'a PostgresServer, Client),
    MySql(&'a MySqlServer, Conn),
}

impl Database {
    /// Makes a table, which no other session sees yet.
    ///
    /// # Errors
    /// [`TableExists`](crate::SourceError::TableExists), [`TableBusy`](crate::SourceError::TableBusy) or
    /// [`Refused`](crate::SourceError::Refused).
    pub async fn fill(&self, table: NewTable) -> Result<Filling<'_>> {
        let session = match self {
            Self::Postgres(server) => {
                Session::Postgres(server, postgres_fill::begin(server, &table).await?)
            }
            Self::MySql(server) => Session::MySql(server, mysql_fill::begin(server, &table).await?),
        };
        Ok(Filling { table, session })
    }

    /// Host, port and database, without user and password.
    pub fn place(&self) -> String {
        match self {
            Self::Postgres(server) => server.place(),
            Self::MySql(server) => server.place(),
        }
    }
}

impl Filling<'_> {
    /// Runs an INSERT into the new table.
    ///
    /// # Errors
    /// [`Refused`](crate::SourceError::Refused); it contains no cell.
    pub async fn insert(&mut self, statement: &str) -> Result<()> {
        match &mut self.session {
            Session::Postgres(server, client) => {
                postgres_fill::insert(server, client, statement).await
            }
            Session::MySql(server, conn) => mysql_fill::insert(server, conn, statement).await,
        }
    }

    /// Counts the rows of the new table, and makes it visible. If the answer of the server is lost, a new connection asks
    /// whether it took effect.
    ///
    /// # Errors
    /// [`RowsDiffer`](crate::SourceError::RowsDiffer), [`TableExists`](crate::SourceError::TableExists) or
    /// [`Refused`](crate::SourceError::Refused): then there is no new table.
    pub async fn finish(self, rows: u64) -> Result<()> {
        match self.session {
            Session::Postgres(server, client) => {
                postgres_fill::finish(server, client, &self.table, rows).await
            }
            Session::MySql(server, conn) => {
                mysql_fill::finish(server, conn, &self.table, rows).await
            }
        }
    }

    /// Leaves no new table. What fails here is replaced by the next command of the same name.
    pub async fn abandon(self) {
        match self.session {
            // The server undoes the transaction when the connection ends.
            Session::Postgres(_, client) => drop(client),
            Session::MySql(server, conn) => mysql_fill::abandon(server, conn, &self.table).await,
        }
    }
}
