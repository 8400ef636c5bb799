//! Captures a PostgreSQL database.
//!
//! A capture shows one instant: the `REPEATABLE READ READ ONLY` transaction of the first session
//! exports its snapshot (`pg_export_snapshot`), and the transactions of the other sessions import
//! it. Several tables are read in parallel, a large one by ranges of its blocks. Memory is bounded
//! by one batch for each session.
//!
//! | module | responsibility |
//! |---|---|
//! | this one | the sessions of a capture |
//! | [`catalogue`] | the query that reads a table |
//! | [`copy`] | copies rows from the server into a file |
//! | [`wire`] | decodes one cell |
//! | [`definition`] | everything but the rows, from `pg_dump` |
//! | [`restore`] | starts a server with the content of a snapshot |

mod catalogue;
mod copy;
mod definition;
mod restore;
mod wire;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio_postgres::Client;

use crate::copy_jobs::{self, CopyJob};
use crate::error::DatabaseError;
use crate::snapshot::{DatabaseSnapshot, Login, SourceDatabase};
use crate::stored::StoredSnapshot;
use catalogue::TableQuery;
use copy::CopyError;
use definition::Definition;
use landbridge_source::Engine;
use landbridge_source::postgres::{PostgresServer, list_tables};
use restore::PostgresSnapshot;

/// Settings of every session of a capture, so that every server prints the same text: UTC, ISO
/// dates, all digits of floats. Row-level security raises an error instead of hiding rows, and the
/// server's time limits are off.
const SESSION: &str = "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; \
     SET extra_float_digits = 1; SET bytea_output = 'hex'; SET row_security = off; SET statement_timeout = 0; \
     SET idle_in_transaction_session_timeout = 0; SET jit = off; SET max_parallel_workers_per_gather = 0";

/// Begins a read-only transaction that sees one instant.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Sessions of a capture. Each is one process of the server and one task of this process.
const SESSIONS: usize = 3;

/// Blocks (usually 8 kB each) of a chunk of a large table: enough that the cost of the query does
/// not matter, and few enough that the sessions finish at about the same time.
const BLOCKS_PER_CHUNK: u64 = 8_192;

/// The first version that reads a range of `ctid` without reading the other blocks (PostgreSQL 14,
/// release notes: TID range scans).
const TID_RANGE_SCANS_SINCE: u32 = 14;

/// A database on a PostgreSQL server.
pub struct PostgresDatabase {
    server: Arc<PostgresServer>,
}

impl PostgresDatabase {
    /// A database whose server answered once.
    pub fn new(server: PostgresServer) -> PostgresDatabase {
        PostgresDatabase { server: Arc::new(server) }
    }

    /// Connects without TLS, as to a server on this machine.
    ///
    /// # Errors
    /// As [`PostgresServer::connect`].
    pub async fn connect(url: &str) -> Result<PostgresDatabase, DatabaseError> {
        Ok(PostgresDatabase::new(PostgresServer::connect(url, None).await?))
    }

    /// A connection with the settings of a capture.
    async fn session(&self) -> Result<Client, DatabaseError> {
        let client = self.server.open_session().await?;
        self.run(&client, "set up a session of", SESSION).await?;
        Ok(client)
    }

    async fn run(
        &self,
        client: &Client,
        action: &'static str,
        sql: &str,
    ) -> Result<(), DatabaseError> {
        client.batch_execute(sql).await.map_err(|error| self.error(action, &error))
    }

    fn error(&self, action: &'static str, error: &tokio_postgres::Error) -> DatabaseError {
        self.server.error(action, error).into()
    }

    /// Sessions whose transactions all see the same instant, and the identifier of the exported
    /// snapshot. When the server has too few free connections, fewer sessions are returned.
    async fn sessions(&self) -> Result<(Vec<Client>, String), DatabaseError> {
        let first = self.session().await?;
        self.run(&first, "open a transaction of", BEGIN).await?;
        let snapshot = first
            .query_one("SELECT pg_export_snapshot()", &[])
            .await
            .map_err(|error| self.error("export the snapshot of", &error))?;
        // Letters, digits and hyphens, from the server: safe within a statement.
        let snapshot: String = snapshot.get(0);
        let mut sessions = vec![first];
        while sessions.len() < SESSIONS {
            match self.importing_session(&snapshot).await {
                Ok(session) => sessions.push(session),
                Err(error) => {
                    tracing::debug!(%error, sessions = sessions.len(), "the capture uses fewer sessions");
                    break;
                }
            }
        }
        Ok((sessions, snapshot))
    }

    async fn importing_session(&self, snapshot: &str) -> Result<Client, DatabaseError> {
        let session = self.session().await?;
        let begin = format!("{BEGIN}; SET TRANSACTION SNAPSHOT '{snapshot}'");
        self.run(&session, "open a transaction of", &begin).await?;
        Ok(session)
    }

    async fn capture_all(&self, dir: &Path) -> Result<PostgresSnapshot, DatabaseError> {
        let (sessions, snapshot) = self.sessions().await?;
        let definition = Definition::read(&sessions[0], self.server.config(), &snapshot)
            .await
            .map_err(|error| self.error("read the definition of", &error))?;
        let tables = list_tables(&sessions[0])
            .await
            .map_err(|error| self.error("list the tables of", &error))?;
        let queries = tables.iter().map(TableQuery::new).collect::<Result<Vec<_>, _>>()?;
        let ranges = self.major_version() >= TID_RANGE_SCANS_SINCE;
        let jobs: Vec<CopyJob<String>> = queries
            .iter()
            .enumerate()
            .flat_map(|(table, query)| table_jobs(table, query, ranges))
            .collect();
        let queries = Arc::new(queries);
        let copied = copy_jobs::run(sessions, jobs, dir, {
            let (queries, server) = (Arc::clone(&queries), Arc::clone(&self.server));
            move |session: Arc<Client>, table: usize, condition: String, path: PathBuf| {
                let (queries, server) = (Arc::clone(&queries), Arc::clone(&server));
                Box::pin(async move {
                    copy::to_file(&session, &queries[table], &condition, &path).await.map_err(
                        |error| match error {
                            CopyError::Read(error) => {
                                server.error("read a table of", &error).into()
                            }
                            CopyError::Write(error) => error,
                        },
                    )
                })
            }
        })
        .await?;
        let tables = queries.iter().map(|query| query.table.clone()).collect();
        let rows =
            StoredSnapshot::new(self.engine(), self.server.database().to_owned(), tables, copied);
        Ok(PostgresSnapshot { rows, definition })
    }

    /// The major version of the server.
    fn major_version(&self) -> u32 {
        let digits = self.server.engine().version().split(|it: char| !it.is_ascii_digit()).next();
        digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }
}

/// The jobs that copy a table: the whole table, or ranges of its blocks.
fn table_jobs(table: usize, query: &TableQuery, ranges: bool) -> Vec<CopyJob<String>> {
    if query.table.skip_reason.is_some() {
        return Vec::new();
    }
    if !ranges || query.blocks <= BLOCKS_PER_CHUNK {
        return vec![CopyJob { table, size: query.blocks, range: String::new() }];
    }
    let chunks = query.blocks.div_ceil(BLOCKS_PER_CHUNK);
    let condition = |chunk: u64| {
        let from = chunk * BLOCKS_PER_CHUNK;
        let after = format!(" WHERE ctid >= '({from},0)'::tid");
        // The last range has no end: the file may have grown since its size was read.
        if chunk + 1 == chunks {
            return after;
        }
        format!("{after} AND ctid < '({},0)'::tid", from + BLOCKS_PER_CHUNK)
    };
    let job = |chunk| CopyJob { table, size: BLOCKS_PER_CHUNK, range: condition(chunk) };
    (0..chunks).map(job).collect()
}

impl SourceDatabase for PostgresDatabase {
    fn engine(&self) -> Engine {
        self.server.engine().clone()
    }

    fn address(&self) -> Option<(String, u16)> {
        self.server.address()
    }

    fn login(&self) -> Option<Login> {
        let user = self.server.config().get_user()?.to_owned();
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
