//! A restore is a real database whose tables equal those of the snapshot, row by row, although
//! the source changes meanwhile.

use std::sync::Arc;

use landbridge_local_database::{PostgresDatabase, TestPostgres};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::*;

/// Types with difficult values, constraints, a sequence, a view, a partition, an unusual name.
const SHOP: &str = r#"
    CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
    CREATE DOMAIN cents AS bigint CHECK (VALUE >= 0);
    CREATE TABLE people (
        id bigserial PRIMARY KEY, name text NOT NULL, code char(6), mood mood, tags text[],
        born date, seen timestamptz, weight double precision, small real, amount numeric(30, 4),
        photo bytea, about jsonb, net inet, span int4range, paid cents, active boolean,
        shouted text GENERATED ALWAYS AS (upper(name)) STORED);
    CREATE INDEX people_name ON people (name);
    CREATE TABLE orders (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        person bigint NOT NULL REFERENCES people, day date NOT NULL UNIQUE);
    CREATE TABLE visits (at timestamptz NOT NULL, page text) PARTITION BY RANGE (at);
    CREATE TABLE visits_2026 PARTITION OF visits FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    CREATE TABLE "Odd ""name" ("a b" text, "select" int);
    CREATE TABLE nothing (id int);
    CREATE VIEW active_people AS SELECT id, name FROM people WHERE active;
    INSERT INTO people (name, code, mood, tags, born, seen, weight, small, amount, photo, about, net, span, paid, active)
    VALUES
        ('김민준', 'ab', 'happy', '{a,"b \"c\"",NULL}', '2026-02-28', '2026-11-21 05:00:00.123456+00', 0.1, 'NaN',
         12345678901234567890.1234, '\x00ff5c6e', '{"a": [1, "\\n"]}', '10.0.0.1/8', '[1,5)', 12, true),
        (E'tab\tand\nline \\N', NULL, NULL, '{}', 'infinity', '-infinity', '-Infinity', 1e-30, 'NaN', '', '{}', '::1',
         'empty', 0, false),
        ('', '', 'sad', NULL, '0044-03-15 BC', NULL, 1e300, NULL, -0.0001, NULL, NULL, NULL, NULL, NULL, NULL);
    INSERT INTO people (name, active) SELECT 'person ' || n, n % 2 = 0 FROM generate_series(1, 5000) n;
    INSERT INTO orders (person, day) SELECT n, date '2020-01-01' + n FROM generate_series(1, 900) n;
    INSERT INTO visits SELECT timestamptz '2026-03-01' + n * interval '1 hour', 'page ' || n FROM generate_series(1, 300) n;
    INSERT INTO "Odd ""name" VALUES ('x', 1), (NULL, NULL)"#;

const TABLES: [&str; 6] =
    ["people", "orders", "visits", "visits_2026", r#""Odd ""name""#, "nothing"];

/// All rows of a table as PostgreSQL prints them, not over the path that a snapshot uses.
pub(super) async fn source_rows(client: &Client, table: &str) -> Vec<Vec<Option<String>>> {
    let mut rows = Vec::new();
    for message in client.simple_query(&format!("SELECT * FROM {table}")).await.expect("rows") {
        if let SimpleQueryMessage::Row(row) = message {
            rows.push((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect());
        }
    }
    rows
}

pub(super) async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client.batch_execute("SET TimeZone = 'UTC'").await.expect("a session");
    client
}

/// A server with the database `shop`, and a local cloud whose instance it is.
pub(super) async fn start_with_postgres(
    sql: &str,
    contract: Option<String>,
) -> (TestPostgres, Client, TestEnv) {
    start_with_postgres_at(sql, contract, NOON).await
}

/// As [`start_with_postgres`], starting at another time.
pub(super) async fn start_with_postgres_at(
    sql: &str,
    contract: Option<String>,
    start: &str,
) -> (TestPostgres, Client, TestEnv) {
    let server = tokio::task::spawn_blocking(TestPostgres::start).await.expect("a start");
    let server = server.unwrap_or_else(|error| panic!("{error}"));
    client(&server.url()).await.batch_execute("CREATE DATABASE shop").await.expect("a database");
    let shop = client(&server.url_of("shop")).await;
    shop.batch_execute(sql).await.expect("tables");
    let source = PostgresDatabase::connect(&server.url_of("shop")).await.expect("a source");
    let mut builder = TestEnvBuilder::demo(Arc::new(source));
    builder.start = at(start);
    builder.contract = contract.unwrap_or_else(|| crate::support::SMALL_CONTRACT.to_owned());
    (server, shop, builder.build().await)
}

async fn all_rows(client: &Client) -> BTreeMap<&'static str, Vec<Vec<Option<String>>>> {
    let mut all = BTreeMap::new();
    for table in TABLES {
        let mut rows = source_rows(client, table).await;
        rows.sort();
        all.insert(table, rows);
    }
    all
}

/// The URL at which the outcome says that the database can be reached.
pub(super) fn database_url(outcome: &Value) -> String {
    let [user, host, database] =
        ["user", "host", "database"].map(|it| outcome[it].as_str().expect(it));
    format!("postgres://{user}@{host}:{}/{database}", outcome["port"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_equals_its_snapshot_row_by_row() {
    let (_server, shop, env) = start_with_postgres(SHOP, None).await;
    let then = all_rows(&shop).await;
    let id = snapshot(&env, NOON).await;
    shop.batch_execute(
        "DELETE FROM orders WHERE id > 10; UPDATE people SET name = 'gone'; DROP TABLE visits; \
         INSERT INTO nothing VALUES (1)",
    )
    .await
    .expect("the source moves on");

    let args = [
        "restore",
        "--at",
        "2026-11-21 12:00",
        "--as",
        "shop-restored",
        "--yes",
        "--output",
        "json",
    ];
    let output = run(&env, &args).await.json();
    assert_eq!(output["plan"]["origin"]["snapshot"], *id);
    let restored = client(&database_url(&output["outcome"])).await;
    let now = all_rows(&restored).await;
    for table in TABLES {
        assert_eq!(now[table].len(), then[table].len(), "{table}");
        assert!(now[table] == then[table], "{table} differs");
    }
    let rows: usize = then.values().map(Vec::len).sum();
    println!("{rows} rows of {} tables are as they were", TABLES.len());

    // It is an independent database: the sequence continues, constraints are enforced, the view
    // works.
    let added = "INSERT INTO people (name) VALUES ('new') RETURNING id, shouted";
    let added = restored.query_one(added, &[]).await.expect("a row");
    assert_eq!((added.get::<_, i64>(0), added.get::<_, &str>(1)), (5004, "NEW"));
    let doubled = "INSERT INTO orders (person, day) VALUES (1, date '2020-01-02')";
    assert!(restored.batch_execute(doubled).await.is_err(), "UNIQUE is enforced");
    let stray = "INSERT INTO orders (person, day) VALUES (99999, date '1999-01-01')";
    assert!(restored.batch_execute(stray).await.is_err(), "the foreign key is enforced");
    restored.query("SELECT * FROM active_people", &[]).await.expect("a view");
    let source: i64 =
        shop.query_one("SELECT count(*) FROM people", &[]).await.expect("a count").get(0);
    assert_eq!(source, 5003, "the source has a server of its own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_logs_restore_rows_that_no_snapshot_has() {
    let sql = "CREATE TABLE notes (id int); INSERT INTO notes VALUES (1)";
    let (_server, shop, env) = start_with_postgres(sql, None).await;
    snapshot(&env, NOON).await;
    shop.batch_execute("INSERT INTO notes VALUES (2)").await.expect("a row");
    let count = |url: String| async move {
        let row = client(&url).await.query_one("SELECT count(*) FROM notes", &[]).await;
        row.expect("a count").get::<_, i64>(0)
    };
    let json = ["--yes", "--output", "json"];
    let latest = [&["restore", "--pitr", "latest", "--as", "newest"][..], &json].concat();
    let output = run(&env, &latest).await.json();
    assert_eq!(count(database_url(&output["outcome"])).await, 2);
    let noon = [&["restore", "--pitr", "2026-11-21 12:01", "--as", "noon"][..], &json].concat();
    let output = run(&env, &noon).await.json();
    assert_eq!(count(database_url(&output["outcome"])).await, 1);
    assert!(!settings_of(&env, DatabaseKind::Instance, "noon").public, "settings are replayed");
    let late = ["restore", "--pitr", "2027-11-21 12:01", "--as", "late", "--yes"];
    run(&env, &late).await.assert_fails(2, &["go up to", "latest"]);
}
