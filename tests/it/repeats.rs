//! Ticks that are repeated, late, concurrent or out of order leave the same end state.

use landbridge_core::receipt::ReceiptState;
use landbridge_local::InvocationOutcome;

use crate::support::{Recipe, World, at};

const START: &str = "2026-11-20T15:50:00Z";
const DAY: &str = "2026-11-21";

async fn world() -> World {
    let mut recipe = Recipe::small();
    recipe.start = at(START);
    recipe.build().await
}

async fn calm() -> std::collections::BTreeMap<String, String> {
    let world = world().await;
    assert!(world.run_until("2026-11-20T17:20:00Z").await.is_empty());
    world.end_state(DAY).await
}

fn fine(outcome: &InvocationOutcome) {
    assert!(outcome.is_response(), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tick_three_times() {
    let world = world().await;
    for (stage, time) in ORDER {
        for _ in 0..3 {
            fine(&world.tick(stage, time).await);
        }
    }
    assert_eq!(world.end_state(DAY).await, calm().await);
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
    let world = world().await;
    // Each stage before its prerequisites, then all of them backwards, until the day is published.
    for (stage, time) in ORDER.iter().rev() {
        fine(&world.cloud.tick(stage, at(time)).await.unwrap());
    }
    for _ in 0..4 {
        world
            .cloud
            .clock()
            .advance_to(world.cloud.clock().now() + jiff::SignedDuration::from_mins(30));
        for (stage, time) in ORDER.iter().rev() {
            fine(&world.cloud.tick(stage, at(time)).await.unwrap());
        }
    }
    let (ours, calm) = (world.end_state(DAY).await, calm().await);
    assert_eq!(ours, calm);
}

#[tokio::test(flavor = "multi_thread")]
async fn late_by_hours() {
    let world = world().await;
    fine(&world.tick("snapshot", "2026-11-20T16:00:00Z").await);
    fine(&world.tick("snapshot", "2026-11-20T17:00:00Z").await);
    // The scheduler was down until the afternoon; its events still carry the scheduled times.
    for (stage, time) in ORDER.iter().skip(1).filter(|(stage, _)| *stage != "snapshot") {
        world
            .cloud
            .clock()
            .advance_to(world.cloud.clock().now() + jiff::SignedDuration::from_hours(1));
        fine(&world.cloud.tick(stage, at(time)).await.unwrap());
    }
    assert_eq!(world.end_state(DAY).await, calm().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once() {
    let world = world().await;
    for (stage, time) in ORDER {
        world.cloud.clock().advance_to(at(time));
        let (one, other) =
            tokio::join!(world.cloud.tick(stage, at(time)), world.cloud.tick(stage, at(time)));
        for outcome in [one.unwrap(), other.unwrap()] {
            // One tick may find the other's work unfinished and leave it to the next tick; it must
            // not corrupt it.
            if let InvocationOutcome::Error { kind, message } = &outcome {
                assert!(matches!(kind.as_str(), "Transient" | "Conflict"), "{stage}: {message}");
            }
        }
    }
    for (stage, time) in &ORDER[4..] {
        fine(&world.tick(stage, time).await);
    }
    assert_eq!(world.end_state(DAY).await, calm().await);
}

/// A day that is loaded late must not replace newer rows.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_day_never_replaces_a_newer_one() {
    let world = world().await;
    for (stage, time) in &ORDER[..5] {
        fine(&world.tick(stage, time).await);
    }
    // The first day is transferred and not loaded; the second one is published.
    world.cloud.skip_until(at("2026-11-21T15:50:00Z"));
    assert!(world.run_until("2026-11-21T17:20:00Z").await.is_empty());
    let before = world.end_state("2026-11-22").await;
    fine(&world.cloud.tick("load", at("2026-11-20T17:30:00Z")).await.unwrap());
    let after = world.end_state("2026-11-22").await;
    for (name, rows) in before.iter().filter(|(name, _)| name.starts_with("rows of")) {
        assert_eq!(Some(rows), after.get(name), "{name}");
    }
    for (target, receipt) in world.receipts(DAY).await {
        assert_eq!(receipt.state, ReceiptState::Superseded, "{target}");
    }
}
