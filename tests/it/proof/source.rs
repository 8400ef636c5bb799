//! `verify --against source`: real PostgreSQL and MariaDB.

use landbridge_local_database::{
    MySqlDatabase, PostgresDatabase, SourceDatabase, TestMariaDb, TestPostgres,
};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio_postgres::{Client, NoTls};

use super::*;
use crate::support::at;

const START: &str = "2026-11-20T15:50:00Z";
const END: &str = "2026-11-20T17:50:00Z";

/// Runs `landbridge verify --against source` as this person.
pub(crate) fn against(env: &TestEnv, who: Principal, url: &str, args: &[&str]) -> Output {
    let mut variables = env.operator_variables();
    variables.insert("LANDBRIDGE_GCP_TOKEN".into(), who.token().to_owned());
    variables.insert("SHOP_URL".into(), url.to_owned());
    let source = ["verify", "--yes", "--against", "source", "--database-url-env", "SHOP_URL"];
    landbridge(&variables, &[&source, args].concat())
}

/// Asserts that no value of a table differs from the source, and returns the columns that are not compared with it.
pub(crate) fn not_compared(env: &TestEnv, url: &str, table: &str) -> String {
    let output = against(env, PiiReader, url, &["--output", "json", "--table", table]);
    let text = output_text(&output);
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {text}"));
    let mut lines = String::new();
    let mut equal = 0;
    for column in report["tables"][0]["columns"].as_array().expect("columns") {
        match &column["source"] {
            Value::String(verdict) if verdict == "equal" => equal += 1,
            other => writeln!(lines, "{}: {other}", column["column"]).expect("text"),
        }
    }
    assert!(equal > 20, "{text}");
    assert_eq!(report["first_difference"], Value::Null, "{text}");
    assert_eq!(report["first_source_difference"], Value::Null, "{text}");
    lines
}

pub(crate) const CONTRACT: &str = r#"version: 1
tables:
  "SCHEMA.orders":
    columns:
      id: { source: bigint, type: INT64, class: none }
      note: { source: text, type: STRING, class: none }
      amount: { source: numeric, type: NUMERIC, class: none }
      placed: { source: timestamp with time zone, type: TIMESTAMP, class: none }
      ratio: { source: double precision, type: FLOAT64, class: none }
      born: { source: date, type: DATE, class: none }
      email: { source: text, type: STRING, class: email }
      card: { source: text, type: STRING, class: none, transform: tokenise }
  "SCHEMA.entries":
    columns:
      orders_id: { source: bigint, type: INT64, class: none }
      day: { source: date, type: DATE, class: none }
      note: { source: text, type: STRING, class: none }
  "SCHEMA.members":
    columns:
      email: { source: character varying, type: STRING, class: email }
      note: { source: text, type: STRING, class: none }
  "SCHEMA.heap":
    columns:
      id: { source: integer, type: INT64, class: none }
"#;

pub(crate) const TABLES: &str = "
    CREATE TABLE orders (id bigint PRIMARY KEY, note text, amount numeric(12,2), placed TIMESTAMPTZ NULL,
        ratio double precision, born date, email TEXT, card TEXT);
    CREATE TABLE entries (note text, day date, orders_id bigint, PRIMARY KEY (orders_id, day));
    CREATE TABLE members (email VARCHAR(60) PRIMARY KEY, note text);
    CREATE TABLE heap (id integer);
    INSERT INTO orders SELECT n, CONCAT('note ', n), n + 0.50, '2026-11-21 05:00:00.125', n + 0.5, '2026-02-28',
        CONCAT('p', n, '@example.com'), CONCAT('4000-', n) FROM NUMBERS500;
    INSERT INTO orders (id) VALUES (1000);
    INSERT INTO entries SELECT CONCAT('line ', n), '2026-11-20', n FROM NUMBERS500;
    INSERT INTO entries SELECT CONCAT('second ', n), '2026-11-21', n FROM NUMBERS500;
    INSERT INTO members SELECT CONCAT('m', n, '@example.com'), 'member' FROM NUMBERS500;
    INSERT INTO heap SELECT n FROM NUMBERS500";

pub(crate) async fn build(source: Arc<dyn SourceDatabase>, contract: &str, proof: &str) -> TestEnv {
    let mut builder = TestEnvBuilder::demo(source);
    builder.start = at(START);
    builder.contract = contract.to_owned();
    let lines = builder.config.lines().filter(|it| !it.starts_with("  ga4:"));
    builder.config = lines.map(|it| format!("{it}\n")).collect::<String>() + proof;
    let env = builder.build().await;
    let failed = env.run_until(END).await;
    assert!(failed.is_empty(), "{failed:#?}");
    env
}

pub(crate) const ALWAYS: &str = "proof: { key: landbridge/shop/proof-key, kept: always }\n";

/// A PostgreSQL server with the tables, and the day of them.
pub(crate) async fn postgres(proof: &str) -> (TestPostgres, Client, TestEnv) {
    postgres_with("", proof).await
}

/// As [`postgres`], and these statements before the first snapshot.
pub(crate) async fn postgres_with(more: &str, proof: &str) -> (TestPostgres, Client, TestEnv) {
    let server = tokio::task::spawn_blocking(TestPostgres::start).await.expect("a start");
    let server = server.unwrap_or_else(|error| panic!("{error}"));
    let client = async |url: &str| {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("a client");
        tokio::spawn(connection);
        client
    };
    client(&server.url()).await.batch_execute("CREATE DATABASE shop").await.expect("a database");
    let client = client(&server.url_of("shop")).await;
    client.batch_execute("SET TimeZone = 'UTC'").await.expect("a session");
    let tables = TABLES.replace("NUMBERS500", "generate_series(1, 500) AS n");
    client.batch_execute(&tables).await.expect("tables");
    client.batch_execute(more).await.expect("more");
    let source = PostgresDatabase::connect(&server.url_of("shop")).await.expect("a source");
    let env = build(Arc::new(source), &CONTRACT.replace("SCHEMA", "public"), proof).await;
    (server, client, env)
}

/// A MariaDB server with the same tables, and the day of them.
pub(crate) async fn mariadb() -> (TestMariaDb, Conn, TestEnv) {
    let (server, mut client) = crate::mariadb::start_server().await;
    let tables = TABLES
        .replace("NUMBERS500", "(SELECT seq AS n FROM seq_1_to_500) AS numbers")
        .replace("TIMESTAMPTZ", "timestamp(6)")
        .replace("ratio double precision", "ratio double");
    client.query_drop(tables).await.expect("tables");
    let contract = CONTRACT
        .replace("SCHEMA", "shop")
        .replace("source: numeric", "source: decimal")
        .replace("timestamp with time zone", "timestamp")
        .replace("double precision", "double")
        .replace("character varying", "varchar")
        .replace("source: integer", "source: int");
    let source = MySqlDatabase::connect(&server.url_of("shop")).await.expect("a source");
    let env = build(Arc::new(source), &contract, ALWAYS).await;
    (server, client, env)
}

/// Asserts the exit code and that the output contains each part and no cell, and returns it.
fn check(env: &TestEnv, url: &str, args: &[&str], code: i32, parts: &[&str]) -> String {
    let output = against(env, Analyst, url, args);
    let text = output_text(&output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    parts.iter().for_each(|part| assert!(text.contains(part), "`{part}` is not in: {text}"));
    for cell in ["note 7", "line 7", "@example.com", "another note", "hunter2"] {
        assert!(!text.contains(cell), "`{cell}` is in: {text}");
    }
    text
}

const RESTORE: &str = "landbridge restore --from-receipt 2026-11-21 --as NAME";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_cell_is_named_with_its_row_on_either_side() {
    let (server, client, env) = postgres(ALWAYS).await;
    let url = &server.url_of("shop");
    let orders = ["--table", "orders"];
    let equal = check(&env, url, &[], 0, &["4 of 4 tables equal"]);
    for line in [
        "orders: the source has the same values in 7 of 8 columns",
        "orders: not compared with the source: the transfer replaces the values: card",
        "entries: the source has the same values in 3 of 3 columns",
        "heap: the source has the same values in 1 of 1 column",
    ] {
        assert!(equal.contains(line), "`{line}` is not in: {equal}");
    }
    let change = async |sql: &str| env.query(Loader, sql).await.expect("a changed table");
    let source = async |sql: &str| client.batch_execute(sql).await.expect("a changed source");
    // In BigQuery.
    change("UPDATE shop.orders SET note = 'another note' WHERE id = 77").await;
    let parts = [
        "table `orders`, column `note` differs: other values",
        "orders: row id = 77: differs in note\n",
    ];
    check(&env, url, &orders, 1, &parts);
    change("UPDATE shop.orders SET note = 'note 77' WHERE id = 77").await;
    // Cells that two rows exchanged.
    change("UPDATE shop.entries SET note = IF(orders_id = 3, 'line 4', 'line 3') WHERE orders_id IN (3, 4) AND day = '2026-11-20'").await;
    let parts = [
        "entries: row day = 2026-11-20, orders_id = 3: differs in note\n",
        "entries: row day = 2026-11-20, orders_id = 4: differs in note\n",
    ];
    check(&env, url, &["--table", "entries"], 1, &parts);
    // In the source: what was transferred is in BigQuery.
    source("UPDATE orders SET amount = amount + 1 WHERE id = 9").await;
    let text = check(
        &env,
        url,
        &orders,
        1,
        &[
            "the source differs: table `orders`, column `amount`: the source has other values",
            RESTORE,
            "orders: row id = 9: differs in amount\n",
        ],
    );
    assert!(!text.contains("BigQuery does not have what was transferred"), "{text}");
    source("UPDATE orders SET amount = amount - 1 WHERE id = 9").await;
    // A cell with a class is named by its column alone.
    source("UPDATE orders SET email = 'other@example.com' WHERE id = 8").await;
    let text = check(&env, url, &orders, 1, &["column `email`: the source has other values"]);
    assert!(!text.contains("row id"), "{text}");
    source("UPDATE orders SET email = 'p8@example.com' WHERE id = 8").await;
    // Keys with a class are not shown; a table without a key has none.
    source("UPDATE members SET note = 'x' WHERE email = 'm5@example.com'; INSERT INTO heap VALUES (501)").await;
    check(&env, url, &["--table", "members"], 1, &["cannot be named: its key has a class"]);
    let heap = ["the source has 501 rows, and 500 were transferred", "has no primary key"];
    check(&env, url, &["--table", "heap"], 1, &heap);
    // Rows too many and too few, and how many are named.
    change("DELETE FROM shop.orders WHERE id BETWEEN 5 AND 7").await;
    change("INSERT INTO shop.entries SELECT * FROM shop.entries WHERE orders_id = 10 AND day = '2026-11-21'").await;
    let doubled = "orders_id = 10: is 1 times in the source and 2 times in BigQuery\n";
    check(&env, url, &["--table", "entries"], 1, &[doubled]);
    source("DELETE FROM orders WHERE id = 1000").await;
    let parts = [
        "orders: row id = 5: is not in BigQuery\n",
        "orders: row id = 1000: is not in the source\n",
    ];
    check(&env, url, &orders, 1, &parts);
    let few = check(&env, url, &["--table", "orders", "--rows", "2"], 1, &["more rows may differ"]);
    assert_eq!(few.matches("orders: row id").count(), 2, "{few}");
    // A table that is gone is not compared, and the others are.
    source("DROP TABLE members").await;
    check(&env, url, &["--table", "members"], 4, &["members: the source has no such table now"]);
}

/// A source goes on changing; the database that is restored from the day's snapshot does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_restored_snapshot_proves_the_day_while_the_source_goes_on() {
    let (server, client, env) = postgres(ALWAYS).await;
    let more = "INSERT INTO orders (id, note) VALUES (2000, 'another note'); DELETE FROM entries WHERE orders_id = 7";
    client.batch_execute(more).await.expect("the source goes on");
    let parts =
        ["the source has 502 rows, and 501 were transferred", "the source differs", RESTORE];
    check(&env, &server.url_of("shop"), &["--table", "orders"], 1, &parts);
    let restored = crate::restore::restored(&env, "2026-11-21").await;
    let [user, host, database] =
        ["user", "host", "database"].map(|it| restored[it].as_str().expect(it));
    let url = format!("postgres://{user}@{host}:{}/{database}", restored["port"]);
    check(&env, &url, &[], 0, &["4 of 4 tables equal"]);
    // A password is not printed.
    let wrong = "postgres://reader:hunter2@127.0.0.1:1/shop";
    check(&env, wrong, &[], 1, &["cannot connect to the database at 127.0.0.1:1/shop"]);
}

/// Without figures of the transfer, columns of the class `none` are compared with BigQuery.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_figures_the_source_is_compared_with_bigquery() {
    let (server, client, env) = postgres("").await;
    let url = &server.url_of("shop");
    let text = check(&env, url, &[], 0, &["4 of 4 tables equal"]);
    let hidden = "no figures of that day, and you do not see its values: email";
    assert!(text.contains(&format!("orders: not compared with the source: {hidden}")), "{text}");
    client.batch_execute("UPDATE orders SET ratio = 0.1 WHERE id = 499").await.expect("a change");
    let parts = ["column `ratio`: the source has other values", "row id = 499: differs in ratio"];
    check(&env, url, &["--table", "orders"], 1, &parts);
    env.query(
        Loader,
        "UPDATE shop.entries SET note = NULL WHERE orders_id = 1 AND day = '2026-11-21'",
    )
    .await
    .expect("a change");
    let parts =
        ["column `note`: the source has another number of values", "orders_id = 1: differs"];
    check(&env, url, &["--table", "entries"], 1, &parts);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_is_compared_alike() {
    let (server, mut client, env) = mariadb().await;
    let url = &server.url_of("shop");
    check(
        &env,
        url,
        &[],
        0,
        &["4 of 4 tables equal", "orders: the source has the same values in 7 of 8"],
    );
    env.query(Loader, "UPDATE shop.orders SET ratio = 7.25 WHERE id = 7").await.expect("a change");
    let parts = ["column `ratio` differs: other values", "orders: row id = 7: differs in ratio\n"];
    check(&env, url, &["--table", "orders"], 1, &parts);
    client
        .query_drop(
            "UPDATE `entries` SET note = 'other' WHERE orders_id = 12 AND day = '2026-11-21'",
        )
        .await
        .expect("a change");
    let parts = [
        "the source differs: table `entries`, column `note`: the source has other values",
        "entries: row day = 2026-11-21, orders_id = 12: differs in note\n",
    ];
    check(&env, url, &["--table", "entries"], 1, &parts);
}
