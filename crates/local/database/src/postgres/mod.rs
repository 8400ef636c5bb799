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
use tokio_postgres::config::Host;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};

use crate::error::DatabaseError;
use crate::jobs::{self, Job};
use crate::snapshot::{DatabaseSnapshot, Engine, Login, SourceDatabase, Table};
use crate::stored::Stored;
use catalogue::Found;
use definition::Definition;
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

/// A PostgreSQL database, reached without TLS: it is meant for servers on this
/// machine or behind a tunnel.
pub struct PostgresDatabase {
    config: Config,
    engine: Engine,
    database: String,
    place: String,
}

impl PostgresDatabase {
    /// Connects once to see that the database is there and which version it has.
    /// `url` is `postgres://user:password@host:port/database` or a list of
    /// `key=value`.
    ///
    /// # Errors
    /// [`DatabaseError::Url`] or [`DatabaseError::Database`]; neither holds the password.
    pub async fn connect(url: &str) -> Result<PostgresDatabase, DatabaseError> {
        let mut config: Config = url.parse().map_err(|_| DatabaseError::Url)?;
        config.application_name("landbridge-local");
        let place = place(&config);
        let mut source = PostgresDatabase {
            config,
            engine: Engine::postgres(""),
            database: String::new(),
            place,
        };
        let client = source.open().await?;
        let row = client
            .query_one("SELECT current_setting('server_version'), current_database()::text", &[])
            .await
            .map_err(|error| source.error("asking the version of", &error))?;
        // Debian adds its own words: "15.4 (Debian 15.4-1)".
        let version: &str = row.get(0);
        source.engine = Engine::postgres(version.split_whitespace().next().unwrap_or(version));
        source.database = row.get(1);
        Ok(source)
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`DatabaseError::Database`] with the server's reason.
    pub async fn ping(&self) -> Result<(), DatabaseError> {
        let client = self.open().await?;
        client.simple_query("SELECT 1").await.map_err(|error| self.error("asking", &error))?;
        Ok(())
    }

    /// The database's name.
    pub fn database(&self) -> &str {
        &self.database
    }

    async fn open(&self) -> Result<Client, DatabaseError> {
        let (client, connection) = self
            .config
            .connect(NoTls)
            .await
            .map_err(|error| self.error("connecting to", &error))?;
        // It ends when the client is dropped; what breaks it is reported by the
        // client's own calls.
        tokio::spawn(async move {
            if connection.await.is_err() {
                tracing::debug!("connection to the source database ended with an error");
            }
        });
        Ok(client)
    }

    fn error(&self, doing: &'static str, error: &tokio_postgres::Error) -> DatabaseError {
        failed(doing, &self.place, error)
    }

    /// The tables as the catalogue has them now, without a look at any row.
    ///
    /// # Errors
    /// [`DatabaseError::Database`] with the server's reason.
    pub async fn tables(&self) -> Result<Vec<Table>, DatabaseError> {
        let client = self.session().await?;
        Ok(self.listed(&client).await?.into_iter().map(|found| found.table).collect())
    }

    /// A connection with the settings of a capture.
    async fn session(&self) -> Result<Client, DatabaseError> {
        let client = self.open().await?;
        self.run(&client, "setting up a session of", SESSION).await?;
        Ok(client)
    }

    async fn run(
        &self,
        client: &Client,
        doing: &'static str,
        sql: &str,
    ) -> Result<(), DatabaseError> {
        client.batch_execute(sql).await.map_err(|error| self.error(doing, &error))
    }

    async fn listed(&self, client: &Client) -> Result<Vec<Found>, DatabaseError> {
        catalogue::tables(client)
            .await
            .map_err(|error| self.error("listing the tables of", &error))?
    }

    /// Sessions whose transactions all see what the first one sees. A server that has no
    /// connection left for the others is read by the first alone.
    async fn sessions(&self) -> Result<(Vec<Client>, String), DatabaseError> {
        let first = self.session().await?;
        self.run(&first, "opening a transaction of", BEGIN).await?;
        let snapshot = first
            .query_one("SELECT pg_export_snapshot()", &[])
            .await
            .map_err(|error| self.error("exporting the snapshot of", &error))?;
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
        self.run(&session, "opening a transaction of", &begin).await?;
        Ok(session)
    }

    async fn capture_all(&self, dir: &Path) -> Result<PostgresSnapshot, DatabaseError> {
        let (sessions, snapshot) = self.sessions().await?;
        let definition = Definition::read(&sessions[0], &self.config, &snapshot)
            .await
            .map_err(|error| self.error("reading the definition of", &error))?;
        let found = self.listed(&sessions[0]).await?;
        let ranges = self.major() >= RANGES_SINCE;
        let jobs =
            found.iter().enumerate().flat_map(|(table, found)| jobs_of(table, found, ranges));
        let jobs: Vec<Job<String>> = jobs.collect();
        let found = Arc::new(found);
        let place: Arc<str> = self.place.as_str().into();
        let copied = jobs::run(sessions, jobs, dir, {
            let found = Arc::clone(&found);
            move |session: Arc<Client>, table: usize, condition: String, path: PathBuf| {
                let (found, place) = (Arc::clone(&found), Arc::clone(&place));
                Box::pin(async move {
                    copy::to_file(&session, &found[table], &condition, &path).await.map_err(
                        |error| {
                            error.into_image(|error| failed("reading a table of", &place, &error))
                        },
                    )
                })
            }
        })
        .await?;
        let tables = found.iter().map(|found| found.table.clone()).collect();
        let rows = Stored::of(self.engine.clone(), self.database.clone(), tables, copied);
        Ok(PostgresSnapshot { rows, definition })
    }

    /// The first number of the server's version.
    fn major(&self) -> u32 {
        let digits = self.engine.version().split(|it: char| !it.is_ascii_digit()).next();
        digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }
}

/// What is to be copied of a table: all of it, or ranges of its blocks.
fn jobs_of(table: usize, found: &Found, ranges: bool) -> Vec<Job<String>> {
    if found.table.skip_reason.is_some() {
        return Vec::new();
    }
    if !ranges || found.blocks <= BLOCKS_PER_PIECE {
        return vec![Job { table, size: found.blocks, what: String::new() }];
    }
    let pieces = found.blocks.div_ceil(BLOCKS_PER_PIECE);
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
        self.engine.clone()
    }

    fn address(&self) -> Option<(String, u16)> {
        let Some(Host::Tcp(host)) = self.config.get_hosts().first() else { return None };
        Some((host.clone(), self.config.get_ports().first().copied().unwrap_or(5432)))
    }

    fn login(&self) -> Option<Login> {
        let user = self.config.get_user()?.to_owned();
        Some(Login { user, database: Some(self.database().to_owned()) })
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

fn failed(doing: &'static str, place: &str, error: &tokio_postgres::Error) -> DatabaseError {
    DatabaseError::Database { doing, place: place.to_owned(), reason: reason(error) }
}

/// Host, port and database of an address, without user and password.
fn place(config: &Config) -> String {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        Some(Host::Unix(path)) => path.display().to_string(),
        None => "an unnamed host".to_owned(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    format!("{host}:{port}/{}", config.get_dbname().unwrap_or(""))
}

/// The reason of a failure. The server's words are repeated only for classes of
/// errors that speak of connections, rights and names; others (data exceptions
/// above all) may quote a cell and are given as their code alone.
fn reason(error: &tokio_postgres::Error) -> String {
    let Some(server) = error.as_db_error() else {
        let cause =
            std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
        return format!("{error}{cause}");
    };
    let code = server.code();
    let quotable = ["08", "28", "3D", "3F", "42", "53", "55", "57"];
    if quotable.iter().any(|class| code.code().starts_with(class))
        && *code != SqlState::SYNTAX_ERROR
    {
        format!("{} ({})", server.message(), code.code())
    } else {
        format!("the server answered with code {}", code.code())
    }
}
