//! All rows of a table, one after the other, as the server writes them.

use mysql_async::Conn;
use tokio_postgres::Client;

pub use crate::cell::Cell;

use crate::catalogue::Table;
use crate::database::Database;
use crate::error::Result;
use crate::mysql::MySqlServer;
use crate::mysql::scan as mysql_scan;
use crate::postgres::PostgresServer;
use crate::postgres::scan as postgres_scan;

/// One state of a database: all reads of a scan see the same committed rows, however many are made meanwhile.
/// Tables of a MySQL storage engine without transactions are read as they are.
///
/// The transaction is read-only. The session is in UTC and writes dates in ISO form.
pub struct Scan<'a> {
    session: Session<'a>,
}

#[allow(clippy::large_enum_variant)] // a process has one or two of them
enum Session<'a> {
    Postgres(&'a PostgresServer, Client),
    MySql(&'a MySqlServer, Conn),
}

impl Database {
    /// Opens a connection with a transaction. Dropping the scan ends both.
    ///
    /// # Errors
    /// [`Refused`](crate::SourceError::Refused).
    pub async fn scan(&self) -> Result<Scan<'_>> {
        let session = match self {
            Self::Postgres(server) => {
                Session::Postgres(server, postgres_scan::begin(server).await?)
            }
            Self::MySql(server) => Session::MySql(server, mysql_scan::begin(server).await?),
        };
        Ok(Scan { session })
    }
}

impl Scan<'_> {
    /// The columns of a table's primary key, in the order of the key; empty if it has none.
    ///
    /// # Errors
    /// [`Refused`](crate::SourceError::Refused).
    pub async fn primary_key(&mut self, table: &Table) -> Result<Vec<String>> {
        match &mut self.session {
            Session::Postgres(server, client) => {
                postgres_scan::primary_key(server, client, table).await
            }
            Session::MySql(server, conn) => mysql_scan::primary_key(server, conn, table).await,
        }
    }

    /// Gives the cells of some columns of each row, by their positions in the table, in any order of rows. One row is in
    /// memory at a time. Without columns, the cells are empty and the rows are still given.
    ///
    /// # Errors
    /// [`Refused`](crate::SourceError::Refused). No error contains a cell.
    pub async fn rows(
        &mut self,
        table: &Table,
        columns: &[usize],
        each: &mut (dyn FnMut(&[Cell<'_>]) + Send),
    ) -> Result<()> {
        match &mut self.session {
            Session::Postgres(server, client) => {
                postgres_scan::rows(server, client, table, columns, each).await
            }
            Session::MySql(server, conn) => {
                mysql_scan::rows(server, conn, table, columns, each).await
            }
        }
    }
}
