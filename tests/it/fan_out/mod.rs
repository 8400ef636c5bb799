//! Objects that workers carry (`transfer.fan_out`): the day ends as one without workers, whatever happens to messages
//! and workers.

mod workers;

use std::collections::BTreeMap;
use std::process::Output;

use landbridge_local::InvocationOutcome;
use serde_json::Value;

use crate::command::landbridge;
use crate::support::{CARD, TestEnv, TestEnvBuilder, at};

const START: &str = "2026-11-20T15:50:00Z";
const DAY: &str = "2026-11-21";
const QUEUE: &str = "landbridge-shop-items";
const FAILED: &str = "landbridge-shop-items-failed";
/// The objects of the small database.
const OBJECTS: usize = 3;

fn small() -> TestEnvBuilder {
    let mut builder = TestEnvBuilder::small();
    builder.start = at(START);
    builder
}

/// A cloud with workers, at the time of the first tick of the transfer, with a complete export.
async fn exported(builder: TestEnvBuilder) -> TestEnv {
    let env = builder.build().await;
    for (stage, time) in [("snapshot", "16:00"), ("export", "16:10"), ("export", "16:40")] {
        tick(&env, stage, time).await;
    }
    env
}

/// A tick on the first night, which must succeed. Returns its progress and its message.
async fn tick(env: &TestEnv, stage: &str, time: &str) -> (String, String) {
    let outcome = env.tick(stage, &format!("2026-11-20T{time}:00Z")).await;
    let InvocationOutcome::Response(answer) = outcome else {
        panic!("{stage} {time}: {outcome:?}")
    };
    let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
    (text("progress"), text("message"))
}

/// Runs transfer and load until the day is published, with workers between them.
async fn finish(env: &TestEnv, from_minute: u32) {
    for minute in (from_minute..from_minute + 20).step_by(5) {
        let time = format!("17:{minute:02}");
        tick(env, "transfer", &time).await;
        env.cloud.drain_queue().await.expect("workers that start");
        tick(env, "load", &time).await;
    }
}

/// The end of a day without workers.
async fn undisturbed() -> BTreeMap<String, String> {
    let env = exported(small()).await;
    finish(&env, 5).await;
    env.end_state(DAY).await
}

fn assert_same(env_state: &BTreeMap<String, String>, undisturbed: &BTreeMap<String, String>) {
    for (name, value) in undisturbed {
        assert_eq!(env_state.get(name), Some(value), "{name}");
    }
    assert_eq!(env_state.len(), undisturbed.len());
}

/// The objects that are recorded, by the names of their records.
async fn recorded(env: &TestEnv) -> Vec<String> {
    env.ledger(&format!("{DAY}/items/")).await.into_iter().map(|(name, _)| name).collect()
}

async fn handed(env: &TestEnv) -> Value {
    let records = env.ledger(&format!("{DAY}/handed.json")).await;
    records.first().map_or(Value::Null, |(_, bytes)| serde_json::from_slice(bytes).expect("JSON"))
}

/// The tables that the transfer's alerts with this message name.
fn alerts(env: &TestEnv, message: &str) -> Vec<String> {
    let alerts = env.alerts("transfer").into_iter().filter(|it| {
        it["fields"]["message"].as_str().is_some_and(|text| text.starts_with(message))
    });
    alerts.map(|it| it["fields"]["table"].as_str().unwrap_or_default().to_owned()).collect()
}

fn queue_calls(env: &TestEnv) -> usize {
    env.cloud.calls().recorded_calls().iter().filter(|call| call.server == "sqs").count()
}

fn operator(env: &TestEnv, args: &[&str]) -> Output {
    landbridge(&env.operator_variables(), args)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_by_workers_ends_as_one_without_them_and_a_message_names_an_object() {
    let env = exported(small().with_workers()).await;
    let (progress, message) = tick(&env, "transfer", "17:05").await;
    assert_eq!(progress, "partial", "{message}");
    assert!(message.contains(&format!("workers have {OBJECTS}")), "{message}");
    assert!(env.landing_objects().is_empty(), "the transfer carried nothing itself");

    let bodies = env.cloud.aws().queue_bodies(QUEUE);
    assert_eq!(bodies.len(), OBJECTS);
    for body in &bodies {
        let message: Value = serde_json::from_str(body).expect("JSON");
        let names: Vec<&String> = message.as_object().expect("an object").keys().collect();
        assert_eq!(names, ["day", "table", "fingerprint", "object"], "{body}");
    }
    // A second tick before the workers: nothing is sent twice.
    let (_, message) = tick(&env, "transfer", "17:06").await;
    assert!(message.contains(&format!("workers have {OBJECTS}")), "{message}");
    assert_eq!(env.cloud.aws().queue_bodies(QUEUE).len(), OBJECTS);

    let status = operator(&env, &["status", "--output", "json"]);
    let status: Value = serde_json::from_slice(&status.stdout).expect("JSON");
    assert_eq!(status["workers"]["left"], OBJECTS, "{status:#}");
    let text = operator(&env, &["status"]);
    let text = String::from_utf8(text.stdout).expect("text");
    assert!(text.contains("3 objects are with workers"), "{text}");

    let drained = env.cloud.drain_queue().await.expect("workers");
    assert_eq!((drained.deleted, drained.failed), (OBJECTS, 0), "{drained:?}");
    assert_eq!(recorded(&env).await.len(), OBJECTS);
    let (progress, message) = tick(&env, "transfer", "17:10").await;
    assert_eq!(progress, "done", "{message}");
    finish(&env, 15).await;
    assert_same(&env.end_state(DAY).await, &undisturbed().await);
    let worker: String = env
        .cloud
        .logs("transfer-item")
        .expect("a log")
        .iter()
        .map(|it| it.line.to_string())
        .collect();
    env.assert_no_cell_logged(&(worker + &bodies.concat()));
    assert!(!bodies.concat().contains(CARD));
    assert_eq!(env.cloud.aws().queue_counts(FAILED).expect("a queue").visible, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn below_the_limits_the_queue_is_never_called() {
    let mut builder = small().with_workers();
    builder.config = builder.config.replace("above_items: 0, above_gib: 0", "above_items: 3");
    for (name, builder) in [("below", builder), ("without the section", small())] {
        let env = exported(builder).await;
        env.cloud.calls().start_recording();
        let (progress, message) = tick(&env, "transfer", "17:05").await;
        assert_eq!(progress, "done", "{name}: {message}");
        assert_eq!(queue_calls(&env), 0, "{name}");
        assert_eq!(handed(&env).await, Value::Null, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_comes_twice_changes_nothing() {
    let env = exported(small().with_workers()).await;
    tick(&env, "transfer", "17:05").await;
    // Each message is in the queue twice, and the queue delivers each to two workers at once.
    for body in env.cloud.aws().queue_bodies(QUEUE) {
        env.cloud.aws().send_to_queue(QUEUE, &body);
    }
    env.cloud.aws().deliver_twice(true);
    let drained = env.cloud.drain_queue().await.expect("workers");
    assert!(drained.invocations >= 2 && drained.failed == 0, "{drained:?}");
    env.cloud.aws().deliver_twice(false);
    assert_eq!(env.cloud.aws().queue_counts(QUEUE).expect("a queue"), Default::default());
    finish(&env, 10).await;
    assert_same(&env.end_state(DAY).await, &undisturbed().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_messages_are_sent_again_and_in_the_end_the_transfer_carries_the_objects() {
    let env = exported(small().with_workers()).await;
    env.cloud.aws().lose_next_messages(2);
    tick(&env, "transfer", "17:05").await;
    env.cloud.drain_queue().await.expect("workers");
    let first = recorded(&env).await;
    assert_eq!(first.len(), OBJECTS - 2);
    tick(&env, "transfer", "17:10").await;
    assert_eq!(handed(&env).await["sent"], OBJECTS + 2);
    // The queue is purged, twice.
    env.cloud.aws().purge_queue(QUEUE);
    tick(&env, "transfer", "17:15").await;
    env.cloud.aws().purge_queue(QUEUE);
    assert_eq!(recorded(&env).await.len(), OBJECTS - 2);
    let mut tables = alerts(&env, "objects of a table were handed to workers twice");
    tables.sort_unstable();
    let left: Vec<&str> = ["nothing", "orders", "people"]
        .into_iter()
        .filter(|table| !first.iter().any(|name| name.contains(&format!("/{table}@"))))
        .collect();
    assert_eq!(tables, left, "one alert names each table");
    let (progress, message) = tick(&env, "transfer", "17:20").await;
    assert_eq!(progress, "done", "{message}");
    assert_eq!(handed(&env).await["sent"], OBJECTS + 4);
    finish(&env, 25).await;
    assert_same(&env.end_state(DAY).await, &undisturbed().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_counts_nothing_costs_a_second_look_and_no_object() {
    let env = exported(small().with_workers()).await;
    tick(&env, "transfer", "17:05").await;
    // The queue has all messages and says that it is empty: they are sent once more.
    env.cloud.aws().count_no_messages(true);
    tick(&env, "transfer", "17:10").await;
    assert_eq!(handed(&env).await["sent"], 2 * OBJECTS);
    let drained = env.cloud.drain_queue().await.expect("workers");
    assert_eq!((drained.deleted, drained.failed), (2 * OBJECTS, 0), "{drained:?}");
    finish(&env, 15).await;
    assert_same(&env.end_state(DAY).await, &undisturbed().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_a_day_that_is_over_carries_nothing() {
    let env = exported(small().with_workers()).await;
    tick(&env, "transfer", "17:05").await;
    let late = env.cloud.aws().queue_bodies(QUEUE);
    // The first day never ends: its messages are not delivered before the next day's export is complete.
    env.cloud.aws().purge_queue(QUEUE);
    for (stage, time) in [("snapshot", "16:00"), ("export", "16:10"), ("export", "16:40")] {
        let outcome = env.tick(stage, &format!("2026-11-21T{time}:00Z")).await;
        assert!(outcome.is_response(), "{outcome:?}");
    }
    late.iter().for_each(|body| env.cloud.aws().send_to_queue(QUEUE, body));
    let drained = env.cloud.drain_queue().await.expect("workers");
    assert_eq!((drained.deleted, drained.failed), (OBJECTS, 0), "{drained:?}");
    assert!(env.landing_objects().is_empty());
    assert!(recorded(&env).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_a_plan_that_a_redo_or_a_contract_replaced_carries_nothing() {
    let env = exported(small().with_workers()).await;
    tick(&env, "transfer", "17:05").await;
    let first = env.cloud.aws().queue_bodies(QUEUE);
    // A contract that hides more, before a worker runs: no object is made by the former one.
    let contract = crate::support::SMALL_CONTRACT
        .replace("type: STRING, class: name }", "type: STRING, class: name, transform: drop }");
    env.deploy_contract(&contract);
    let drained = env.cloud.drain_queue().await.expect("workers");
    assert_eq!((drained.deleted, drained.failed), (OBJECTS, 0), "{drained:?}");
    let items = recorded(&env).await;
    assert_eq!(items.len(), OBJECTS - 1, "people waits for its new plan: {items:?}");
    finish(&env, 10).await;
    let rows = env.end_state(DAY).await["rows of shop.people"].clone();
    assert!(!rows.contains("김민준") && rows.contains("minjun@example.com"), "{rows}");

    // The day is done again; messages of the first plans come once more.
    let output = operator(&env, &["redo", DAY, "--yes"]);
    assert!(output.status.success(), "{output:?}");
    tick(&env, "transfer", "17:30").await;
    let before = env.landing_objects();
    let redone = env.cloud.aws().queue_bodies(QUEUE);
    assert_eq!(redone.len(), OBJECTS);
    env.cloud.aws().purge_queue(QUEUE);
    first.iter().for_each(|body| env.cloud.aws().send_to_queue(QUEUE, body));
    env.cloud.drain_queue().await.expect("workers");
    assert_eq!(env.landing_objects(), before, "nothing is carried for the first plans");
    redone.iter().for_each(|body| env.cloud.aws().send_to_queue(QUEUE, body));
    finish(&env, 35).await;
    let receipts = env.receipts(DAY).await;
    assert!(receipts.values().all(|it| it.redo == 1), "{receipts:#?}");
}
