//! Row counts of the tables of a restored database.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::tls::Tls;
use crate::{mysql, postgres};

/// The rows of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowCount {
    /// All rows that a query on the table returns.
    pub all: u64,
    /// The rows without the rows of inheriting tables; `None` if no table inherits from it. A partition
    /// is no inheriting table. AWS does not document which of the two numbers an export contains.
    pub own: Option<u64>,
}

impl RowCount {
    /// Whether one of the numbers passes the test.
    pub fn any(&self, test: impl Fn(u64) -> bool) -> bool {
        test(self.all) || self.own.is_some_and(test)
    }
}

/// Counts the rows of each table, named `schema.table` (MySQL and MariaDB: `database.table`).
/// A table that does not exist counts as `None`.
///
/// `engine` is the RDS name of the engine. Only user, password and database of `url` are used;
/// the connection goes to `host` and `port`, encrypted when `tls` is given.
///
/// # Errors
/// [`Url`](crate::SourceError::Url) when the URL is malformed or is of another engine,
/// [`Refused`](crate::SourceError::Refused) when the database cannot be reached or refuses.
pub async fn count(
    engine: &str,
    url: &str,
    (host, port): (&str, u16),
    tls: Option<Tls>,
    tables: &[String],
) -> Result<BTreeMap<String, Option<RowCount>>> {
    if engine.contains("postgres") {
        postgres::count_rows(url, host, port, tls, tables).await
    } else {
        mysql::count_rows(url, host, port, tls, tables).await
    }
}
