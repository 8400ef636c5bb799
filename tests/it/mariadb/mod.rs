//! A real MariaDB database, transferred completely, like the real PostgreSQL one.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures::{StreamExt, stream};
use landbridge_core::receipt::ReceiptState;
use landbridge_local::Principal::{Analyst, Loader};
use landbridge_local_database::{MySqlDatabase, SourceDatabase, TestMariaDb};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, Value};

use crate::lands;
use crate::reconcile::Rows;
use crate::recover;
use crate::support::{TestEnv, TestEnvBuilder, at};
use crate::tpch;

/// Ten minutes before the export hour in Seoul.
const START: &str = "2026-11-20T15:50:00Z";
/// Fifty minutes after the transfer begins: on a busy machine a response may come too late for
/// some ticks, and the next tick continues.
const END: &str = "2026-11-20T17:50:00Z";
const DAY: &str = "2026-11-21";

/// The size of a packet of CSV, in bytes.
const PACKET: usize = 1_000_000;

/// A server with an empty database `shop`, and a client of it.
pub(crate) async fn start_server() -> (TestMariaDb, Conn) {
    let server = tokio::task::spawn_blocking(TestMariaDb::start).await.expect("a start");
    // If MariaDB is missing, the error lists what to install.
    let server = server.unwrap_or_else(|error| panic!("{error}"));
    let opts = Opts::from_url(&server.url_of("mysql")).expect("a good address");
    let opts = OptsBuilder::from_opts(opts).prefer_socket(false);
    let mut client = Conn::new(opts).await.expect("a connection");
    let setup = "SET NAMES utf8mb4; SET time_zone = '+00:00'; CREATE DATABASE shop; USE shop";
    client.query_drop(setup).await.expect("a database");
    (server, client)
}

/// A local cloud whose DB instance is that server's database.
async fn start_env(server: &TestMariaDb, contract: String) -> TestEnv {
    start_env_at(server, contract, START).await
}

/// As [`start_env`], starting at another time.
pub(crate) async fn start_env_at(server: &TestMariaDb, contract: String, start: &str) -> TestEnv {
    let source = MySqlDatabase::connect(&server.url_of("shop")).await.expect("a source");
    let mut builder = TestEnvBuilder::demo(Arc::new(source));
    builder.start = at(start);
    builder.contract = contract;
    builder.config += "proof: { key: landbridge/shop/proof-key, kept: always }\n";
    builder.build().await
}

/// A contract for every table of the database: types by the documented rules of an export.
async fn contract(client: &mut Conn) -> String {
    let columns = "SELECT table_name, column_name, data_type FROM information_schema.columns
         WHERE table_schema = 'shop' ORDER BY 1, 2";
    let columns: Vec<(String, String, String)> = client.query(columns).await.expect("a catalogue");
    let mut text = String::from("version: 1\ntables:\n");
    let mut last = String::new();
    for (table, column, source) in columns {
        if table != last {
            text.push_str(&format!("  shop.{table}:\n    columns:\n"));
        }
        let column_type = match source.as_str() {
            "int" | "bigint" => "INT64",
            "decimal" => "NUMERIC",
            _ => "STRING",
        };
        text.push_str(&format!(
            "      {column}: {{ source: {source}, type: {column_type}, class: none }}\n"
        ));
        last = table;
    }
    text
}

/// A table's rows in the source, as the server prints them, and its loaded rows.
async fn source_and_loaded_rows(env: &TestEnv, client: &mut Conn, table: &str) -> (Rows, Rows) {
    let columns = "SELECT column_name, data_type FROM information_schema.columns
         WHERE table_schema = 'shop' AND table_name = ? ORDER BY ordinal_position";
    let columns: Vec<(String, String)> = client.exec(columns, (table,)).await.expect("a catalogue");
    let names: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
    let batches = env.cloud.google().table_batches("shop", table).expect("a table");
    let loaded = Rows::loaded(table, &batches, &names);
    let mut source = Rows::empty_like(&loaded);
    let select = columns.iter().map(|(name, ty)| match ty.as_str() {
        // With all digits: the server prints six.
        "float" => format!("CAST(`{name}` AS DOUBLE)"),
        _ => format!("`{name}`"),
    });
    let select = format!("SELECT {} FROM `{table}`", select.collect::<Vec<_>>().join(", "));
    let mut rows = client.query_iter(select).await.expect("a query");
    while let Some(row) = rows.next().await.expect("rows") {
        source.add((0..row.len()).map(|at| match row.as_ref(at) {
            Some(Value::Bytes(cell)) => Some(cell.as_slice()),
            _ => None,
        }));
    }
    (source, loaded)
}

/// Creates the tables of TPC-H and fills them with LOAD DATA.
async fn load_tpch(client: &mut Conn) {
    client.query_drop(tpch::SCHEMA).await.expect("the tables");
    for (table, rows) in tpch::TABLES {
        let csv = Bytes::from(tpch::csv(table).await);
        // A packet of the protocol is at most 16 MB.
        let ends = (0..csv.len()).step_by(PACKET);
        let packets: Vec<std::io::Result<Bytes>> =
            ends.map(|at| Ok(csv.slice(at..csv.len().min(at + PACKET)))).collect();
        client.set_infile_handler(async move { Ok(stream::iter(packets).boxed()) });
        let load = format!(
            "LOAD DATA LOCAL INFILE 'csv' INTO TABLE {table} CHARACTER SET utf8mb4
             FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY ''"
        );
        client.query_drop(load).await.expect("rows that the table takes");
        assert_eq!(client.affected_rows(), rows as u64, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tpch_is_transferred_completely() {
    let mut clock = Instant::now();
    let mut took = |what: &str| {
        println!("{what}: {:.1} s", clock.elapsed().as_secs_f64());
        clock = Instant::now();
    };
    let (server, mut client) = start_server().await;
    load_tpch(&mut client).await;
    took("a MariaDB server with TPC-H");
    let env = start_env(&server, contract(&mut client).await).await;
    let failed = env.run_until(END).await;
    assert!(failed.is_empty(), "{failed:#?}");
    took("the day");
    let receipts = env.receipts(DAY).await;
    assert_eq!(receipts.len(), tpch::TABLES.len(), "{:?}", receipts.keys());
    let mut cells = 0;
    for (table, rows) in tpch::TABLES {
        let receipt = &receipts[&format!("shop.{table}")];
        assert_eq!(receipt.state, ReceiptState::Published, "{table}: {:?}", receipt.problem);
        assert_eq!(receipt.rows_table, Some(rows as u64), "{table}");
        let (source, loaded) = source_and_loaded_rows(&env, &mut client, table).await;
        assert_eq!(source.len(), rows, "{table}");
        cells += source.cells();
        source.assert_same(loaded);
    }
    took(&format!("{cells} cells compared, all equal"));
    crate::proof::assert_verified(&env, &["nation", "region", "supplier", "customer", "part"]);
    let small = [("nation", 25), ("region", 5), ("supplier", 200)];
    crate::proof::assert_googles_engine_agrees(&env, &small).await;
    let change = "UPDATE shop.part SET p_comment = CONCAT(p_comment, '.') WHERE p_partkey = 777";
    env.query(Loader, change).await.expect("a changed table");
    let text = crate::proof::assert_differs(&env, "part");
    assert!(text.contains("table `part`, column `p_comment` differs: other values"), "{text}");
    took("figures verified");

    // A server started from a captured image has the same checksums of all rows.
    let dir = tempfile::tempdir().expect("a directory");
    let source = MySqlDatabase::connect(&server.url_of("shop")).await.expect("a source");
    let image = source.capture(at(END), dir.path()).await.expect("an image");
    took("an image");
    let any_port = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
    let started = image.start_server(any_port).await.expect("a start").expect("a server");
    took("a server made from the image");
    let (host, port) = started.database.address().expect("an address");
    let opts = OptsBuilder::default().ip_or_hostname(host).tcp_port(port).user(Some("root"));
    let mut restored = Conn::new(opts.prefer_socket(false)).await.expect("a connection");
    let names: Vec<String> = tpch::TABLES.iter().map(|(name, _)| format!("shop.{name}")).collect();
    let checksum = format!("CHECKSUM TABLE {} EXTENDED", names.join(", "));
    let expected: Vec<(String, u64)> = client.query(&checksum).await.expect("checksums");
    let actual: Vec<(String, u64)> = restored.query(&checksum).await.expect("checksums");
    assert_eq!(actual, expected);
    took("checksums");
}

/// The contract of the table `clocks` alone.
const CLOCKS: &str = "version: 1
tables:
  shop.clocks:
    columns:
      id: { source: int, type: INT64, class: none }
      wall: { source: datetime, type: DATETIME, class: none }
      seoul: { source: datetime, type: TIMESTAMP, class: none, zone: Asia/Seoul }
      instant: { source: timestamp, type: TIMESTAMP, class: none }
";

/// Every MySQL and MariaDB type that the documentation of exports lists, and times without a zone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_is_transferred() {
    let (server, mut client) = start_server().await;
    client.query_drop(include_str!("every_type.sql")).await.expect("the tables");
    client.query_drop("SET time_zone = '+00:00'").await.expect("a session");
    // The contract classifies no column of the other tables: they are loaded, masked as unclassified.
    let env = start_env(&server, CLOCKS.to_owned()).await;
    let failed = env.run_until(END).await;
    assert!(failed.is_empty(), "{failed:#?}");
    let mut summary = String::new();
    for (target, receipt) in &env.receipts(DAY).await {
        let rows = receipt.rows_table.map_or("-".to_owned(), |rows| rows.to_string());
        let problem = receipt.problem.as_ref().map_or("", |it| it.what.as_str());
        summary.push_str(&format!("{target} {:?} {rows} {problem}\n", receipt.state));
    }
    expect_test::expect![[r#"
        shop.clocks Published 2 
        shop.every_type Published 5 
        shop.history Published 1 
        shop.loose Published 1 
        shop.nothing Published 0 
        shop.numbers Published 2000 
        shop.odd `table Published 1 
        shop.refused Skipped - a table of the source is not in the export
        shop.visits Published 40 
    "#]]
    .assert_eq(&summary);
    let mut cells = 0;
    for table in ["every_type", "numbers", "visits", "nothing", "loose", "history"] {
        let (source, loaded) = source_and_loaded_rows(&env, &mut client, table).await;
        cells += source.cells();
        source.assert_same(loaded);
    }
    println!("{cells} cells compared");
    assert!(cells > 10_000, "{cells}");
    let recovery = recover::Recovery::new(&env);
    for table in [
        ("every_type", "id"),
        ("numbers", "id"),
        ("visits", "id"),
        ("nothing", "id"),
        ("odd `table", "열"),
    ] {
        // An INT64 of microseconds has no zero date.
        let but: &[_] = if table.0 == "every_type" { &[("dt", 1)] } else { &[] };
        recover::assert_whole_mariadb(&recovery, &mut client, DAY, table, but).await;
        let url = &server.url_of("shop");
        let more: (&[&str], _) = (&[], None);
        recover::assert_whole_mariadb_over(&recovery, &mut client, url, DAY, table, but, more)
            .await;
        if table.0 != "every_type" {
            continue;
        }
        // A copy of the snapshot has the zero date.
        let restore = ["--from", "restore", "--database-url-env", "SHOP_URL", "--yes"];
        let more: (&[&str], _) = (&restore, Some(("SHOP_URL", url.as_str())));
        recover::assert_whole_mariadb_over(&recovery, &mut client, url, DAY, table, &[], more)
            .await;
    }
    // The table was filled in a session whose time zone is that of Seoul.
    let select = "SELECT wall, seoul, instant FROM shop.clocks ORDER BY id";
    let seen = env.query(Analyst, select).await.expect("an answer");
    let instant = "2026-03-01 00:30:00 UTC";
    assert_eq!(
        seen,
        [
            ["2026-03-01T09:30:00", instant, instant],
            ["9999-12-31T23:59:59", "9999-12-31 14:59:59 UTC", "NULL"]
        ]
    );
}

/// The table of docs/types.md is what lands with the proposed contract.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lands_from_mariadb_is_what_the_documentation_says() {
    let (server, mut client) = start_server().await;
    let (every_type, _) =
        include_str!("every_type.sql").split_once("\nCREATE TABLE visits").expect("its end");
    client.query_drop(every_type).await.expect("the table");
    let url = server.url_of("shop");
    let source = MySqlDatabase::connect(&url).await.expect("a source");
    let others =
        lands::assert_every_type_lands(Arc::new(source), &url, "MariaDB", "shop.every_type").await;
    expect_test::expect![[r#"
        "bits": {"not_provable":"type"}
        "g": {"not_provable":"type"}
        "ls": {"not_provable":"type"}
        "p": {"not_provable":"type"}
    "#]]
    .assert_eq(&others);
}
