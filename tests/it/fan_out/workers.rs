//! Workers that die, do not run, are refused or have no time; a queue that may not be used.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::SignedDuration;
use landbridge_local_wire::{Admission, ArrivedCall, CallObserver};

use super::{
    DAY, FAILED, OBJECTS, QUEUE, alerts, assert_same, exported, finish, handed, recorded, small,
    tick, undisturbed,
};
use crate::support::TestEnv;

/// Kills all processes at the first upload of bytes, before it takes effect.
struct DiesDuringUpload {
    kill: Box<dyn Fn() + Send + Sync>,
    done: AtomicBool,
}

impl CallObserver for DiesDuringUpload {
    fn before(&self, call: ArrivedCall) -> BoxFuture<'static, Admission> {
        let is_upload = call.server == "storage" && call.request.starts_with("PUT ");
        if !is_upload || self.done.swap(true, Ordering::SeqCst) {
            return async { Admission::Proceed }.boxed();
        }
        (self.kill)();
        async { Admission::Drop }.boxed()
    }
}

fn advance(env: &TestEnv, minutes: i64) {
    let clock = env.cloud.clock();
    clock.advance_to(clock.now() + SignedDuration::from_mins(minutes));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_dies_during_an_upload_leaves_its_objects_to_the_next() {
    let env = exported(small().with_workers()).await;
    tick(&env, "transfer", "17:05").await;
    let dies = Arc::new(DiesDuringUpload {
        kill: Box::new(env.cloud.functions().kill_hook()),
        done: AtomicBool::new(false),
    });
    env.cloud.calls().set_observer(dies.clone());
    let drained = env.cloud.drain_queue().await.expect("workers");
    assert!(dies.done.load(Ordering::SeqCst), "no upload was seen");
    assert!(drained.failed > 0, "{drained:?}");
    let (progress, message) = tick(&env, "transfer", "17:10").await;
    assert!(progress == "partial" && message.contains("workers have "), "{message}");
    assert_eq!(handed(&env).await["sent"], OBJECTS, "what is in flight is not sent again");
    // After the visibility timeout, six times the timeout of the function, they come back.
    advance(&env, 29);
    let drained = env.cloud.drain_queue().await.expect("workers");
    assert!(drained.deleted > 0 && drained.failed == 0, "{drained:?}");
    finish(&env, 40).await;
    assert_same(&env.end_state(DAY).await, &undisturbed().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_workers_the_transfer_carries_the_objects_after_twenty_minutes() {
    let env = exported(small().with_workers()).await;
    env.cloud.event_source().expect("a mapping").set_enabled(false);
    for minute in ["05", "10", "15", "20"] {
        let (_, message) = tick(&env, "transfer", &format!("17:{minute}")).await;
        assert!(message.contains("workers have 3"), "{message}");
    }
    const STALLED: &str = "workers do not take objects from the queue";
    assert!(recorded(&env).await.is_empty() && alerts(&env, STALLED).is_empty());
    let (progress, message) = tick(&env, "transfer", "17:25").await;
    assert_eq!(progress, "done", "{message}");
    assert_eq!(alerts(&env, STALLED), ["transfer"]);
    // The workers come too late: there is nothing to do.
    env.cloud.event_source().expect("a mapping").set_enabled(true);
    let before = env.landing_objects();
    let drained = env.cloud.drain_queue().await.expect("workers");
    assert_eq!((drained.deleted, drained.failed), (OBJECTS, 0), "{drained:?}");
    assert_eq!(env.landing_objects(), before);
    finish(&env, 30).await;
    assert_same(&env.end_state(DAY).await, &undisturbed().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_cannot_be_used_costs_no_day() {
    let env = exported(small().with_workers()).await;
    env.cloud.aws().deny_queues(true);
    let (progress, message) = tick(&env, "transfer", "17:05").await;
    assert_eq!(progress, "done", "{message}");
    assert_eq!(alerts(&env, "the queue of workers cannot be used"), ["transfer"]);
    assert!(env.log_output().contains("sqs:GetQueueUrl"), "the alert names the right");
    finish(&env, 10).await;
    assert_same(&env.end_state(DAY).await, &undisturbed().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_is_held_is_held_in_the_same_way() {
    let mut ends = Vec::new();
    for builder in [small(), small().with_workers()] {
        let env = exported(builder).await;
        // The day began with another token key.
        let (aws, bucket) = (env.cloud.aws(), &env.cloud.config().export.bucket);
        let key = format!("ledger/shop/{DAY}/token-key.json");
        let record = bytes::Bytes::from_static(br#"{"id": "another"}"#);
        aws.put_object(bucket, &key, record).await.expect("a record");
        finish(&env, 5).await;
        finish(&env, 25).await;
        let receipts = env.receipts(DAY).await.into_values();
        let state = receipts.map(|it| (it.source_table, it.state, it.problem.map(|it| it.what)));
        ends.push(state.collect::<Vec<_>>());
        assert_eq!(env.cloud.aws().queue_counts(FAILED).map_or(0, |it| it.visible), 0);
    }
    assert_eq!(ends[0], ends[1]);
    assert!(ends[0].iter().any(|it| it.2.is_some()), "{ends:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_without_time_gives_its_messages_back_and_a_strange_message_ends_with_the_failed_ones()
 {
    let env = exported(small().with_workers()).await;
    tick(&env, "transfer", "17:05").await;
    // The function reserves five seconds: none are left.
    env.cloud.functions().set_timeout(Duration::from_secs(5));
    let drained = env.cloud.drain_queue().await.expect("workers");
    assert_eq!(drained.deleted, 0, "{drained:?}");
    let failed = env.cloud.aws().queue_counts(FAILED).expect("a queue").visible;
    assert_eq!(failed, OBJECTS, "after twelve receives");
    assert!(env.landing_objects().is_empty());
    env.cloud.functions().set_timeout(Duration::from_secs(300));
    // The transfer sends them again.
    tick(&env, "transfer", "17:10").await;
    env.cloud.aws().send_to_queue(QUEUE, "not a message of ours");
    let drained = env.cloud.drain_queue().await.expect("workers");
    assert_eq!((drained.deleted, drained.failed), (OBJECTS, 1), "{drained:?}");
    assert_eq!(recorded(&env).await.len(), OBJECTS);
    for _ in 0..12 {
        advance(&env, 16);
        env.cloud.drain_queue().await.expect("workers");
    }
    assert_eq!(env.cloud.aws().queue_counts(FAILED).expect("a queue").visible, OBJECTS + 1);
    assert_eq!(env.cloud.aws().queue_counts(QUEUE).expect("a queue"), Default::default());
}
