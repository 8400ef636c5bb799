//! A real database, of whichever engine its address names.

use std::path::Path;
use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;

use crate::error::DatabaseError;
use crate::snapshot::{DatabaseSnapshot, Engine, Login, SourceDatabase, Table};
use crate::{MySqlDatabase, PostgresDatabase};

/// A database that runs somewhere, reached without TLS.
#[allow(clippy::large_enum_variant)] // there are a few of them in a process
pub enum ExternalDatabase {
    /// PostgreSQL.
    Postgres(PostgresDatabase),
    /// MySQL or MariaDB.
    MySql(MySqlDatabase),
}

impl ExternalDatabase {
    /// Connects once to see that the database is there. The address begins with
    /// `postgres://` or `postgresql://`, `mysql://` or `mariadb://`.
    ///
    /// # Errors
    /// [`DatabaseError::Url`] or [`DatabaseError::Database`]; neither holds the password.
    pub async fn connect(url: &str) -> Result<ExternalDatabase, DatabaseError> {
        match url.split_once("://") {
            Some(("postgres" | "postgresql", _)) => {
                Ok(ExternalDatabase::Postgres(PostgresDatabase::connect(url).await?))
            }
            Some(("mysql" | "mariadb", rest)) => Ok(ExternalDatabase::MySql(
                MySqlDatabase::connect(&format!("mysql://{rest}")).await?,
            )),
            _ => Err(DatabaseError::Url),
        }
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        match self {
            ExternalDatabase::Postgres(source) => source.database(),
            ExternalDatabase::MySql(source) => source.database(),
        }
    }

    /// The tables as the catalogue has them now, without a look at any row.
    ///
    /// # Errors
    /// [`DatabaseError::Database`] with the server's reason.
    pub async fn tables(&self) -> Result<Vec<Table>, DatabaseError> {
        match self {
            ExternalDatabase::Postgres(source) => source.tables().await,
            ExternalDatabase::MySql(source) => source.tables().await,
        }
    }
}

impl SourceDatabase for ExternalDatabase {
    fn engine(&self) -> Engine {
        match self {
            ExternalDatabase::Postgres(source) => source.engine(),
            ExternalDatabase::MySql(source) => source.engine(),
        }
    }

    fn address(&self) -> Option<(String, u16)> {
        match self {
            ExternalDatabase::Postgres(source) => source.address(),
            ExternalDatabase::MySql(source) => source.address(),
        }
    }

    fn login(&self) -> Option<Login> {
        match self {
            ExternalDatabase::Postgres(source) => source.login(),
            ExternalDatabase::MySql(source) => source.login(),
        }
    }

    /// Captures the present, whatever `at` says.
    fn capture<'a>(
        &'a self,
        at: Timestamp,
        dir: &'a Path,
    ) -> BoxFuture<'a, Result<Arc<dyn DatabaseSnapshot>, DatabaseError>> {
        match self {
            ExternalDatabase::Postgres(source) => source.capture(at, dir),
            ExternalDatabase::MySql(source) => source.capture(at, dir),
        }
    }
}
