//! Everything of a MySQL or MariaDB database but its rows, as `SHOW CREATE` prints it: tables,
//! sequences, views, triggers, routines, events and accounts.

use std::collections::{HashMap, HashSet};

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Row};

use landbridge_source::catalogue::quote_name;
use landbridge_source::mysql::reason;

use super::catalogue::TableQuery;

/// Generated columns, which accept no values. They include the row period columns of MariaDB
/// (`ROW START`).
const GENERATED: &str = "
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = ? AND COALESCE(generation_expression, '') <> ''";
const SEQUENCES: &str = "
    SELECT table_name FROM information_schema.tables
    WHERE table_schema = ? AND table_type = 'SEQUENCE' ORDER BY 1";
/// Accounts. Roles of MariaDB have no host and are left out.
const ACCOUNTS: &str = "SELECT user, host FROM mysql.user WHERE user <> '' AND host <> ''";

/// Views, triggers, routines and events: the keyword of `SHOW CREATE`, the query for their names,
/// and the indexes of text and SQL mode in the answer (MySQL documentation, "SHOW Statements").
const PROGRAMS: [(&str, &str, usize, Option<usize>); 5] = [
    (
        "FUNCTION",
        "SELECT routine_name FROM information_schema.routines
         WHERE routine_schema = ? AND routine_type = 'FUNCTION' ORDER BY 1",
        2,
        Some(1),
    ),
    (
        "PROCEDURE",
        "SELECT routine_name FROM information_schema.routines
         WHERE routine_schema = ? AND routine_type = 'PROCEDURE' ORDER BY 1",
        2,
        Some(1),
    ),
    (
        "VIEW",
        "SELECT table_name FROM information_schema.views WHERE table_schema = ? ORDER BY 1",
        1,
        None,
    ),
    (
        "TRIGGER",
        "SELECT trigger_name FROM information_schema.triggers
         WHERE trigger_schema = ? ORDER BY event_object_table, action_timing, action_order",
        2,
        Some(1),
    ),
    (
        "EVENT",
        "SELECT event_name FROM information_schema.events WHERE event_schema = ? ORDER BY 1",
        3,
        Some(1),
    ),
];

/// Everything but the rows. The tables are those of the capture's transaction: it reads them, which
/// blocks later changes of their definition. `AUTO_INCREMENT` counters and sequences are not
/// transactional; their values are slightly newer.
#[derive(Debug)]
pub(super) struct Definition {
    /// `CREATE DATABASE IF NOT EXISTS …`, with its character set.
    pub(super) database: String,
    /// `CREATE TABLE` of each table, by its name.
    pub(super) tables: HashMap<String, String>,
    /// (table, column) of generated columns.
    pub(super) generated: HashSet<(String, String)>,
    /// Sequences of MariaDB, which column defaults may use.
    pub(super) sequences: Vec<Sequence>,
    /// Programs to create after the rows are inserted.
    pub(super) programs: Vec<Program>,
    /// Accounts and their rights. Passwords are not read.
    pub(super) accounts: Vec<Account>,
}

/// A sequence and its next value.
#[derive(Debug)]
pub(super) struct Sequence {
    pub(super) name: String,
    pub(super) sql: String,
    /// As text: sequences of newer servers may exceed an `i64`.
    pub(super) next: String,
}

/// A view, trigger, routine or event.
#[derive(Debug)]
pub(super) struct Program {
    /// `VIEW`.
    pub(super) kind: &'static str,
    pub(super) name: String,
    /// The SQL mode in which its text was written, where the server records it.
    pub(super) sql_mode: Option<String>,
    pub(super) sql: String,
}

/// A user at a host.
#[derive(Debug)]
pub(super) struct Account {
    /// `` `shop`@`%` ``
    pub(super) name: String,
    /// Its `GRANT` statements, without passwords.
    pub(super) grants: Vec<String>,
}

impl Definition {
    /// Reads the definition within the open transaction of `conn`. Sequences, programs and accounts
    /// that the user may not see are left out, with a warning in the log.
    ///
    /// # Errors
    /// When a readable table cannot be described or the connection breaks.
    pub(super) async fn read(
        conn: &mut Conn,
        database: &str,
        queries: &[TableQuery],
    ) -> Result<Definition, Error> {
        let schema = quote_name('`', database);
        let create = format!("SHOW CREATE DATABASE IF NOT EXISTS {schema}");
        let create: Option<(String, String)> = conn.query_first(create).await?;
        let mut tables = HashMap::new();
        for query in queries.iter().filter(|query| query.table.skip_reason.is_none()) {
            let name = query.name();
            let show = format!("SHOW CREATE TABLE {schema}.{}", quote_name('`', name));
            if let Some(sql) = conn.query_first::<Row, _>(show).await?.and_then(|it| text(&it, 1)) {
                tables.insert(name.to_owned(), sql);
            }
        }
        let generated: Vec<(String, String)> = conn.exec(GENERATED, (database,)).await?;
        Ok(Definition {
            database: create.map(|(_, sql)| sql).unwrap_or_default(),
            tables,
            generated: generated.into_iter().collect(),
            sequences: sequences(conn, database).await?,
            programs: programs(conn, database).await?,
            accounts: accounts(conn).await?,
        })
    }
}

/// The cell as text; `None` when it is NULL or missing.
fn text(row: &Row, at: usize) -> Option<String> {
    row.get_opt::<Option<String>, _>(at)?.ok()?
}

/// `None`, with a warning in the log, when the server refuses. A broken connection is an error.
fn ignore_refusal<T>(answer: Result<T, Error>, what: &str) -> Result<Option<T>, Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error @ Error::Server(_)) => {
            let reason = reason(&error);
            tracing::warn!(
                what,
                reason,
                "the server does not show it: a restore will not contain it"
            );
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

async fn sequences(conn: &mut Conn, database: &str) -> Result<Vec<Sequence>, Error> {
    let names: Vec<String> = conn.exec(SEQUENCES, (database,)).await?;
    let mut sequences = Vec::new();
    for name in names {
        let full = format!("{}.{}", quote_name('`', database), quote_name('`', &name));
        let sql: Result<Option<Row>, Error> =
            conn.query_first(format!("SHOW CREATE SEQUENCE {full}")).await;
        let next: Result<Option<String>, Error> =
            conn.query_first(format!("SELECT next_not_cached_value FROM {full}")).await;
        let sql = ignore_refusal(sql, &name)?.flatten().and_then(|row| text(&row, 1));
        if let (Some(sql), Some(next)) = (sql, ignore_refusal(next, &name)?.flatten()) {
            sequences.push(Sequence { name, sql, next });
        }
    }
    Ok(sequences)
}

async fn programs(conn: &mut Conn, database: &str) -> Result<Vec<Program>, Error> {
    let mut programs = Vec::new();
    for (kind, list, text_at, mode_at) in PROGRAMS {
        let names: Vec<String> = conn.exec(list, (database,)).await?;
        for name in names {
            let show = format!(
                "SHOW CREATE {kind} {}.{}",
                quote_name('`', database),
                quote_name('`', &name)
            );
            let shown: Result<Option<Row>, Error> = conn.query_first(show).await;
            let Some(row) = ignore_refusal(shown, &name)?.flatten() else { continue };
            // The text is NULL when the user may see the name but not the definition.
            match text(&row, text_at) {
                Some(sql) => {
                    let sql_mode = mode_at.and_then(|at| text(&row, at));
                    programs.push(Program { kind, name, sql_mode, sql });
                }
                None => tracing::warn!(
                    kind,
                    name,
                    "the server hides its text: a restore will not contain it"
                ),
            }
        }
    }
    Ok(programs)
}

async fn accounts(conn: &mut Conn) -> Result<Vec<Account>, Error> {
    let listed: Result<Vec<(String, String)>, Error> = conn.query(ACCOUNTS).await;
    let listed = ignore_refusal(listed, "accounts")?.unwrap_or_default();
    let mut accounts = Vec::new();
    for (user, host) in listed {
        let name = format!("{}@{}", quote_name('`', &user), quote_name('`', &host));
        let grants: Result<Vec<String>, Error> =
            conn.query(format!("SHOW GRANTS FOR {name}")).await;
        let grants = ignore_refusal(grants, &name)?.unwrap_or_default();
        let grants = grants.iter().map(|grant| without_password(grant)).collect();
        accounts.push(Account { name, grants });
    }
    Ok(accounts)
}

/// Removes the password. MariaDB prints its hash in a GRANT: ``… TO `me`@`%` IDENTIFIED BY PASSWORD
/// '…' WITH GRANT OPTION``.
fn without_password(grant: &str) -> String {
    const GRANT_OPTION: &str = " WITH GRANT OPTION";
    match grant.split_once(" IDENTIFIED ") {
        Some((before, after)) if after.ends_with(GRANT_OPTION) => format!("{before}{GRANT_OPTION}"),
        Some((before, _)) => before.to_owned(),
        None => grant.to_owned(),
    }
}

/// A definition of MySQL, rewritten for MariaDB. Collations that only MySQL 8 has become the nearest
/// ones of MariaDB 10.6, which treat trailing spaces alike (NO PAD).
pub(super) fn as_mariadb(sql: &str) -> String {
    const MYSQL_COLLATION_PREFIX: &str = "utf8mb4_0900_";
    let mut parts = sql.split(MYSQL_COLLATION_PREFIX);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|it: char| !it.is_ascii_alphanumeric() && it != '_');
        let (name, rest) = part.split_at(end.unwrap_or(part.len()));
        let exact = name == "bin" || name.ends_with("_cs");
        text += if exact { "utf8mb4_nopad_bin" } else { "utf8mb4_unicode_520_nopad_ci" };
        text += rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_removed() {
        for (grant, expected) in [
            ("GRANT SELECT ON `shop`.* TO `a`@`%`", "GRANT SELECT ON `shop`.* TO `a`@`%`"),
            (
                "GRANT USAGE ON *.* TO `a`@`%` IDENTIFIED BY PASSWORD '*B6' REQUIRE SSL",
                "GRANT USAGE ON *.* TO `a`@`%`",
            ),
            (
                "GRANT ALL PRIVILEGES ON *.* TO `a`@`%` IDENTIFIED VIA ed25519 USING 'x' WITH GRANT OPTION",
                "GRANT ALL PRIVILEGES ON *.* TO `a`@`%` WITH GRANT OPTION",
            ),
        ] {
            assert_eq!(without_password(grant), expected);
        }
    }

    #[test]
    fn collations_that_only_mysql_has_are_replaced() {
        for (mysql, mariadb) in [
            ("a int) COLLATE=latin1_bin", "a int) COLLATE=latin1_bin"),
            (
                "a text COLLATE utf8mb4_0900_as_cs, b text COLLATE utf8mb4_0900_bin) COLLATE=utf8mb4_0900_ai_ci",
                "a text COLLATE utf8mb4_nopad_bin, b text COLLATE utf8mb4_nopad_bin) COLLATE=utf8mb4_unicode_520_nopad_ci",
            ),
        ] {
            assert_eq!(as_mariadb(mysql), mariadb);
        }
    }
}
