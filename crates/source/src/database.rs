//! A database of any supported engine.

use crate::catalogue::Table;
use crate::engine::Engine;
use crate::error::{Result, SourceError};
use crate::mysql::MySqlServer;
use crate::postgres::PostgresServer;
use crate::sample::{Observer, SampleLimits};
use crate::tls::Tls;

/// A database that answered once.
#[allow(clippy::large_enum_variant)] // a process has one or two of them
pub enum Database {
    /// PostgreSQL.
    Postgres(PostgresServer),
    /// MySQL or MariaDB.
    MySql(MySqlServer),
}

impl Database {
    /// Connects to the database and asks for its engine and version.
    ///
    /// The URL's scheme is `postgres`, `postgresql`, `mysql` or `mariadb`. With `tls`, the
    /// connection is encrypted and the server's certificate is verified; without, it is plain,
    /// which is meant for servers on this machine or behind a tunnel.
    ///
    /// # Errors
    /// [`SourceError::Url`] for another scheme or a malformed URL, [`SourceError::Refused`] when
    /// the server cannot be reached or refuses.
    pub async fn connect(url: &str, tls: Option<Tls>) -> Result<Database> {
        match url.split_once("://") {
            Some(("postgres" | "postgresql", _)) => {
                PostgresServer::connect(url, tls).await.map(Database::Postgres)
            }
            Some(("mysql" | "mariadb", _)) => {
                MySqlServer::connect(url, tls).await.map(Database::MySql)
            }
            _ => Err(SourceError::Url),
        }
    }

    /// Connects to the database at another place: only user, password and database of `url` are used. `engine` is the RDS
    /// name of the engine.
    ///
    /// # Errors
    /// [`SourceError::Url`] if the URL is malformed or of another engine, otherwise as [`Self::connect`].
    pub async fn connect_at(
        engine: &str,
        url: &str,
        place: (&str, u16),
        tls: Option<Tls>,
    ) -> Result<Database> {
        if engine.contains("postgres") {
            PostgresServer::connect_at(url, place, tls).await.map(Database::Postgres)
        } else {
            MySqlServer::connect_at(url, place, tls).await.map(Database::MySql)
        }
    }

    /// The engine and its version.
    pub fn engine(&self) -> &Engine {
        match self {
            Database::Postgres(server) => server.engine(),
            Database::MySql(server) => server.engine(),
        }
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        match self {
            Database::Postgres(server) => server.database(),
            Database::MySql(server) => server.database(),
        }
    }

    /// The tables that the catalogue lists now, in the order of their names. Reads no row.
    ///
    /// # Errors
    /// [`SourceError::Refused`].
    pub async fn tables(&self) -> Result<Vec<Table>> {
        match self {
            Database::Postgres(server) => server.tables().await,
            Database::MySql(server) => server.tables().await,
        }
    }

    /// Reads some rows of each table, in a session that can only read, and gives their values as the
    /// database writes them as text to the observer. Binary columns are left out.
    ///
    /// # Errors
    /// [`SourceError::Refused`] when the connection is refused or lost. A table that cannot be read
    /// is reported to the observer, and the others are read.
    pub async fn sample(
        &self,
        tables: &[Table],
        limits: SampleLimits,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        match self {
            Database::Postgres(server) => server.sample(tables, limits, observer).await,
            Database::MySql(server) => server.sample(tables, limits, observer).await,
        }
    }
}
