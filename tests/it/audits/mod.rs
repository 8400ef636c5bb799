//! Audits of a whole way: a table that is blocked, accepted, warned of; what the records reveal.
//! The rules have their tables of cases in `core::audit`; the faults that they see are in `chaos`.

mod unreadable;

use std::process::Output;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use landbridge_core::receipt::{NoteCode, ReceiptState};
use landbridge_local::Principal::{Analyst, PiiReader};
use landbridge_local_database::{MemoryDatabase, MemoryTable};
use landbridge_local_wire::{Admission, ArrivedCall, CallObserver};

use crate::command::{landbridge, output_text};
use crate::support::{SMALL_CONTRACT, TestEnv, TestEnvBuilder, small_database};

const ROWS: &str = "SELECT COUNT(*) FROM shop.orders";

/// The people of `orders` are few, so as a key they repeat.
fn audits(level: &str) -> String {
    format!(
        "audits:\n  tables:\n    public.orders: {{ key: person_id, levels: {{ keys: {level} }} }}\n"
    )
}

fn orders(database: &MemoryDatabase, rows: i64) {
    let table = MemoryTable::new("public", "orders")
        .column("id", "bigint not null")
        .column("person_id", "bigint");
    let row = |n: i64| vec![Some(n.to_string()), Some((n % 3 + 1).to_string())];
    database.set_table(table.rows((0..rows).map(row))).expect("a table");
}

async fn start(audits: &str) -> (TestEnv, MemoryDatabase) {
    let database = small_database();
    orders(&database, 50);
    let mut builder = TestEnvBuilder::small();
    let (head, tail) = SMALL_CONTRACT.split_once("      paid:").expect("a column");
    let (_, tail) = tail.split_once("  \"public.nothing\"").expect("a table");
    builder.contract = format!("{head}  \"public.nothing\"{tail}");
    builder.config += audits;
    builder.source = Arc::new(database.clone());
    (builder.build().await, database)
}

fn command(env: &TestEnv, args: &[&str]) -> Output {
    landbridge(&env.operator_variables(), args)
}

/// One day without the ticks that have nothing to do.
async fn day(env: &TestEnv, date: &str) {
    let ticks = [
        ("snapshot", "16:00"),
        ("export", "16:10"),
        ("export", "16:40"),
        ("transfer", "17:01"),
        ("load", "17:06"),
        ("load", "17:11"),
    ];
    for (function, hour) in ticks {
        let outcome = env.tick(function, &format!("{date}T{hour}:00Z")).await;
        assert!(outcome.is_response(), "{function}: {outcome:?}");
    }
}

fn about_orders(env: &TestEnv) -> usize {
    let alerts = env.alerts("load").into_iter();
    alerts.filter(|it| it.to_string().contains("key of a table is not unique")).count()
}

/// The record of an object of `people` cannot be written.
struct PeopleFail;

impl CallObserver for PeopleFail {
    fn before(&self, call: ArrivedCall) -> BoxFuture<'static, Admission> {
        let is_record = call.request.starts_with("PUT ") && call.request.contains("/items/people");
        let admission = if is_record { Admission::Reject(503) } else { Admission::Proceed };
        async move { admission }.boxed()
    }
}

/// A failure of the table that another refers to is its own: the other waits for it until the deadline,
/// and is then published without this check.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_waits_for_the_one_it_refers_to_until_the_deadline() {
    let references =
        "audits:\n  tables:\n    public.orders: { references: { person_id: public.people.id } }\n";
    let (env, _database) = start(references).await;
    env.cloud.calls().set_observer(Arc::new(PeopleFail));
    for (function, hour) in [("snapshot", "16:00"), ("export", "16:10"), ("export", "16:40")] {
        assert!(env.tick(function, &format!("2026-11-20T{hour}:00Z")).await.is_response());
    }
    let published = async |hour: &str| {
        for function in ["transfer", "load"] {
            // `people` makes each transfer fail.
            env.tick(function, &format!("2026-11-20T{hour}:00Z")).await;
        }
        let receipts = env.receipts("2026-11-21").await;
        receipts.get("public.orders").is_some_and(|it| it.state == ReceiptState::Published)
    };
    assert!(!published("17:01").await, "it waits");
    assert!(published("19:01").await, "{}", env.log_output());
    assert!(!env.receipts("2026-11-21").await.contains_key("public.people"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_table_keeps_its_rows_until_they_are_accepted() {
    let (env, database) = start("").await;
    day(&env, "2026-11-20").await;
    assert_eq!(env.query(Analyst, ROWS).await.unwrap(), [["50"]]);
    let config = env.dir.path().join("landbridge.yaml");
    let config = std::fs::read_to_string(config).unwrap() + &audits("block");
    env.deploy_config(&config);
    orders(&database, 60);
    day(&env, "2026-11-21").await;
    let receipts = env.receipts("2026-11-22").await;
    assert_eq!(receipts["public.orders"].state, ReceiptState::Held);
    assert_eq!(receipts["public.people"].state, ReceiptState::Published);
    let problem = receipts["public.orders"].problem.clone().expect("a problem").to_string();
    for part in [
        "the key of a table is not unique: orders: column `person_id`: values of the key are there more than once",
        "landbridge redo 2026-11-22 --table public.orders --accept-audits",
        "the table keeps its rows of 2026-11-21",
    ] {
        assert!(problem.contains(part), "`{part}` is not in: {problem}");
    }
    assert_eq!(env.query(Analyst, ROWS).await.unwrap(), [["50"]], "yesterday's rows");
    assert_eq!(about_orders(&env), 1, "one message, although two ticks held the table");
    let shown = output_text(&command(&env, &["receipt", "2026-11-22", "--table", "orders"]));
    assert!(shown.contains("keys") && shown.contains("found"), "{shown}");

    let args = ["redo", "2026-11-22", "--table", "orders", "--accept-audits", "--yes"];
    let accepted = command(&env, &args);
    assert!(accepted.status.success(), "{}", output_text(&accepted));
    for (function, hour) in [("transfer", "17:21"), ("load", "17:26"), ("load", "17:31")] {
        assert!(env.tick(function, &format!("2026-11-21T{hour}:00Z")).await.is_response());
    }
    let receipt = env.receipts("2026-11-22").await.remove("public.orders").expect("a receipt");
    assert_eq!(receipt.state, ReceiptState::Published, "{:?}", receipt.problem);
    let note = receipt.notes.iter().find(|it| it.code == NoteCode::AuditFinding).expect("a note");
    assert!(note.to_string().starts_with("audit `keys`, accepted by an operator: "), "{note}");
    assert_eq!(env.query(Analyst, ROWS).await.unwrap(), [["60"]]);
    assert_eq!(about_orders(&env), 1, "what a person accepted is not reported again");
    // A request without the option does not accept what it finds.
    orders(&database, 70);
    day(&env, "2026-11-22").await;
    let plain = command(&env, &["redo", "2026-11-23", "--table", "orders", "--yes"]);
    assert!(plain.status.success(), "{}", output_text(&plain));
    for (function, hour) in [("transfer", "17:21"), ("load", "17:26"), ("load", "17:31")] {
        assert!(env.tick(function, &format!("2026-11-22T{hour}:00Z")).await.is_response());
    }
    assert_eq!(env.receipts("2026-11-23").await["public.orders"].state, ReceiptState::Held);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warning_publishes_the_table_and_is_said_once() {
    let (env, database) = start(&audits("warn")).await;
    for (n, date) in [(0, "2026-11-20"), (1, "2026-11-21")] {
        orders(&database, 50 + n);
        day(&env, date).await;
        let receipts = env.receipts(if n == 0 { "2026-11-21" } else { "2026-11-22" }).await;
        let receipt = &receipts["public.orders"];
        assert_eq!(receipt.state, ReceiptState::Published);
        let notes = receipt.notes.iter().filter(|it| it.code == NoteCode::AuditFinding);
        assert_eq!(notes.count(), 1, "{:?}", receipt.notes);
        assert_eq!(about_orders(&env), 1, "day {n}");
    }
    // The days that later days are compared with.
    let trend = env.ledger("trends/orders.json").await;
    let trend: serde_json::Value = serde_json::from_slice(&trend[0].1).unwrap();
    let rows: Vec<&serde_json::Value> =
        trend["days"].as_array().unwrap().iter().map(|it| &it["rows"]).collect();
    assert_eq!(rows, [50, 51]);
}

/// The smallest, the largest value and the sum of a column, as numbers that occur nowhere else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_bound_and_no_sum_of_a_column_is_written_down() {
    const SALARIES: [i64; 3] = [7_351_946_028, 8_462_057_139, 7_906_771_583];
    let database = small_database();
    let pay = MemoryTable::new("public", "pay")
        .column("id", "bigint not null")
        .column("salary", "bigint")
        .column("bonus", "numeric(12,0)");
    let row = |n: usize| {
        let salary = Some(SALARIES[n].to_string());
        vec![Some(n.to_string()), salary.clone(), salary]
    };
    database.set_table(pay.rows((0..3).map(row))).expect("a table");
    let mut builder = TestEnvBuilder::small();
    builder.contract = format!(
        "{SMALL_CONTRACT}  \"public.pay\":\n    columns:\n      id: {{ source: bigint, type: INT64, class: none }}\n      salary: {{ source: bigint, type: INT64, class: phone }}\n      bonus: {{ source: numeric, type: NUMERIC, class: none }}\n"
    );
    builder.config += "proof: { key: landbridge/shop/proof-key, kept: always }\n";
    builder.source = Arc::new(database);
    let env = builder.build().await;
    day(&env, "2026-11-20").await;
    day(&env, "2026-11-21").await;
    let mut written = env.log_output();
    let mut sealed = Vec::new();
    for (name, bytes) in env.ledger("").await {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if name.contains("trends/pay") || name.contains("audits/pay") {
            let prefix = text.matches("au1_").count();
            assert!(prefix >= 3, "{name} has sealed figures of each column: {text}");
            sealed.extend(text.split('"').filter(|it| it.starts_with("au1_")).map(str::to_owned));
        }
        written += &text;
    }
    for name in env.cloud.google().table_ids("landbridge_ops") {
        let ops = format!("SELECT TO_JSON_STRING(t) FROM landbridge_ops.{name} AS t");
        written += &format!("{:?}", env.query(PiiReader, &ops).await.unwrap());
    }
    let sum: i64 = SALARIES.iter().sum();
    for number in SALARIES.iter().copied().chain([sum]) {
        for form in [number.to_string(), format!("{number:x}"), format!("{number:010x}")] {
            assert!(!written.contains(&form), "{form} is written down");
        }
    }
    // Equal figures of two days are sealed differently: a record does not say that nothing changed.
    let unique: std::collections::BTreeSet<&String> = sealed.iter().collect();
    assert!(unique.len() >= 6, "{unique:?}");
    assert!(sealed.iter().all(|it| it.len() == sealed[0].len()), "{sealed:?}");
}
