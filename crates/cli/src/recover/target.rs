//! `--to`: a file, or a database.

use std::io::IsTerminal;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use landbridge_core::types::Engine;
use landbridge_source::{Database, SourceError, Tls};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::failure::{Failure, Result};

/// Where the rows go.
#[derive(Debug)]
pub(super) enum Target {
    /// A file of SQL statements.
    Sql(PathBuf),
    /// A Parquet file.
    Parquet(PathBuf),
    /// A new table of a database.
    Database(Address),
}

/// The address of a database, without a password.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) engine: Engine,
    scheme: String,
    user: String,
    pub(super) host: String,
    pub(super) port: u16,
    database: String,
}

/// The environment variable that has the password, unless `--password-env` names another.
pub(super) const PASSWORD_ENV: &str = "LANDBRIDGE_RECOVER_PASSWORD";

impl Target {
    /// Reads `--to`.
    ///
    /// # Errors
    /// A text for clap. It never has the password of a URL.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.contains("://") {
            return Address::parse(text).map(Self::Database);
        }
        let path = Path::new(text);
        match path.extension().and_then(|it| it.to_str()) {
            Some("sql") => Ok(Self::Sql(path.to_owned())),
            Some("parquet") => Ok(Self::Parquet(path.to_owned())),
            _ => Err("must be a file that ends in .sql or .parquet, or the URL of a database such as postgres://user@host/database".to_owned()),
        }
    }
}

impl Address {
    fn parse(url: &str) -> Result<Self, String> {
        const FORM: &str = "a database is written as postgres://user@host:port/database or mysql://user@host:port/database";
        let (scheme, rest) = url.split_once("://").ok_or(FORM)?;
        let (engine, default_port) = match scheme {
            "postgres" | "postgresql" => (Engine::Postgres, 5432),
            "mysql" | "mariadb" => (Engine::Mysql, 3306),
            _ => return Err(FORM.to_owned()),
        };
        let (authority, database) = rest.split_once('/').ok_or(FORM)?;
        let (user, place) = authority.rsplit_once('@').ok_or(FORM)?;
        if user.contains(':') {
            return Err(format!(
                "the URL has a password, which other processes of this machine and the shell's history can see; leave it out and set {PASSWORD_ENV}, or type it when you are asked"
            ));
        }
        if database.is_empty() || user.is_empty() || database.contains(['?', '#', '/']) {
            return Err(FORM.to_owned());
        }
        let (host, port) = match place.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or(FORM)?;
                (host, port.strip_prefix(':'))
            }
            None => match place.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (place, None),
            },
        };
        if host.is_empty() || host.contains([',', '%']) {
            return Err(FORM.to_owned());
        }
        let port =
            port.map_or(Ok(default_port), |port| port.parse().map_err(|_| FORM.to_owned()))?;
        Ok(Self {
            engine,
            scheme: scheme.to_owned(),
            user: user.to_owned(),
            host: host.to_owned(),
            port,
            database: database.to_owned(),
        })
    }

    fn url(&self, password: Option<&str>) -> String {
        let password = password.map(|it| format!(":{}", utf8_percent_encode(it, NON_ALPHANUMERIC)));
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        format!(
            "{}://{}{}@{host}:{}/{}",
            self.scheme,
            self.user,
            password.unwrap_or_default(),
            self.port,
            self.database
        )
    }

    /// Whether the host is this machine, so that no network sees the password and the rows.
    fn is_local(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|it| it.is_loopback())
    }

    /// Connects. The password is from the environment variable; without it, a server that demands one makes the command ask.
    ///
    /// # Errors
    /// `Usage` without certificates to trust, if the host is another machine; `Failed` if the server refuses. No message has
    /// the password.
    pub(super) async fn connect(
        &self,
        variable: Option<&str>,
        ca: Option<&Path>,
    ) -> Result<Database> {
        let tls = ca.map(Tls::trust_file).transpose()?;
        if tls.is_none() && !self.is_local() {
            return Err(Failure::Usage(format!(
                "--to: the connection to {} would not be encrypted; give --ca FILE with the certificates to trust, for RDS AWS's global-bundle.pem",
                self.host
            )));
        }
        let name = variable.unwrap_or(PASSWORD_ENV);
        let password = std::env::var(name).ok();
        if variable.is_some() && password.is_none() {
            return Err(Failure::Usage(format!(
                "--password-env: the environment variable {name} is not set"
            )));
        }
        let refused = match Database::connect(&self.url(password.as_deref()), tls.clone()).await {
            Ok(database) => return Ok(database),
            Err(error) => error,
        };
        if password.is_some() || !wants_password(&refused) {
            return Err(refused.into());
        }
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return Err(Failure::Failed(format!("{refused}. Set {name} to the password")));
        }
        let password = ask(&self.user, &self.host)?;
        Ok(Database::connect(&self.url(Some(&password)), tls).await?)
    }

    /// Whether this is the address of the database at `host` and `port`, by its name or by its IP addresses.
    pub(super) async fn is(&self, host: &str, port: u16) -> bool {
        if self.port != port {
            return false;
        }
        if self.host.eq_ignore_ascii_case(host) {
            return true;
        }
        let resolve = async |host: &str| -> Vec<IpAddr> {
            let found = tokio::net::lookup_host((host, port)).await;
            found.map(|all| all.map(|it| it.ip()).collect()).unwrap_or_default()
        };
        let own = resolve(&self.host).await;
        let other = resolve(host).await;
        own.iter().any(|it| other.contains(it))
    }
}

/// Whether the server refused because it got no password, or none that is right.
fn wants_password(error: &SourceError) -> bool {
    match error {
        SourceError::Refused { code: Some(code), .. } => {
            ["28P01", "28000", "1045"].contains(&code.as_str())
        }
        // The client's own error when the server asks for a password and the URL has none.
        SourceError::Refused { code: None, reason, .. } => reason.contains("password missing"),
        _ => false,
    }
}

/// Asks for the password; the terminal does not show it.
fn ask(user: &str, host: &str) -> Result<String> {
    eprint!("Password of {user} at {host}: ");
    console::Term::stderr()
        .read_secure_line()
        .map_err(|error| Failure::Failed(format!("the password cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str) -> Result<Address, String> {
        match Target::parse(url)? {
            Target::Database(address) => Ok(address),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_password_on_the_command_line_is_refused_and_not_repeated() {
        for url in ["postgres://me:hunter2@host/shop", "mysql://me:hunter2@[::1]:3306/shop"] {
            let error = address(url).unwrap_err();
            assert!(error.contains(PASSWORD_ENV) && !error.contains("hunter2"), "{error}");
        }
        for url in [
            "postgres://host/shop",
            "postgres://me@host",
            "postgres://me@host/",
            "postgres://me@host/shop?password=hunter2",
            "postgres://me@one,two/shop",
            "oracle://me@host/shop",
            "mysql://me@host:hunter2/shop",
        ] {
            let error = address(url).unwrap_err();
            assert!(
                error.contains("postgres://user@host") && !error.contains("hunter2"),
                "{error}"
            );
        }
    }

    #[test]
    fn an_address_becomes_a_url_with_the_password_in_it() {
        let it = address("postgres://me%40x@[::1]:5433/shop").unwrap();
        assert!(it.is_local());
        assert_eq!(it.url(None), "postgres://me%40x@[::1]:5433/shop");
        assert_eq!(it.url(Some("a:/@b")), "postgres://me%40x:a%3A%2F%40b@[::1]:5433/shop");
        let it = address("mariadb://me@db.example.com/shop").unwrap();
        assert_eq!((it.engine, it.port, it.is_local()), (Engine::Mysql, 3306, false));
    }

    #[test]
    fn a_file_is_named_by_its_end() {
        assert!(matches!(Target::parse("a/b.sql"), Ok(Target::Sql(_))));
        assert!(matches!(Target::parse("b.parquet"), Ok(Target::Parquet(_))));
        for name in ["rows", "rows.csv", "postgres"] {
            assert!(Target::parse(name).is_err(), "{name}");
        }
    }

    #[tokio::test]
    async fn the_same_server_is_known_by_its_address() {
        let it = address("postgres://me@localhost:5433/shop").unwrap();
        assert!(it.is("127.0.0.1", 5433).await && it.is("LOCALHOST", 5433).await);
        assert!(!it.is("127.0.0.1", 5432).await);
    }
}
