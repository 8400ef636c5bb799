//! Captures a MySQL or MariaDB database.
//!
//! A capture shows one instant: its transactions begin with `START TRANSACTION WITH CONSISTENT
//! SNAPSHOT`. Sessions do not share an instant automatically. For several of them to read in
//! parallel, they begin while `FLUSH TABLES WITH READ LOCK` blocks all changes, for some
//! milliseconds. When the user lacks the right to do so (`RELOAD`), or the server does not grant
//! the lock in time, one session reads everything. Tables of engines without transactions (MyISAM,
//! Aria, MEMORY) are not protected by this and may be newer.
//!
//! Rows are read in the text protocol, as the server prints them. Memory is bounded by one batch
//! for each session.
//!
//! | module | responsibility |
//! |---|---|
//! | this one | the sessions of a capture |
//! | [`catalogue`] | the query that reads a table |
//! | [`rows`] | copies rows from the server into a file |
//! | [`definition`] | everything but the rows, from `SHOW CREATE` |
//! | [`restore`], [`literal`] | starts a MariaDB server with the content of a snapshot |

mod catalogue;
mod definition;
mod literal;
mod restore;
mod rows;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error};
use tokio::sync::Mutex;

use crate::copy_jobs::{self, CopyJob};
use crate::error::DatabaseError;
use crate::snapshot::{DatabaseSnapshot, Login, SourceDatabase};
use crate::stored::StoredSnapshot;
use catalogue::TableQuery;
use definition::Definition;
use landbridge_source::Engine;
use landbridge_source::mysql::{MySqlServer, disconnect, list_tables, reason};
use restore::MySqlSnapshot;
use rows::CopyError;

/// Settings of every session of a capture: times in UTC, text in UTF-8, CHAR without padding (the
/// default), and a server that waits while this process writes to a slow disk.
const SESSION: &[&str] = &[
    "SET NAMES utf8mb4",
    "SET SESSION time_zone = '+00:00', sql_mode = '', net_write_timeout = 3600, \
     lock_wait_timeout = 5",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
];

/// Disable the time limit of statements: the variable of MariaDB and that of MySQL.
const NO_TIME_LIMIT: [&str; 2] =
    ["SET SESSION max_statement_time = 0", "SET SESSION max_execution_time = 0"];

/// Begins a transaction that sees the present.
const BEGIN: &str = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";

/// Sessions of a capture. Each is one thread of the server and one task of this process.
const SESSIONS: usize = 3;

/// `ER_TABLEACCESS_DENIED_ERROR` and `ER_COLUMNACCESS_DENIED_ERROR`.
const MAY_NOT_READ: [u16; 2] = [1142, 1143];

/// A database on a MySQL or MariaDB server.
pub struct MySqlDatabase {
    server: Arc<MySqlServer>,
}

impl MySqlDatabase {
    /// A database whose server answered once.
    pub fn new(server: MySqlServer) -> MySqlDatabase {
        MySqlDatabase { server: Arc::new(server) }
    }

    /// Connects without TLS, as to a server on this machine.
    ///
    /// # Errors
    /// As [`MySqlServer::connect`].
    pub async fn connect(url: &str) -> Result<MySqlDatabase, DatabaseError> {
        Ok(MySqlDatabase::new(MySqlServer::connect(url, None).await?))
    }

    /// A connection with the settings of a capture.
    async fn session(&self) -> Result<Conn, DatabaseError> {
        let mut conn = self.server.open_session().await?;
        for sql in SESSION {
            self.run(&mut conn, "set up a session of", sql).await?;
        }
        for sql in NO_TIME_LIMIT {
            // Each server has only one of the two variables.
            _ = conn.query_drop(sql).await;
        }
        Ok(conn)
    }

    async fn run(
        &self,
        conn: &mut Conn,
        action: &'static str,
        sql: &str,
    ) -> Result<(), DatabaseError> {
        conn.query_drop(sql).await.map_err(|error| self.error(action, &error))
    }

    fn error(&self, action: &'static str, error: &Error) -> DatabaseError {
        self.server.error(action, error).into()
    }

    /// Sessions whose transactions all see the same instant: one, or several when the read lock was
    /// granted.
    async fn sessions(&self) -> Result<Vec<Conn>, DatabaseError> {
        let mut sessions = Vec::with_capacity(SESSIONS);
        while sessions.len() < SESSIONS {
            match self.session().await {
                Ok(session) => sessions.push(session),
                Err(error) if sessions.is_empty() => return Err(error),
                Err(error) => {
                    tracing::debug!(%error, sessions = sessions.len(), "the capture uses fewer sessions");
                    break;
                }
            }
        }
        let mut lock = self.session().await.ok();
        if let Some(holder) = &mut lock
            && let Err(error) = holder.query_drop("FLUSH TABLES WITH READ LOCK").await
        {
            let reason = reason(&error);
            tracing::debug!(reason, "read lock not granted: the capture uses one session");
            lock = None;
        }
        if lock.is_none() {
            sessions.truncate(1);
        }
        let mut result = Ok(());
        for session in &mut sessions {
            if result.is_ok() {
                result = self.run(session, "open a transaction of", BEGIN).await;
            }
        }
        // Release the lock also after an error, so that other clients can write again.
        if let Some(mut holder) = lock {
            let unlocked = self.run(&mut holder, "unlock the tables of", "UNLOCK TABLES").await;
            disconnect(holder).await;
            unlocked?;
        }
        result?;
        Ok(sessions)
    }

    async fn capture_all(&self, dir: &Path) -> Result<MySqlSnapshot, DatabaseError> {
        let mut sessions = self.sessions().await?;
        let database = self.server.database();
        let tables = list_tables(&mut sessions[0], database)
            .await
            .map_err(|error| self.error("list the tables of", &error))?;
        let mut queries = tables.iter().map(TableQuery::new).collect::<Result<Vec<_>, _>>()?;
        self.skip_unreadable(&mut sessions[0], &mut queries).await?;
        let definition = Definition::read(&mut sessions[0], database, &queries)
            .await
            .map_err(|error| self.error("read the definition of", &error))?;
        let unstable: Vec<&str> =
            queries.iter().filter(|query| !query.transactional).map(TableQuery::name).collect();
        if !unstable.is_empty() {
            let tables = unstable.join(", ");
            tracing::warn!(tables, "tables without transactions: their rows may be newer");
        }
        let readable =
            queries.iter().enumerate().filter(|(_, query)| query.table.skip_reason.is_none());
        let job =
            |(table, query): (usize, &TableQuery)| CopyJob { table, size: query.bytes, range: () };
        let jobs: Vec<CopyJob<()>> = readable.map(job).collect();
        let queries = Arc::new(queries);
        let sessions = sessions.into_iter().map(Mutex::new).collect();
        let copied = copy_jobs::run(sessions, jobs, dir, {
            let (queries, server) = (Arc::clone(&queries), Arc::clone(&self.server));
            move |session: Arc<Mutex<Conn>>, table: usize, (), path: PathBuf| {
                let (queries, server) = (Arc::clone(&queries), Arc::clone(&server));
                Box::pin(async move {
                    let mut conn = session.lock().await;
                    let rows = rows::to_file(&mut conn, &queries[table], &path).await;
                    rows.map_err(|error| match error {
                        CopyError::Read(error) => server.error("read a table of", &error).into(),
                        CopyError::Write(error) => error,
                    })
                })
            }
        })
        .await?;
        let tables = queries.iter().map(|query| query.table.clone()).collect();
        let rows = StoredSnapshot::new(self.engine(), database.to_owned(), tables, copied);
        let user = self.server.user().unwrap_or_default().to_owned();
        Ok(MySqlSnapshot {
            rows,
            definition,
            zero_dates: MySqlSnapshot::zero_date_columns(&queries),
            user,
        })
    }

    /// Sets the skip reason of tables that the user sees in the catalogue but may not read.
    async fn skip_unreadable(
        &self,
        conn: &mut Conn,
        queries: &mut [TableQuery],
    ) -> Result<(), DatabaseError> {
        for query in queries.iter_mut().filter(|query| query.table.skip_reason.is_none()) {
            match conn.query_drop(format!("{} LIMIT 0", query.select)).await {
                Ok(()) => {}
                Err(Error::Server(error)) if MAY_NOT_READ.contains(&error.code) => {
                    query.table.skip_reason = Some("the master user may not read it".to_owned());
                }
                Err(error) => return Err(self.error("read a table of", &error)),
            }
        }
        Ok(())
    }
}

impl SourceDatabase for MySqlDatabase {
    fn engine(&self) -> Engine {
        self.server.engine().clone()
    }

    fn address(&self) -> Option<(String, u16)> {
        Some(self.server.address())
    }

    fn login(&self) -> Option<Login> {
        let user = self.server.user()?.to_owned();
        Some(Login { user, database: Some(self.server.database().to_owned()) })
    }

    /// Captures the present; `at` is ignored.
    fn capture<'a>(
        &'a self,
        _at: Timestamp,
        dir: &'a Path,
    ) -> BoxFuture<'a, Result<Arc<dyn DatabaseSnapshot>, DatabaseError>> {
        Box::pin(async move {
            let snapshot = self.capture_all(dir).await?;
            tracing::debug!(
                database = snapshot.database(),
                tables = snapshot.tables().len(),
                "source database captured"
            );
            Ok(Arc::new(snapshot) as Arc<dyn DatabaseSnapshot>)
        })
    }
}
