//! A column that everyone may read gets personal values: no reader sees one of them at any instant, one incident
//! says so, and a person's pin opens it.

mod opened;

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use landbridge_core::receipt::{NoteCode, ReceiptState};
use landbridge_local::Principal::{Analyst, PiiReader};
use landbridge_local_database::{
    Engine, MemoryDatabase, MemoryTable, MySqlDatabase, PostgresDatabase, SourceDatabase,
};
use landbridge_local_google::LocalGoogle;
use landbridge_local_wire::{
    Admission, ArrivedCall, CallFault, CallFaultKind, CallObserver, Delivery,
};
use mysql_async::prelude::Queryable;

use crate::support::{TestEnv, TestEnvBuilder, at};
use crate::{mariadb, postgres};

/// What every resident number of these tests ends with.
const SECRET: &str = "-2345678";
const EMAIL: &str = "alerts:\n  email: { topic: \"arn:aws:sns:ap-northeast-2:123456789012:landbridge-shop-alerts\" }\n";
/// Disturbed days that run at once.
const AT_ONCE: usize = 3;
const MASKED: &str = "SELECT COUNT(*), COUNT(memo) FROM shop.orders";

fn contract(schema: &str, source: &str, more: &str) -> String {
    format!(
        "version: 1\ntables:\n  \"{schema}.orders\":\n    columns:\n      \
         id: {{ source: bigint, type: INT64, class: none }}\n      \
         memo: {{ source: {source}, type: STRING, class: none{more} }}\n      \
         state: {{ source: {source}, type: STRING, class: none }}\n"
    )
}

async fn start(source: Arc<dyn SourceDatabase>, contract: &str, more: &str) -> TestEnv {
    let mut builder = TestEnvBuilder::small();
    builder.source = source;
    builder.contract = contract.to_owned();
    builder.config += more;
    builder.build().await
}

/// Looks at every call, before and after it takes effect, whether the table has a resident number that its tag
/// does not hide.
struct Watch {
    google: LocalGoogle,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Watch {
    fn of(env: &TestEnv) -> Arc<Mutex<Vec<String>>> {
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let watch = Self { google: env.cloud.google().clone(), seen: seen.clone() };
        env.cloud.calls().set_observer(Arc::new(watch));
        seen
    }

    fn look(&self, call: &ArrivedCall, when: &str) {
        let Some(resource) = self.google.table_resource("shop", "orders") else { return };
        let fields = resource["schema"]["fields"].as_array().cloned().unwrap_or_default();
        let memo = fields.iter().find(|field| field["name"] == "memo");
        let is_open = memo.is_some_and(|field| {
            field["policyTags"]["names"].as_array().is_none_or(|names| names.is_empty())
        });
        let batches = self.google.table_batches("shop", "orders").unwrap_or_default();
        if is_open && batches.iter().any(|batch| format!("{batch:?}").contains(SECRET)) {
            let place = format!("{when} {} {}", call.server, call.request);
            self.seen.lock().expect("no panic").push(place);
        }
    }
}

impl CallObserver for Watch {
    fn before(&self, call: ArrivedCall) -> BoxFuture<'static, Admission> {
        self.look(&call, "before");
        async { Admission::Proceed }.boxed()
    }

    fn after(&self, call: ArrivedCall, _: u16) -> BoxFuture<'static, Delivery> {
        self.look(&call, "after");
        async { Delivery::Send }.boxed()
    }
}

async fn counts(env: &TestEnv) -> Vec<String> {
    env.query(Analyst, MASKED).await.expect("an answer").concat()
}

/// The alerts about the column so far.
fn alerts(env: &TestEnv) -> Vec<String> {
    alerts_with(env, "look personal")
}

fn alerts_with(env: &TestEnv, text: &str) -> Vec<String> {
    let alerts = env.alerts("load").into_iter().map(|alert| alert.to_string());
    alerts.filter(|alert| alert.contains(text)).collect()
}

/// The states of the incidents about the column.
async fn incidents(env: &TestEnv) -> Vec<String> {
    let mut found = Vec::new();
    for (_, bytes) in env.ledger("incidents").await {
        let record: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
        let of_state = record["incidents"].as_object().into_iter().flat_map(|it| it.values());
        for incident in of_state.chain([&record]) {
            if incident["cause"]["what"].as_str().is_some_and(|it| it.contains("look personal")) {
                found.push(incident["state"].as_str().expect("a state").to_owned());
            }
        }
    }
    found
}

async fn assert_no_value_written(env: &TestEnv) {
    let mut written = env.log_output();
    for (name, bytes) in env.ledger("").await {
        let _ = writeln!(written, "{name} {}", String::from_utf8_lossy(&bytes));
    }
    assert!(written.contains("resident registration numbers"), "the verdict is recorded");
    assert!(!written.contains(SECRET), "a value was written");
}

/// The days from the second on, of a database in which `write` sets the memos of all orders or of none.
async fn live_through(env: &TestEnv, contract: impl Fn(&str) -> String, write: impl AsyncFn(bool)) {
    env.run_night(0).await;
    assert_eq!(counts(env).await, ["300", "300"]);
    write(true).await;
    let leaks = Watch::of(env);
    env.run_night(1).await;
    assert_eq!(*leaks.lock().unwrap(), Vec::<String>::new());
    // No reader sees it, also not a reader of personal data.
    assert_eq!(counts(env).await, ["300", "0"]);
    assert_eq!(env.query(PiiReader, MASKED).await.unwrap(), [["300", "0"]]);
    let receipts = env.receipts("2026-11-22").await;
    let receipt = receipts.values().next().unwrap();
    assert_eq!(receipt.state, ReceiptState::Published);
    let class = |name: &str| {
        let column = receipt.columns.iter().find(|column| column.name == name).unwrap();
        (column.class.as_str(), column.tag_read_back)
    };
    assert_eq!((class("memo"), class("state")), (("unclassified", true), ("none", true)));
    let notes = receipt.notes.iter().filter(|it| it.code == NoteCode::LooksPersonal);
    let notes: Vec<String> = notes.map(ToString::to_string).collect();
    assert_eq!(notes.len(), 1, "{:#?}", receipt.notes);
    assert!(notes[0].contains("look like resident registration numbers"), "{notes:?}");
    let said = alerts(env);
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said[0].contains("shop.orders: memo") && said[0].contains("pinned: true"), "{said:?}");

    // The values are gone; the column stays closed until a person decides.
    write(false).await;
    env.run_night(2).await;
    assert_eq!(counts(env).await, ["300", "0"]);
    assert_eq!((alerts(env).len(), incidents(env).await), (1, vec!["open".to_owned()]));
    // Another deployment of the same rule opens nothing.
    env.deploy_contract(&format!("{}# a comment\n", contract("")));
    env.tick("protect", "2026-11-23T01:10:00Z").await;
    assert_eq!(counts(env).await, ["300", "0"]);

    env.deploy_contract(&contract(", pinned: true"));
    env.tick("protect", "2026-11-23T01:15:00Z").await;
    assert_eq!(counts(env).await, ["300", "300"]);
    env.run_night(3).await;
    assert_eq!(counts(env).await, ["300", "300"]);
    // A pinned column is not judged.
    write(true).await;
    env.run_night(4).await;
    assert_eq!(counts(env).await, ["300", "300"]);
    assert_eq!((alerts(env).len(), incidents(env).await), (1, vec!["resolved".to_owned()]));
    assert_no_value_written(env).await;
}

/// A column without an entry gets class `none` in the contract: its rows are there already, and a new contract opens
/// them within minutes, before any load. They were judged when they were transferred.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_a_column_that_had_no_entry_are_judged_before_it_becomes_none() {
    let (server, client) = postgres::start_server().await;
    let create = format!(
        "CREATE TABLE orders (id bigint PRIMARY KEY, memo text, state text);
        INSERT INTO orders SELECT n, '9001' || (10 + n % 18) || '{SECRET}', 'new' FROM generate_series(1, 300) AS n"
    );
    client.batch_execute(&create).await.expect("a table");
    let source = PostgresDatabase::connect(&server.url_of("shop")).await.expect("a source");
    let with = |names: &str, more: &str| {
        let all = contract("public", "text", more);
        let stays = |line: &&str| {
            names.split(' ').any(|it| line.contains(it)) || !line.contains("class: none")
        };
        all.lines().filter(stays).map(|line| format!("{line}\n")).collect::<String>()
    };
    let env = start(Arc::new(source), &with("id:", ""), EMAIL).await;
    let leaks = Watch::of(&env);
    env.run_night(0).await;
    assert_eq!(counts(&env).await, ["300", "0"]);
    env.deploy_contract(&with("id: memo: state:", ""));
    env.tick("protect", "2026-11-21T01:10:00Z").await;
    assert_eq!(counts(&env).await, ["300", "0"]);
    // Harmless values open at once, as before.
    let state = "SELECT COUNT(*), COUNT(state) FROM shop.orders";
    assert_eq!(env.query(Analyst, state).await.expect("an answer").concat(), ["300", "300"]);
    assert_eq!(*leaks.lock().unwrap(), Vec::<String>::new());
    env.deploy_contract(&with("id: memo: state:", ", pinned: true"));
    env.tick("protect", "2026-11-21T01:15:00Z").await;
    assert_eq!(counts(&env).await, ["300", "300"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resident_numbers_in_a_memo_of_postgresql_are_never_readable() {
    let (server, client) = postgres::start_server().await;
    let create = "CREATE TABLE orders (id bigint PRIMARY KEY, memo text, state text);
        INSERT INTO orders SELECT n, 'order ' || n || ' was packed', 'new' FROM generate_series(1, 300) AS n";
    client.batch_execute(create).await.expect("a table");
    let source = PostgresDatabase::connect(&server.url_of("shop")).await.expect("a source");
    let contract = |more: &str| contract("public", "text", more);
    let env = start(Arc::new(source), &contract(""), EMAIL).await;
    let write = async |personal: bool| {
        let memo = match personal {
            true => format!("'9001' || (10 + id % 18) || '{SECRET}'"),
            false => "'order ' || id || ' was sent'".to_owned(),
        };
        client.batch_execute(&format!("UPDATE orders SET memo = {memo}")).await.expect("an update");
    };
    live_through(&env, contract, write).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resident_numbers_in_a_memo_of_mariadb_are_never_readable() {
    let (server, client) = mariadb::start_server().await;
    let client = tokio::sync::Mutex::new(client);
    let rows: Vec<String> =
        (1..=300).map(|n| format!("({n}, 'order {n} was packed', 'new')")).collect();
    for sql in [
        "CREATE TABLE orders (id bigint PRIMARY KEY, memo varchar(200), state varchar(20))"
            .to_owned(),
        format!("INSERT INTO orders VALUES {}", rows.join(", ")),
    ] {
        client.lock().await.query_drop(sql.as_str()).await.expect("a table");
    }
    let source = MySqlDatabase::connect(&server.url_of("shop")).await.expect("a source");
    let contract = |more: &str| contract("shop", "varchar", more);
    let env = start(Arc::new(source), &contract(""), EMAIL).await;
    let write = async |personal: bool| {
        let memo = match personal {
            true => format!("CONCAT('9001', 10 + id % 18, '{SECRET}')"),
            false => "CONCAT('order ', id, ' was sent')".to_owned(),
        };
        let sql = format!("UPDATE orders SET memo = {memo}");
        client.lock().await.query_drop(sql.as_str()).await.expect("an update");
    };
    live_through(&env, contract, write).await;
}

fn memory_table(memo: impl Fn(i64) -> String) -> MemoryTable {
    MemoryTable::new("public", "orders")
        .column("id", "bigint not null")
        .column("memo", "text")
        .column("state", "text")
        .rows((0..60).map(|n| vec![Some(n.to_string()), Some(memo(n)), Some("new".to_owned())]))
}

/// The second day, with the resident numbers, after an undisturbed first one.
async fn second_day() -> TestEnv {
    let database = MemoryDatabase::new(Engine::postgres("16.4"), "shop");
    database.set_table(memory_table(|n| format!("order {n} was packed"))).expect("a table");
    let env = start(Arc::new(database.clone()), &contract("public", "text", ""), EMAIL).await;
    env.run_night(0).await;
    env.cloud.skip_until(at("2026-11-21T15:00:00Z"));
    let memo = |n: i64| format!("9001{:02}{SECRET}", 10 + n % 18);
    database.set_table(memory_table(memo)).expect("a table");
    // The snapshot and the export are not disturbed.
    assert!(env.run_until("2026-11-21T16:59:00Z").await.is_empty());
    env
}

/// The process dies after, or the answer is lost of, every call that writes a record of the object, the claim, the
/// table or the job: the column is never readable, and the day ends like the undisturbed one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_while_a_column_is_closed_opens_nothing() {
    const END: &str = "2026-11-21T17:25:00Z";
    const DAY: &str = "2026-11-22";
    let env = second_day().await;
    env.cloud.calls().clear_fault();
    env.cloud.calls().start_recording();
    assert!(env.run_until(END).await.is_empty());
    let calls = env.cloud.calls().recorded_calls();
    let undisturbed = env.end_state(DAY).await;
    assert!(undisturbed["receipt of public.orders"].contains("looks_personal"));
    let writes = |request: &str| {
        let of_table =
            ["/items/", "/claims/", "/receipts/orders"].iter().any(|it| request.contains(it));
        let record = request.starts_with("PUT ") && of_table;
        let table = request.starts_with("PATCH ") || request.ends_with("/jobs");
        record || (table && !request.contains("landbridge_ops"))
    };
    let chosen: Vec<usize> = (0..calls.len()).filter(|at| writes(&calls[*at].request)).collect();
    assert!(chosen.len() >= 5, "{calls:#?}");
    let disturbed = chosen.into_iter().enumerate().map(|(number, at)| {
        let kinds = [CallFaultKind::KillCaller, CallFaultKind::DropResponse];
        let (kind, calls, undisturbed) = (kinds[number % 2], &calls, &undisturbed);
        async move {
            let name = format!("{kind:?} at {} {}", calls[at].server, calls[at].request);
            let env = second_day().await;
            let leaks = Watch::of(&env);
            env.cloud.calls().inject_fault(CallFault { call_number: at + 1, kind });
            env.run_until(END).await;
            assert!(env.cloud.calls().fault_fired(), "{name}");
            assert_eq!(*leaks.lock().unwrap(), Vec::<String>::new(), "{name}");
            assert_eq!(counts(&env).await, ["60", "0"], "{name}");
            let state = env.end_state(DAY).await;
            for (key, value) in undisturbed {
                assert_eq!(state.get(key), Some(value), "{name}: {key}");
            }
        }
    });
    let runs: Vec<()> = futures::stream::iter(disturbed).buffer_unordered(AT_ONCE).collect().await;
    println!("{} disturbed days", runs.len());
}

/// The first text has 3 MB, so that the first page is too large to be read for a sample.
fn unreadable_table(columns: &[&str]) -> MemoryTable {
    let mut table = MemoryTable::new("public", "orders").column("id", "bigint not null");
    for column in ["memo", "state"].iter().chain(columns) {
        table = table.column(column, "text");
    }
    let text =
        |n: i64| format!("{n} {}", "a scanned page ".repeat(if n == 0 { 200_000 } else { 1 }));
    table.rows((0..60).map(|n| {
        let mut row = vec![Some(n.to_string()), Some(text(n)), Some("new".to_owned())];
        row.extend(columns.iter().map(|_| Some(text(n))));
        row
    }))
}

/// No sample of two columns can be read. The one that was judged on an earlier day stays readable, and a person is
/// called on the third day. The new one, of which nothing but its name is known, is closed until it is pinned.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_column_that_cannot_be_judged_keeps_its_verdict_and_a_new_one_stays_closed() {
    const BOTH: &str = "SELECT COUNT(memo), COUNT(scan) FROM shop.orders";
    let database = MemoryDatabase::new(Engine::postgres("16.4"), "shop");
    database.set_table(memory_table(|n| format!("order {n} was packed"))).expect("a table");
    let contract_with_scan = |more: &str| {
        let scan = format!("      scan: {{ source: text, type: STRING, class: none{more} }}\n");
        contract("public", "text", "") + &scan
    };
    let before = contract("public", "text", "");
    let env = start(Arc::new(database.clone()), &before, EMAIL).await;
    env.run_night(0).await;
    assert_eq!(counts(&env).await, ["60", "60"]);
    env.deploy_contract(&contract_with_scan(""));
    database.set_table(unreadable_table(&["scan"])).expect("a table");
    for (night, day, waiting) in [
        (1, "2026-11-22", &["scan"][..]),
        (2, "2026-11-23", &["scan"][..]),
        (3, "2026-11-24", &["memo, scan"][..]),
    ] {
        env.run_night(night).await;
        let receipts = env.receipts(day).await;
        let receipt = receipts.values().next().unwrap();
        assert_eq!(receipt.state, ReceiptState::Published);
        let notes = receipt.notes.iter().filter(|it| it.code == NoteCode::NotJudged);
        let notes: Vec<String> = notes.map(ToString::to_string).collect();
        let [memo, scan] = &notes[..] else { panic!("{:#?}", receipt.notes) };
        assert!(memo.contains("since 2026-11-22") && memo.contains("stays readable"), "{memo}");
        assert!(scan.contains("since 2026-11-22") && scan.contains("masked for"), "{scan}");
        assert_eq!(env.query(Analyst, BOTH).await.unwrap(), [["60", "0"]], "{day}");
        assert_eq!(env.query(PiiReader, BOTH).await.unwrap(), [["60", "0"]], "{day}");
        let said = alerts_with(&env, "cannot be judged");
        let newest = said.last().expect("a notice");
        assert!(
            waiting.iter().all(|it| newest.contains(&format!("shop.orders: {it}"))),
            "{said:?}"
        );
        assert_eq!(said.len(), 1 + usize::from(night == 3), "{said:#?}");
    }
    // A person has looked at the new column; the other one can be read again.
    env.deploy_contract(&contract_with_scan(", pinned: true"));
    env.tick("protect", "2026-11-24T01:10:00Z").await;
    assert_eq!(env.query(Analyst, BOTH).await.unwrap(), [["60", "60"]]);
    database.set_table(memory_table(|n| format!("order {n} was packed"))).expect("a table");
    env.run_night(4).await;
    let receipts = env.receipts("2026-11-25").await;
    let receipt = receipts.values().next().unwrap();
    assert!(receipt.notes.iter().all(|it| it.code != NoteCode::NotJudged), "{:#?}", receipt.notes);
    assert_eq!(alerts_with(&env, "cannot be judged").len(), 2);
    assert_eq!(counts(&env).await, ["60", "60"]);
}

/// The columns of an ordinary table: texts that people and programs write, and none about a person.
const ORDINARY: [&str; 9] =
    ["memo", "state", "order_no", "tracking_no", "sku", "page", "options", "item", "shelf"];

/// The ordinary table of a day; every value but the states is new.
fn ordinary_table(day: i64) -> MemoryTable {
    const ITEMS: [&str; 4] = ["원목 책상", "Desk Lamp", "수건 10장", "Wool Hat"];
    let mut table = MemoryTable::new("public", "orders").column("id", "bigint not null");
    for column in ORDINARY {
        table = table.column(column, "text");
    }
    let number = |n: i64| 100_000 + day * 7_919 + n * 31;
    table.rows((0..120).map(|n| {
        let (code, item) = (number(n), ITEMS[usize::try_from(n % 4).expect("small")]);
        let values = [
            n.to_string(),
            format!("order {code} was packed, 문 앞에 두고 가세요"),
            ["new", "paid", "sent"][usize::try_from(n % 3).expect("small")].to_owned(),
            format!("202611{:02}-{code}", 1 + day),
            format!("6{:011}", code * 7_001),
            format!("SKU-{code:X}"),
            format!("https://shop.example/items/{code}?page={n}"),
            format!("{{\"gift\": {}, \"colour\": \"oak\", \"count\": {n}}}", n % 2 == 0),
            format!("{item} {code}"),
            format!("A-{:02}-{:03}", n % 20, code % 1_000),
        ];
        values.map(Some).to_vec()
    }))
}

/// Looks at every call whether a column has another policy tag than after the first night.
struct Steady {
    google: LocalGoogle,
    first: Vec<String>,
    changes: Arc<Mutex<Vec<String>>>,
}

impl Steady {
    fn tags(google: &LocalGoogle) -> Vec<String> {
        let resource = google.table_resource("shop", "orders").expect("a table");
        let fields = resource["schema"]["fields"].as_array().cloned().unwrap_or_default();
        fields.iter().map(|it| format!("{} {}", it["name"], it["policyTags"]["names"])).collect()
    }
}

impl CallObserver for Steady {
    fn after(&self, call: ArrivedCall, _: u16) -> BoxFuture<'static, Delivery> {
        if Self::tags(&self.google) != self.first {
            self.changes
                .lock()
                .expect("no panic")
                .push(format!("{} {}", call.server, call.request));
        }
        async { Delivery::Send }.boxed()
    }
}

/// Two weeks in which nothing happens: no alert, no notice, no incident, and no policy tag changes at any instant.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fourteen_undisturbed_days_are_silent_and_change_no_tag() {
    let database = MemoryDatabase::new(Engine::postgres("16.4"), "shop");
    database.set_table(ordinary_table(0)).expect("a table");
    let named = |name: &str, class: &str| {
        format!("      {name}: {{ source: text, type: STRING, class: {class} }}\n")
    };
    let columns: String = ORDINARY.iter().map(|name| named(name, "none")).collect();
    let contract = format!(
        "version: 1\ntables:\n  \"public.orders\":\n    columns:\n      \
         id: {{ source: bigint, type: INT64, class: none }}\n{columns}"
    );
    let env = start(Arc::new(database.clone()), &contract, EMAIL).await;
    env.run_night(0).await;
    let functions = ["snapshot", "export", "transfer", "load", "protect", "notify"];
    let messages = |env: &TestEnv| -> Vec<String> {
        let alerts = functions.iter().flat_map(|function| env.alerts(function));
        alerts.map(|alert| alert.to_string()).collect()
    };
    let (before, google) = (messages(&env), env.cloud.google().clone());
    let changes = Arc::<Mutex<Vec<String>>>::default();
    let first = Steady::tags(&google);
    assert_eq!(first.len(), 1 + ORDINARY.len());
    assert!(first.iter().all(|it| it.ends_with("null")), "{first:?}");
    let steady = Steady { google, first, changes: changes.clone() };
    env.cloud.calls().set_observer(Arc::new(steady));
    for day in 1..=14 {
        database.set_table(ordinary_table(day)).expect("a table");
        env.run_night(day).await;
    }
    assert_eq!(messages(&env), before, "nothing new is said");
    assert_eq!(incidents(&env).await, [""; 0]);
    assert_eq!(*changes.lock().unwrap(), Vec::<String>::new());
    let last = env.receipts("2026-12-05").await;
    let receipt = last.values().next().expect("the day is published");
    assert_eq!((receipt.state, receipt.notes.len()), (ReceiptState::Published, 0), "{receipt:#?}");
    assert!(receipt.columns.iter().all(|column| column.class == "none"));
}
