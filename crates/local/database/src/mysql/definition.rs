//! What a MySQL or MariaDB database is beside its rows, as the server's own `SHOW CREATE`
//! tells it: tables, sequences, views, triggers, routines, events and accounts.

use std::collections::{HashMap, HashSet};

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Row};

use landbridge_source::catalogue::quote_name;
use landbridge_source::mysql::reason;

use super::catalogue::TableQuery;

/// Generated columns compute themselves and cannot be filled; MariaDB's columns of a row's
/// period (`ROW START`) are among them.
const GENERATED: &str = "
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = ? AND COALESCE(generation_expression, '') <> ''";
const SEQUENCES: &str = "
    SELECT table_name FROM information_schema.tables
    WHERE table_schema = ? AND table_type = 'SEQUENCE' ORDER BY 1";
/// MariaDB's roles have no host: they are not accounts.
const ACCOUNTS: &str = "SELECT user, host FROM mysql.user WHERE user <> '' AND host <> ''";

/// Views, triggers, routines and events: what they are called in `SHOW CREATE`, which names
/// there are, and the places of text and SQL mode in the answer (MySQL documentation, "SHOW
/// Statements").
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

/// Everything but the rows. The tables are as of the capture's transaction or were not
/// changed since, for it reads them; counters of `AUTO_INCREMENT` and sequences, which are of
/// no transaction, are a moment younger.
#[derive(Debug)]
pub(super) struct Definition {
    /// `CREATE DATABASE IF NOT EXISTS …`, with its character set.
    pub(super) database: String,
    /// Each table's `CREATE TABLE`, by its name.
    pub(super) tables: HashMap<String, String>,
    /// (table, column) of generated columns.
    pub(super) generated: HashSet<(String, String)>,
    /// MariaDB's sequences, which defaults of tables may use.
    pub(super) sequences: Vec<Sequence>,
    /// What comes after the rows.
    pub(super) programs: Vec<Program>,
    /// Who may log in, and with which rights. Passwords stay where they are.
    pub(super) accounts: Vec<Account>,
}

/// A sequence, and the number that it gives next.
#[derive(Debug)]
pub(super) struct Sequence {
    pub(super) name: String,
    pub(super) sql: String,
    /// Its digits: newer servers have sequences beyond an `i64`.
    pub(super) next: String,
}

/// A view, trigger, routine or event.
#[derive(Debug)]
pub(super) struct Program {
    /// `VIEW`.
    pub(super) kind: &'static str,
    pub(super) name: String,
    /// The mode in which its text was written, where that is recorded.
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
    /// Reads it within the transaction that `conn` has open. What the user may not see of
    /// sequences, programs and accounts is left out.
    ///
    /// # Errors
    /// When a table that can be read cannot be described, or the connection breaks.
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

/// The cell as text, unless it is NULL or not there.
fn text(row: &Row, at: usize) -> Option<String> {
    row.get_opt::<Option<String>, _>(at)?.ok()?
}

/// `None`, and a word in the log, when the server refuses; a broken connection is an error.
fn unless_refused<T>(answer: Result<T, Error>, what: &str) -> Result<Option<T>, Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error @ Error::Server(_)) => {
            let reason = reason(&error);
            tracing::warn!(what, reason, "not shown by the server: a restore has it not");
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
        let sql = unless_refused(sql, &name)?.flatten().and_then(|row| text(&row, 1));
        if let (Some(sql), Some(next)) = (sql, unless_refused(next, &name)?.flatten()) {
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
            let Some(row) = unless_refused(shown, &name)?.flatten() else { continue };
            // NULL is what a user sees who may know that it is there, but not what it does.
            match text(&row, text_at) {
                Some(sql) => {
                    let sql_mode = mode_at.and_then(|at| text(&row, at));
                    programs.push(Program { kind, name, sql_mode, sql });
                }
                None => tracing::warn!(kind, name, "its text is hidden: a restore has it not"),
            }
        }
    }
    Ok(programs)
}

async fn accounts(conn: &mut Conn) -> Result<Vec<Account>, Error> {
    let listed: Result<Vec<(String, String)>, Error> = conn.query(ACCOUNTS).await;
    let listed = unless_refused(listed, "accounts")?.unwrap_or_default();
    let mut accounts = Vec::new();
    for (user, host) in listed {
        let name = format!("{}@{}", quote_name('`', &user), quote_name('`', &host));
        let grants: Result<Vec<String>, Error> =
            conn.query(format!("SHOW GRANTS FOR {name}")).await;
        let grants = unless_refused(grants, &name)?.unwrap_or_default();
        let grants = grants.iter().map(|grant| without_password(grant)).collect();
        accounts.push(Account { name, grants });
    }
    Ok(accounts)
}

/// MariaDB writes the password's hash into a GRANT: ``… TO `me`@`%` IDENTIFIED BY PASSWORD '…'
/// WITH GRANT OPTION``.
fn without_password(grant: &str) -> String {
    const MAY_GRANT: &str = " WITH GRANT OPTION";
    match grant.split_once(" IDENTIFIED ") {
        Some((before, after)) if after.ends_with(MAY_GRANT) => format!("{before}{MAY_GRANT}"),
        Some((before, _)) => before.to_owned(),
        None => grant.to_owned(),
    }
}

/// A definition of MySQL's as MariaDB takes it: the collations that MySQL 8 alone has become
/// their nearest of MariaDB 10.6, likewise without regard to spaces at the end.
pub(super) fn as_mariadb(sql: &str) -> String {
    const OF_MYSQL: &str = "utf8mb4_0900_";
    let mut parts = sql.split(OF_MYSQL);
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
    fn no_password_is_kept() {
        for (grant, kept) in [
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
            assert_eq!(without_password(grant), kept);
        }
    }

    #[test]
    fn collations_of_mysql_alone() {
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
