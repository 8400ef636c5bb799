//! Targets of `landbridge recover` that are no file of SQL: a Parquet file, and a new table of a database; and rows of a
//! temporary copy instead of the export.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use landbridge_local_aws::DatabaseKind;
use landbridge_local_wire::{Admission, ArrivedCall, CallObserver};
use landbridge_parquet::cells::Cells;
use mysql_async::prelude::Queryable;
use serde_json::Value;
use tokio::sync::{Notify, Semaphore};
use tokio_postgres::NoTls;

use super::{DAY, Recovery, lacking};
use crate::google::{delete, object_keys};
use crate::proof::source::{ALWAYS, mariadb, postgres, postgres_with};

/// The text of a column, row by row.
fn column(file: &Bytes, name: &str) -> Vec<Option<String>> {
    let cells = Cells::open(file.clone(), name).expect("a file");
    let at = cells.find(name).unwrap_or_else(|| panic!("no column {name}"));
    let mut found = Vec::new();
    let each = &mut |cells: &[landbridge_parquet::cells::Cell<'_>]| {
        found.push(cells[0].map(|cell| String::from_utf8_lossy(cell).into_owned()));
        std::ops::ControlFlow::Continue(())
    };
    cells.read(&[at], each).expect("rows");
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parquet_file_has_the_types_of_the_source() {
    let (_server, client, env) = postgres(ALWAYS).await;
    let recovery = Recovery::new(&env);
    let path = recovery.path("orders.parquet");
    let to = path.display().to_string();
    let (code, text) = recovery.command(&["public.orders", "--at", DAY, "--to", &to], None);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("all 501 rows") && text.contains("left out: email"), "{text}");
    let mode = std::fs::metadata(&path).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let file = Bytes::from(std::fs::read(&path).expect("the file"));
    let columns = "SELECT id::text, note, amount::text, to_char(placed, 'YYYY-MM-DD HH24:MI:SS.US'), born::text
        FROM orders ORDER BY id";
    let rows = client.query(columns, &[]).await.expect("rows");
    for (at, name) in ["id", "note", "amount", "placed", "born"].into_iter().enumerate() {
        let expected: Vec<Option<String>> = rows.iter().map(|row| row.get(at)).collect();
        let (mut expected, mut found) = (expected, column(&file, name));
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "{name}");
    }
    // Names of the types, as the crate `parquet` reads them from the footer.
    use parquet::file::reader::FileReader;
    let reader = parquet::file::reader::SerializedFileReader::new(file).expect("a reader");
    let schema = reader.metadata().file_metadata().schema_descr();
    let types: Vec<String> = schema
        .columns()
        .iter()
        .map(|it| format!("{} {:?}", it.name(), it.logical_type_ref()))
        .collect();
    let types = types.join("\n");
    // The manifest of PostgreSQL does not have the digits of a numeric, and the text of each value does.
    for part in ["amount Some(String", "placed Some(Timestamp", "born Some(Date"] {
        assert!(types.contains(part), "`{part}` is not in: {types}");
    }
    // No row, and a condition.
    let path = recovery.path("none.parquet");
    let to = path.display().to_string();
    let args = ["public.orders", "--at", DAY, "--where", "id = -1", "--to", &to];
    let (code, text) = recovery.command(&args, None);
    assert_eq!(code, Some(0), "{text}");
    let file = Bytes::from(std::fs::read(&path).expect("the file"));
    assert_eq!(Cells::open(file, "none").expect("a file").rows(), 0);
    // It is never written over a file.
    let (code, text) = recovery.command(&args, None);
    assert_eq!(code, Some(2), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_table_of_a_database_appears_whole_or_not_at_all() {
    // A note that the other database cannot hold, because of its encoding.
    let note = "UPDATE orders SET note = '주문' WHERE id = 400";
    let (server, client, env) = postgres_with(note, ALWAYS).await;
    let recovery = Recovery::new(&env);
    let create = "CREATE DATABASE elsewhere ENCODING 'LATIN1' TEMPLATE template0";
    client.batch_execute(create).await.expect("a database");
    let (shop, elsewhere) = (server.url_of("shop"), server.url_of("elsewhere"));
    let (other, connection) = tokio_postgres::connect(&elsewhere, NoTls).await.expect("a client");
    tokio::spawn(connection);
    let run =
        |args: &[&str]| recovery.command(&[&["public.orders", "--at", DAY], args].concat(), None);
    // Beside the live table, with its types.
    let (code, text) = run(&["--to", &shop, "--output", "json"]);
    assert_eq!(code, Some(0), "{text}");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(report["creates"], "public.orders_recovered_20261121");
    assert_eq!((&report["rows_written"], &report["file"]), (&501.into(), &Value::Null));
    let columns = "SELECT id, note, amount, placed, ratio, born FROM";
    let (new, live) = (format!("{columns} orders_recovered_20261121"), format!("{columns} orders"));
    assert_eq!((lacking(&client, &new, &live).await, lacking(&client, &live, &new).await), (0, 0));
    // Again: it exists, and is not changed.
    let before = "DELETE FROM orders_recovered_20261121 WHERE id > 10";
    client.batch_execute(before).await.expect("a change");
    let (code, text) = run(&["--to", &shop]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("`orders_recovered_20261121` exists in the database at"), "{text}");
    let rows = client.query_one("SELECT count(*) FROM orders_recovered_20261121", &[]).await;
    assert!(rows.expect("rows").get::<_, i64>(0) < 501);
    // The server of the source: never under the name of the live table, in no database of it.
    for url in [&shop, &elsewhere] {
        let (code, text) = run(&["--to", url, "--as", "Orders"]);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains("not the name of the live table"), "{text}");
    }
    // Another database, with the types of the export.
    let (code, text) = run(&["--to", &elsewhere, "--where", "id <= 20"]);
    assert_eq!(code, Some(0), "{text}");
    let count = "SELECT count(*), pg_typeof(min(amount))::text, pg_typeof(min(placed))::text FROM orders_recovered_20261121";
    let row = other.query_one(count, &[]).await.expect("a row");
    let found: (i64, &str, &str) = (row.get(0), row.get(1), row.get(2));
    assert!(found.0 > 10 && found.1 == "numeric" && found.2.starts_with("timestamp"), "{found:?}");
    // A value that the table there cannot hold: nothing is left, and no cell is shown.
    let before = "DROP TABLE orders_recovered_20261121";
    other.batch_execute(before).await.expect("a dropped table");
    let (code, text) = run(&["--to", &elsewhere]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("22P05") && text.contains("no new table is left"), "{text}");
    assert!(!text.contains("주문"), "{text}");
    let tables = "SELECT count(*) FROM pg_class WHERE relname LIKE 'orders_%' AND relkind = 'r'";
    assert_eq!(other.query_one(tables, &[]).await.expect("tables").get::<_, i64>(0), 0);
    // Of two commands at once, one makes the table.
    let run =
        || recovery.command(&["public.orders", "--at", DAY, "--to", &shop, "--as", "twice"], None);
    let codes = std::thread::scope(|scope| {
        let one = scope.spawn(run);
        (run().0, one.join().expect("a result").0)
    });
    assert!(matches!(codes, (Some(0), Some(1)) | (Some(1), Some(0))), "{codes:?}");
    assert_eq!(lacking(&client, "SELECT id FROM orders", "SELECT id FROM twice").await, 0);
    // No password on the command line, and none in a message.
    let (code, text) = recovery
        .command(&["public.orders", "--at", DAY, "--to", &shop.replace("@", ":hunter2@")], None);
    assert!(code == Some(2) && !text.contains("hunter2"), "{text}");
    let (code, text) = recovery
        .command(&["public.orders", "--at", DAY, "--to", "mysql://me@127.0.0.1/shop"], None);
    assert!(code == Some(2) && text.contains("a database of the same kind"), "{text}");
    let (code, text) = recovery.command(
        &["public.orders", "--at", DAY, "--to", "postgres://me@db.example.com/shop"],
        None,
    );
    assert!(code == Some(2) && text.contains("--ca FILE"), "{text}");
}

/// The server would round the rows to the types that the live table has now, without an error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_not_rounded_to_what_became_of_the_live_table() {
    let (server, client, env) = postgres(ALWAYS).await;
    let recovery = Recovery::new(&env);
    let narrow = "CREATE TABLE kept AS SELECT * FROM orders;
        ALTER TABLE orders ALTER amount TYPE numeric(12,0), ALTER ratio TYPE real, ALTER placed TYPE date";
    client.batch_execute(narrow).await.expect("a smaller table");
    let columns = "SELECT id, note, amount, placed, ratio, born FROM";
    let kept = format!("{columns} kept");
    let shop = server.url_of("shop");
    for more in [Vec::new(), vec!["--types", "live"]] {
        let args = ["public.orders", "--at", DAY, "--to", &shop, "--as", "by_connection"];
        let (code, text) = recovery.command(&[&args[..], &more].concat(), None);
        assert_eq!(code, Some(0), "{text}");
        let args = [&["--as", "by_file"][..], &more].concat();
        let (statements, _) = recovery.statements("public.orders", DAY, &args);
        client.batch_execute(&statements).await.expect("statements");
        for name in ["by_connection", "by_file"] {
            let new = format!("{columns} {name}");
            let found = (lacking(&client, &new, &kept).await, lacking(&client, &kept, &new).await);
            assert_eq!(found, (0, 0), "{name} {more:?}");
            let drop = format!("DROP TABLE {name}");
            client.batch_execute(&drop).await.expect("a dropped table");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_table_of_mariadb_replaces_what_an_interrupted_command_left() {
    let (server, mut client, env) = mariadb().await;
    let recovery = Recovery::new(&env);
    let user = "CREATE USER writer IDENTIFIED BY 'hunter2'; GRANT ALL ON shop.* TO writer";
    client.query_drop(user).await.expect("a user");
    let url = server.url_of("shop");
    let (_, place) = url.split_once('@').expect("a user");
    let to = format!("mysql://writer@{place}");
    let args = ["shop.orders", "--at", DAY, "--to", &to];
    let (code, text) = recovery.command(&args, None);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("Set LANDBRIDGE_RECOVER_PASSWORD"), "{text}");
    let password = Some(("LANDBRIDGE_RECOVER_PASSWORD", "hunter2"));
    // A half of a table, as a killed command leaves it; and a table of this name that has other rows.
    let part = "orders_recovered_20261121_landbridge_part";
    let foreign = format!("CREATE TABLE shop.{part} (id int)");
    client.query_drop(foreign).await.expect("a table");
    let (code, text) = recovery.command(&args, password);
    assert!(code == Some(1) && text.contains(&format!("`{part}` exists")), "{text}");
    let ours = format!("ALTER TABLE shop.{part} COMMENT = 'rows written by landbridge recover'");
    client.query_drop(ours).await.expect("a comment");
    let (code, text) = recovery.command(&args, password);
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains("hunter2") && text.contains("all 501 rows"), "{text}");
    let names: Vec<String> = client
        .query("SELECT table_name FROM information_schema.tables WHERE table_schema = 'shop' AND table_name LIKE 'orders%' ORDER BY 1")
        .await
        .expect("tables");
    assert_eq!(names, ["orders", "orders_recovered_20261121"]);
    let differing: Option<u64> = client
        .query_first("SELECT COUNT(*) FROM shop.orders AS a LEFT JOIN shop.orders_recovered_20261121 AS b USING (id)
            WHERE NOT (a.note <=> b.note AND a.amount <=> b.amount AND a.placed <=> b.placed)")
        .await
        .expect("a comparison");
    assert_eq!(differing, Some(0));
    // Again: it exists.
    let (code, text) = recovery.command(&args, password);
    assert!(code == Some(1) && text.contains("`orders_recovered_20261121` exists"), "{text}");
    // A DECIMAL keeps its digits in Parquet.
    let path = recovery.path("orders.parquet");
    let to = path.display().to_string();
    let (code, text) = recovery.command(&["shop.orders", "--at", DAY, "--to", &to], None);
    assert_eq!(code, Some(0), "{text}");
    let file = Bytes::from(std::fs::read(&path).expect("the file"));
    assert!(column(&file, "amount").contains(&Some("7.50".to_owned())));
    smaller_mariadb(&recovery, &mut client, &[&args[..], &["--as", "smaller"]].concat(), password)
        .await;
}

/// MariaDB would round the rows to the types that the live table has now, in the strict mode too.
async fn smaller_mariadb(
    recovery: &Recovery,
    client: &mut mysql_async::Conn,
    args: &[&str],
    password: Option<(&str, &str)>,
) {
    let narrow = "CREATE TABLE shop.kept AS SELECT id, amount FROM shop.orders;
        ALTER TABLE shop.orders MODIFY amount decimal(12,0)";
    client.query_drop(narrow).await.expect("a smaller table");
    let (code, text) = recovery.command(&[args, &["--types", "live"]].concat(), password);
    assert!(code == Some(1) && text.contains("`amount`"), "{text}");
    assert!(text.contains("--types export"), "{text}");
    let (code, text) = recovery.command(args, password);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("the new table has the types of the export"), "{text}");
    let differing: Option<u64> = client
        .query_first("SELECT COUNT(*) FROM shop.kept AS a LEFT JOIN shop.smaller AS b USING (id) WHERE NOT a.amount <=> b.amount")
        .await
        .expect("a comparison");
    assert_eq!(differing, Some(0));
    // The export does not know how many digits of a second there were, and the rows show it.
    let narrow = "DROP TABLE shop.smaller; ALTER TABLE shop.orders MODIFY amount decimal(12,2),
        MODIFY placed timestamp NULL";
    client.query_drop(narrow).await.expect("a smaller table");
    let (code, text) = recovery.command(args, password);
    assert!(code == Some(1) && text.contains("shop.orders.placed"), "{text}");
    assert!(text.contains("more digits after the point"), "{text}");
    let there: Option<u64> = client
        .query_first("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'shop' AND table_name LIKE 'smaller%'")
        .await
        .expect("tables");
    assert_eq!(there, Some(0));
}

const COPY: &str = "shop-prod-recover";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_a_copy_come_back_after_the_export_is_gone() {
    let (server, client, env) = postgres(ALWAYS).await;
    let recovery = Recovery::new(&env);
    let files = object_keys(&env, "exports/", ".parquet").await;
    delete(&env, &files).await;
    let kept = "CREATE TABLE kept AS SELECT * FROM orders; DELETE FROM orders WHERE id < 100";
    client.batch_execute(kept).await.expect("an accident");
    let aws = env.cloud.aws();
    let exists = || aws.describe_database(DatabaseKind::Instance, COPY).is_some();
    let shop = server.url_of("shop");
    let variable = Some(("SHOP_URL", shop.as_str()));
    let to = recovery.path("orders.sql").display().to_string();
    let base =
        ["public.orders", "--at", DAY, "--from", "restore", "--database-url-env", "SHOP_URL"];
    let run = |more: &[&str]| recovery.command(&[&base[..], more].concat(), variable);
    // A plan, and a question without an answer.
    let (code, text) = run(&["--to", &to, "--dry-run"]);
    assert!(code == Some(0) && text.contains("price") && text.contains(COPY), "{text}");
    let (code, text) = run(&["--to", &to]);
    assert!(code == Some(2) && text.contains("--yes"), "{text}");
    assert!(!exists() && !std::path::Path::new(&to).exists());
    // Into the database, without the columns that have a class.
    let (code, text) = run(&["--to", &shop, "--yes", "--where", "id BETWEEN 1 AND 99"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("left out: email, class email") && !exists(), "{text}");
    let columns = "SELECT id, note, amount, placed, ratio, born FROM";
    let new = format!("{columns} orders_recovered_20261121");
    let lost = format!("{columns} kept WHERE id < 100");
    assert_eq!((lacking(&client, &new, &lost).await, lacking(&client, &lost, &new).await), (0, 0));
    // A failure deletes the copy too.
    let (code, text) = run(&["--to", &shop, "--yes"]);
    assert!(code == Some(1) && text.contains("exists in the database") && !exists(), "{text}");
    let (code, text) = recovery.command(
        &[
            "public.none",
            "--at",
            DAY,
            "--from",
            "restore",
            "--database-url-env",
            "SHOP_URL",
            "--yes",
            "--to",
            &to,
        ],
        variable,
    );
    assert!(code == Some(2) && text.contains("There are: ") && !exists(), "{text}");
    interrupted(&recovery, &base, &shop, &to, &exists).await;
    // Plain values need their record.
    let (code, text) =
        run(&["--to", &to, "--yes", "--plain", "--reason", "ticket 4211", "--resume"]);
    assert!(code == Some(1) && text.contains("no interrupted recovery"), "{text}");
    let (code, text) = run(&["--to", &to, "--yes", "--plain", "--reason", "ticket 4211"]);
    assert_eq!(code, Some(0), "{text}");
    let statements = std::fs::read_to_string(&to).expect("the file");
    assert!(statements.contains("'p8@example.com'") && !text.contains("p8@"), "{text}");
    assert_eq!(env.ledger("recoveries/").await.len(), 1);
}

/// Holds the call that begins a restore, which has not taken effect then: the only long one to RDS.
struct HeldRestore {
    arrived: Notify,
    /// Closed when the calls may go on.
    released: Arc<Semaphore>,
}

/// Bytes of a request to RDS, which is longer only if it has settings and tags.
const SHORT: u64 = 300;

impl CallObserver for HeldRestore {
    fn before(&self, call: ArrivedCall) -> BoxFuture<'static, Admission> {
        let length = call.headers.get("content-length").and_then(|it| it.to_str().ok());
        let length: u64 = length.and_then(|it| it.parse().ok()).unwrap_or_default();
        if call.server != "rds" || length < SHORT {
            return async { Admission::Proceed }.boxed();
        }
        self.arrived.notify_one();
        let released = self.released.clone();
        async move {
            // An error: it is closed.
            drop(released.acquire().await);
            Admission::Proceed
        }
        .boxed()
    }
}

/// The signal comes while the call is on its way that begins the restore: no copy is there yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_during_the_call_that_makes_the_copy_leaves_none() {
    let (server, _client, env) = postgres(ALWAYS).await;
    let recovery = Recovery::new(&env);
    let to = recovery.path("orders.sql").display().to_string();
    let released = Arc::new(Semaphore::new(0));
    let held = Arc::new(HeldRestore { arrived: Notify::new(), released: released.clone() });
    env.cloud.calls().set_observer(held.clone());
    let args = ["recover", "public.orders", "--at", DAY, "--from", "restore", "--yes", "--to", &to];
    let mut child = crate::command::command(&recovery.variables)
        .args(args)
        .args(["--database-url-env", "SHOP_URL"])
        .env("SHOP_URL", server.url_of("shop"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let arrived = tokio::time::timeout(Duration::from_secs(60), held.arrived.notified()).await;
    arrived.expect("the restore begins");
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
    // Time to look for the copy, which is not there.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let ended = child.try_wait().expect("a process");
    released.close();
    let output = recovery.while_time_passes(|| child.wait_with_output()).expect("an end");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(ended.is_none(), "it did not wait for its call: {text}");
    assert_eq!(output.status.code(), Some(130), "{text}");
    assert!(text.contains("landbridge recover --clean-up"), "{text}");
    let left = env.cloud.aws().describe_database(DatabaseKind::Instance, COPY);
    assert!(left.is_none() && !std::path::Path::new(&to).exists(), "{text}");
}

/// A user to whom a policy shows some rows would get a file without the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_may_not_read_all_rows_of_a_copy_gets_none() {
    let more = "CREATE ROLE reader LOGIN; GRANT SELECT ON orders TO reader;
        ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
        CREATE POLICY few ON orders FOR SELECT TO reader USING (id < 10)";
    let (server, _client, env) = postgres_with(more, ALWAYS).await;
    let recovery = Recovery::new(&env);
    let shop = server.url_of("shop");
    let (_, place) = shop.split_once('@').expect("a user");
    let reader = format!("postgres://reader@{place}");
    let to = recovery.path("orders.sql").display().to_string();
    let args = ["public.orders", "--at", DAY, "--from", "restore", "--yes", "--to", &to];
    let args = [&args[..], &["--database-url-env", "SHOP_URL"]].concat();
    let (code, text) = recovery.command(&args, Some(("SHOP_URL", reader.as_str())));
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("public.orders") && text.contains("BYPASSRLS"), "{text}");
    assert!(!std::path::Path::new(&to).exists(), "{text}");
    let left = env.cloud.aws().describe_database(DatabaseKind::Instance, COPY);
    assert!(left.is_none(), "{text}");
    // The owner reads all rows.
    let (code, text) = recovery.command(&args, Some(("SHOP_URL", shop.as_str())));
    assert_eq!(code, Some(0), "{text}");
    let statements = std::fs::read_to_string(&to).expect("the file");
    assert!(statements.contains("-- 501 rows in"), "{text}");
}

/// In PostgreSQL, `note` and `Note` are two columns, and the contract's `note` says nothing of `Note`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_column_of_a_copy_has_not_the_class_of_another_one_in_other_letter_case() {
    let more =
        r#"ALTER TABLE orders ADD "Note" text; UPDATE orders SET "Note" = 'not for this file'"#;
    let (server, _client, env) = postgres_with(more, ALWAYS).await;
    let recovery = Recovery::new(&env);
    // Otherwise the receipt says how the column landed.
    delete(&env, &object_keys(&env, "ledger/shop/2026-11-21/receipts/", "orders.json").await).await;
    let shop = server.url_of("shop");
    let to = recovery.path("orders.sql").display().to_string();
    let args = ["public.orders", "--at", DAY, "--from", "restore", "--yes", "--to", &to];
    let args = [&args[..], &["--database-url-env", "SHOP_URL"]].concat();
    let (code, text) = recovery.command(&args, Some(("SHOP_URL", shop.as_str())));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("left out: Note, class unclassified"), "{text}");
    let statements = std::fs::read_to_string(&to).expect("the file");
    assert!(statements.contains("'note 7'") && !statements.contains("not for this file"), "{text}");
}

/// A command that SIGTERM ends deletes its copy; what one leaves that SIGKILL ends, `--resume` uses and `--clean-up` deletes.
async fn interrupted(
    recovery: &Recovery,
    base: &[&str],
    shop: &str,
    to: &str,
    exists: &dyn Fn() -> bool,
) {
    for (signal, is_left) in [("-TERM", false), ("-KILL", true)] {
        let args = [&["recover"], base, &["--to", to, "--yes"]].concat();
        let mut child = crate::command::command(&recovery.variables)
            .args(args)
            .env("SHOP_URL", shop)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the command starts");
        let started = Instant::now();
        while !exists() && started.elapsed() < Duration::from_secs(60) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let pid = child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().expect("kill").success());
        let status = recovery.while_time_passes(|| child.wait()).expect("an end");
        assert!(!status.success());
        assert_eq!(exists(), is_left, "{signal}");
        assert!(!std::path::Path::new(to).exists(), "{signal}");
    }
    // What would be deleted is shown, and options without a meaning are refused.
    let (code, text) = recovery.command(&["--clean-up", "--dry-run"], None);
    assert!(code == Some(0) && text.contains(&format!("would delete {COPY}")), "{text}");
    let (code, text) = recovery.command(&["--clean-up", "--resume"], None);
    assert_eq!(code, Some(2), "{text}");
    assert!(exists(), "{text}");
    let variable = Some(("SHOP_URL", shop));
    let (code, text) = recovery.command(&[base, &["--to", to, "--yes"]].concat(), variable);
    assert!(code == Some(1) && text.contains("landbridge recover --clean-up"), "{text}");
    let (code, text) =
        recovery.command(&[base, &["--to", to, "--yes", "--resume"]].concat(), variable);
    assert!(code == Some(0) && !exists(), "{text}");
    std::fs::remove_file(to).expect("the file is deleted");
    let (code, text) = recovery.command(&["--clean-up"], None);
    assert_eq!(code, Some(0), "{text}");
}
