//! The rows of past days (`tables.<table>.history`): a partition per day, with the rows of that day, protected by
//! what is true of every kept day.

mod backfill;
mod forgotten;

use std::sync::Arc;

use futures::future::BoxFuture;
use landbridge_core::receipt::{NoteCode, ReceiptState};
use landbridge_ledger::records::HistoryRecord;
use landbridge_local::Principal::{Analyst, Loader, PiiReader, Stranger};
use landbridge_local_database::{MemoryDatabase, MemoryTable};
use landbridge_local_wire::monitor::{Admission, ArrivedCall, CallObserver};
use serde_json::Value;

use crate::command::{landbridge, output_text};
use crate::crash::OPEN;
use crate::support::{MIDNIGHT, SMALL_CONTRACT, TestEnv, TestEnvBuilder, at, small_database};

/// The day that is `n` days after the first.
fn day(n: i64) -> String {
    (jiff::civil::date(2026, 11, 21) + jiff::Span::new().days(n)).to_string()
}

/// Minutes after midnight in Seoul, `n` days after the first.
fn time(n: i64, minutes: i64) -> String {
    (at(MIDNIGHT) + jiff::SignedDuration::from_mins(n * 24 * 60 + minutes)).to_string()
}

/// The small database; `days` of `people` and `orders` are kept.
fn builder(days: u32) -> (TestEnvBuilder, Arc<MemoryDatabase>) {
    let mut builder = TestEnvBuilder::small();
    builder.retries = Some(0);
    let database = Arc::new(small_database());
    builder.source = database.clone();
    builder.config += &format!(
        "\ntables:\n  public.people: {{ history: {{ days: {days} }} }}\n  public.orders: {{ history: {{ days: {days} }} }}\n"
    );
    (builder, database)
}

/// The readable columns of the tables and of their histories.
fn open() -> Vec<String> {
    let history = |name: &str| {
        let (table, column) = name.split_once('.').expect("table.column");
        [format!("{table}_history.{column}"), format!("{table}_history_2.{column}")]
    };
    OPEN.iter().flat_map(|name| history(name).into_iter().chain([(*name).to_owned()])).collect()
}

/// The ticks of a night, in minutes after midnight in Seoul.
const NIGHT: [(&str, i64); 9] = [
    ("protect", 30),
    ("snapshot", 60),
    ("export", 70),
    ("export", 100),
    ("transfer", 121),
    ("load", 126),
    ("transfer", 131),
    ("load", 136),
    ("load", 141),
];

async fn run_night(env: &TestEnv, n: i64) {
    for (function, minutes) in NIGHT {
        let outcome = env.tick(function, &time(n, minutes)).await;
        assert!(outcome.is_response(), "{function} of day {n}: {outcome:?}");
    }
}

/// A night after which every table is published, and no column is exposed.
async fn night(env: &TestEnv, n: i64) {
    run_night(env, n).await;
    let open = open();
    let open: Vec<&str> = open.iter().map(String::as_str).collect();
    assert_eq!(env.exposed_columns(&open), [""; 0], "night {n}");
    for (target, receipt) in env.receipts(&day(n)).await {
        assert_eq!(receipt.state, ReceiptState::Published, "{target}: {:?}", receipt.problem);
    }
}

/// How the history of a table has the rows of a day.
async fn record(env: &TestEnv, n: i64, source_table: &str) -> Option<HistoryRecord> {
    let records = env.ledger(&format!("{}/history/", day(n))).await;
    let records = records.iter().map(|(_, bytes)| serde_json::from_slice(bytes).expect("JSON"));
    records.into_iter().find(|record: &HistoryRecord| record.source_table == source_table)
}

async fn kept(env: &TestEnv, n: i64, source_table: &str) -> HistoryRecord {
    let record = record(env, n, source_table).await;
    let record = record.unwrap_or_else(|| panic!("day {n}: {}", env.log_output()));
    assert!(record.is_kept(), "{record:?}");
    record
}

/// `id | name | email` of the people, as a person sees them.
async fn people(env: &TestEnv, who: landbridge_local::Principal, from: &str) -> Vec<Vec<String>> {
    let sql = format!("SELECT id, name, email FROM {from} ORDER BY id");
    env.query(who, &sql).await.expect("rows")
}

fn people_table(rows: &[[Option<&str>; 4]]) -> MemoryTable {
    let table = MemoryTable::new("public", "people")
        .column("id", "bigint not null")
        .column("name", "character varying(80)")
        .column("email", "character varying(120)")
        .column("secret", "text");
    rows.iter().fold(table, |table, row| table.row(*row))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_day_is_a_partition_with_its_rows_and_each_person_sees_of_it_what_the_table_shows() {
    let (builder, database) = builder(30);
    let env = builder.build().await;
    let one = [Some("1"), Some("김민준"), Some("minjun@example.com"), Some("hidden words")];
    let two = [Some("2"), Some("Ada Example"), Some("ada@example.org"), None];
    let moved = [Some("2"), Some("Ada Example"), Some("ada@example.net"), None];
    let three = [Some("3"), None, Some("no address"), Some("also not")];
    let days: [&[[Option<&str>; 4]]; 3] = [&[one, two, three], &[one, moved], &[]];
    let mut seen = Vec::new();
    for (n, rows) in (0..).zip(days) {
        database.set_table(people_table(rows)).expect("a table");
        night(&env, n).await;
        let record = kept(&env, n, "public.people").await;
        assert_eq!(record.rows, Some(rows.len() as u64));
        assert_eq!((record.table.as_str(), record.objects_of), ("people_history", None));
        let receipt = env.receipts(&day(n)).await.remove("public.people").expect("a receipt");
        assert_eq!(receipt.rows_table, record.rows);
        seen.push([
            people(&env, Analyst, "shop.people").await,
            people(&env, PiiReader, "shop.people").await,
        ]);
    }
    assert_eq!(seen[1][1][1][2], "ada@example.net");
    assert!(seen[1][0][1][2].starts_with("XXXXX@"), "{seen:?}");
    for (n, seen) in (0..).zip(&seen) {
        let of_day = |who| {
            let from = format!("shop.people_history WHERE _PARTITIONDATE = DATE '{}'", day(n));
            let env = &env;
            async move { people(env, who, &from).await }
        };
        assert_eq!([of_day(Analyst).await, of_day(PiiReader).await], *seen, "day {n}");
        let from = format!("shop.people_history WHERE _PARTITIONDATE = DATE '{}'", day(n));
        let refused = env.query(Stranger, &format!("SELECT email FROM {from}")).await;
        assert!(refused.unwrap_err().contains("permission to access policy tag"));
    }
    // A column that the contract does not name is NULL for everyone, on every day.
    let secrets = "SELECT COUNT(secret) FROM shop.people_history";
    assert_eq!(env.query(PiiReader, secrets).await, Ok(vec![vec!["0".to_owned()]]));
    let table = env.cloud.google().table_resource("shop", "people_history").expect("a table");
    assert_eq!(table["timePartitioning"]["expirationMs"], (30 * 86_400_000_i64).to_string());
    let description = table["description"].as_str().unwrap_or_default();
    assert!(description.contains("public.people as of each day"), "{description}");
    env.assert_no_cell_logged("");
}

/// One redo of a day replaces its partition, and no other.
#[tokio::test(flavor = "multi_thread")]
async fn two_ticks_at_once_and_a_repeated_tick_keep_a_day_once() {
    let (builder, _) = builder(30);
    let env = builder.build().await;
    for (function, minutes) in
        [("protect", 30), ("snapshot", 60), ("export", 70), ("export", 100), ("transfer", 121)]
    {
        env.tick(function, &time(0, minutes)).await;
    }
    let at_once = time(0, 126);
    let (one, other) = tokio::join!(env.tick("load", &at_once), env.tick("load", &at_once));
    assert!(one.is_response() && other.is_response(), "{one:?} {other:?}");
    for minutes in [131, 136] {
        assert!(env.tick("load", &time(0, minutes)).await.is_response());
    }
    let record = kept(&env, 0, "public.orders").await;
    assert_eq!(record.rows, Some(50));
    let sql = "SELECT COUNT(*), COUNT(DISTINCT id) FROM shop.orders_history";
    let fifty = vec![vec!["50".to_owned(), "50".to_owned()]];
    assert_eq!(env.query(Analyst, sql).await, Ok(fifty));
    let jobs = env.cloud.google().job_ids();
    let of_history: Vec<_> = jobs.iter().filter(|id| id.contains("orders_history")).collect();
    assert_eq!(of_history.len(), 1, "{of_history:?}");
}

const PLACED_AT: &str =
    "placed_at: { source: timestamp with time zone, type: TIMESTAMP, class: none }";

/// How many different days the analyst sees in `placed_at`: 20, or 1 with the mask of a date of birth.
async fn placed(env: &TestEnv, table: &str) -> String {
    let sql = format!("SELECT COUNT(DISTINCT placed_at) FROM shop.{table}");
    env.query(Analyst, &sql).await.expect("an answer").concat().concat()
}

/// The tag of a column is the strictest over all kept days: a column that becomes personal is masked at once on
/// every day, and one that was personal opens when the last day with such rows, and the time travel over it, is
/// gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_column_is_as_strict_as_on_the_strictest_kept_day() {
    let (builder, _) = builder(2);
    let env = builder.build().await;
    night(&env, 0).await;
    assert_eq!([placed(&env, "orders").await, placed(&env, "orders_history").await], ["20", "20"]);
    let birth =
        SMALL_CONTRACT.replace(PLACED_AT, &PLACED_AT.replace("class: none", "class: birth"));
    env.deploy_contract(&birth);
    assert!(env.tick("protect", &time(0, 400)).await.is_response());
    assert_eq!([placed(&env, "orders").await, placed(&env, "orders_history").await], ["1", "1"]);
    // This day is kept as one of class `birth`.
    night(&env, 1).await;
    env.deploy_contract(SMALL_CONTRACT);
    assert!(env.tick("protect", &time(1, 400)).await.is_response());
    assert_eq!([placed(&env, "orders").await, placed(&env, "orders_history").await], ["20", "1"]);
    // The fifth night finds the day of class `birth` expired; time travel reaches it, so the column is closed.
    for (n, seen) in [(2, "1"), (3, "1"), (4, "0")] {
        night(&env, n).await;
        assert_eq!(placed(&env, "orders_history").await, seen, "night {n}");
    }
    let sql = "SELECT CAST(MIN(_PARTITIONDATE) AS STRING) FROM shop.orders_history";
    let oldest = env.query(Analyst, sql).await.expect("an answer").concat().concat();
    assert!(oldest > day(1), "the day of class `birth` has expired: {oldest}");
    let said = command(&env, &["receipt", &day(1)], 0);
    assert!(said.contains(&format!("{} was kept, and has expired, in", day(1))), "{said}");
    // A week after the tick that found it expired, no time travel reaches it.
    night(&env, 13).await;
    assert_eq!(placed(&env, "orders_history").await, "20");
}

/// A column that means something else begins another history table; the earlier one keeps its days, closed.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_transform_continues_in_another_table() {
    let (builder, _) = builder(30);
    let env = builder.build().await;
    night(&env, 0).await;
    let tokens = "SELECT COUNT(DISTINCT card) FROM shop.orders_history";
    assert_eq!(env.query(Analyst, tokens).await.expect("tokens").concat(), ["7"]);
    let card =
        "card: { source: character varying, type: STRING, class: none, transform: tokenise }";
    let plain = "card: { source: character varying, type: STRING, class: account }";
    assert!(SMALL_CONTRACT.contains(card));
    env.deploy_contract(&SMALL_CONTRACT.replace(card, plain));
    run_night(&env, 1).await;
    let record = kept(&env, 1, "public.orders").await;
    assert_eq!(record.table, "orders_history_2");
    let note = record.notes.iter().find(|note| note.code == NoteCode::HistoryContinues);
    let note = note.expect("a note").to_string();
    assert!(note.contains("column `card` differs from the days in `orders_history`"), "{note}");
    assert!(env.log_output().contains("the history of a table continues in another table"));
    let days = |table: &str| {
        let sql = format!(
            "SELECT CAST(_PARTITIONDATE AS STRING), COUNT(*) FROM shop.{table} GROUP BY 1 ORDER BY 1"
        );
        let env = &env;
        async move { env.query(Analyst, &sql).await.expect("days") }
    };
    let fifty = |n| vec![vec![day(n), "50".to_owned()]];
    assert_eq!(
        [days("orders_history").await, days("orders_history_2").await],
        [fifty(0), fifty(1)]
    );
    // The contract does not describe the tokens any more; the new values are masked by their class.
    let cards = |who, table: &str| {
        let sql = format!("SELECT COUNT(DISTINCT card) FROM shop.{table}");
        let env = &env;
        async move { env.query(who, &sql).await.expect("an answer").concat().concat() }
    };
    assert_eq!(
        [cards(Analyst, "orders_history").await, cards(PiiReader, "orders_history").await],
        ["0", "0"]
    );
    assert_eq!(cards(Analyst, "orders_history_2").await, "0");
    assert_eq!(cards(PiiReader, "orders_history_2").await, "7");
    // Back to tokens: they stand beside the tokens of the first day.
    env.deploy_contract(SMALL_CONTRACT);
    run_night(&env, 2).await;
    assert_eq!(kept(&env, 2, "public.orders").await.table, "orders_history");
    assert_eq!(env.query(Analyst, tokens).await.expect("tokens").concat(), ["7"]);
    assert_eq!(cards(PiiReader, "orders_history_2").await, "0");
}

/// An unchanged table has no objects of its day: the objects of the day that was loaded are used. When they are gone,
/// the table is carried.
#[tokio::test(flavor = "multi_thread")]
async fn the_partition_of_an_unchanged_day_is_filled_from_the_objects_of_the_loaded_day() {
    let (mut builder, _) = builder(30);
    builder.config = builder.config.replacen(
        "transfer:\n",
        "transfer:\n  unchanged: skip\n  full_every: 365\n",
        1,
    );
    let env = builder.build().await;
    night(&env, 0).await;
    night(&env, 1).await;
    let receipt = env.receipts(&day(1)).await.remove("public.people").expect("a receipt");
    assert_eq!(receipt.unchanged_since.map(|it| it.to_string()), Some(day(0)));
    let record = kept(&env, 1, "public.people").await;
    assert_eq!((record.rows, record.objects_of.map(|it| it.to_string())), (Some(3), Some(day(0))));
    for object in env.landing_objects().into_keys() {
        env.cloud.google().delete_object("shop-landing", &object);
    }
    run_night(&env, 2).await;
    let receipt = env.receipts(&day(2)).await.remove("public.people").expect("a receipt");
    assert_eq!(receipt.unchanged_since, None, "{receipt:?}");
    // A table without a history keeps its rows as before.
    let receipt = env.receipts(&day(2)).await.remove("public.nothing").expect("a receipt");
    assert_eq!(receipt.unchanged_since.map(|it| it.to_string()), Some(day(0)));
    assert_eq!(kept(&env, 2, "public.people").await.objects_of, None);
    let sql = "SELECT CAST(_PARTITIONDATE AS STRING), COUNT(*) FROM shop.people_history GROUP BY 1 ORDER BY 1";
    let days: Vec<_> = (0..3).map(|n| vec![day(n), "3".to_owned()]).collect();
    assert_eq!(env.query(Analyst, sql).await, Ok(days));
}

/// A history that cannot be kept holds nothing, is said once, and is kept when its cause is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_fails_holds_nothing_and_is_kept_later() {
    let (builder, _) = builder(30);
    let env = builder.build().await;
    env.query(Loader, "CREATE TABLE shop.people_history (note STRING)").await.expect("a table");
    run_night(&env, 0).await;
    for (target, receipt) in env.receipts(&day(0)).await {
        assert_eq!(receipt.state, ReceiptState::Published, "{target}: {:?}", receipt.problem);
    }
    kept(&env, 0, "public.orders").await;
    let failed = record(&env, 0, "public.people").await.expect("a record");
    let problem = failed.problem.as_ref().expect("a problem");
    assert_eq!(problem.what, "the name of a history table is used by another table");
    assert_eq!((failed.rows, failed.is_kept()), (None, false));
    let said = |env: &TestEnv| -> Vec<Value> {
        let alerts = env.alerts("load").into_iter();
        alerts.filter(|it| it.to_string().contains("is not kept in the history")).collect()
    };
    assert_eq!(said(&env).len(), 1, "{:#?}", said(&env));
    env.query(Loader, "DROP TABLE shop.people_history").await.expect("no table");
    assert!(env.tick("load", &time(0, 300)).await.is_response());
    assert_eq!(kept(&env, 0, "public.people").await.rows, Some(3));
    assert_eq!(said(&env).len(), 1);
}

/// Refuses each call about a history table of `people`.
struct NoHistory;

impl CallObserver for NoHistory {
    fn before(&self, call: ArrivedCall) -> BoxFuture<'static, Admission> {
        let refused = call.request.contains("people_history");
        Box::pin(async move { if refused { Admission::Reject(503) } else { Admission::Proceed } })
    }
}

/// No call is disturbed.
struct Nothing;

impl CallObserver for Nothing {}

/// A transient error is no message, unless it lasts: then the day would be missing some days later, and nothing would have said so.
#[tokio::test(flavor = "multi_thread")]
async fn a_transient_failure_that_lasts_is_said_once() {
    let (builder, _) = builder(30);
    let env = builder.build().await;
    env.cloud.calls().set_observer(Arc::new(NoHistory));
    run_night(&env, 0).await;
    let said = |env: &TestEnv| -> Vec<Value> {
        let alerts = env.alerts("load").into_iter();
        alerts.filter(|it| it.to_string().contains("is not kept in the history")).collect()
    };
    let failed = record(&env, 0, "public.people").await.expect("a record");
    assert!(!failed.is_kept() && failed.problem.is_some(), "{failed:?}");
    assert!(said(&env).is_empty(), "{:#?}", said(&env));
    for minutes in [150, 240, 270, 300] {
        assert!(env.tick("load", &time(0, minutes)).await.is_response());
        assert_eq!(said(&env).len(), usize::from(minutes >= 270), "{minutes}: {:#?}", said(&env));
    }
    assert_eq!(
        record(&env, 0, "public.people").await.map(|it| it.recorded_at),
        Some(failed.recorded_at)
    );
    env.cloud.calls().set_observer(Arc::new(Nothing));
    assert!(env.tick("load", &time(0, 310)).await.is_response());
    assert_eq!(kept(&env, 0, "public.people").await.rows, Some(3));
    assert_eq!(said(&env).len(), 1);
}

/// A table of the source that is named like a history table never replaces the kept days.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_with_the_name_of_a_history_is_held() {
    let (builder, database) = builder(30);
    let env = builder.build().await;
    night(&env, 0).await;
    let table = MemoryTable::new("public", "people_history").column("id", "bigint not null");
    database.set_table(table.row([Some("9")])).expect("a table");
    run_night(&env, 1).await;
    let receipt = env.receipts(&day(1)).await.remove("public.people_history").expect("a receipt");
    assert_eq!(receipt.state, ReceiptState::Held, "{receipt:?}");
    let problem = receipt.problem.expect("a problem");
    assert!(problem.what.starts_with("the table keeps the history of another table"), "{problem}");
    let sql = "SELECT COUNT(*) FROM shop.people_history";
    assert_eq!(env.query(Analyst, sql).await.expect("rows").concat(), ["6"]);
}

const POSTGRES_CONTRACT: &str = r#"version: 1
tables:
  "public.orders":
    columns:
      id: { source: bigint, type: INT64, class: none }
      status: { source: text, type: STRING, class: none }
      amount: { source: numeric, type: NUMERIC, class: none }
      placed_at: { source: timestamp with time zone, type: TIMESTAMP, class: none }
      email: { source: character varying, type: STRING, class: email }
"#;

/// The rows of the server as text, in the form in which BigQuery shows them.
async fn of_server(client: &tokio_postgres::Client) -> Vec<Vec<String>> {
    let sql = "SELECT id, status, trim_scale(amount), floor(extract(epoch FROM placed_at)), email FROM orders ORDER BY id";
    let messages = client.simple_query(sql).await.expect("rows");
    let row = |message: tokio_postgres::SimpleQueryMessage| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => {
            let cell = |at| row.get(at).map_or_else(|| "NULL".to_owned(), str::to_owned);
            Some((0..row.len()).map(cell).collect())
        }
        _ => None,
    };
    messages.into_iter().filter_map(row).collect()
}

/// Three days of a real database: each partition has the rows that the database had on its day, and three people
/// see of each what their class shows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_partition_has_the_rows_that_the_database_had_on_its_day() {
    let (server, client) = crate::postgres::start_server().await;
    let setup = "CREATE TABLE orders (id bigint PRIMARY KEY, status text, amount numeric(12,2), placed_at timestamptz, email varchar(120));
        INSERT INTO orders SELECT n, 'open', n * 1.25, timestamptz '2026-11-01 00:00:00+09' + n * interval '1 hour', 'guest' || n || '@example.com' FROM generate_series(1, 500) n";
    let changes = [
        setup,
        "UPDATE orders SET status = 'paid' WHERE id % 3 = 0; UPDATE orders SET email = NULL WHERE id = 7; DELETE FROM orders WHERE id > 480",
        "INSERT INTO orders VALUES (901, '취소', 0.10, '2026-11-22 12:00:00+09', 'new@example.org'); UPDATE orders SET amount = -1.5 WHERE id = 3",
    ];
    let url = server.url_of("shop");
    let source =
        landbridge_local_database::PostgresDatabase::connect(&url).await.expect("a source");
    let mut builder = TestEnvBuilder::small();
    builder.source = Arc::new(source);
    builder.contract = POSTGRES_CONTRACT.to_owned();
    builder.config += "\ntables:\n  public.orders: { history: { days: 30 } }\n";
    let env = builder.build().await;
    let mut expected = Vec::new();
    for (n, change) in (0..).zip(changes) {
        client.batch_execute(change).await.expect("a change");
        expected.push(of_server(&client).await);
        run_night(&env, n).await;
        let record = kept(&env, n, "public.orders").await;
        let receipt = env.receipts(&day(n)).await.remove("public.orders").expect("a receipt");
        assert_eq!(record.rows, receipt.rows_table, "day {n}");
        assert_eq!(record.rows, Some(expected.last().expect("rows").len() as u64), "day {n}");
    }
    assert_eq!(expected.iter().map(Vec::len).collect::<Vec<_>>(), [500, 480, 481]);
    for (n, rows) in (0..).zip(&expected) {
        let of_day = format!("FROM shop.orders_history WHERE _PARTITIONDATE = DATE '{}'", day(n));
        let columns = "id, status, amount, UNIX_SECONDS(placed_at)";
        let all = format!("SELECT {columns}, email {of_day} ORDER BY id");
        assert_eq!(env.query(PiiReader, &all).await.as_ref(), Ok(rows), "day {n}");
        let emails = format!("SELECT DISTINCT email {of_day} ORDER BY 1");
        let masked = env.query(Analyst, &emails).await.expect("masks");
        assert!(
            masked.iter().all(|it| it[0] == "NULL" || it[0].starts_with("XXXXX@")),
            "{masked:?}"
        );
        assert!(env.query(Stranger, &emails).await.is_err(), "day {n}");
        let others: Vec<Vec<String>> = rows.iter().map(|row| row[..4].to_vec()).collect();
        let open = format!("SELECT {columns} {of_day} ORDER BY id");
        assert_eq!(env.query(Stranger, &open).await, Ok(others), "day {n}");
    }
    // A person who is forgotten is forgotten on every day.
    client.batch_execute("DELETE FROM orders WHERE id = 5").await.expect("a deleted row");
    run_night(&env, 3).await;
    kept(&env, 3, "public.orders").await;
    let count = "SELECT COUNTIF(id = 5), COUNT(*) FROM shop.orders_history";
    assert_eq!(env.query(Loader, count).await.expect("rows").concat(), ["3", "1941"]);
    let text =
        command(&env, &["forget", "public.orders", "id=5", "--reason", "ticket 1", "--yes"], 0);
    assert!(
        text.contains("delete 3 rows in BigQuery's table orders_history, on all days"),
        "{text}"
    );
    assert_eq!(env.query(Loader, count).await.expect("rows").concat(), ["0", "1938"]);
    // No tick brings them back.
    assert!(env.tick("load", &time(3, 400)).await.is_response());
    assert_eq!(env.query(Loader, count).await.expect("rows").concat(), ["0", "1938"]);
    let (from, to) = (day(0), day(2));
    let wanted = ["backfill", "--table", "public.orders", "--from", &from, "--to", &to];
    let text = command(&env, &wanted, 0);
    assert!(text.contains("0 days to fill"), "{text}");
}

/// Runs a command of the operator, and asserts its exit code.
fn command(env: &TestEnv, args: &[&str], code: i32) -> String {
    let output = landbridge(&env.operator_variables(), args);
    let text = output_text(&output);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
    text
}
