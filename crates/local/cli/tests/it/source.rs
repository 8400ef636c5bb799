//! `landbridge demo --source` on real databases.

use landbridge_local_database::{TestMariaDb, TestPostgres};

use crate::{Run, landbridge};

/// SQL that all engines accept.
const TABLES: &str = "
    CREATE TABLE people (id bigint PRIMARY KEY, name varchar(80), email varchar(120), phone varchar(20));
    INSERT INTO people VALUES (1, 'Ada Example', 'ada@example.org', '010-0000-1234'),
        (2, 'Kim Minjun', 'minjun@example.com', NULL), (3, NULL, NULL, NULL);
    CREATE TABLE orders (id bigint PRIMARY KEY, person_id bigint, total decimal(12,2), placed date);
    INSERT INTO orders VALUES (1, 1, 12.50, '2026-03-01'), (2, 1, 0.00, NULL)";

/// Runs a demo of one day, which must succeed.
fn demo(url: &str, more: &[&str]) -> Run {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let run = landbridge(dir.path(), &[&["demo", "--source", url], more].concat());
    assert_eq!(run.code, Some(0), "{}", run.all());
    run
}

/// Checks the output of a demo, for any engine.
fn check_output(run: &Run, expected: &[&str]) {
    for expected in expected {
        assert!(run.out.contains(expected), "no {expected:?} in {}", run.all());
    }
    // The analyst sees the domain but never the address; the reader of personal data sees everything.
    let line = |who: &str, id: &str| {
        let rest = |line: &&str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.first() == Some(&who) && words.get(1) == Some(&id)
        };
        run.out.lines().find(rest).unwrap_or_else(|| panic!("no row of {who}: {}", run.all()))
    };
    let (analyst, reader) = (line("analyst", "1"), line("pii-reader", "1"));
    assert!(analyst.contains("XXXXX@example.org"), "{analyst}");
    assert!(
        !analyst.contains("1234") && !analyst.contains("Ada") && !analyst.contains("ada@"),
        "{analyst}"
    );
    assert!(reader.contains("Ada Example") && reader.contains("ada@example.org"), "{reader}");
    assert!(run.out.contains("stranger  refused: Access denied"), "{}", run.all());
}

/// Runs SQL in a PostgreSQL database.
fn run_sql(url: &str, sql: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let (client, connection) =
            tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("a connection");
        let served = tokio::spawn(connection);
        client.batch_execute(sql).await.expect("good SQL");
        drop(client);
        served.await.expect("no panic").expect("a clean end");
    });
}

#[test]
fn demo_of_a_postgresql_database() {
    let server = TestPostgres::start().unwrap_or_else(|error| panic!("{error}"));
    run_sql(&server.url(), TABLES);
    // Columns that the export writes as text get the type of the source.
    let typed = "ALTER TABLE orders ADD tags text[], ADD paid_at timestamptz;
        UPDATE orders SET tags = '{new,\"two words\"}', paid_at = '2026-03-01 23:30+09' WHERE id = 1";
    run_sql(&server.url(), typed);
    check_output(
        &demo(&server.url(), &["--as", "shop"]),
        &[
            "Source: your PostgreSQL database, emulated as RDS instance shop.",
            "email: { source: character varying, type: STRING, class: email }",
            "\"public.orders\":",
            "paid_at: { source: timestamp with time zone, type: TIMESTAMP,",
            "placed: { source: date, type: DATE,",
            "tags: { source: \"text[]\", type: STRING, mode: REPEATED,",
            "total: { source: numeric, type: NUMERIC,",
            "5 rows of 2 tables were transferred from shop to shop-analytics.shop",
        ],
    );
}

#[test]
fn demo_of_a_mariadb_database() {
    let server = TestMariaDb::start().unwrap_or_else(|error| panic!("{error}"));
    let (url, admin) = (server.url_of("business"), server.url_of("mysql"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        use mysql_async::prelude::Queryable;
        let opts = mysql_async::Opts::from_url(&admin).expect("a good address");
        let opts = mysql_async::OptsBuilder::from_opts(opts).prefer_socket(false);
        let mut client = mysql_async::Conn::new(opts).await.expect("a connection");
        let sql = format!("CREATE DATABASE business; USE business; {TABLES}");
        client.query_drop(sql).await.expect("good SQL");
    });
    check_output(
        &demo(&url, &[]),
        &[
            "Source: your MariaDB database, emulated as RDS instance shop-prod.",
            "email: { source: varchar, type: STRING, class: email }",
            "\"business.orders\":",
            "total: { source: decimal, type: NUMERIC",
            "5 rows of 2 tables were transferred from shop-prod to shop-analytics.shop",
        ],
    );

    // Errors have the same form as for PostgreSQL, and contain no password.
    let dir = tempfile::tempdir().expect("a temporary directory");
    let port = url.rsplit(':').next().and_then(|rest| rest.split('/').next()).expect("a port");
    let mut output = String::new();
    for url in [url.replace("business", "none"), url.replace("root@", "absent:secret@")] {
        let run = landbridge(dir.path(), &["demo", "--source", &url]);
        assert!(!run.all().contains("secret"));
        output += &run.all();
    }
    expect_test::expect![[r#"
        exit code 1
        err | error: cannot connect to the database at 127.0.0.1:PORT/none: Unknown database 'none' (1049); use the name of an existing database: mysql://user:password@host:port/database
        exit code 1
        err | error: cannot connect to the database at 127.0.0.1:PORT/business: Access denied for user 'absent'@'127.0.0.1' (using password: YES) (1045); use a user that may log in, with its password: mysql://user:password@host:port/database
    "#]].assert_eq(&output.replace(port, "PORT"));
}
