//! Incidents: one message when one opens, a thread for what changes, one when it is over, and a line a day.
//! The function `notify` runs as on Lambda; a server of the test receives its messages.

mod commands;
mod histories;
pub(crate) mod receiver;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt;
use futures::future::BoxFuture;
use landbridge_core::incident::{IncidentState, signature};
use landbridge_local_database::{Engine, MemoryDatabase, MemoryTable};
use landbridge_local_wire::{Admission, ArrivedCall, CallObserver, Delivery};

use crate::support::{HeldWrite, TestEnv, TestEnvBuilder, at};
use receiver::{Behaviour, Receiver, Request};

/// Where the bot writes.
const SLACK: &str = "/chat.postMessage";
/// The topic of the alarms.
const TOPIC: &str = "arn:aws:sns:ap-northeast-2:123456789012:landbridge-shop-alerts";
/// The key of the webhook's signature.
pub(crate) const KEY: &str = "a key of forty characters, say, or so";
const TOKEN: &str = "xoxb-not-to-be-logged";

/// Tables of one type, for a database in which many tables fail for one cause.
const TABLES: usize = 40;

fn tables(database: &MemoryDatabase, amount: &str) {
    for number in 1..=TABLES {
        let table = MemoryTable::new("public", &format!("orders_{number:02}"))
            .column("id", "bigint not null")
            .column("amount", amount)
            .row([Some("1"), Some("7")]);
        database.set_table(table).expect("a table");
    }
}

fn contract() -> String {
    let mut text = "version: 1\ntables:\n".to_owned();
    for number in 1..=TABLES {
        text += &format!(
            "  \"public.orders_{number:02}\":\n    columns:\n      id: {{ source: bigint, type: INT64, class: none }}\n      amount: {{ source: integer, type: INT64, class: none }}\n"
        );
    }
    text
}

fn builder(receiver: &Receiver, alerts: &str) -> (TestEnvBuilder, MemoryDatabase) {
    let database = MemoryDatabase::new(Engine::postgres("16.4"), "shop");
    tables(&database, "integer");
    let mut builder = TestEnvBuilder::small();
    builder.source = Arc::new(database.clone());
    builder.contract = contract();
    builder.config = builder.config.replace("concurrency: 1", "concurrency: 8");
    builder.config += alerts;
    builder.variables.insert("LANDBRIDGE_SLACK_ENDPOINT".into(), receiver.url.clone());
    (builder, database)
}

const BOT: &str = "  slack: { token: landbridge/shop/slack-token, channel: C0123456789 }\n";

fn everything() -> String {
    format!(
        "alerts:\n{BOT}  email: {{ topic: \"{TOPIC}\" }}\n  webhook: {{ url: landbridge/shop/hook, key: landbridge/shop/hook-key }}\n"
    )
}

async fn start(receiver: &Receiver, alerts: &str) -> (TestEnv, MemoryDatabase) {
    let (builder, database) = builder(receiver, alerts);
    let env = builder.build().await;
    let aws = env.cloud.aws();
    aws.put_secret("landbridge/shop/slack-token", TOKEN);
    aws.put_secret("landbridge/shop/slack-url", &format!("{}/services/T/B/x", receiver.url));
    aws.put_secret("landbridge/shop/hook", &format!("{}/hook", receiver.url));
    aws.put_secret("landbridge/shop/hook-key", KEY);
    (env, database)
}

fn titles(requests: &[Request]) -> Vec<String> {
    requests.iter().map(Request::title).collect()
}

async fn state(env: &TestEnv) -> IncidentState {
    let records = env.ledger("incidents.json").await;
    records.first().map(|it| serde_json::from_slice(&it.1).expect("a record")).unwrap_or_default()
}

/// Forty tables are held by one cause on a day: one message. The next day they still are: none. Then they
/// are published: one.
#[tokio::test(flavor = "multi_thread")]
async fn forty_held_tables_are_one_message_and_their_end_is_one() {
    let receiver = Receiver::start().await;
    let (env, database) = start(&receiver, &everything()).await;
    env.run_night(0).await;
    let first = titles(&receiver.taken(SLACK));
    assert_eq!(first.len(), 2, "the export's warning, and the line: {first:?}");
    tables(&database, "character varying(20)");
    env.run_night(1).await;
    let taken = receiver.taken(SLACK);
    let (threads, messages): (Vec<_>, Vec<_>) =
        taken[2..].iter().cloned().partition(|it| it.body["thread_ts"].is_string());
    let [opened, line] = &titles(&messages)[..] else { panic!("{:#?}", titles(&messages)) };
    assert!(opened.starts_with("shop, incident 2: ") && opened.contains("40 tables"), "{opened}");
    assert_eq!(
        line,
        "shop 2026-11-22: not published by its deadline, 1 incident open: 2 (1 notice)"
    );
    let text = messages[0].body.to_string();
    assert!(text.contains("Analysts see yesterday's rows (2026-11-21) of orders_01"), "{text}");
    assert!(text.contains("landbridge receipt 2026-11-22"), "{text}");
    // The deadline is a change of the incident, in its thread.
    assert!(threads.iter().any(|it| it.body.to_string().contains("by its deadline")));
    let thread = threads[0].body["thread_ts"].as_str().unwrap().to_owned();
    assert!(threads.iter().all(|it| it.body["thread_ts"] == thread.as_str()), "{threads:#?}");

    env.run_night(2).await;
    let second: Vec<Request> = receiver.taken(SLACK)[taken.len()..].to_vec();
    let lines = titles(&second);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].starts_with("shop 2026-11-23: not published"), "{lines:#?}");

    tables(&database, "integer");
    env.run_night(3).await;
    let third: Vec<Request> = receiver.taken(SLACK)[taken.len() + 1..].to_vec();
    let resolved: Vec<&Request> =
        third.iter().filter(|it| it.title().contains("is resolved")).collect();
    assert_eq!(resolved.len(), 1, "{:#?}", titles(&third));
    assert_eq!(resolved[0].body["thread_ts"], thread.as_str());
    assert!(titles(&third).iter().any(|it| it.contains("40 tables published by")));
    assert!(state(&env).await.outbox.is_empty());
    // It is an incident of the ledger, on its own.
    env.tick("notify", "2026-11-23T20:07:00Z").await;
    assert_eq!(env.ledger("incidents/").await.len(), 1);
    assert_eq!(state(&env).await.incidents.len(), 1, "the warning of the export");

    every_channel_has_its_messages(&env, &receiver);
    // No secret and no cell is in the log or in the record.
    let log = format!("{:?}", env.cloud.logs("notify").unwrap());
    let records = format!("{:?}", env.ledger("incidents").await);
    for secret in [TOKEN, KEY, "/services/T/B/x", &format!("{}/hook", receiver.url)] {
        assert!(!log.contains(secret) && !records.contains(secret), "{secret}");
    }
}

/// E-mail has no changes, because it has no threads; the webhook has all of them, signed.
fn every_channel_has_its_messages(env: &TestEnv, receiver: &Receiver) {
    let mails = env.cloud.aws().published();
    let incidents: Vec<&str> =
        mails.iter().map(|it| it.subject.as_str()).filter(|it| it.contains("incident 2")).collect();
    assert_eq!(incidents.len(), 2, "{incidents:#?}");
    assert!(mails.iter().all(|it| it.topic == TOPIC));
    assert!(incidents[0].starts_with("Landbridge shop, incident 2: "), "{incidents:#?}");
    let hooks = receiver.taken("/hook");
    assert!(hooks.iter().any(|it| it.body["kind"] == "changed"));
    for hook in hooks {
        let given = hook.header(signature::HEADER);
        let seconds = given[2..].split(',').next().unwrap().parse().unwrap();
        assert_eq!(given, signature::header(KEY.as_bytes(), seconds, &hook.body.to_string()));
        assert_eq!(hook.header(signature::ID_HEADER), hook.body["id"].as_str().unwrap());
    }
}

/// Two weeks in which nothing is wrong.
#[tokio::test(flavor = "multi_thread")]
async fn fourteen_quiet_days_are_fourteen_lines() {
    let receiver = Receiver::start().await;
    let (mut builder, _) = builder(&receiver, &format!("alerts:\n{BOT}"));
    let database = MemoryDatabase::new(Engine::postgres("16.4"), "shop");
    let table = MemoryTable::new("public", "orders_01")
        .column("id", "bigint not null")
        .column("amount", "integer");
    database.set_table(table.row([Some("1"), Some("7")])).unwrap();
    builder.source = Arc::new(database);
    let lines = builder.contract.lines().take(6);
    builder.contract = lines.map(|it| format!("{it}\n")).collect();
    let env = builder.build().await;
    env.cloud.aws().put_secret("landbridge/shop/slack-token", TOKEN);
    // One night of the whole schedule, then only the ticks that have something to do.
    assert!(env.run_day(0).await.is_empty());
    for day in 1..14 {
        env.run_night(day).await;
    }
    // RDS warns of every export that `template1` has no table: a notice of the first day, once.
    let all = titles(&receiver.taken(SLACK));
    let (lines, others): (Vec<_>, Vec<_>) =
        all.iter().partition(|it| it.contains(": 1 table published by 0"));
    assert_eq!(lines.len(), 14, "{all:#?}");
    assert!(lines.iter().all(|it| it.ends_with(", 0 incidents (1 notice)")), "{lines:#?}");
    assert_eq!(others, ["shop, incident 1: the export has a warning (2 times)"], "{all:#?}");
}

/// A day on which one table of two is held; then ticks of `notify` alone.
pub(crate) async fn with_a_held_table(alerts: &str) -> (TestEnv, Receiver) {
    let receiver = Receiver::start().await;
    let (mut builder, _) = builder(&receiver, alerts);
    let database = MemoryDatabase::new(Engine::postgres("16.4"), "shop");
    let table = |amount: &str| {
        MemoryTable::new("public", "orders_01")
            .column("id", "bigint not null")
            .column("amount", amount)
            .row([Some("1"), Some("7")])
    };
    database.set_table(table("integer")).unwrap();
    builder.source = Arc::new(database.clone());
    let lines = builder.contract.lines().take(6);
    builder.contract = lines.map(|it| format!("{it}\n")).collect();
    let env = builder.build().await;
    let aws = env.cloud.aws();
    aws.put_secret("landbridge/shop/slack-token", TOKEN);
    aws.put_secret("landbridge/shop/slack-url", &format!("{}/services/T/B/x", receiver.url));
    env.run_night(0).await;
    database.set_table(table("character varying(20)")).unwrap();
    for (function, time) in NIGHT {
        assert!(env.tick(function, time).await.is_response(), "{function} {time}");
    }
    (env, receiver)
}

/// The second day up to its held table, without `notify`.
const NIGHT: [(&str, &str); 6] = [
    ("snapshot", "2026-11-21T16:00:00Z"),
    ("export", "2026-11-21T16:10:00Z"),
    ("export", "2026-11-21T16:40:00Z"),
    ("transfer", "2026-11-21T17:01:00Z"),
    ("load", "2026-11-21T17:06:00Z"),
    ("load", "2026-11-21T17:11:00Z"),
];

/// Where the record of the incidents is.
const RECORD: (&str, &str) = ("shop-exports", "ledger/shop/incidents.json");

/// The record before a case, so that the next case begins with it on the same cloud.
async fn record(env: &TestEnv) -> bytes::Bytes {
    env.cloud.aws().read_object(RECORD.0, RECORD.1).await.expect("S3").expect("a record")
}

async fn begin_again(env: &TestEnv, receiver: &Receiver, record: &bytes::Bytes) {
    env.cloud.aws().put_object(RECORD.0, RECORD.1, record.clone()).await.expect("S3");
    receiver.forget();
}

/// `minutes` after the held table was found.
fn later(minutes: i64) -> String {
    (at("2026-11-21T17:12:00Z") + jiff::SignedDuration::from_mins(minutes)).to_string()
}

/// The messages of the held table, as they were taken.
fn of_the_incident(receiver: &Receiver, path: &str) -> Vec<Request> {
    let mut taken = receiver.taken(path);
    taken.retain(|it| it.title().contains("incident 2: "));
    taken
}

/// What Slack documents, and what a broken receiver does: the message arrives, and a repeat only where it
/// may have arrived before, with a mark.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_wait_and_lost_answers_repeat_with_a_mark() {
    let (env, receiver) = with_a_held_table(&format!("alerts:\n{BOT}")).await;
    let unsaid = record(&env).await;
    receiver.then(&[
        Behaviour::Refuse(429),
        Behaviour::RefuseAs("ratelimited"),
        Behaviour::RefuseAs("channel_not_found"),
        Behaviour::Refuse(404),
    ]);
    for tick in 0..8 {
        assert!(env.tick("notify", &later(tick * 5)).await.is_response());
    }
    let taken = of_the_incident(&receiver, SLACK);
    assert_eq!(taken.len(), 1, "{taken:#?}");
    assert!(!taken[0].is_marked(), "it cannot have arrived before");
    assert_eq!(taken[0].header("authorization"), format!("Bearer {TOKEN}"));
    let log = format!("{:?}", env.cloud.logs("notify").unwrap());
    assert!(log.contains("Slack refused the message: channel_not_found"), "{log}");

    for (case, behaviour) in
        [Behaviour::TakeAndDrop, Behaviour::TakeAndAnswer(500), Behaviour::RefuseAs("fatal_error")]
            .into_iter()
            .enumerate()
    {
        begin_again(&env, &receiver, &unsaid).await;
        receiver.then(&[behaviour]);
        for minutes in [0, 5] {
            let time = later(45 + 10 * case as i64 + minutes);
            assert!(env.tick("notify", &time).await.is_response());
        }
        let taken = of_the_incident(&receiver, SLACK);
        let wanted = if matches!(behaviour, Behaviour::RefuseAs(_)) { 1 } else { 2 };
        assert_eq!(taken.len(), wanted, "{behaviour:?}");
        assert!(taken.last().unwrap().is_marked(), "{behaviour:?}");
    }
}

/// An incoming webhook has no threads: no change is sent to it, and no `thread_ts`.
#[tokio::test(flavor = "multi_thread")]
async fn an_incoming_webhook_gets_the_beginning_and_the_end() {
    let alerts = "alerts:\n  slack: { webhook: landbridge/shop/slack-url }\n";
    let (env, receiver) = with_a_held_table(alerts).await;
    for time in ["17:17", "19:02"] {
        assert!(env.tick("notify", &format!("2026-11-21T{time}:00Z")).await.is_response());
    }
    let taken = receiver.taken("/services/T/B/x");
    let titles = titles(&taken);
    assert!(titles.iter().any(|it| it.contains("incident 2: ")), "{titles:?}");
    assert!(taken.iter().all(|it| it.body["thread_ts"].is_null()));
    assert!(!titles.iter().any(|it| it.contains("changed")), "{titles:?}");
}

/// Kills the function before or after the `number`-th write of the record.
struct KillAtWrite {
    number: usize,
    after: bool,
    writes: AtomicUsize,
    kill: Box<dyn Fn() + Send + Sync>,
}

impl KillAtWrite {
    fn is_it(&self, call: &ArrivedCall) -> bool {
        call.request.starts_with("PUT ") && call.request.contains("/incidents.json")
    }
}

impl CallObserver for KillAtWrite {
    fn before(&self, call: ArrivedCall) -> BoxFuture<'static, Admission> {
        let number = match self.is_it(&call) {
            true => self.writes.fetch_add(1, Ordering::SeqCst) + 1,
            false => 0,
        };
        if number == self.number && !self.after {
            (self.kill)();
            return async { Admission::Drop }.boxed();
        }
        async { Admission::Proceed }.boxed()
    }

    fn after(&self, call: ArrivedCall, _: u16) -> BoxFuture<'static, Delivery> {
        if self.is_it(&call) && self.after && self.writes.load(Ordering::SeqCst) == self.number {
            (self.kill)();
            return async { Delivery::Drop }.boxed();
        }
        async { Delivery::Send }.boxed()
    }
}

/// The process dies at each write of the record: none is lost, and a repeat has a mark.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_write_loses_no_message() {
    // The first write has the new messages, the second claims one, the third has its answer.
    let (env, receiver) = with_a_held_table(&format!("alerts:\n{BOT}")).await;
    let unsaid = record(&env).await;
    for (case, (number, after, may_repeat)) in [
        (1, false, false),
        (1, true, false),
        (2, false, false),
        (2, true, false),
        (3, false, true),
        (3, true, false),
    ]
    .into_iter()
    .enumerate()
    {
        begin_again(&env, &receiver, &unsaid).await;
        let functions = env.cloud.functions().clone();
        env.cloud.calls().set_observer(Arc::new(KillAtWrite {
            number,
            after,
            writes: AtomicUsize::new(0),
            kill: Box::new(move || {
                functions.kill_all();
            }),
        }));
        // All of them before the deadline, which is a message of its own.
        let begins = 17 * case as i64;
        let _ = env.tick("notify", &later(begins)).await;
        for minutes in [5, 10, 15] {
            assert!(env.tick("notify", &later(begins + minutes)).await.is_response());
        }
        let taken = of_the_incident(&receiver, SLACK);
        let place = format!("write {number}, after {after}: {taken:#?}");
        assert_eq!(taken.len(), if may_repeat { 2 } else { 1 }, "{place}");
        assert!(taken.len() == 1 || taken[1].is_marked() && !taken[0].is_marked(), "{place}");
        assert!(state(&env).await.outbox.is_empty(), "{place}");
    }
}

/// Two ticks at the same time want to send one message: the one whose claim is second does not.
#[tokio::test(flavor = "multi_thread")]
async fn two_ticks_at_once_send_one_message() {
    let (env, receiver) = with_a_held_table(&format!("alerts:\n{BOT}")).await;
    // The first write has the new messages, the second claims one.
    let held = HeldWrite::of(&env, "/incidents.json", 2);
    let first = env.tick("notify", "2026-11-21T17:17:00Z");
    let second = held.tick_between(&env, "notify", "2026-11-21T17:17:00Z");
    let (first, second) = tokio::join!(first, second);
    assert!(first.is_response() && second.is_response(), "{first:?} {second:?}");
    let taken = of_the_incident(&receiver, SLACK);
    assert_eq!(taken.len(), 1, "{taken:#?}");
    assert!(!taken[0].is_marked());
    let next = format!("{:?}", env.tick("notify", "2026-11-21T17:22:00Z").await);
    assert!(next.contains("waiting 0"), "{next}");
}
