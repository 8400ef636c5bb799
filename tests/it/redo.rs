//! `landbridge redo`: a day is done again, and nothing is lost, doubled or opened by it.

mod exports;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Output;
use std::sync::Arc;

use landbridge_core::receipt::{NoteCode, Receipt, ReceiptState};
use landbridge_local::Principal::{Analyst, PiiReader};
use landbridge_local::RunEvent;
use landbridge_local_database::MemoryTable;
use landbridge_local_wire::{CallFault, CallFaultKind};
use serde_json::Value;

use crate::command::{landbridge, output_text};
use crate::crash::OPEN;
use crate::support::{SMALL_CONTRACT, TestEnv, TestEnvBuilder, at, small_database};

const FIRST: &str = "2026-11-21";
const SECOND: &str = "2026-11-22";
/// Everything that the two readers can see of the tables with personal data.
const PEOPLE: &str = "SELECT id, name, email FROM shop.people ORDER BY id";
const ORDERS: &str = "SELECT id, card, placed_at FROM shop.orders ORDER BY id";
/// How often each table has a row, and of how many jobs.
const ROWS: &str = "SELECT source_table, COUNT(*), COUNT(DISTINCT job) FROM landbridge_ops.receipts WHERE day = DATE '2026-11-21' GROUP BY 1 ORDER BY 1";

async fn published() -> TestEnv {
    let mut builder = TestEnvBuilder::small();
    builder.retries = Some(0);
    let env = builder.build().await;
    assert!(env.run_day(0).await.is_empty());
    env
}

/// Runs `landbridge redo` as the operator, at the time of the cloud.
fn redo(env: &TestEnv, args: &[&str]) -> Output {
    run(env, &[&["redo"], args].concat())
}

/// Runs `landbridge` as the operator, at the time of the cloud.
fn run(env: &TestEnv, args: &[&str]) -> Output {
    landbridge(&env.operator_variables(), args)
}

/// The open requests in `landbridge status`: day, number, stage, tables done, tables; and the lines of its text.
fn open_requests(env: &TestEnv) -> (Vec<String>, Vec<String>) {
    let status = |args: &[&str]| {
        let output = run(env, &[&["status"], args].concat());
        assert_eq!(output.status.code(), Some(0), "{}", output_text(&output));
        String::from_utf8(output.stdout).expect("text")
    };
    let json: Value = serde_json::from_str(&status(&["--output", "json"])).expect("JSON");
    let requests = json["redo"].as_array().expect("requests").iter().map(|it| {
        assert!(it["requested_at"].is_string(), "{it}");
        let keys = ["day", "number", "waits_for", "done", "of"].map(|key| it[key].to_string());
        keys.join(" ").replace('"', "")
    });
    let text = status(&[]);
    let lines = text.lines().filter(|line| line.starts_with("  redo ")).map(str::to_owned);
    (requests.collect(), lines.collect())
}

/// Asserts that the command succeeds, and that its text contains each of `parts`.
fn succeeds(env: &TestEnv, args: &[&str], parts: &[&str]) -> String {
    let output = redo(env, args);
    let text = output_text(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    parts.iter().for_each(|part| assert!(text.contains(part), "`{part}` is not in: {text}"));
    text
}

/// Asserts a failure with this exit code whose message contains each of `parts`, and that nothing was
/// requested.
async fn is_refused(env: &TestEnv, args: &[&str], code: i32, parts: &[&str]) {
    let before = env.ledger("redo/").await.len();
    let output = redo(env, args);
    let text = output_text(&output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    parts.iter().for_each(|part| assert!(text.contains(part), "`{part}` is not in: {text}"));
    assert_eq!(env.ledger("redo/").await.len(), before, "{args:?}");
}

/// Runs ticks one after the other, five minutes apart from `time` on, and looks after each of them for
/// columns that everyone could read and for what the readers of today's tables see.
async fn ticks(env: &TestEnv, time: &str, functions: &[&str]) {
    let mut now = at(time);
    for function in functions {
        let outcome = env.tick(function, &now.to_string()).await;
        assert!(outcome.is_response(), "{function}: {outcome:?}");
        assert_eq!(env.exposed_columns(&OPEN), [""; 0], "{function} at {now}");
        now += jiff::SignedDuration::from_mins(5);
    }
}

async fn seen(env: &TestEnv) -> Vec<Result<Vec<Vec<String>>, String>> {
    let mut seen = Vec::new();
    for (who, sql) in [(Analyst, PEOPLE), (PiiReader, PEOPLE), (Analyst, ORDERS)] {
        seen.push(env.query(who, sql).await);
    }
    assert!(seen.iter().all(Result::is_ok), "{seen:?}");
    seen
}

fn names(env: &TestEnv) -> BTreeSet<String> {
    let names = env.landing_objects().into_keys();
    names.filter(|name| name.ends_with(".parquet")).collect()
}

fn jobs(receipts: &BTreeMap<String, Receipt>) -> BTreeMap<&str, Option<&str>> {
    receipts.iter().map(|(table, it)| (table.as_str(), it.job.as_deref())).collect()
}

async fn json(env: &TestEnv, record: &str) -> Value {
    let records = env.ledger(record).await;
    assert_eq!(records.len(), 1, "{record}");
    serde_json::from_slice(&records[0].1).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_day_is_done_again_under_new_names_and_stays_readable_and_masked() {
    let env = published().await;
    let (rows, objects) = (seen(&env).await, names(&env));
    let first = env.receipts(FIRST).await;
    let finished = json(&env, &format!("{FIRST}/day.json")).await["finished_at"].clone();

    // Without --yes and without a terminal, it is only shown.
    let shown = succeeds(
        &env,
        &[FIRST],
        &[
            "3 tables",
            "public.people",
            "export    none",
            "until its new ones",
            "Nothing was requested",
        ],
    );
    assert!(shown.contains("USD for the transfer"), "{shown}");
    assert!(env.ledger("redo/").await.is_empty());
    succeeds(&env, &[FIRST, "--yes"], &["Request 1 for 2026-11-21", "landbridge-shop-transfer"]);

    // Nothing has changed until a tick carries it out.
    assert_eq!(seen(&env).await, rows);
    assert_eq!(open_requests(&env).0, ["2026-11-21 1 transfer 0 3"]);
    ticks(&env, "2026-11-20T20:30:00Z", &["transfer"]).await;
    assert_eq!(open_requests(&env).0, ["2026-11-21 1 load 0 3"]);
    let between = names(&env);
    assert!(between.is_superset(&objects) && between.len() == 2 * objects.len(), "{between:?}");
    assert_eq!(seen(&env).await, rows, "the objects are there, and the tables have their rows");
    assert_eq!(json(&env, &format!("{FIRST}/day.json")).await["published"], true);
    ticks(&env, "2026-11-20T20:35:00Z", &["load", "transfer", "load"]).await;
    assert_eq!(seen(&env).await, rows);
    assert_eq!(names(&env), between, "later ticks transfer nothing");

    let second = env.receipts(FIRST).await;
    for (table, receipt) in &second {
        assert_eq!((receipt.state, receipt.redo), (ReceiptState::Published, 1), "{table}");
        assert!(receipt.notes.iter().any(|it| it.code == NoteCode::Redone), "{table}");
        assert_ne!(receipt.job, first[table].job, "{table}");
        assert_eq!(receipt.rows_table, first[table].rows_table, "{table}");
    }
    let twice = env.query(Analyst, ROWS).await.unwrap();
    assert_eq!(twice.len(), 3);
    assert!(twice.iter().all(|row| row[1..] == ["2", "2"]), "{twice:?}");
    let day = json(&env, &format!("{FIRST}/day.json")).await;
    assert_eq!((&day["redo"], &day["published"]), (&1.into(), &true.into()));
    assert_eq!(day["finished_at"], finished, "the age of the newest day is not that of its redo");
    assert!(!env.ledger(&format!("redo/{FIRST}/001-done.json")).await.is_empty());

    // A second request is a second redo.
    succeeds(&env, &[FIRST, "--yes"], &["Request 2"]);
    ticks(&env, "2026-11-20T21:00:00Z", &["transfer", "load"]).await;
    assert!(env.receipts(FIRST).await.values().all(|it| it.redo == 2));
    assert_eq!(seen(&env).await, rows);
    env.assert_no_cell_logged(&shown);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_table_is_done_again_and_the_others_are_left_alone() {
    let env = published().await;
    let (rows, objects) = (seen(&env).await, names(&env));
    let first = env.receipts(FIRST).await;
    succeeds(&env, &[FIRST, "--table", "people", "--yes"], &["1 table", "public.people"]);
    // The contract also changed: the tables without a request are done for this day.
    let changed = SMALL_CONTRACT.replace(
        "card: { source: character varying, type: STRING, class: none, transform: tokenise }",
        "card: { source: character varying, type: STRING, class: none, transform: drop }",
    );
    env.deploy_contract(&changed);
    ticks(&env, "2026-11-20T20:30:00Z", &["transfer", "load"]).await;
    let second = env.receipts(FIRST).await;
    let new: Vec<String> = names(&env).difference(&objects).cloned().collect();
    assert!(!new.is_empty() && new.iter().all(|it| it.contains("/people/")), "{new:?}");
    assert_eq!(second["public.people"].redo, 1);
    for table in ["public.orders", "public.nothing"] {
        assert_eq!(second[table].job, first[table].job, "{table}");
        assert_eq!(second[table].redo, 0, "{table}");
    }
    assert_eq!(seen(&env).await[..2], rows[..2]);
    let plan = json(&env, &format!("{FIRST}/plan.json")).await;
    assert_eq!(plan["tables"].as_array().map(Vec::len), Some(3));
}

async fn delete_export(env: &TestEnv) {
    for object in env.cloud.aws().list_objects("shop-exports", "exports/").await {
        assert!(env.cloud.aws().delete_object("shop-exports", &object.key).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_whose_exported_objects_are_gone_is_exported_again() {
    let env = published().await;
    let rows = seen(&env).await;
    delete_export(&env).await;
    succeeds(
        &env,
        &[FIRST, "--table", "public.people", "--yes"],
        &[
            "landbridge-shop-20261120t1600z again, because s3://shop-exports/exports/landbridge-shop-20261121-a1/",
            "USD for the export",
            "landbridge-shop-export",
        ],
    );
    let (open, lines) = open_requests(&env);
    assert_eq!(open, ["2026-11-21 1 export 0 null"]);
    let line = "2026-11-21, request 1 of 2026-11-21 05:00 KST for public.people, exported again: waits for export";
    assert!(lines.len() == 1 && lines[0].ends_with(line), "{lines:?}");
    // The transfer waits for the other export.
    ticks(&env, "2026-11-20T20:30:00Z", &["transfer", "load", "export"]).await;
    assert!(env.receipts(FIRST).await.values().all(|it| it.redo == 0));
    assert_eq!(open_requests(&env).0, ["2026-11-21 1 export 0 null"]);
    ticks(&env, "2026-11-20T21:30:00Z", &["export"]).await;
    assert_eq!(open_requests(&env).0, ["2026-11-21 1 transfer 0 null"]);
    ticks(&env, "2026-11-20T21:35:00Z", &["transfer"]).await;
    assert_eq!(open_requests(&env).0, ["2026-11-21 1 load 0 1"]);
    assert!(open_requests(&env).1[0].ends_with("waits for load, 0 of 1 table done"));
    ticks(&env, "2026-11-20T21:40:00Z", &["load", "export"]).await;
    assert_eq!(open_requests(&env), (vec![], vec![]));
    let receipts = env.receipts(FIRST).await;
    let people = &receipts["public.people"];
    assert_eq!((people.state, people.redo), (ReceiptState::Published, 1));
    assert!(people.export.ends_with("-a2"), "{}", people.export);
    for table in ["public.orders", "public.nothing"] {
        assert_eq!((receipts[table].redo, receipts[table].state), (0, ReceiptState::Published));
    }
    assert_eq!(seen(&env).await, rows);
    assert_eq!(env.cloud.aws().exports().len(), 2, "one export per request");
    let day = json(&env, &format!("{FIRST}/day.json")).await;
    assert_eq!((&day["published"], &day["tables"]), (&true.into(), &3.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_objects_and_without_a_snapshot_a_redo_is_refused_before_and_after_the_request() {
    let env = published().await;
    let rows = seen(&env).await;
    let before = env.receipts(FIRST).await;
    let delete = |minute: u32| {
        // RDS keeps nothing of a deleted snapshot. The stage's own retention is not at work here.
        let (env, time) = (&env, format!("2026-11-20T20:{minute:02}:00Z"));
        env.cloud.clock().advance_to(at(&time));
        let account = crate::sdk::Account {
            rds: &env.cloud.client_env()["AWS_ENDPOINT_URL_RDS"],
            s3: "",
            secrets: "",
            sqs: "",
            key: landbridge_local::ACCESS_KEY,
            secret: landbridge_local::SECRET_KEY,
        };
        let rds = account.rds();
        async move {
            let id = "landbridge-shop-20261120t1600z";
            rds.delete_db_snapshot().db_snapshot_identifier(id).send().await.expect("deleted");
        }
    };
    // Requested, and the snapshot is deleted before a tick begins.
    succeeds(&env, &[FIRST, "--export", "--yes"], &["you asked for it (--export)"]);
    delete(20).await;
    ticks(&env, "2026-11-20T20:30:00Z", &["export", "export", "transfer", "load"]).await;
    let alerts: Vec<Value> = env.alerts("export");
    let said = alerts.iter().filter(|it| it.to_string().contains("cannot be done again")).count();
    assert_eq!(said, 1, "{alerts:#?}");
    let done = json(&env, &format!("redo/{FIRST}/001-done.json")).await;
    assert!(done["refused"].as_str().unwrap().contains("does not exist any more"), "{done}");
    assert_eq!(jobs(&env.receipts(FIRST).await), jobs(&before));

    // The objects of the first export are there, so without --export it works.
    succeeds(&env, &[FIRST, "--yes"], &["Request 2"]);
    ticks(&env, "2026-11-20T21:00:00Z", &["transfer", "load"]).await;
    assert!(env.receipts(FIRST).await.values().all(|it| it.redo == 2));
    delete_export(&env).await;
    let parts = ["landbridge-shop-20261120t1600z does not exist any more", "keep their rows"];
    is_refused(&env, &[FIRST, "--yes"], 1, &parts).await;
    assert_eq!(seen(&env).await, rows);
}

/// A table is held on the first day and is not exported on the second. After the contract is corrected,
/// the first day is done again by the scheduled ticks of the third, after that day's own work.
#[tokio::test(flavor = "multi_thread")]
async fn a_held_table_of_an_older_day_is_repaired_and_a_newer_day_keeps_its_tables() {
    let database = small_database();
    let mut builder = TestEnvBuilder::small();
    builder.source = Arc::new(database.clone());
    builder.contract = SMALL_CONTRACT.replace(
        "email: { source: character varying, type: STRING, class: email }",
        "email: { source: character varying, type: STRING, class: email, transform: drop }\n      gone: { source: text, type: STRING, class: none, transform: drop }",
    );
    let env = builder.build().await;
    assert!(env.run_day(0).await.is_empty());
    assert_eq!(env.receipts(FIRST).await["public.people"].state, ReceiptState::Held);
    assert!(database.remove_table("public", "people"));
    assert!(env.run_day(1).await.is_empty());
    assert_eq!(env.receipts(SECOND).await["public.orders"].state, ReceiptState::Published);
    env.deploy_contract(SMALL_CONTRACT);

    let newer = ["`public.orders` has the rows of 2026-11-22", "Nothing was requested"];
    is_refused(&env, &[FIRST, "--table", "orders", "--yes"], 1, &newer).await;
    succeeds(
        &env,
        &[FIRST, "--yes"],
        &["1 table", "not public.orders: it has the rows of 2026-11-22", "not public.nothing"],
    );
    let mut finished = Vec::new();
    let mut on_event = |event: &RunEvent| {
        if let RunEvent::Finished { tick, .. } = event {
            finished.push(tick.function.clone());
        }
        assert_eq!(env.exposed_columns(&OPEN), [""; 0]);
    };
    let until = at("2026-11-22T20:00:00Z");
    let summary = env.cloud.run_until(until, &mut on_event).await.expect("functions that start");
    assert!(summary.given_up.is_empty(), "{:?}", summary.given_up.len());
    assert!(finished.iter().any(|it| it == "load"));
    let receipts = env.receipts(FIRST).await;
    assert_eq!(receipts["public.people"].state, ReceiptState::Published);
    let third = env.receipts("2026-11-23").await;
    assert_eq!(third["public.orders"].state, ReceiptState::Published, "today is served first");
    assert!(
        third["public.orders"].recorded_at <= receipts["public.people"].recorded_at,
        "today is served first"
    );
    assert_eq!(env.query(PiiReader, PEOPLE).await.unwrap().len(), 3);
    let day = json(&env, &format!("{FIRST}/day.json")).await;
    assert_eq!(day["published"], true);
    let rows = env.query(Analyst, "SELECT COUNT(*) FROM shop.orders").await.unwrap();
    assert_eq!(rows, [["50"]]);
    let late: Vec<Value> = env.alerts("load");
    let late = late.iter().filter(|it| it.to_string().contains("by its deadline")).count();
    assert_eq!(late, 1, "only the first evening, when the day was held");
}

/// A problem that a day has reported is reported again by each request that meets it, once.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_meets_the_same_problem_raises_the_alert_again_once() {
    let mut builder = TestEnvBuilder::small();
    builder.contract = SMALL_CONTRACT.replace(
        "email: { source: character varying, type: STRING, class: email }",
        "email: { source: character varying, type: STRING, class: email, transform: drop }\n      gone: { source: text, type: STRING, class: none, transform: drop }",
    );
    let env = builder.build().await;
    assert!(env.run_day(0).await.is_empty());
    let held = || {
        let alerts = env.alerts("load").into_iter().filter(|it| it["fields"]["table"] == "people");
        alerts.map(|it| it["fields"]["alert"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(held().len(), 1, "{:#?}", env.alerts("load"));
    for (number, hour) in [(1, "20"), (2, "21")] {
        succeeds(&env, &[FIRST, "--table", "people", "--yes"], &[]);
        let time = format!("2026-11-20T{hour}:30:00Z");
        ticks(&env, &time, &["transfer", "load", "transfer", "load", "load"]).await;
        assert_eq!(env.receipts(FIRST).await["public.people"].redo, number);
        let alerts = held();
        let different: BTreeSet<&String> = alerts.iter().collect();
        assert_eq!((alerts.len(), different.len()), (number as usize + 1, number as usize + 1));
    }
    let records: Vec<Value> = env
        .ledger(&format!("{FIRST}/alerts/"))
        .await
        .into_iter()
        .map(|(_, bytes)| serde_json::from_slice(&bytes).expect("JSON"))
        .filter(|it: &Value| it["table"] == "people")
        .collect();
    let mut redo: Vec<&str> = records.iter().map(|it| it["redo"].as_str().unwrap_or("")).collect();
    redo.sort_unstable();
    assert_eq!(redo, ["", "1", "2"], "{records:#?}");
}

/// RDS skipped a table. The plan of the day does not have it, so the other export must be planned, although
/// every table of the plan is done.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_the_plan_lacks_is_looked_for_in_the_other_export() {
    let database = small_database();
    let odd = MemoryTable::new("public", "odd").column("unit price", "bigint");
    database.set_table(odd.row([Some("1")])).expect("a table");
    let mut builder = TestEnvBuilder::small();
    builder.source = Arc::new(database.clone());
    let env = builder.build().await;
    assert!(env.run_day(0).await.is_empty());
    assert_eq!(env.receipts(FIRST).await["public.odd"].state, ReceiptState::Skipped);
    is_refused(&env, &[FIRST, "--table", "public.odd", "--yes"], 1, &["`--export` exports"]).await;

    succeeds(&env, &[FIRST, "--table", "public.odd", "--export", "--yes"], &["again, because you"]);
    // Whichever function is first: nothing has ended before the other export is there.
    ticks(&env, "2026-11-20T20:30:00Z", &["load", "transfer", "export", "load"]).await;
    assert!(env.ledger(&format!("redo/{FIRST}/001-done.json")).await.is_empty());
    ticks(&env, "2026-11-20T21:30:00Z", &["export", "load", "transfer", "load", "load"]).await;
    let receipts = env.receipts(FIRST).await;
    let odd = &receipts["public.odd"];
    assert_eq!((odd.state, odd.redo), (ReceiptState::Skipped, 1));
    assert!(odd.export.ends_with("-a2"), "{}", odd.export);
    assert_eq!(receipts["public.people"].redo, 0);
    assert!(!env.ledger(&format!("redo/{FIRST}/001-done.json")).await.is_empty());
    let said = env.alerts("load").iter().filter(|it| it["fields"]["table"] == "public.odd").count();
    assert_eq!(said, 2, "by the day, and by the request that met it again");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_operators_request_a_day_once() {
    let env = published().await;
    let outputs: Vec<Output> = std::thread::scope(|scope| {
        let one = || scope.spawn(|| redo(&env, &[FIRST, "--yes"]));
        let (first, second) = (one(), one());
        vec![first.join().expect("an output"), second.join().expect("an output")]
    });
    let texts: Vec<String> = outputs.iter().map(output_text).collect();
    let requested = |text: &&String| text.contains("Request 1 for");
    assert_eq!(texts.iter().filter(requested).count(), 1, "{texts:#?}");
    let other = texts.iter().find(|text| !requested(text)).expect("the other");
    assert!(
        other.contains("another request for 2026-11-21 was written at the same time")
            || other.contains("This was requested at"),
        "{other}"
    );
    assert_eq!(env.ledger("redo/").await.len(), 1);
    // A later request, or the command repeated after a lost answer, asks for nothing more.
    succeeds(&env, &[FIRST, "--table", "people", "--yes"], &["This was requested at"]);
    assert_eq!(env.ledger("redo/").await.len(), 1);
    // More than was requested is another request.
    succeeds(&env, &[FIRST, "--export", "--yes"], &["Request 2 for"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redo_that_cannot_be_done_is_refused_with_its_reason() {
    let env = published().await;
    is_refused(&env, &["2026-11-22"], 2, &["is in the future", "2026-11-21"]).await;
    is_refused(&env, &["2026-11-20"], 1, &["was never exported", "2026-11-20/export.json"]).await;
    is_refused(&env, &["yesterday"], 2, &["is not a date"]).await;
    let unknown = ["has no table `poeple`", "public.people"];
    is_refused(&env, &[FIRST, "--table", "poeple", "--yes"], 2, &unknown).await;
    let shown = redo(&env, &[FIRST, "--output", "json"]);
    let plan: Value = serde_json::from_slice(&shown.stdout).expect("JSON");
    assert_eq!((&plan["requested"], &plan["number"]), (&false.into(), &1.into()));
    assert_eq!(plan["tables"].as_array().map(Vec::len), Some(3));
    assert!(plan["cost"]["egress_usd"].is_f64(), "{plan}");
    assert!(env.ledger("redo/").await.is_empty());
}

/// The process dies at a call of the redo, or the answer is lost; the ticks go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_redo_survives_a_crash_between_its_steps() {
    const TICKS: [&str; 4] = ["transfer", "load", "transfer", "load"];
    let end = |env: TestEnv| async move {
        let receipts = env.receipts(FIRST).await;
        let of = receipts.values().map(|it| (it.state, it.redo, it.rows_table)).collect::<Vec<_>>();
        (of, seen(&env).await, names(&env), env.query(Analyst, ROWS).await)
    };
    let env = published().await;
    succeeds(&env, &[FIRST, "--yes"], &[]);
    env.cloud.calls().clear_fault();
    ticks(&env, "2026-11-20T20:30:00Z", &TICKS).await;
    let calls = env.cloud.calls().count();
    let undisturbed = end(env).await;
    assert!(undisturbed.0.iter().all(|it| (it.0, it.1) == (ReceiptState::Published, 1)));

    let mut number = 3;
    for kind in [CallFaultKind::KillCaller, CallFaultKind::DropResponse].into_iter().cycle() {
        if number > calls / 2 {
            break;
        }
        let env = published().await;
        succeeds(&env, &[FIRST, "--yes"], &[]);
        env.cloud.calls().inject_fault(CallFault { call_number: number, kind });
        for (n, function) in TICKS.iter().chain(&TICKS).enumerate() {
            let time = at("2026-11-20T20:30:00Z") + jiff::SignedDuration::from_mins(5 * n as i64);
            env.tick(function, &time.to_string()).await;
            assert_eq!(env.exposed_columns(&OPEN), [""; 0], "call {number}, {kind:?}");
        }
        assert!(env.cloud.calls().fault_fired());
        assert_eq!(end(env).await, undisturbed, "call {number} of {calls}, {kind:?}");
        number += (calls / 9).max(1);
    }
}
