//! A restored MariaDB database is a real server: `rows` and `drill` for it.

use std::net::SocketAddrV4;
use std::path::Path;
use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;
use landbridge_local_database::test_server::TestServerError;
use landbridge_local_database::{
    Batches, DatabaseError, DatabaseSnapshot, Engine, SourceDatabase, StartedServer, Table,
};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, Row, Value as Cell};

use super::drill::{CONTRACT, DAY, JSON};
use super::*;
use crate::mariadb::{start_env_at, start_server};

/// Difficult values, constraints, a sequence, a view, a trigger, a partition, an unusual name.
const SHOP: &str = r#"
    CREATE SEQUENCE numbers START WITH 100;
    CREATE TABLE people (
        id bigint unsigned AUTO_INCREMENT PRIMARY KEY, name varchar(80) NOT NULL, code char(6),
        mood enum('sad', 'ok', 'happy'), tags set('a', 'b'), born date, seen timestamp NULL, at datetime(6),
        weight double, small float, amount decimal(65,30), most bigint unsigned, photo blob, flags bit(12),
        about json, spent time(3), place point, shouted varchar(80) AS (UPPER(name)) STORED, KEY (name));
    CREATE TABLE orders (
        id bigint DEFAULT NEXT VALUE FOR numbers PRIMARY KEY, person bigint unsigned NOT NULL, day date NOT NULL UNIQUE,
        FOREIGN KEY (person) REFERENCES people (id));
    CREATE TABLE visits (at datetime NOT NULL, page text) PARTITION BY RANGE (YEAR(at))
        (PARTITION old VALUES LESS THAN (2026), PARTITION new VALUES LESS THAN MAXVALUE);
    CREATE TABLE `Odd ``name` (`a b` text, `select` int);
    CREATE TABLE nothing (id int);
    CREATE VIEW people_named AS SELECT id, name FROM people WHERE name <> '';
    CREATE TRIGGER trimmed BEFORE UPDATE ON people FOR EACH ROW SET NEW.name = TRIM(NEW.name);
    INSERT INTO people (name, code, mood, tags, born, seen, at, weight, small, amount, most, photo, flags, about, spent, place)
    VALUES
        ('김민준 😀', 'ab  ', 'happy', 'a,b', '2026-02-28', '2026-11-21 05:00:00', '2026-11-21 05:00:00.123456', 0.1, 0.1,
         99999999999999999999999999999999999.999999999999999999999999999999, 18446744073709551615, x'00ff5c6e27', b'1010',
         '{"a": [1, "\\n"]}', '838:59:59.999', POINT(1, 2)),
        ('tab\tand\nline \\N \' \0', NULL, NULL, '', '0000-00-00', '0000-00-00 00:00:00', '2024-00-10 00:00:00', 1e-300, -1e30,
         -0.000000000000000000000000000001, 0, '', b'0', '{}', '-838:59:59', NULL),
        ('', '', 'sad', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
    INSERT INTO people (name, most) SELECT CONCAT('person ', seq), seq FROM seq_1_to_5000;
    INSERT INTO orders (person, day) SELECT seq, DATE_ADD('2020-01-01', INTERVAL seq DAY) FROM seq_1_to_900;
    INSERT INTO visits SELECT DATE_ADD('2025-12-25', INTERVAL seq HOUR), CONCAT('page ', seq) FROM seq_1_to_300;
    INSERT INTO `Odd ``name` VALUES ('x', 1), (NULL, NULL)"#;

const TABLES: [&str; 5] = ["people", "orders", "visits", "`Odd ``name`", "nothing"];

/// All rows of each table as the server prints them, not over the path that a snapshot
/// uses.
async fn all_rows(client: &mut Conn) -> BTreeMap<&'static str, Vec<Vec<Option<Vec<u8>>>>> {
    let mut all = BTreeMap::new();
    for table in TABLES {
        let rows: Vec<Row> = client.query(format!("SELECT * FROM {table}")).await.expect("rows");
        let cell = |cell: Cell| match cell {
            Cell::Bytes(bytes) => Some(bytes),
            _ => None,
        };
        let mut rows: Vec<Vec<Option<Vec<u8>>>> =
            rows.into_iter().map(|row| row.unwrap().into_iter().map(cell).collect()).collect();
        rows.sort();
        all.insert(table, rows);
    }
    all
}

/// A client of the database that the outcome names.
async fn client(outcome: &Value) -> Conn {
    let [user, host, database] =
        ["user", "host", "database"].map(|it| outcome[it].as_str().expect(it));
    let url = format!("mysql://{user}@{host}:{}/{database}", outcome["port"]);
    let opts = Opts::from_url(&url).expect("an address");
    let opts = OptsBuilder::from_opts(opts).prefer_socket(false);
    let mut client = Conn::new(opts).await.expect("a connection");
    client.query_drop("SET NAMES utf8mb4; SET time_zone = '+00:00'").await.expect("a session");
    client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_equals_its_snapshot_row_by_row() {
    let (server, mut shop) = start_server().await;
    shop.query_drop(SHOP).await.expect("tables");
    let env = start_env_at(&server, crate::support::SMALL_CONTRACT.to_owned(), NOON).await;
    let then = all_rows(&mut shop).await;
    let id = snapshot(&env, NOON).await;
    shop.query_drop(
        "DELETE FROM orders WHERE id > 110; UPDATE people SET name = 'gone'; DROP TABLE visits; \
         INSERT INTO nothing VALUES (1)",
    )
    .await
    .expect("the source moves on");

    let restore = ["restore", "--at", "2026-11-21 12:00", "--as", "shop-restored"];
    let output = run(&env, &[&restore[..], &JSON].concat()).await.json();
    assert_eq!(output["plan"]["origin"]["snapshot"], *id);
    assert_eq!(output["outcome"]["unreachable_reason"], Value::Null, "it answers");
    let mut restored = client(&output["outcome"]).await;
    let now = all_rows(&mut restored).await;
    for table in TABLES {
        assert_eq!(now[table].len(), then[table].len(), "{table}");
        assert!(now[table] == then[table], "{table} differs");
    }
    let rows: usize = then.values().map(Vec::len).sum();
    println!("{rows} rows of {} tables are as they were", TABLES.len());

    // It is an independent database: counters continue, constraints are enforced, the view works.
    let added = "INSERT INTO people (name) VALUES ('new') RETURNING id, shouted";
    let added: Option<(u64, String)> = restored.query_first(added).await.expect("a row");
    let highest: Option<u64> =
        shop.query_first("SELECT MAX(id) FROM people").await.expect("a number");
    let (id, shouted) = added.expect("a row");
    assert!(id > highest.expect("a number") && shouted == "NEW", "{id}");
    let numbered = "INSERT INTO orders (person, day) VALUES (1, '1999-01-01') RETURNING id > 999";
    assert_eq!(restored.query_first(numbered).await.expect("a number"), Some(true));
    let doubled = "INSERT INTO orders (person, day) VALUES (1, '2020-01-02')";
    assert!(restored.query_drop(doubled).await.is_err(), "UNIQUE is enforced");
    let stray = "INSERT INTO orders (person, day) VALUES (99999, '1999-01-02')";
    assert!(restored.query_drop(stray).await.is_err(), "the foreign key is enforced");
    let named: Option<u64> =
        restored.query_first("SELECT COUNT(*) FROM people_named").await.expect("a view");
    assert_eq!(named, Some(5003));
    let source: Option<u64> =
        shop.query_first("SELECT COUNT(*) FROM people").await.expect("a count");
    assert_eq!(source, Some(5003), "the source has a server of its own");

    // There are no logs: the latest point in time is the present.
    let latest = [&["restore", "--pitr", "latest", "--as", "newest"][..], &JSON].concat();
    let output = run(&env, &latest).await.json();
    let mut newest = client(&output["outcome"]).await;
    let gone = "SELECT COUNT(*) FROM people WHERE name = 'gone'";
    assert_eq!(newest.query_first(gone).await.expect("a count"), Some(5003));
}

/// A day in the warehouse, the restore of its snapshot, and a drill that counts rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rows_of_a_receipt_are_restored_and_a_drill_counts_them() {
    let (server, mut shop) = start_server().await;
    shop.query_drop(
        "CREATE TABLE people (id bigint, name text); CREATE TABLE orders (id bigint, person bigint);
         INSERT INTO people SELECT seq, CONCAT('person ', seq) FROM seq_1_to_120;
         INSERT INTO orders SELECT seq, seq % 120 FROM seq_1_to_1000;
         CREATE USER reader@'%' IDENTIFIED BY 'hunter2'; GRANT SELECT ON shop.* TO reader@'%'",
    )
    .await
    .expect("tables");
    let env = start_env_at(&server, CONTRACT.replace("public.", "shop."), NOON).await;
    env.cloud.skip_until(at("2026-11-21T15:50:00Z"));
    let failed = env.run_until("2026-11-21T17:30:00Z").await;
    assert!(failed.is_empty(), "{failed:#?}");
    let receipts = env.receipts(DAY).await;
    assert_eq!(receipts.len(), 2);

    shop.query_drop("DELETE FROM people WHERE id > 7").await.expect("the source moves on");
    let args = [&["restore", "--from-receipt", DAY, "--as", "shop-restored"][..], &JSON].concat();
    let output = run(&env, &args).await.json();
    let mut restored = client(&output["outcome"]).await;
    let rows: Option<u64> =
        restored.query_first("SELECT COUNT(*) FROM people").await.expect("a count");
    assert_eq!(rows, Some(receipts["shop.people"].rows_footer));

    let drill = async |further: &[&str]| {
        let count = ["drill", "--database-url-env", "SHOP_URL"];
        let mut command = command(&env, &[&count[..], further, &JSON].concat());
        command.env("SHOP_URL", "mysql://reader@nowhere:1/shop");
        finish_command(&env, command).await
    };
    let good = drill(&["--from-receipt", DAY]).await.json();
    assert_eq!(good["drill"]["good"], true, "{good:#}");
    assert_eq!((&good["drill"]["tables"], &good["drill"]["day"]), (&2.into(), &DAY.into()));
    snapshot(&env, "2026-11-21T20:00:00Z").await;
    let bad = drill(&[]).await;
    bad.assert_fails(1, &["the drill failed", "shop.people: 120 in the receipt, 7"]);
    let aws = env.cloud.aws();
    assert!(
        aws.describe_database(DatabaseKind::Instance, "shop-prod-drill").is_none(),
        "the drill's database is deleted"
    );
}

/// A database whose images cannot be started, because the server's programs are missing.
struct WithoutPrograms(Arc<dyn DatabaseSnapshot>);

impl SourceDatabase for WithoutPrograms {
    fn engine(&self) -> Engine {
        Engine::mariadb("10.11.6")
    }

    fn capture<'a>(
        &'a self,
        _at: Timestamp,
        _dir: &'a Path,
    ) -> BoxFuture<'a, Result<Arc<dyn DatabaseSnapshot>, DatabaseError>> {
        Box::pin(async {
            Ok(Arc::new(WithoutPrograms(self.0.clone())) as Arc<dyn DatabaseSnapshot>)
        })
    }
}

impl DatabaseSnapshot for WithoutPrograms {
    fn engine(&self) -> &Engine {
        self.0.engine()
    }

    fn database(&self) -> &str {
        self.0.database()
    }

    fn tables(&self) -> &[Table] {
        self.0.tables()
    }

    fn read(&self, table: &Table) -> Result<Batches, DatabaseError> {
        self.0.read(table)
    }

    fn start_server(
        self: Arc<Self>,
        _address: SocketAddrV4,
    ) -> BoxFuture<'static, Result<Option<StartedServer>, DatabaseError>> {
        let (server, programs, folder, script) = ("MariaDB", "mariadbd", "/usr/sbin", "a script");
        let missing = TestServerError::NotInstalled { server, programs, folder, script };
        Box::pin(async { Err(missing.into()) })
    }
}

/// If no server can be started, the restore fails; it does not report a database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_without_a_server_fails() {
    let dir = tempfile::tempdir().expect("a directory");
    let image = crate::support::small_database().capture(at(NOON), dir.path()).await;
    let mut builder = TestEnvBuilder::small();
    builder.source = Arc::new(WithoutPrograms(image.expect("an image")));
    builder.start = at(NOON);
    let env = builder.build().await;
    snapshot(&env, NOON).await;
    let before = source_state(&env);
    let args = ["restore", "--latest", "--as", "shop-restored", "--yes"];
    run(&env, &args).await.assert_fails(1, &["shop-restored is incompatible-restore"]);
    assert_eq!(source_state(&env), before, "the source is untouched");
}
