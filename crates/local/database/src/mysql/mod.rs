//! A real MySQL or MariaDB database as a source.
//!
//! A capture reads everything as of one instant, in transactions begun by `START TRANSACTION
//! WITH CONSISTENT SNAPSHOT`. The server gives no two sessions the same instant by itself: so
//! that several can read, they begin while `FLUSH TABLES WITH READ LOCK` holds all changes
//! off, some milliseconds. A user without that right (`RELOAD`), or a server too busy to
//! grant the lock soon, is read by one session. Tables of engines without transactions
//! (MyISAM, Aria, MEMORY) are not held by any of it.
//!
//! Rows come in the text protocol, cells as the server prints them, and are not gathered but
//! for a batch a session.
//!
//! | module | what it holds |
//! |---|---|
//! | here | the connection, and the sessions of a capture |
//! | [`catalogue`] | what there is to read |
//! | [`rows`] | rows from the server into a file |
//! | [`definition`] | what a database is beside its rows |
//! | [`start_server`], [`literal`] | an image back into a server |

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

use crate::error::DatabaseError;
use crate::jobs::{self, Job};
use crate::snapshot::{DatabaseSnapshot, Login, SourceDatabase};
use crate::stored::Stored;
use catalogue::TableQuery;
use definition::Definition;
use landbridge_source::Engine;
use landbridge_source::mysql::{MySqlServer, disconnect, list_tables, reason};
use restore::MySqlSnapshot;
use rows::CopyError;

/// How every session of a capture is set: times in UTC, texts in UTF-8, CHAR without its
/// padding (the default), and a server that waits for a slow disk.
const SESSION: &[&str] = &[
    "SET NAMES utf8mb4",
    "SET SESSION time_zone = '+00:00', sql_mode = '', net_write_timeout = 3600, \
     lock_wait_timeout = 5",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
];

/// Switches off the server's limit of a statement's time: MariaDB's variable and MySQL's.
const NO_TIME_LIMIT: [&str; 2] =
    ["SET SESSION max_statement_time = 0", "SET SESSION max_execution_time = 0"];

/// Begins a transaction whose instant is now.
const BEGIN: &str = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";

/// Sessions of a capture: each is a thread of the server beside one of ours.
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
            // Each server knows one of the two variables.
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

    /// Sessions whose transactions all see the same instant.
    async fn sessions(&self) -> Result<Vec<Conn>, DatabaseError> {
        let mut sessions = Vec::with_capacity(SESSIONS);
        while sessions.len() < SESSIONS {
            match self.session().await {
                Ok(session) => sessions.push(session),
                Err(error) if sessions.is_empty() => return Err(error),
                Err(error) => {
                    tracing::debug!(%error, sessions = sessions.len(), "fewer sessions read");
                    break;
                }
            }
        }
        let mut lock = self.session().await.ok();
        if let Some(holder) = &mut lock
            && let Err(error) = holder.query_drop("FLUSH TABLES WITH READ LOCK").await
        {
            let reason = reason(&error);
            tracing::debug!(reason, "no lock for several sessions: one reads");
            lock = None;
        }
        if lock.is_none() {
            sessions.truncate(1);
        }
        let mut begun = Ok(());
        for session in &mut sessions {
            if begun.is_ok() {
                begun = self.run(session, "open a transaction of", BEGIN).await;
            }
        }
        // Whatever happened: nobody's changes wait for longer than this.
        if let Some(mut holder) = lock {
            let unlocked = self.run(&mut holder, "unlock the tables of", "UNLOCK TABLES").await;
            disconnect(holder).await;
            unlocked?;
        }
        begun?;
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
        let job = |(table, query): (usize, &TableQuery)| Job { table, size: query.bytes, what: () };
        let jobs: Vec<Job<()>> = readable.map(job).collect();
        let queries = Arc::new(queries);
        let sessions = sessions.into_iter().map(Mutex::new).collect();
        let copied = jobs::run(sessions, jobs, dir, {
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
        let rows = Stored::of(self.engine(), database.to_owned(), tables, copied);
        let user = self.server.user().unwrap_or_default().to_owned();
        Ok(MySqlSnapshot { rows, definition, asides: MySqlSnapshot::asides(&queries), user })
    }

    /// Marks the tables that the user sees in the catalogue and may not read.
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

    /// Captures the present, whatever `at` says.
    fn capture<'a>(
        &'a self,
        _at: Timestamp,
        dir: &'a Path,
    ) -> BoxFuture<'a, Result<Arc<dyn DatabaseSnapshot>, DatabaseError>> {
        Box::pin(async move {
            let image = self.capture_all(dir).await?;
            tracing::debug!(
                database = image.database(),
                tables = image.tables().len(),
                "source database captured"
            );
            Ok(Arc::new(image) as Arc<dyn DatabaseSnapshot>)
        })
    }
}
