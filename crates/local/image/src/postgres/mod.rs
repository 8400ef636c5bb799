//! A real PostgreSQL database as a source.
//!
//! A capture reads everything in one `REPEATABLE READ READ ONLY` transaction,
//! so all tables show the same instant, and writes one Parquet file per table.
//! Memory is bounded by a batch and a row group, not by a table.

mod catalogue;
mod copy;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio_postgres::config::Host;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};

use crate::error::ImageError;
use crate::image::{Engine, Image, Source};
use crate::stored::Stored;

/// How every session of a capture is set, so that the text forms are the same
/// on every server: UTC, ISO dates, floats in full, no row quietly filtered by
/// a policy, no time limit of the server's.
const SESSION: &str = "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; \
     SET extra_float_digits = 1; SET bytea_output = 'hex'; SET row_security = off; SET statement_timeout = 0; \
     SET idle_in_transaction_session_timeout = 0";

/// A PostgreSQL database, reached without TLS: it is meant for servers on this
/// machine or behind a tunnel.
pub struct Postgres {
    config: Config,
    engine: Engine,
    database: String,
    place: String,
}

impl Postgres {
    /// Connects once to see that the database is there and which version it has.
    /// `url` is `postgres://user:password@host:port/database` or a list of
    /// `key=value`.
    ///
    /// # Errors
    /// [`ImageError::Url`] or [`ImageError::Database`]; neither holds the password.
    pub async fn connect(url: &str) -> Result<Postgres, ImageError> {
        let mut config: Config = url.parse().map_err(|_| ImageError::Url)?;
        config.application_name("landbridge-local");
        let place = place(&config);
        let mut source =
            Postgres { config, engine: Engine::postgres(""), database: String::new(), place };
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
    /// [`ImageError::Database`] with the server's reason.
    pub async fn ping(&self) -> Result<(), ImageError> {
        let client = self.open().await?;
        client.simple_query("SELECT 1").await.map_err(|error| self.error("asking", &error))?;
        Ok(())
    }

    /// The database's name.
    pub fn database(&self) -> &str {
        &self.database
    }

    async fn open(&self) -> Result<Client, ImageError> {
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

    fn error(&self, doing: &'static str, error: &tokio_postgres::Error) -> ImageError {
        ImageError::Database { doing, place: self.place.clone(), reason: reason(error) }
    }

    async fn capture_all(&self, dir: &Path) -> Result<Stored, ImageError> {
        let client = self.open().await?;
        client
            .batch_execute(SESSION)
            .await
            .map_err(|error| self.error("setting up a session of", &error))?;
        client
            .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await
            .map_err(|error| self.error("opening a transaction of", &error))?;
        let found = catalogue::tables(&client)
            .await
            .map_err(|error| self.error("listing the tables of", &error))??;
        let (mut tables, mut files) = (Vec::with_capacity(found.len()), HashMap::new());
        for (index, mut found) in found.into_iter().enumerate() {
            if found.table.skipped.is_none() {
                let path = dir.join(format!("{index:05}.parquet"));
                let failed = |error| self.error("reading a table of", &error);
                let rows = copy::to_file(&client, &found, &path)
                    .await
                    .map_err(|error| error.into_image(failed))?;
                found.table.rows = Some(rows);
                files.insert((found.table.schema.clone(), found.table.name.clone()), path);
            }
            tables.push(found.table);
        }
        client
            .batch_execute("COMMIT")
            .await
            .map_err(|error| self.error("ending a transaction of", &error))?;
        Ok(Stored { engine: self.engine.clone(), database: self.database.clone(), tables, files })
    }
}

impl Source for Postgres {
    fn engine(&self) -> Engine {
        self.engine.clone()
    }

    /// Captures the present, whatever `at` says.
    fn capture<'a>(
        &'a self,
        _at: Timestamp,
        dir: &'a Path,
    ) -> BoxFuture<'a, Result<Arc<dyn Image>, ImageError>> {
        Box::pin(async move {
            let image = self.capture_all(dir).await?;
            tracing::debug!(
                database = image.database,
                tables = image.tables.len(),
                "source database captured"
            );
            Ok(Arc::new(image) as Arc<dyn Image>)
        })
    }
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
