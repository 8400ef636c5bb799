//! Everything of a PostgreSQL database but its rows: tables, types, constraints, indexes, views,
//! functions, sequences and roles, as `pg_dump` writes them.

use std::collections::HashSet;

use tokio::process::Command;
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config};

use crate::test_server;

/// Generated columns, which accept no values.
const GENERATED: &str = "
    SELECT n.nspname::text, c.relname::text, a.attname::text
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE a.attgenerated <> '' AND NOT a.attisdropped";
const SEQUENCES: &str = "
    SELECT format('%I.%I', schemaname, sequencename), last_value
    FROM pg_sequences WHERE last_value IS NOT NULL";
const ROLES: &str = "
    SELECT quote_ident(rolname), rolsuper, rolcanlogin FROM pg_roles WHERE rolname !~ '^pg_'";

/// Everything but the rows, as the transaction of the capture sees it. Sequences are not
/// transactional in PostgreSQL; their values are slightly newer.
#[derive(Debug)]
pub(super) struct Definition {
    /// SQL to run before the rows are inserted: schemas, types, functions, tables, views.
    pub(super) before: String,
    /// SQL to run after the rows are inserted: constraints, indexes, triggers.
    pub(super) after: String,
    /// (schema, table, column) of generated columns.
    pub(super) generated: HashSet<(String, String, String)>,
    /// Quoted name and last value.
    pub(super) sequences: Vec<(String, i64)>,
    /// Quoted name, whether it is a superuser, whether it may log in. Passwords are not read.
    pub(super) roles: Vec<(String, bool, bool)>,
}

impl Definition {
    /// Reads the definition within the open transaction of `client`, which is exported as
    /// `snapshot`. `None` when `pg_dump` is not installed, is older than the server or fails: the
    /// capture then has rows only and cannot be restored into a server.
    ///
    /// # Errors
    /// Any error of the server, which aborts the transaction.
    pub(super) async fn read(
        client: &Client,
        config: &Config,
        snapshot: &str,
    ) -> Result<Option<Self>, tokio_postgres::Error> {
        let Some(programs) = test_server::postgres_programs() else { return Ok(None) };
        let program = programs.join("pg_dump");
        let section = |name| dump(&program, config, snapshot, name);
        let (Some(before), Some(after)) = tokio::join!(section("pre-data"), section("post-data"))
        else {
            return Ok(None);
        };
        let generated = client.query(GENERATED, &[]).await?;
        let sequences = client.query(SEQUENCES, &[]).await?;
        let roles = client.query(ROLES, &[]).await?;
        Ok(Some(Self {
            before,
            after,
            generated: generated.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect(),
            sequences: sequences.iter().map(|row| (row.get(0), row.get(1))).collect(),
            roles: roles.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect(),
        }))
    }
}

/// One section of the dump; `None`, with a warning in the log, when `pg_dump` fails.
async fn dump(
    program: &std::path::Path,
    config: &Config,
    snapshot: &str,
    section: &str,
) -> Option<String> {
    let host = match config.get_hosts().first()? {
        Host::Tcp(host) => host.clone(),
        Host::Unix(path) => path.display().to_string(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let mut command = Command::new(program);
    command.args(["--no-password", "--host", &host, "--port", &port.to_string()]);
    command.args(["--section", section, "--snapshot", snapshot]);
    command.args(["--no-tablespaces", "--no-publications", "--no-subscriptions"]);
    if let Some(user) = config.get_user() {
        command.args(["--username", user]);
    }
    command.args(["--dbname", config.get_dbname().unwrap_or("postgres")]);
    if let Some(password) = config.get_password() {
        command.env("PGPASSWORD", String::from_utf8_lossy(password).as_ref());
    }
    let output = match command.output().await {
        Ok(output) => output,
        Err(error) => {
            tracing::warn!(%error, "pg_dump cannot be run: this snapshot cannot be restored into a server");
            return None;
        }
    };
    if !output.status.success() {
        // The messages of pg_dump may quote a definition but never a row.
        let reason = String::from_utf8_lossy(&output.stderr);
        tracing::warn!(%reason, "pg_dump failed: this snapshot cannot be restored into a server");
        return None;
    }
    let text = String::from_utf8(output.stdout).ok()?;
    // Meta-commands of psql, which newer versions write at both ends.
    let sql = text
        .lines()
        .filter(|line| !line.starts_with("\\restrict ") && !line.starts_with("\\unrestrict "));
    Some(sql.collect::<Vec<_>>().join("\n"))
}
