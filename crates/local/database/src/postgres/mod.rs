//! A real PostgreSQL database as a source.
//!
//! A capture reads everything as of one instant: the first session's `REPEATABLE READ READ
//! ONLY` transaction exports its snapshot (`pg_export_snapshot`), and the other sessions'
//! transactions take it over. Several tables are read at a time, a long one by ranges of its
//! blocks. Memory is bounded by a batch a session, not by a table.
//!
//! | module | what it holds |
//! |---|---|
//! | here | the connection, and the sessions of a capture |
//! | [`catalogue`] | what there is to read |
//! | [`copy`] | rows from the server into a file |
//! | [`wire`] | one cell |

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

use crate::error::DatabaseError;
use crate::jobs::{self, Job};
use crate::snapshot::{DatabaseSnapshot, Login, SourceDatabase};
use crate::stored::Stored;
use catalogue::TableQuery;
use copy::CopyError;
use definition::Definition;
use landbridge_source::Engine;
use landbridge_source::postgres::{PostgresServer, list_tables};
use restore::PostgresSnapshot;

/// How every session of a capture is set, so that the text forms are the same
/// on every server: UTC, ISO dates, floats in full, no row quietly filtered by
/// a policy, no time limit of the server's.
const SESSION: &str = "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; \
     SET extra_float_digits = 1; SET bytea_output = 'hex'; SET row_security = off; SET statement_timeout = 0; \
     SET idle_in_transaction_session_timeout = 0; SET jit = off; SET max_parallel_workers_per_gather = 0";

/// Begins a transaction that sees one instant and changes nothing.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Sessions of a capture: each is a process of the server beside one of ours.
const SESSIONS: usize = 3;

/// Blocks (8 kB each, as a rule) of a piece of a long table: long enough that a piece is
/// worth its query, short enough that the sessions end at about the same time.
const BLOCKS_PER_PIECE: u64 = 8_192;

/// The first version that finds the blocks of `ctid BETWEEN …` without reading the others
/// (PostgreSQL 14, release notes: TID range scans).
const RANGES_SINCE: u32 = 14;

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

    /// Sessions whose transactions all see what the first one sees. A server that has no
    /// connection left for the others is read by the first alone.
    async fn sessions(&self) -> Result<(Vec<Client>, String), DatabaseError> {
        let first = self.session().await?;
        self.run(&first, "open a transaction of", BEGIN).await?;
        let snapshot = first
            .query_one("SELECT pg_export_snapshot()", &[])
            .await
            .map_err(|error| self.error("export the snapshot of", &error))?;
        // Letters, digits and hyphens; and it comes from the server.
        let snapshot: String = snapshot.get(0);
        let mut sessions = vec![first];
        while sessions.len() < SESSIONS {
            match self.joined(&snapshot).await {
                Ok(session) => sessions.push(session),
                Err(error) => {
                    tracing::debug!(%error, sessions = sessions.len(), "fewer sessions read");
                    break;
                }
            }
        }
        Ok((sessions, snapshot))
    }

    async fn joined(&self, snapshot: &str) -> Result<Client, DatabaseError> {
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
        let ranges = self.major() >= RANGES_SINCE;
        let jobs: Vec<Job<String>> = queries
            .iter()
            .enumerate()
            .flat_map(|(table, query)| jobs_of(table, query, ranges))
            .collect();
        let queries = Arc::new(queries);
        let copied = jobs::run(sessions, jobs, dir, {
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
        let rows = Stored::of(self.engine(), self.server.database().to_owned(), tables, copied);
        Ok(PostgresSnapshot { rows, definition })
    }

    /// The first number of the server's version.
    fn major(&self) -> u32 {
        let digits = self.server.engine().version().split(|it: char| !it.is_ascii_digit()).next();
        digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }
}

/// What is to be copied of a table: all of it, or ranges of its blocks.
fn jobs_of(table: usize, query: &TableQuery, ranges: bool) -> Vec<Job<String>> {
    if query.table.skip_reason.is_some() {
        return Vec::new();
    }
    if !ranges || query.blocks <= BLOCKS_PER_PIECE {
        return vec![Job { table, size: query.blocks, what: String::new() }];
    }
    let pieces = query.blocks.div_ceil(BLOCKS_PER_PIECE);
    let condition = |piece: u64| {
        let from = piece * BLOCKS_PER_PIECE;
        let after = format!(" WHERE ctid >= '({from},0)'::tid");
        // The last range is open: the file may have grown since it was measured.
        if piece + 1 == pieces {
            return after;
        }
        format!("{after} AND ctid < '({},0)'::tid", from + BLOCKS_PER_PIECE)
    };
    let job = |piece| Job { table, size: BLOCKS_PER_PIECE, what: condition(piece) };
    (0..pieces).map(job).collect()
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
