//! Proposals from samples of real servers.

use landbridge_core::config::{self, Config};
use landbridge_local_database::{TestMariaDb, TestPostgres};
use mysql_async::prelude::Queryable;

use super::*;

/// Values that must be in no reason and in no message.
const VALUES: [&str; 3] = ["haneul", "010-5550-0", "900101-1"];

fn config() -> Config {
    let text = include_str!("../../../../examples/demo/landbridge.yaml");
    config::parse(config::FILE_NAME, text).expect("valid")
}

/// `table.column: class` of each column, from a sample.
async fn classes(url: &str) -> (Vec<String>, Proposal) {
    let database = Database::connect(url, None).await.expect("a connection");
    let limits = Some(SampleLimits::rows(200));
    let empty = Contract::of_no_table();
    let proposal = propose(&database, empty, &config(), limits).await.expect("a proposal");
    let shown =
        proposal.reasons.iter().map(|it| format!("{}.{}: {}", it.table, it.column, it.class));
    for reason in &proposal.reasons {
        for value in VALUES {
            assert!(!reason.reason.contains(value), "{reason:?}");
        }
    }
    (shown.collect(), proposal)
}

/// Names that say nothing, and values that do.
const ROWS: &str = "INSERT INTO t SELECT n, CONCAT('haneul', n, '@example.com'), CONCAT('010-5550-', 1000 + n),
    CONCAT('900101-1', 100000 + n), CASE WHEN n % 2 = 0 THEN 'Y' ELSE 'N' END, CASE WHEN n % 3 = 0 THEN 'open' ELSE 'paid' END";

const COLUMNS: &str = "(id bigint, c1 varchar(80), c2 varchar(80), c3 varchar(80), email_yn char(1), status varchar(20))";

const PROPOSED: [&str; 6] = [
    ".t.id: none",
    ".t.c1: email",
    ".t.c2: phone",
    ".t.c3: national_id",
    ".t.email_yn: none",
    ".t.status: none",
];

#[tokio::test]
async fn values_of_postgresql_decide_where_names_say_nothing() {
    let server = tokio::task::spawn_blocking(TestPostgres::start).await.unwrap();
    let server = server.unwrap_or_else(|error| panic!("{error}"));
    let url = server.url();
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let sql = format!("CREATE TABLE t {COLUMNS}; {ROWS} FROM generate_series(1, 300) n; ANALYZE t;
        CREATE TABLE large AS SELECT n AS id, repeat('x', 900) || n AS filler, 'haneul' || n || '@example.com' AS etc FROM generate_series(1, 20000) n;
        CREATE TABLE tags (id bigint, c1 text[]); INSERT INTO tags SELECT n, ARRAY['haneul' || n || '@example.com'] FROM generate_series(1, 60) n; ANALYZE");
    client.batch_execute(&sql).await.unwrap();
    let (shown, proposal) = classes(&url).await;
    let expected: Vec<String> = PROPOSED.iter().map(|it| format!("public{it}")).collect();
    for line in &expected {
        assert!(shown.contains(line), "{line} is not in {shown:#?}");
    }
    // Blocks all over a large table are sampled; an array's elements are judged.
    assert!(shown.contains(&"public.large.etc: email".to_owned()), "{shown:#?}");
    let tags = proposal.reasons.iter().find(|it| it.table == "public.tags" && it.column == "c1");
    assert_eq!(tags.and_then(|it| it.kind), Some("e-mail addresses"), "{tags:?}");
    assert_eq!(proposal.not_sampled, Vec::<String>::new());
    // A locked table has no sample; the others have.
    let database = Database::connect(&url, None).await.unwrap();
    let tables = database.tables().await.unwrap();
    client.batch_execute("BEGIN; LOCK TABLE tags IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let limits = SampleLimits { rows: 10, timeout: std::time::Duration::from_millis(300) };
    let mut sampler = Sampler { tables: &tables, samples: Samples::new(), failed: Vec::new() };
    database.sample(&tables, limits, &mut sampler).await.unwrap();
    let failed = &sampler.failed;
    assert!(failed.len() == 1 && failed[0].starts_with("public.tags: "), "{failed:?}");
    assert_eq!(sampler.samples["public.t"]["c1"].seen(), 10);
    assert!(!sampler.samples.contains_key("public.tags"));
}

#[tokio::test]
async fn values_of_mariadb_decide_where_names_say_nothing() {
    let server = tokio::task::spawn_blocking(TestMariaDb::start).await.unwrap();
    let server = server.unwrap_or_else(|error| panic!("{error}"));
    let root = crate::mysql::MySqlServer::connect(&server.url_of("mysql"), None).await.unwrap();
    let mut conn = root.open_session().await.unwrap();
    let rows = format!("{ROWS} FROM (SELECT seq AS n FROM seq_1_to_300) numbers");
    for sql in [
        "CREATE DATABASE shop",
        "USE shop",
        &format!("CREATE TABLE t {COLUMNS} CHARACTER SET utf8mb4"),
        &rows,
    ] {
        conn.query_drop(sql).await.unwrap();
    }
    let (shown, proposal) = classes(&server.url_of("shop")).await;
    let expected: Vec<String> = PROPOSED.iter().map(|it| format!("shop{it}")).collect();
    assert_eq!(shown, expected);
    assert_eq!(proposal.not_sampled, Vec::<String>::new());
}
