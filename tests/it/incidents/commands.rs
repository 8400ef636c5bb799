//! What the operator's command says of incidents and days.

use std::process::Output;

use serde_json::Value;

use super::{BOT, SLACK, titles, with_a_held_table};
use crate::command::landbridge;
use crate::support::TestEnv;

fn run(env: &TestEnv, args: &[&str]) -> Output {
    landbridge(&env.operator_variables(), args)
}

/// The exit code, and both outputs.
fn said(env: &TestEnv, args: &[&str]) -> (Option<i32>, String) {
    let output = run(env, args);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

fn json(env: &TestEnv, args: &[&str]) -> Value {
    let output = run(env, &[args, &["--output", "json"]].concat());
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// A held table as the operator sees it: in the list, in full, in the grid of days, in the exit code; then the
/// operator closes the incident, and the channel gets one message.
#[tokio::test(flavor = "multi_thread")]
async fn an_operator_reads_and_closes_an_incident() {
    let (env, receiver) = with_a_held_table(&format!("alerts:\n{BOT}")).await;
    let (code, text) = said(&env, &["incident", "7"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("there is no incident 7: the newest is 1"), "{text}");
    assert!(env.tick("notify", "2026-11-21T17:17:00Z").await.is_response());
    let (code, text) = said(&env, &["incident"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("notice, open"), "{text}");
    let (_, text) = said(&env, &["incident", "2"]);
    assert!(
        text.contains("state    open") && text.contains("Analysts see yesterday's rows"),
        "{text}"
    );
    assert!(text.contains("landbridge receipt 2026-11-22 --table orders_01"), "{text}");
    assert_eq!(json(&env, &["incident", "2"])["cause"]["kind"], "Held");

    let days = json(&env, &["days", "--days", "2"]);
    let states: Vec<&Value> = days.as_array().unwrap().iter().map(|it| &it["state"]).collect();
    assert_eq!(states, ["held", "published"]);
    let (_, text) = said(&env, &["days", "--days", "2"]);
    assert!(text.contains("held: public.orders_01"), "{text}");
    let (code, text) = said(&env, &["status"]);
    assert_eq!(code, Some(0), "{text}");
    let row = text.lines().find(|line| line.contains("public.orders_01") && line.contains('H'));
    assert!(row.is_some_and(|row| row.contains('+')), "{text}");
    assert!(text.contains("incident 2"), "{text}");
    let (code, text) = said(&env, &["status", "--check"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("2026-11-22 is held; incident 2 is open: "), "{text}");

    let close = ["incident", "close", "2", "--reason", "renamed next week"];
    let (code, text) = said(&env, &close);
    assert_eq!(code, Some(0), "{text}");
    assert!(env.tick("notify", "2026-11-21T17:22:00Z").await.is_response());
    let closed = titles(&receiver.taken(SLACK));
    assert_eq!(closed.last().unwrap(), "shop, incident 2 was closed by a person", "{closed:?}");
    let (code, text) = said(&env, &close);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("incident 2 is closed already; nothing was changed"), "{text}");
    let (_, text) = said(&env, &["incident", "2"]);
    assert!(text.contains("reason   renamed next week"), "{text}");
}
