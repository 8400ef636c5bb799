//! MySQL and MariaDB: connections, catalogue and row counts.

mod catalogue;
pub(crate) mod fill;
mod rows;
mod sample;
pub(crate) mod scan;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Opts, OptsBuilder};

use crate::catalogue::Table;
use crate::engine::Engine;
use crate::error::{Result, SourceError};
use crate::tls::Tls;

pub use catalogue::list_tables;
pub(crate) use rows::count_rows;

/// Maximum size of a row in bytes: the protocol's own limit (MySQL documentation,
/// `max_allowed_packet`).
pub const MAX_ROW_BYTES: usize = 1 << 30;

/// A database on a MySQL or MariaDB server: its address, and the credentials to connect with.
pub struct MySqlServer {
    opts: Opts,
    engine: Engine,
    database: String,
}

impl MySqlServer {
    /// Connects and asks for the server's product and version. `url` is
    /// `mysql://user:password@host:port/database`; the scheme may also be `mariadb`.
    ///
    /// # Errors
    /// [`SourceError::Url`] or [`SourceError::Refused`].
    pub async fn connect(url: &str, tls: Option<Tls>) -> Result<MySqlServer> {
        let opts = parse(url)?;
        if opts.db_name().is_none() {
            return Err(SourceError::Url);
        }
        MySqlServer::new(OptsBuilder::from_opts(opts), tls).introduced().await
    }

    /// As [`Self::connect`], at another place: only user, password and database of `url` are used.
    ///
    /// # Errors
    /// [`SourceError::Url`] or [`SourceError::Refused`].
    pub async fn connect_at(
        url: &str,
        (host, port): (&str, u16),
        tls: Option<Tls>,
    ) -> Result<MySqlServer> {
        if parse(url)?.db_name().is_none() {
            return Err(SourceError::Url);
        }
        MySqlServer::at(url, host, port, tls)?.introduced().await
    }

    /// Asks for the server's product and version.
    async fn introduced(mut self) -> Result<MySqlServer> {
        let server = &mut self;
        let mut conn = server.open_session().await?;
        let version: Option<String> = conn
            .query_first("SELECT VERSION()")
            .await
            .map_err(|error| server.error("ask for the version of", &error))?;
        server.engine = engine(&version.unwrap_or_default());
        disconnect(conn).await;
        Ok(self)
    }

    /// The server at `host` and `port`, with user, password and database of `url`.
    fn at(url: &str, host: &str, port: u16, tls: Option<Tls>) -> Result<MySqlServer> {
        let url = parse(url)?;
        let opts = OptsBuilder::default()
            .ip_or_hostname(host)
            .tcp_port(port)
            .user(url.user())
            .pass(url.pass())
            .db_name(url.db_name());
        Ok(MySqlServer::new(opts, tls))
    }

    fn new(opts: OptsBuilder, tls: Option<Tls>) -> MySqlServer {
        let mut opts = opts
            // The URL names host and port; the client must not switch to the server's socket.
            .prefer_socket(false)
            .max_allowed_packet(Some(MAX_ROW_BYTES));
        if let Some(tls) = tls {
            opts = opts.ssl_opts(tls.for_mysql());
        }
        let opts = Opts::from(opts);
        let database = opts.db_name().unwrap_or_default().to_owned();
        MySqlServer { opts, engine: Engine::mysql(""), database }
    }

    /// The engine and its version.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The database's name.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Host name and port.
    pub fn address(&self) -> (String, u16) {
        (self.opts.ip_or_hostname().to_owned(), self.opts.tcp_port())
    }

    /// The user that connects, if the URL names one.
    pub fn user(&self) -> Option<&str> {
        self.opts.user()
    }

    /// Opens a connection; close it with [`disconnect`].
    ///
    /// # Errors
    /// [`SourceError::Refused`].
    pub async fn open_session(&self) -> Result<Conn> {
        Conn::new(self.opts.clone()).await.map_err(|error| self.error("connect to", &error))
    }

    /// The tables that the catalogue lists now. Reads no row.
    ///
    /// # Errors
    /// [`SourceError::Refused`].
    pub async fn tables(&self) -> Result<Vec<Table>> {
        let mut conn = self.open_session().await?;
        let tables = list_tables(&mut conn, &self.database).await;
        disconnect(conn).await;
        tables.map_err(|error| self.error("list the tables of", &error))
    }

    /// Host, port and database, without user and password.
    pub fn place(&self) -> String {
        format!("{}:{}/{}", self.opts.ip_or_hostname(), self.opts.tcp_port(), self.database)
    }

    /// The error of an action such as `connect to`.
    pub fn error(&self, action: &'static str, error: &Error) -> SourceError {
        let code = match error {
            Error::Server(server) => Some(server.code.to_string()),
            _ => None,
        };
        SourceError::Refused { action, place: self.place(), reason: reason(error), code }
    }
}

/// Parses a URL whose scheme is `mysql` or `mariadb`; the client knows only the first.
fn parse(url: &str) -> Result<Opts> {
    match url.split_once("://") {
        Some(("mysql" | "mariadb", rest)) => {
            Opts::from_url(&format!("mysql://{rest}")).map_err(|_| SourceError::Url)
        }
        _ => Err(SourceError::Url),
    }
}

/// Closes a connection in order, so that the server does not count an aborted client. A failure
/// to do so is ignored.
pub async fn disconnect(conn: Conn) {
    _ = conn.disconnect().await;
}

/// Reads `SELECT VERSION()`: `10.11.6-MariaDB-0+deb12u1`, which older servers prefix with
/// `5.5.5-`, or `8.0.36`.
fn engine(version: &str) -> Engine {
    let own = version.strip_prefix("5.5.5-").unwrap_or(version);
    let number = own.split(['-', '+']).next().unwrap_or(own);
    if own.to_ascii_lowercase().contains("mariadb") {
        Engine::mariadb(number)
    } else {
        Engine::mysql(number)
    }
}

/// The reason of a failure, without the value of any cell.
///
/// The server's message is repeated only for error codes that concern connections, rights and
/// names (MySQL documentation, "Server Error Message Reference"). Others may quote a cell and are
/// reported by their code alone.
pub fn reason(error: &Error) -> String {
    const QUOTABLE: [u16; 12] =
        [1040, 1044, 1045, 1049, 1130, 1142, 1143, 1146, 1203, 1205, 1226, 1227];
    match error {
        Error::Server(server) if QUOTABLE.contains(&server.code) => {
            format!("{} ({})", server.message, server.code)
        }
        Error::Server(server) => format!("the server answered with code {}", server.code),
        Error::Io(error) => error.to_string(),
        // Some of the client's own errors contain rows.
        _ => "the client could not interpret the server's answer".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use landbridge_local_database::TestMariaDb;

    use super::*;

    #[test]
    fn the_version_tells_mysql_from_mariadb() {
        for (version, name, number) in [
            ("10.11.19-MariaDB-0+deb12u1", "mariadb", "10.11.19"),
            ("5.5.5-10.6.18-MariaDB-log", "mariadb", "10.6.18"),
            ("8.0.36", "mysql", "8.0.36"),
            ("8.4.2-log", "mysql", "8.4.2"),
        ] {
            let engine = engine(version);
            assert_eq!((engine.name(), engine.version()), (name, number));
        }
    }

    #[tokio::test]
    async fn errors_contain_no_password() {
        let server = tokio::task::spawn_blocking(TestMariaDb::start).await.unwrap();
        let server = server.unwrap_or_else(|error| panic!("{error}"));
        let root = MySqlServer::connect(&server.url_of("mysql"), None).await.unwrap();
        let sql = "CREATE DATABASE shop; CREATE USER me IDENTIFIED BY 'right'; \
                   GRANT ALL ON shop.* TO me";
        root.open_session().await.unwrap().query_drop(sql).await.unwrap();
        let (_, port) = root.address();
        let url = |rest: &str| format!("mysql://me:{rest}").replace("PORT", &port.to_string());
        assert!(MySqlServer::connect(&url("right@127.0.0.1:PORT/shop"), None).await.is_ok());
        let mut errors = String::new();
        for rest in [
            "hunter2@[::1:PORT/shop",
            "hunter2@127.0.0.1:PORT",
            "hunter2@127.0.0.1:1/shop",
            "hunter2@127.0.0.1:PORT/shop",
            "right@127.0.0.1:PORT/none",
        ] {
            let error = MySqlServer::connect(&url(rest), None).await.err().unwrap();
            let text = format!("{error}\n");
            assert!(!format!("{text}{error:?}").contains("hunter2"), "{text}");
            errors.push_str(&text.replace(&port.to_string(), "PORT"));
        }
        expect![[r#"
            cannot read the database URL; write it as postgres://user:password@host:port/database or mysql://user:password@host:port/database
            cannot read the database URL; write it as postgres://user:password@host:port/database or mysql://user:password@host:port/database
            cannot connect to the database at 127.0.0.1:1/shop: Input/output error: Connection refused (os error 111); check that the server is running and that the user may read its tables
            cannot connect to the database at 127.0.0.1:PORT/shop: Access denied for user 'me'@'127.0.0.1' (using password: YES) (1045); use a user that may log in, with its password: mysql://user:password@host:port/database
            cannot connect to the database at 127.0.0.1:PORT/none: Access denied for user 'me'@'%' to database 'none' (1044); use a user that may read its tables
        "#]]
        .assert_eq(&errors);
    }
}
