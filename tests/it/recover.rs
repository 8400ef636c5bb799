//! `landbridge recover`: rows of a kept export, written as statements, run on the real server.

mod lost;
mod password;
mod targets;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::SignedDuration;
use landbridge_local_wire::Clock;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use serde_json::Value;
use tokio_postgres::Client;

use crate::command::{landbridge, output_text};
use crate::google::{delete, object_keys};
use crate::proof::source::{ALWAYS, postgres};
use crate::support::TestEnv;

/// A directory outside any work tree, and what the command is called with.
pub(crate) struct Recovery {
    directory: tempfile::TempDir,
    variables: BTreeMap<String, String>,
    clock: Clock,
}

impl Recovery {
    pub(crate) fn new(env: &TestEnv) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        Self { directory, variables: env.operator_variables(), clock: env.cloud.clock().clone() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Lets time pass while `what` runs: a copy of the database needs some to become available and to be deleted.
    pub(crate) fn while_time_passes<T>(&self, what: impl FnOnce() -> T) -> T {
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(50));
                    self.clock.advance_to(self.clock.now() + SignedDuration::from_secs(20));
                }
            });
            let result = what();
            is_over.store(true, Ordering::Relaxed);
            result
        })
    }

    /// Runs the command with these arguments, and perhaps a variable more; returns exit code and output.
    pub(crate) fn command(
        &self,
        args: &[&str],
        variable: Option<(&str, &str)>,
    ) -> (Option<i32>, String) {
        let mut variables = self.variables.clone();
        variables.extend(variable.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let args = [&["recover"], args].concat();
        let output = match args.contains(&"restore") || args.contains(&"--clean-up") {
            true => self.while_time_passes(|| landbridge(&variables, &args)),
            false => landbridge(&variables, &args),
        };
        (output.status.code(), output_text(&output))
    }

    /// Runs the command, which writes this file; returns exit code and output.
    fn run(&self, file: &str, args: &[&str]) -> (Option<i32>, String) {
        let path = self.path(file).display().to_string();
        let output = landbridge(&self.variables, &[&["recover", "--to", &path], args].concat());
        (output.status.code(), output_text(&output))
    }

    /// Recovers a table, and returns the statements and the output.
    pub(crate) fn statements(&self, table: &str, day: &str, args: &[&str]) -> (String, String) {
        let file =
            format!("{}.sql", std::fs::read_dir(self.directory.path()).expect("files").count());
        let (code, text) = self.run(&file, &[&[table, "--at", day], args].concat());
        assert_eq!(code, Some(0), "{text}");
        let path = self.path(&file);
        let mode = std::fs::metadata(&path).expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{text}");
        (std::fs::read_to_string(path).expect("statements"), text)
    }

    /// Asserts that the command fails with this code, says each part and leaves no file.
    fn refused(&self, args: &[&str], code: i32, parts: &[&str]) -> String {
        let (found, text) = self.run("refused.sql", args);
        assert_eq!(found, Some(code), "{text}");
        parts.iter().for_each(|part| assert!(text.contains(part), "`{part}` is not in: {text}"));
        assert!(!self.path("refused.sql").exists(), "{text}");
        text
    }
}

/// The rows of one relation that another does not have, as PostgreSQL prints them.
async fn lacking(client: &Client, of: &str, than: &str) -> i64 {
    let count = format!("SELECT count(*) FROM ({of} EXCEPT ALL {than}) AS rows");
    client.query_one(&count, &[]).await.expect("a count").get(0)
}

/// Asserts that a table of MariaDB comes back with every row and every column as it is, but for rows of the columns
/// `but`, which the export itself does not have. Rows are matched by `key`.
pub(crate) async fn assert_whole_mariadb(
    recovery: &Recovery,
    client: &mut Conn,
    day: &str,
    (table, key): (&str, &str),
    but: &[(&str, u64)],
) {
    let args = ["--plain", "--reason", "a test", "--as", "back again"];
    let (statements, text) = recovery.statements(&format!("shop.{table}"), day, &args);
    assert!(!text.contains("left out"), "{text}");
    client.query_drop(&statements).await.unwrap_or_else(|error| panic!("{table}: {error}"));
    assert_equal_mariadb(client, (table, key), but).await;
}

/// As [`assert_whole_mariadb`], into a new table over a connection. `more` are further options.
pub(crate) async fn assert_whole_mariadb_over(
    recovery: &Recovery,
    client: &mut Conn,
    url: &str,
    day: &str,
    (table, key): (&str, &str),
    but: &[(&str, u64)],
    more: (&[&str], Option<(&str, &str)>),
) {
    let args = ["--plain", "--reason", "a test", "--as", "back again", "--to", url];
    let name = format!("shop.{table}");
    let args = [&[name.as_str(), "--at", day], &args[..], more.0].concat();
    let (code, text) = recovery.command(&args, more.1);
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains("left out"), "{text}");
    assert_equal_mariadb(client, (table, key), but).await;
}

/// Asserts that the new table is as the live one, and drops it.
async fn assert_equal_mariadb(client: &mut Conn, (table, key): (&str, &str), but: &[(&str, u64)]) {
    let index = format!("ALTER TABLE shop.`back again` ADD INDEX (`{key}`)");
    client.query_drop(index).await.expect("an index, to match rows by");
    let columns = "SELECT column_name FROM information_schema.columns
        WHERE table_schema = 'shop' AND table_name = ? ORDER BY ordinal_position";
    let columns: Vec<String> = client.exec(columns, (table,)).await.expect("a catalogue");
    assert!(!columns.is_empty(), "{table}");
    let quoted = |name: &str| name.replace('`', "``");
    let live = quoted(table);
    let count = |name: &str| format!("SELECT COUNT(*) FROM shop.`{name}`");
    let old: Option<u64> = client.query_first(count(&live)).await.expect("rows");
    let new: Option<u64> = client.query_first(count("back again")).await.expect("rows");
    assert_eq!(old, new, "{table}");
    let mut others = Vec::new();
    for column in &columns {
        let name = quoted(column);
        let differing = format!(
            "SELECT COUNT(*) FROM shop.`{live}` AS a LEFT JOIN shop.`back again` AS b ON a.`{key}` <=> b.`{key}`
            WHERE NOT (CAST(a.`{name}` AS BINARY) <=> CAST(b.`{name}` AS BINARY) AND a.`{name}` <=> b.`{name}`)"
        );
        let rows: Option<u64> = client.query_first(differing).await.expect("a comparison");
        if let Some(rows) = rows.filter(|rows| *rows > 0) {
            others.push((column.as_str(), rows));
        }
    }
    assert_eq!(others, but, "{table}");
    client.query_drop("DROP TABLE shop.`back again`").await.expect("the new table is dropped");
}

/// Asserts that a table of PostgreSQL comes back with every row and every column as it is.
pub(crate) async fn assert_whole(recovery: &Recovery, client: &Client, day: &str, table: &str) {
    let args = ["--plain", "--reason", "a test", "--as", "back again"];
    let (statements, text) = recovery.statements(table, day, &args);
    assert!(!text.contains("left out"), "{text}");
    client.batch_execute(&statements).await.unwrap_or_else(|error| panic!("{table}: {error:?}"));
    assert_equal(client, table).await;
}

/// As [`assert_whole`], into a new table over a connection. `more` are further options.
pub(crate) async fn assert_whole_over(
    recovery: &Recovery,
    client: &Client,
    url: &str,
    (day, table): (&str, &str),
    more: &[&str],
    variable: Option<(&str, &str)>,
) {
    let args = ["--plain", "--reason", "a test", "--as", "back again", "--to", url];
    let args = [&[table, "--at", day], &args[..], more].concat();
    let (code, text) = recovery.command(&args, variable);
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains("left out"), "{text}");
    assert_equal(client, table).await;
}

/// Asserts that `--where` finds the rows of a table that PostgreSQL finds. Rows are matched by `key`.
pub(crate) async fn assert_found(
    recovery: &Recovery,
    client: &Client,
    day: &str,
    (table, key): (&str, &str),
    condition: &str,
) {
    let args = ["--plain", "--reason", "a test", "--as", "found rows", "--where", condition];
    let (statements, _) = recovery.statements(&format!("public.{table}"), day, &args);
    client.batch_execute(&statements).await.unwrap_or_else(|error| panic!("{table}: {error:?}"));
    let found = format!("SELECT {key} FROM public.\"found rows\"");
    let same = format!("SELECT {key} FROM public.{table} WHERE {condition}");
    let differing = (lacking(client, &found, &same).await, lacking(client, &same, &found).await);
    assert_eq!(differing, (0, 0), "{table}: {condition}");
    let drop = "DROP TABLE public.\"found rows\"";
    client.batch_execute(drop).await.expect("the new table is dropped");
}

/// Asserts that the new table is as the live one, and drops it.
async fn assert_equal(client: &Client, table: &str) {
    let (schema, name) = table.split_once('.').expect("a schema");
    let rows = |name: &str| {
        format!("SELECT t::text FROM \"{schema}\".\"{}\" AS t", name.replace('"', "\"\""))
    };
    let (live, new) = (rows(name), rows("back again"));
    assert_eq!(lacking(client, &live, &new).await, 0, "{table}");
    assert_eq!(lacking(client, &new, &live).await, 0, "{table}");
    let drop = format!("DROP TABLE \"{schema}\".\"back again\"");
    client.batch_execute(&drop).await.expect("the new table is dropped");
}

const DAY: &str = "2026-11-21";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_come_back_beside_the_live_table_and_personal_columns_do_not() {
    let (_server, client, env) = postgres(ALWAYS).await;
    let recovery = Recovery::new(&env);
    let before = "CREATE TABLE kept AS SELECT * FROM orders;
        DELETE FROM orders WHERE id BETWEEN 100 AND 120; UPDATE orders SET note = 'lost' WHERE id = 7";
    client.batch_execute(before).await.expect("an accident");
    // Everything but the columns with a class or a transform.
    let (statements, text) = recovery.statements("public.orders", "today", &[]);
    for part in
        ["all 501 rows", "left out: email, class email", "left out: card, its values are replaced"]
    {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
    for personal in ["@example.com", "4000-"] {
        assert!(!statements.contains(personal) && !text.contains(personal), "{personal}: {text}");
    }
    client.batch_execute(&statements).await.expect("statements");
    let columns = "SELECT id, note, amount, placed, ratio, born FROM";
    let new = format!("{columns} orders_recovered_20261121");
    let kept = format!("{columns} kept");
    assert_eq!((lacking(&client, &new, &kept).await, lacking(&client, &kept, &new).await), (0, 0));
    // The live table is as the accident left it; the same statements again change nothing.
    let again = client.batch_execute(&statements).await.unwrap_err();
    assert!(format!("{again:?}").contains("already exists"), "{again:?}");
    client.batch_execute("ROLLBACK").await.expect("a session");
    let live: i64 =
        client.query_one("SELECT count(*) FROM orders", &[]).await.expect("rows").get(0);
    assert_eq!(live, 480);
    // Some rows, found by SQL; the same by PostgreSQL.
    for condition in [
        "id BETWEEN 100 AND 120",
        "amount >= 17.5 AND amount < 20 OR note LIKE 'note 12_'",
        "placed = '2026-11-21 05:00:00.125' AND NOT ratio > 3.5",
        "born IS NULL OR id IN (4, 5)",
        "born > '2026-02-28'",
    ] {
        let args = ["--where", condition, "--as", "some_rows"];
        let (statements, _) = recovery.statements("orders", DAY, &args);
        client.batch_execute(&statements).await.expect("statements");
        let same = format!("SELECT id FROM kept WHERE {condition}");
        let found = (
            lacking(&client, "SELECT id FROM some_rows", &same).await,
            lacking(&client, &same, "SELECT id FROM some_rows").await,
        );
        assert_eq!(found, (0, 0), "{condition}");
        client.batch_execute("DROP TABLE some_rows").await.expect("a dropped table");
    }
    // The table is gone: types from the export.
    client.batch_execute("DROP TABLE orders").await.expect("a worse accident");
    let args = ["--types", "export", "--output", "json", "--as", "orders"];
    recovery.refused(
        &[&["public.orders", "--at", DAY], &args[..]].concat(),
        2,
        &["not the name of the live table"],
    );
    let (statements, text) = recovery.statements("public.orders", DAY, &args[..4]);
    let report: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&report["rows_written"], &report["columns"][1]), (&501.into(), &"note".into()));
    assert_eq!(report["left_out"][0]["column"], "email");
    client.batch_execute("DROP TABLE orders_recovered_20261121").await.expect("a dropped table");
    client.batch_execute(&statements).await.expect("statements");
    assert_eq!((lacking(&client, &new, &kept).await, lacking(&client, &kept, &new).await), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_values_need_a_reason_that_is_recorded_first() {
    let (_server, client, env) = postgres(ALWAYS).await;
    let recovery = Recovery::new(&env);
    let orders = ["public.orders", "--at", DAY];
    let with = |more: &[&'static str]| [&orders[..], more].concat();
    recovery.refused(&with(&["--plain"]), 2, &["--reason"]);
    recovery.refused(&with(&["--reason", "x"]), 2, &["--plain"]);
    // Options of a restored copy mean nothing for the export. A question that is not asked is answered.
    for option in [
        &["--dry-run"][..],
        &["--resume"],
        &["--database-url-env", "SHOP_URL"],
        &["--parameter-group", "quiet"],
        &["--subnet-group", "drills"],
        &["--security-group", "sg-0a1"],
    ] {
        recovery.refused(&with(option), 2, &[option[0], "add --from restore"]);
    }
    let text = recovery.refused(
        &with(&["--where", "email = 'p8@example.com'"]),
        2,
        &["would show its values"],
    );
    assert!(!text.contains("p8@"), "{text}");
    recovery.refused(&["public.nothing", "--at", DAY], 2, &["There are: ", "public.orders"]);
    recovery.refused(&["public.orders", "--at", "2026-11-19"], 1, &["no export of 2026-11-19"]);
    assert!(env.ledger("recoveries/").await.is_empty());
    // The reason is recorded, and no value.
    let args = ["--plain", "--reason", "ticket 4211", "--where", "email = 'p8@example.com'"];
    let (statements, text) = recovery.statements("public.orders", DAY, &args);
    assert!(text.contains("1 of 501 rows") && text.contains("recoveries/"), "{text}");
    assert!(
        statements.contains("'p8@example.com'") && statements.contains("'4000-8'"),
        "{statements}"
    );
    let records = env.ledger("recoveries/").await;
    assert_eq!(records.len(), 1, "{records:?}");
    let record = String::from_utf8_lossy(&records[0].1);
    for part in ["ticket 4211", "\"email\"", "\"card\"", "public.orders"] {
        assert!(record.contains(part), "`{part}` is not in: {record}");
    }
    assert!(!record.contains("p8@"), "{record}");
    // A table of which every column has a class or none does.
    recovery.statements("public.heap", DAY, &["--yes"]);
    assert_whole(&recovery, &client, DAY, "public.entries").await;
    // In a work tree, nothing is written.
    let tree = recovery.path("tree");
    std::fs::create_dir_all(tree.join(".git")).expect("a directory");
    let path = tree.join("rows.sql").display().to_string();
    let output =
        landbridge(&recovery.variables, &["recover", "public.orders", "--at", DAY, "--to", &path]);
    assert_eq!(output.status.code(), Some(2), "{}", output_text(&output));
    assert!(output_text(&output).contains("is a git work tree") && !Path::new(&path).exists());
    // The export is deleted after its days.
    let files = object_keys(&env, "exports/", ".parquet").await;
    delete(&env, &files).await;
    let parts = ["no longer in S3", "landbridge restore --from-receipt 2026-11-21"];
    recovery.refused(&orders, 1, &parts);
}
