//! Counting rows with a real client.

mod mysql;
mod postgres;

use std::collections::BTreeMap;

use super::tls::Tls;
use crate::failure::Result;

/// Rows of each `schema.table` asked for (of MySQL and MariaDB: `database.table`), counted on
/// `host:port` of this engine, with user, password and database of `url`, by TLS when there
/// is any. `None` is a table that is not there.
///
/// # Errors
/// When the database cannot be reached or refuses; no password is told.
pub(super) async fn count(
    engine: &str,
    url: &str,
    (host, port): (&str, u16),
    tls: Option<Tls>,
    targets: &[String],
) -> Result<BTreeMap<String, Option<u64>>> {
    if engine.contains("postgres") {
        postgres::count(url, host, port, tls, targets).await
    } else {
        mysql::count(url, host, port, tls, targets).await
    }
}

/// A name between quotes of this kind, those within it doubled.
fn quoted_by(quote: char, name: &str) -> String {
    let doubled = name.replace(quote, &format!("{quote}{quote}"));
    format!("{quote}{doubled}{quote}")
}
