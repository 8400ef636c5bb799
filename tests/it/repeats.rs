//! Ticks that are repeated, late, concurrent or out of order leave the same end state.

use landbridge_core::receipt::ReceiptState;
use landbridge_local::InvocationOutcome;

use crate::support::{TestEnv, TestEnvBuilder, at};

const START: &str = "2026-11-20T15:50:00Z";
const DAY: &str = "2026-11-21";

async fn start_env() -> TestEnv {
    let mut builder = TestEnvBuilder::small();
    builder.start = at(START);
    builder.build().await
}

async fn undisturbed_end_state() -> std::collections::BTreeMap<String, String> {
    let env = start_env().await;
    assert!(env.run_until("2026-11-20T17:20:00Z").await.is_empty());
    env.end_state(DAY).await
}

fn assert_ok(outcome: &InvocationOutcome) {
    assert!(outcome.is_response(), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tick_three_times() {
    let env = start_env().await;
    for (stage, time) in ORDER {
        for _ in 0..3 {
            assert_ok(&env.tick(stage, time).await);
        }
    }
    assert_eq!(env.end_state(DAY).await, undisturbed_end_state().await);
}

/// The minimum of ticks that publishes a day, in order.
const ORDER: [(&str, &str); 9] = [
    ("snapshot", "2026-11-20T16:00:00Z"),
    ("export", "2026-11-20T16:10:00Z"),
    ("export", "2026-11-20T16:40:00Z"),
    ("snapshot", "2026-11-20T17:00:00Z"),
    ("transfer", "2026-11-20T17:05:00Z"),
    ("load", "2026-11-20T17:05:00Z"),
    ("transfer", "2026-11-20T17:10:00Z"),
    ("load", "2026-11-20T17:10:00Z"),
    ("load", "2026-11-20T17:15:00Z"),
];

#[tokio::test(flavor = "multi_thread")]
async fn out_of_order() {
    let env = start_env().await;
    env.cloud.clock().advance_to(at("2026-11-20T16:00:00Z"));
    // Each stage before its prerequisites, then all of them backwards, until the day is published.
    for (stage, time) in ORDER.iter().rev() {
        assert_ok(&env.cloud.tick(stage, at(time)).await.unwrap());
    }
    for _ in 0..4 {
        env.cloud.clock().advance_to(env.cloud.clock().now() + jiff::SignedDuration::from_mins(25));
        for (stage, time) in ORDER.iter().rev() {
            assert_ok(&env.cloud.tick(stage, at(time)).await.unwrap());
        }
    }
    assert_eq!(env.end_state(DAY).await, undisturbed_end_state().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn late_by_hours() {
    let env = start_env().await;
    assert_ok(&env.tick("snapshot", "2026-11-20T16:00:00Z").await);
    assert_ok(&env.tick("snapshot", "2026-11-20T17:00:00Z").await);
    // The scheduler was down until the afternoon; its events still carry the scheduled times.
    for (stage, time) in ORDER.iter().skip(1).filter(|(stage, _)| *stage != "snapshot") {
        env.cloud.clock().advance_to(env.cloud.clock().now() + jiff::SignedDuration::from_hours(1));
        assert_ok(&env.cloud.tick(stage, at(time)).await.unwrap());
    }
    assert_eq!(env.end_state(DAY).await, undisturbed_end_state().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once() {
    let env = start_env().await;
    for (stage, time) in ORDER {
        env.cloud.clock().advance_to(at(time));
        let (first, second) =
            tokio::join!(env.cloud.tick(stage, at(time)), env.cloud.tick(stage, at(time)));
        for outcome in [first.unwrap(), second.unwrap()] {
            // One tick may find the other's work unfinished and leave it to the next tick; it must
            // not corrupt it.
            if let InvocationOutcome::Error { kind, message } = &outcome {
                assert!(matches!(kind.as_str(), "Transient" | "Conflict"), "{stage}: {message}");
            }
        }
    }
    for (stage, time) in &ORDER[4..] {
        assert_ok(&env.tick(stage, time).await);
    }
    assert_eq!(env.end_state(DAY).await, undisturbed_end_state().await);
}

/// A day that is loaded late must not replace newer rows.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_day_never_replaces_a_newer_one() {
    let env = start_env().await;
    for (stage, time) in &ORDER[..5] {
        assert_ok(&env.tick(stage, time).await);
    }
    // The first day is transferred and not loaded; the second one is published.
    env.cloud.skip_until(at("2026-11-21T15:50:00Z"));
    assert!(env.run_until("2026-11-21T17:20:00Z").await.is_empty());
    let before = env.end_state("2026-11-22").await;
    assert_ok(&env.cloud.tick("load", at("2026-11-20T17:30:00Z")).await.unwrap());
    let after = env.end_state("2026-11-22").await;
    for (name, rows) in before.iter().filter(|(name, _)| name.starts_with("rows of")) {
        assert_eq!(Some(rows), after.get(name), "{name}");
    }
    for (target, receipt) in env.receipts(DAY).await {
        assert_eq!(receipt.state, ReceiptState::Superseded, "{target}");
    }
}
