//! A real PostgreSQL database, transferred completely.
//!
//! The DB instance is a temporary PostgreSQL server; the real functions transfer one day. Then
//! the warehouse tables are compared with the server's own output.
//!
//! | module | contents |
//! |---|---|
//! | here | the tests |
//! | [`clocks`] | times without a zone |
//! | [`people`] | a table of people, and their masks |
//! | [`source`] | the database's side of a comparison |
//! | [`versions`] | the same for versions that the machine's packages do not include |

mod clocks;
mod people;
mod source;
mod versions;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use landbridge_core::receipt::{Note, NoteCode, ReceiptState};
use landbridge_local::Principal::{Analyst, Loader, PiiReader, Stranger};
use landbridge_local_database::{PostgresDatabase, TestPostgres};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

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

/// A server with an empty database `shop`, and a client of it.
pub(crate) async fn start_server() -> (TestPostgres, Client) {
    let server = tokio::task::spawn_blocking(TestPostgres::start).await.expect("a start");
    // If PostgreSQL is missing, the error lists what to install.
    let server = server.unwrap_or_else(|error| panic!("{error}"));
    let client = create_shop(&server).await;
    (server, client)
}

/// Creates the database `shop` and returns a client of it.
async fn create_shop(server: &TestPostgres) -> Client {
    let maker = client(&server.url()).await;
    maker.batch_execute("CREATE DATABASE shop").await.expect("a database");
    client(&server.url_of("shop")).await
}

async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("a connection");
    tokio::spawn(connection);
    // So that times are printed as an export prints them.
    client.batch_execute("SET TimeZone = 'UTC'").await.expect("a session");
    client
}

/// A local cloud whose DB instance is that server's database.
async fn start_env(server: &TestPostgres, contract: String) -> TestEnv {
    let source = PostgresDatabase::connect(&server.url_of("shop")).await.expect("a source");
    let mut builder = TestEnvBuilder::demo(Arc::new(source));
    builder.start = at(START);
    // All columns are loaded as the text that the export writes, dates included.
    builder.config = people::with_masks(&builder.config);
    // With it, each value below also comes through another compression.
    builder.config = builder.config.replacen("transfer:\n", "transfer:\n  recompress: auto\n", 1);
    builder.config += "proof: { key: landbridge/shop/proof-key, kept: always }\n";
    builder.contract = contract;
    builder.build().await
}

/// Runs the day; asserts that every table is published with the given number of rows.
async fn run_day_and_check(env: &TestEnv, rows: &[(&str, usize)]) {
    let failed = env.run_until(END).await;
    assert!(failed.is_empty(), "{failed:#?}");
    let receipts = env.receipts(DAY).await;
    let mut targets: Vec<String> =
        rows.iter().map(|(table, _)| format!("public.{table}")).collect();
    targets.sort();
    assert_eq!(receipts.keys().cloned().collect::<Vec<_>>(), targets);
    for (table, rows) in rows {
        let receipt = &receipts[&format!("public.{table}")];
        let rows = *rows as u64;
        assert_eq!(receipt.state, ReceiptState::Published, "{table}: {:?}", receipt.problem);
        assert_eq!((receipt.rows_footer, receipt.rows_planned), (rows, rows), "{table}");
        assert_eq!((receipt.rows_loaded, receipt.rows_table), (Some(rows), Some(rows)), "{table}");
        let created = format!("schema: created with {} columns", receipt.columns.len());
        assert_eq!(receipt.notes, [Note::new(NoteCode::TableCreated, created)], "{table}");
        assert!(receipt.columns.iter().all(|column| column.tag_read_back), "{table}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tpch_and_a_table_of_people_are_transferred_completely() {
    let mut clock = Instant::now();
    let mut took = |what: &str| {
        println!("{what}: {:.1} s", clock.elapsed().as_secs_f64());
        clock = Instant::now();
    };
    let (server, client) = start_server().await;
    took("a PostgreSQL server");
    source::load_tpch(&client).await;
    people::load(&client).await;
    took("TPC-H and people loaded");
    let contract = source::contract(&client, |table, column| {
        let of_people =
            people::CLASSES.iter().find(|(name, _)| table == "people" && *name == column);
        of_people.map_or("none", |(_, class)| class)
    });
    let env = start_env(&server, contract.await).await;
    let mut tables = tpch::TABLES.to_vec();
    tables.push(("people", people::PEOPLE.len()));
    run_day_and_check(&env, &tables).await;
    took("the day");
    // Every column is copied here, and every value is compared below.
    let receipts = env.receipts(DAY).await;
    let exported: u64 = receipts.values().map(|it| it.bytes).sum();
    let sent: u64 = receipts.values().filter_map(|it| it.bytes_sent).sum();
    println!("{exported} bytes exported, {sent} sent");
    assert!(sent > 0 && sent * 10 < exported * 7, "{exported} bytes exported, {sent} sent");

    let mut cells = 0;
    for (table, rows) in &tables {
        let (source, loaded) = source_and_loaded_rows(&env, &client, table).await;
        assert_eq!(source.len(), *rows, "{table}");
        cells += source.cells();
        source.assert_same(loaded);
    }
    took(&format!("{cells} cells of {} tables compared, all equal", tables.len()));
    verify_tpch(&env).await;
    took("figures verified");

    assert_masks(&env, &client).await;
    assert_no_personal_data_in_logs(&env).await;
    took("masks asked for and logs searched");
}

/// The figures of tables of TPC-H equal the figures of the transfer, and one changed cell of 4,000 rows is named. The largest
/// tables would take minutes in the local warehouse.
async fn verify_tpch(env: &TestEnv) {
    crate::proof::assert_verified(env, &["nation", "region", "supplier", "customer", "part"]);
    let small = [("nation", 25), ("region", 5), ("supplier", 200)];
    crate::proof::assert_googles_engine_agrees(env, &small).await;
    let change = "UPDATE shop.part SET p_size = p_size + 1 WHERE p_partkey = 777";
    env.query(Loader, change).await.expect("a changed table");
    let text = crate::proof::assert_differs(env, "part");
    assert!(text.contains("table `part`, column `p_size` differs: another sum"), "{text}");
}

/// A table's rows in the source, and its loaded rows.
async fn source_and_loaded_rows(env: &TestEnv, client: &Client, table: &str) -> (Rows, Rows) {
    let columns = source::columns(client, table).await;
    let names: Vec<String> = columns.into_iter().map(|(name, _)| name).collect();
    let batches = env.cloud.google().table_batches("shop", table).expect("a table");
    let loaded = Rows::loaded(table, &batches, &names);
    let mut source = Rows::empty_like(&loaded);
    source::read(client, table, &mut source).await;
    (source, loaded)
}

/// Every PostgreSQL type that the documentation of exports lists, with its difficult values.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_is_transferred() {
    let (server, client) = start_server().await;
    check_every_type(&server, &client, true).await;
}

/// `copies`: whether a restored copy of this server runs on this machine.
async fn check_every_type(server: &TestPostgres, client: &Client, copies: bool) {
    let mut tables = include_str!("every_type.sql").to_owned();
    let version = client.query_one("SHOW server_version_num", &[]).await.expect("a version");
    // A negative scale is supported since version 15.
    if version.get::<_, &str>(0) < "150000" {
        tables = tables.replace("numeric(5,-2)", "numeric(5,0)");
    }
    client.batch_execute(&tables).await.expect("the tables");
    client.batch_execute("SET TimeZone = 'UTC'").await.expect("a session");
    // The contract classifies no column of the other tables: they are loaded, masked as unclassified.
    let env = start_env(server, clocks::CONTRACT.to_owned()).await;
    let failed = env.run_until(END).await;
    assert!(failed.is_empty(), "{failed:#?}");
    let receipts = env.receipts(DAY).await;
    let mut summary = String::new();
    for (target, receipt) in &receipts {
        let rows = receipt.rows_table.map_or("-".to_owned(), |rows| rows.to_string());
        let problem = receipt.problem.as_ref().map_or("", |it| it.what.as_str());
        summary.push_str(&format!("{target} {:?} {rows} {problem}\n", receipt.state));
    }
    expect_test::expect![[r#"
        odd schema.odd "table Published 1 
        public.cache Skipped - a table of the source is not in the export
        public.clocks Published 3 
        public.every_type Published 3 
        public.moments Published 4909 
        public.nothing Published 0 
        public.numbers Published 4017 
        public.refused Skipped - a table of the source is not in the export
        public.visits Published 400 
        public.visits_feb Skipped - 
        public.visits_jan Skipped - 
    "#]]
    .assert_eq(&summary);
    let mut cells = 0;
    for table in ["every_type", "numbers", "moments", "visits", "nothing"] {
        let (source, loaded) = source_and_loaded_rows(&env, client, table).await;
        cells += source.cells();
        source.assert_same(loaded);
    }
    println!("{cells} cells compared");
    assert!(cells > 40_000, "{cells}");
    clocks::check(&env, &receipts["public.clocks"]).await;
    let recovery = recover::Recovery::new(&env);
    // NaN, infinity and padded text, as PostgreSQL itself compares them.
    for (table, condition) in [
        (("numbers", "id"), "n > 100"),
        (("numbers", "id"), "n = 'NaN' OR n <= '-Infinity'"),
        (("numbers", "id"), "n < 'Infinity' AND NOT n < 5"),
        (("every_type", "c_bigserial"), "c_real > 0"),
        (("every_type", "c_bigserial"), "c_double <= 0"),
        (("every_type", "c_bigserial"), "c_numeric BETWEEN 1 AND 'NaN'"),
        (("every_type", "c_bigserial"), "c_char = 'ab'"),
        (("every_type", "c_bigserial"), "c_char IN ('ab     ', 'x')"),
        (("every_type", "c_bigserial"), "c_char LIKE 'ab'"),
    ] {
        recover::assert_found(&recovery, client, DAY, table, condition).await;
    }
    for table in [
        "public.every_type",
        "public.numbers",
        "public.moments",
        "public.visits",
        "public.nothing",
        "odd schema.odd \"table",
    ] {
        recover::assert_whole(&recovery, client, DAY, table).await;
        let url = &server.url_of("shop");
        recover::assert_whole_over(&recovery, client, url, (DAY, table), &[], None).await;
        // From a copy of the snapshot, and with the types that the copy's catalogue has.
        if !copies || table != "public.every_type" {
            continue;
        }
        let restore =
            ["--from", "restore", "--database-url-env", "SHOP_URL", "--yes", "--types", "export"];
        let variable = Some(("SHOP_URL", url.as_str()));
        recover::assert_whole_over(&recovery, client, url, (DAY, table), &restore, variable).await;
    }
}

/// The table of docs/types.md is what lands with the proposed contract.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lands_from_postgresql_is_what_the_documentation_says() {
    let (server, client) = start_server().await;
    let (every_type, _) =
        include_str!("every_type.sql").split_once("\n-- Numbers of all sizes").unwrap();
    client.batch_execute(every_type).await.expect("the table");
    let more = "ALTER TABLE every_type ADD c_flag bit(1), ADD c_bools boolean[], ADD c_amounts numeric(12,2)[],
            ADD c_days date[], ADD c_naive timestamp[], ADD c_instants timestamptz[], ADD c_keys uuid[],
            ADD c_matrix integer[][], ADD c_boxes box[];
        UPDATE every_type SET c_flag = '1', c_bools = '{t,f,NULL}', c_amounts = '{1.5}', c_days = '{2026-11-21}',
            c_naive = '{2026-11-21 09:30}', c_instants = '{2026-11-21 09:30+09}', c_keys = ARRAY[c_uuid],
            c_matrix = '{{1,2},{3,NULL}}', c_boxes = ARRAY[c_box] WHERE c_bigserial = 1";
    client.batch_execute(more).await.expect("more columns");
    let url = server.url_of("shop");
    let source = PostgresDatabase::connect(&url).await.expect("a source");
    let others =
        lands::assert_every_type_lands(Arc::new(source), &url, "PostgreSQL", "public.every_type")
            .await;
    expect_test::expect![[r#"
        "c_amounts": {"not_provable":"type"}
        "c_bools": {"not_provable":"type"}
        "c_boxes": {"not_provable":"type"}
        "c_days": {"not_provable":"type"}
        "c_instants": {"not_provable":"type"}
        "c_ints": {"not_provable":"type"}
        "c_keys": {"not_provable":"type"}
        "c_matrix": {"not_provable":"type"}
        "c_moods": {"not_provable":"type"}
        "c_naive": {"not_provable":"type"}
        "c_texts": {"not_provable":"type"}
    "#]]
    .assert_eq(&others);
}

/// Asserts that every reader sees exactly what the class of a column allows.
async fn assert_masks(env: &TestEnv, client: &Client) {
    let columns = "name, email, phone, birth_date, padded_code, short_code, note";
    let select = format!("SELECT {columns} FROM shop.people ORDER BY id");
    let masked = env.query(Analyst, &select).await.expect("an answer");
    assert_eq!(masked[..people::MASKED.len()], people::MASKED);

    // No cell with personal data reaches the analyst unmasked.
    let all = env.query(Analyst, "SELECT * FROM shop.people").await.expect("an answer");
    let seen: Vec<&String> = all.iter().flatten().collect();
    for plain in people::personal_cells() {
        assert!(!seen.iter().any(|cell| cell.contains(plain)), "an analyst sees {plain:?}");
    }

    // The reader of personal data sees it in full, except for unclassified columns.
    let google = env.cloud.google();
    let plain = "SELECT name, name_en, email, phone, birth_date, padded_code, short_code FROM";
    let loaded = google.query_as(PiiReader.email(), &format!("{plain} shop.people")).await;
    let mut loaded: Vec<Vec<Option<String>>> = loaded.expect("an answer").rows;
    let source = client.simple_query(&format!("{plain} people")).await.expect("rows");
    let mut source: Vec<Vec<Option<String>>> = source
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect())
            }
            _ => None,
        })
        .collect();
    source.sort_unstable();
    loaded.sort_unstable();
    assert_eq!(loaded, source);
    let unclassified = "SELECT COUNT(*), COUNT(note), COUNT(photo) FROM shop.people";
    assert_eq!(env.query(PiiReader, unclassified).await.expect("an answer"), [["8", "0", "0"]]);

    for column in people::CLASSES.iter().filter(|(_, class)| *class != "unclassified") {
        let select = format!("SELECT {} FROM shop.people", column.0);
        let refused = env.query(Stranger, &select).await.expect_err("a refusal");
        assert!(refused.contains("does not have permission to access policy tag"), "{refused}");
    }
    let open = env.query(Stranger, "SELECT id, active FROM shop.people").await;
    assert_eq!(open.expect("an answer").len(), people::PEOPLE.len());
}

/// Asserts that no cell is in the functions' logs or in the ledger.
async fn assert_no_personal_data_in_logs(env: &TestEnv) {
    let mut texts = Vec::new();
    for function in ["snapshot", "export", "transfer", "load", "protect"] {
        let lines = env.cloud.logs(function).expect("a log");
        assert!(!lines.is_empty(), "{function} logs");
        texts.extend(lines.into_iter().map(|line| line.line.to_string()));
    }
    let records = env.ledger("").await;
    assert!(!records.is_empty());
    texts.extend(records.iter().map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()));
    for cell in people::personal_cells() {
        // In JSON, where quotes and line ends are escaped.
        let cell = serde_json::Value::from(cell).to_string();
        let cell = &cell[1..cell.len() - 1];
        assert!(!texts.iter().any(|text| text.contains(cell)), "{cell} was logged or recorded");
    }
}

/// The total amount in two accounts of two tables.
const MONEY: i64 = 1_000_000;

/// Two tables with money, the first and the last of the database, and a long one between them: so
/// long that money moves between reading the first and reading the last.
const ACCOUNTS: &str = "
    CREATE TABLE accounts (id bigint PRIMARY KEY, balance bigint NOT NULL);
    CREATE TABLE ballast AS SELECT n AS id, repeat('x', 100) AS filler FROM generate_series(1, 20000) n;
    CREATE TABLE savings (id bigint PRIMARY KEY, balance bigint NOT NULL);
    INSERT INTO accounts VALUES (1, 500000), (2, 300000);
    INSERT INTO savings VALUES (1, 200000)";

/// Moves money from one account to another and to the savings, until `stop` is set.
async fn move_money(client: Client, stop: Arc<AtomicBool>) -> u64 {
    let mut moved = 0;
    while !stop.load(Ordering::Relaxed) {
        let transfer = "BEGIN;
            UPDATE accounts SET balance = balance - 3 WHERE id = 1;
            UPDATE accounts SET balance = balance + 2 WHERE id = 2;
            UPDATE savings SET balance = balance + 1 WHERE id = 1;
            COMMIT";
        client.batch_execute(transfer).await.expect("a transfer");
        moved += 1;
    }
    moved
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_in_use_is_read_at_one_instant() {
    let (server, client_of_shop) = start_server().await;
    client_of_shop.batch_execute(ACCOUNTS).await.expect("the tables");
    let env = start_env(&server, source::contract(&client_of_shop, |_, _| "none").await).await;
    let stop = Arc::new(AtomicBool::new(false));
    let mover = tokio::spawn(move_money(client(&server.url_of("shop")).await, stop.clone()));

    // A reader without a transaction sees money appear or vanish. If that did not happen, the rest
    // would prove nothing.
    let began = Instant::now();
    while read_without_transaction(&client_of_shop).await == MONEY {
        assert!(began.elapsed() < Duration::from_secs(20), "the money does not move");
    }
    run_day_and_check(&env, &[("accounts", 2), ("ballast", 20_000), ("savings", 1)]).await;
    stop.store(true, Ordering::Relaxed);
    let moved = mover.await.expect("transfers");

    let balances =
        "SELECT (SELECT SUM(balance) FROM shop.accounts), (SELECT SUM(balance) FROM shop.savings)";
    let balances = env.query(Analyst, balances).await.expect("an answer");
    let [accounts, savings] = [0, 1].map(|at| balances[0][at].parse::<i64>().expect("a sum"));
    assert_eq!(accounts + savings, MONEY, "{accounts} + {savings}");
    let moved_before = u64::try_from(savings - 200_000).expect("more savings than before");
    assert!(
        0 < moved_before && moved_before < moved,
        "{moved_before} of {moved} before the snapshot"
    );
}

/// The sum of all money, read without a transaction.
async fn read_without_transaction(client: &Client) -> i64 {
    let mut sum = 0;
    for table in ["accounts", "ballast", "savings"] {
        let column = if table == "ballast" { "0" } else { "balance" };
        for row in
            client.query(&format!("SELECT {column}::bigint FROM {table}"), &[]).await.expect("rows")
        {
            sum += row.get::<_, i64>(0);
        }
    }
    sum
}
