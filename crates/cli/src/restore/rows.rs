//! Counting rows with a real client.

use std::collections::BTreeMap;

use tokio_postgres::{Config, NoTls};

use crate::failure::{Failure, Result};

/// Rows of each `schema.table` asked for, counted on `host:port` with user, password,
/// database and parameters of `url`. `None` is a table that is not there.
///
/// # Errors
/// When the database cannot be reached or refuses; no password is told.
pub(super) async fn count(
    url: &str,
    host: &str,
    port: u16,
    targets: &[String],
) -> Result<BTreeMap<String, Option<u64>>> {
    let url: Config = url.parse().map_err(|_| {
        Failure::Usage(
            "the URL for counting rows cannot be read; write it as \
             postgres://user:password@any/database"
                .to_owned(),
        )
    })?;
    let mut config = Config::new();
    config.host(host).port(port).application_name("landbridge-drill");
    if let Some(user) = url.get_user() {
        config.user(user);
    }
    if let Some(password) = url.get_password() {
        config.password(password);
    }
    if let Some(database) = url.get_dbname() {
        config.dbname(database);
    }
    let failed = |doing: &str, error: &tokio_postgres::Error| {
        let reason = error.as_db_error().map_or_else(
            || error.to_string(),
            |server| format!("the server answered with code {}", server.code().code()),
        );
        Failure::Failed(format!("{doing} at {host}:{port}: {reason}"))
    };
    let (client, connection) = config
        .connect(NoTls)
        .await
        .map_err(|error| failed("the restored database cannot be asked", &error))?;
    let connection = tokio::spawn(connection);
    let mut counted = BTreeMap::new();
    for target in targets {
        let (schema, table) = target.split_once('.').unwrap_or(("public", target));
        let there = "SELECT to_regclass(quote_ident($1) || '.' || quote_ident($2)) IS NOT NULL";
        let row = client.query_one(there, &[&schema, &table]).await;
        let row = row.map_err(|error| failed("the tables cannot be listed", &error))?;
        let rows = if row.get::<_, bool>(0) {
            let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
            let count = format!("SELECT count(*) FROM {}.{}", quoted(schema), quoted(table));
            let row = client.query_one(&count, &[]).await;
            let row = row.map_err(|error| failed("the rows cannot be counted", &error))?;
            u64::try_from(row.get::<_, i64>(0)).ok()
        } else {
            None
        };
        counted.insert(target.clone(), rows);
    }
    connection.abort();
    Ok(counted)
}
