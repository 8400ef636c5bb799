//! PostgreSQL: connections, catalogue and row counts.

mod catalogue;
pub(crate) mod fill;
mod rows;
mod sample;
pub(crate) mod scan;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, Connection, NoTls};

use crate::catalogue::Table;
use crate::engine::Engine;
use crate::error::{Result, SourceError};
use crate::tls::Tls;

pub use catalogue::list_tables;
#[cfg(feature = "proposal")]
pub(crate) use catalogue::size as numeric_size;
pub(crate) use rows::count_rows;

/// The port when the URL names none.
const DEFAULT_PORT: u16 = 5432;

/// A database on a PostgreSQL server: its address, and the credentials to connect with.
pub struct PostgresServer {
    config: Config,
    tls: Option<Tls>,
    engine: Engine,
    database: String,
}

impl PostgresServer {
    /// Connects and asks for the server's version. `url` is
    /// `postgres://user:password@host:port/database` or a list of `key=value`.
    ///
    /// # Errors
    /// [`SourceError::Url`] or [`SourceError::Refused`].
    pub async fn connect(url: &str, tls: Option<Tls>) -> Result<PostgresServer> {
        PostgresServer::parse(url, tls)?.introduced().await
    }

    /// As [`Self::connect`], at another place: only user, password and database of `url` are used.
    ///
    /// # Errors
    /// [`SourceError::Url`] or [`SourceError::Refused`].
    pub async fn connect_at(
        url: &str,
        (host, port): (&str, u16),
        tls: Option<Tls>,
    ) -> Result<PostgresServer> {
        PostgresServer::at(url, host, port, tls)?.introduced().await
    }

    /// Asks for the server's version and the database's name.
    async fn introduced(mut self) -> Result<PostgresServer> {
        let server = &mut self;
        let client = server.open_session().await?;
        let row = client
            .query_one("SELECT current_setting('server_version'), current_database()::text", &[])
            .await
            .map_err(|error| server.error("ask for the version of", &error))?;
        // Debian appends its package version: "15.4 (Debian 15.4-1)".
        let version: &str = row.get(0);
        server.engine = Engine::postgres(version.split_whitespace().next().unwrap_or(version));
        server.database = row.get(1);
        Ok(self)
    }

    /// The server at `host` and `port`, with user, password and database of `url`.
    fn at(url: &str, host: &str, port: u16, tls: Option<Tls>) -> Result<PostgresServer> {
        let url: Config = url.parse().map_err(|_| SourceError::Url)?;
        let mut config = Config::new();
        config.host(host).port(port).application_name("landbridge").ssl_mode(SslMode::Disable);
        if let Some(user) = url.get_user() {
            config.user(user);
        }
        if let Some(password) = url.get_password() {
            config.password(password);
        }
        if let Some(database) = url.get_dbname() {
            config.dbname(database);
        }
        Ok(PostgresServer::new(config, tls))
    }

    /// Parses the URL without connecting. A URL without a database means the database with the
    /// user's name (PostgreSQL documentation, "Database Connection Control Functions"); it is
    /// set here, so that an error names it.
    fn parse(url: &str, tls: Option<Tls>) -> Result<PostgresServer> {
        let mut config: Config = url.parse().map_err(|_| SourceError::Url)?;
        if let (None, Some(user)) = (config.get_dbname(), config.get_user()) {
            let user = user.to_owned();
            config.dbname(user);
        }
        config.application_name("landbridge");
        Ok(PostgresServer::new(config, tls))
    }

    fn new(mut config: Config, tls: Option<Tls>) -> PostgresServer {
        if tls.is_some() {
            config.ssl_mode(SslMode::Require);
        }
        let database = config.get_dbname().unwrap_or_default().to_owned();
        PostgresServer { config, tls, engine: Engine::postgres(""), database }
    }

    /// The engine and its version.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The database's name.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The parameters of a connection, which include the password.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Host name and port; `None` for a Unix socket.
    pub fn address(&self) -> Option<(String, u16)> {
        let Some(Host::Tcp(host)) = self.config.get_hosts().first() else { return None };
        Some((host.clone(), self.port()))
    }

    fn port(&self) -> u16 {
        self.config.get_ports().first().copied().unwrap_or(DEFAULT_PORT)
    }

    /// Opens a connection, which closes when the client is dropped.
    ///
    /// # Errors
    /// [`SourceError::Refused`].
    pub async fn open_session(&self) -> Result<Client> {
        let error = |error| self.error("connect to", &error);
        match &self.tls {
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await.map_err(error)?;
                serve(connection);
                Ok(client)
            }
            None => {
                let (client, connection) = self.config.connect(NoTls).await.map_err(error)?;
                serve(connection);
                Ok(client)
            }
        }
    }

    /// The tables that the catalogue lists now. Reads no row.
    ///
    /// # Errors
    /// [`SourceError::Refused`].
    pub async fn tables(&self) -> Result<Vec<Table>> {
        let client = self.open_session().await?;
        list_tables(&client).await.map_err(|error| self.error("list the tables of", &error))
    }

    /// Host, port and database, without user and password.
    pub fn place(&self) -> String {
        let host = match self.config.get_hosts().first() {
            Some(Host::Tcp(host)) => host.clone(),
            Some(Host::Unix(path)) => path.display().to_string(),
            None => "an unnamed host".to_owned(),
        };
        format!("{host}:{}/{}", self.port(), self.config.get_dbname().unwrap_or_default())
    }

    /// The error of an action such as `connect to`.
    pub fn error(&self, action: &'static str, error: &tokio_postgres::Error) -> SourceError {
        SourceError::Refused {
            action,
            place: self.place(),
            reason: reason(error),
            code: error.code().map(|code| code.code().to_owned()),
        }
    }
}

/// Serves a connection until its client is dropped. The client's calls report what breaks it.
fn serve<S, T>(connection: Connection<S, T>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        if connection.await.is_err() {
            tracing::debug!("connection to the source database ended with an error");
        }
    });
}

/// The reason of a failure, without the value of any cell.
///
/// The server's message is repeated only for the classes of error codes that concern
/// connections, rights and names. Others, data exceptions above all, may quote a cell and are
/// reported by their code alone.
pub fn reason(error: &tokio_postgres::Error) -> String {
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

#[cfg(test)]
mod tests {
    use landbridge_local_database::TestPostgres;

    use super::*;

    #[test]
    fn a_url_without_a_database_means_the_database_of_its_user() {
        for (url, expected) in [
            ("postgres://me@host", "host:5432/me"),
            ("postgres://a%2Fb@host:5433/", "host:5433/a/b"),
            ("postgresql://me@[::1]?connect_timeout=3", "::1:5432/me"),
            ("postgres://me@host/shop", "host:5432/shop"),
            ("postgres://me@host?dbname=shop", "host:5432/shop"),
            ("postgres://host", "host:5432/"),
            ("postgres://me@a:1,b:2", "a:1/me"),
        ] {
            assert_eq!(PostgresServer::parse(url, None).unwrap().place(), expected, "{url}");
        }
    }

    #[tokio::test]
    async fn errors_contain_no_password() {
        let server = tokio::task::spawn_blocking(TestPostgres::start).await.unwrap();
        let server = server.unwrap_or_else(|error| panic!("{error}"));
        let (_, port) = PostgresServer::parse(&server.url(), None).unwrap().address().unwrap();
        for (url, expected) in [
            ("postgres://user:hunter2@[::1:5432/db", "cannot read the database URL"),
            (
                "postgres://user:hunter2@127.0.0.1:1/db",
                "cannot connect to the database at 127.0.0.1:1/db: ",
            ),
            (
                "postgres://landbridge:hunter2@127.0.0.1:PORT/none",
                "database \"none\" does not exist (3D000); use the name of an existing database",
            ),
        ] {
            let url = url.replace("PORT", &port.to_string());
            let error = PostgresServer::connect(&url, None).await.err().unwrap();
            let text = format!("{error} {error:?}");
            assert!(text.contains(expected) && !text.contains("hunter2"), "{text}");
        }
    }
}
