//! A real database, of whichever engine its address names.

use std::path::Path;
use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;

use crate::error::ImageError;
use crate::image::{Engine, Image, Login, Source, Table};
use crate::{MySql, Postgres};

/// A database that runs somewhere, reached without TLS.
#[allow(clippy::large_enum_variant)] // there are a few of them in a process
pub enum Database {
    /// PostgreSQL.
    Postgres(Postgres),
    /// MySQL or MariaDB.
    MySql(MySql),
}

impl Database {
    /// Connects once to see that the database is there. The address begins with
    /// `postgres://` or `postgresql://`, `mysql://` or `mariadb://`.
    ///
    /// # Errors
    /// [`ImageError::Url`] or [`ImageError::Database`]; neither holds the password.
    pub async fn connect(url: &str) -> Result<Database, ImageError> {
        match url.split_once("://") {
            Some(("postgres" | "postgresql", _)) => {
                Ok(Database::Postgres(Postgres::connect(url).await?))
            }
            Some(("mysql" | "mariadb", rest)) => {
                Ok(Database::MySql(MySql::connect(&format!("mysql://{rest}")).await?))
            }
            _ => Err(ImageError::Url),
        }
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        match self {
            Database::Postgres(source) => source.database(),
            Database::MySql(source) => source.database(),
        }
    }

    /// The tables as the catalogue has them now, without a look at any row.
    ///
    /// # Errors
    /// [`ImageError::Database`] with the server's reason.
    pub async fn tables(&self) -> Result<Vec<Table>, ImageError> {
        match self {
            Database::Postgres(source) => source.tables().await,
            Database::MySql(source) => source.tables().await,
        }
    }
}

impl Source for Database {
    fn engine(&self) -> Engine {
        match self {
            Database::Postgres(source) => source.engine(),
            Database::MySql(source) => source.engine(),
        }
    }

    fn address(&self) -> Option<(String, u16)> {
        match self {
            Database::Postgres(source) => source.address(),
            Database::MySql(source) => source.address(),
        }
    }

    fn login(&self) -> Option<Login> {
        match self {
            Database::Postgres(source) => source.login(),
            Database::MySql(source) => source.login(),
        }
    }

    /// Captures the present, whatever `at` says.
    fn capture<'a>(
        &'a self,
        at: Timestamp,
        dir: &'a Path,
    ) -> BoxFuture<'a, Result<Arc<dyn Image>, ImageError>> {
        match self {
            Database::Postgres(source) => source.capture(at, dir),
            Database::MySql(source) => source.capture(at, dir),
        }
    }
}
