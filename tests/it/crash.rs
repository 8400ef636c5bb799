//! The pipeline survives any crash.
//!
//! One day runs undisturbed, and its external calls are counted: n. Then, for each k in
//! 1..=n, the day runs twice more: in one run the process dies right after call k took
//! effect; in the other, call k takes effect and its response is lost. The ticks continue,
//! and the end state must equal that of the undisturbed day.
//!
//! `make test` takes every twelfth k, `make crash` all of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use landbridge_local::RunEvent;
use landbridge_local_aws::{DatabaseKind, NewSnapshot, SnapshotType};
use landbridge_local_wire::{CallFault, CallFaultKind};
use tokio::sync::Semaphore;

use crate::support::{TestEnv, TestEnvBuilder, Ticks, at};

/// Ten minutes before the export hour in Seoul.
const START: &str = "2026-11-20T15:50:00Z";
/// Twenty-five minutes after the transfer begins: enough ticks for the delay that a crash causes, also
/// for the views, which follow the load every ten minutes.
const END: &str = "2026-11-20T17:25:00Z";
const DAY: &str = "2026-11-21";
/// Days that run concurrently: each is a handful of processes that mostly wait.
const AT_ONCE: usize = 4;
/// Of so many calls, one is disturbed, unless LANDBRIDGE_CRASH_STEP has another number.
const SAMPLE: usize = 12;
/// The same with workers: most calls are the same as on a day without them.
const SAMPLE_WITH_WORKERS: usize = 200;
/// Twenty-five minutes after the visibility timeout of the messages that a dead worker had in the first tick.
const END_WITH_WORKERS: &str = "2026-11-20T18:00:00Z";

/// The columns that the contract makes readable.
pub const OPEN: [&str; 10] = [
    "people.id",
    "people_history.id",
    "orders.id",
    "orders.person_id",
    "orders.paid",
    "orders.weight",
    "orders.placed_at",
    "orders.card",
    "nothing.id",
    "nothing.note",
];

/// A local cloud with snapshots that must be pruned, and snapshots that must not.
async fn start_env(with_workers: bool) -> TestEnv {
    let mut builder = TestEnvBuilder::small().with_views();
    if with_workers {
        builder = builder.with_workers();
    }
    builder.start = at(START);
    builder.ticks = Ticks::OfStages;
    // A small retention ladder, so that this day's ticks delete snapshots.
    builder.config = builder
        .config
        .replace("hourly: 48", "hourly: 3")
        .replace("daily: 14", "daily: 1")
        .replace("weekly: 4", "weekly: 1")
        + "\ntables:\n  public.people: { history: { days: 30 } }\n";
    let env = builder.build().await;
    let our_tag = [("landbridge:source", "shop")];
    let keep = [("landbridge:source", "shop"), ("landbridge:keep", "release")];
    let snapshots: [(&str, &[(&str, &str)]); 6] = [
        ("landbridge-shop-20261120t1100z", &our_tag),
        ("landbridge-shop-20261120t1200z", &our_tag),
        ("landbridge-shop-20261120t1300z", &keep),
        ("landbridge-shop-20261120t1400z", &our_tag),
        ("landbridge-shop-20261120t1500z", &our_tag),
        ("before-the-release", &[]),
    ];
    for (id, tags) in snapshots {
        let snapshot = NewSnapshot {
            kind: DatabaseKind::Instance,
            id: id.to_owned(),
            database: "shop-prod".to_owned(),
            snapshot_type: SnapshotType::Manual,
            created: at(START),
            tags: tags
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            with_data: false,
        };
        env.cloud.aws().add_snapshot(snapshot).await.expect("a snapshot");
    }
    env
}

/// Runs the day and looks for exposed columns after every tick.
async fn run_watched_day(env: &TestEnv, end: &str) -> Result<BTreeMap<String, String>, String> {
    let mut exposed = Vec::new();
    let mut on_event = |event: &RunEvent| {
        if matches!(event, RunEvent::Finished { .. }) {
            exposed.extend(env.exposed_columns(&OPEN));
        }
    };
    env.cloud.run_until(at(end), &mut on_event).await.map_err(|error| error.to_string())?;
    if exposed.is_empty() {
        Ok(env.end_state(DAY).await)
    } else {
        Err(format!("exposed columns: {exposed:?}"))
    }
}

/// The differences between `run` and `undisturbed`, a few lines each.
fn difference(
    undisturbed: &BTreeMap<String, String>,
    run: &BTreeMap<String, String>,
) -> Option<String> {
    let keys = undisturbed.keys().chain(run.keys());
    let lines: Vec<String> = keys
        .filter(|key| undisturbed.get(*key) != run.get(*key))
        .map(|key| {
            format!(
                "{key}\n  undisturbed: {:?}\n  this run: {:?}",
                undisturbed.get(key),
                run.get(key)
            )
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_crash_is_survived() {
    disturb(false, END, SAMPLE).await;
}

/// The same with workers that carry the objects. What a dead worker had comes back after half an hour.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_crash_of_a_day_by_workers_is_survived() {
    disturb(true, END_WITH_WORKERS, SAMPLE_WITH_WORKERS).await;
}

async fn disturb(with_workers: bool, end: &'static str, sample: usize) {
    let undisturbed_env = start_env(with_workers).await;
    undisturbed_env.cloud.calls().start_recording();
    undisturbed_env.cloud.calls().clear_fault();
    let undisturbed = run_watched_day(&undisturbed_env, end).await.expect("an undisturbed day");
    let calls = undisturbed_env.cloud.calls().recorded_calls();
    let n = undisturbed_env.cloud.calls().count();
    assert_eq!(n, calls.len());
    let by_workers = undisturbed_env.cloud.logs("transfer-item").expect("the workers' log");
    assert_eq!(!by_workers.is_empty(), with_workers, "{by_workers:#?}");
    assert!(undisturbed.contains_key("rows of shop.people"), "{undisturbed:#?}");
    assert!(undisturbed.contains_key("rows of shop.people_history"), "{undisturbed:#?}");
    assert!(undisturbed["view people"].contains("Rows as of 2026-11-21."), "{undisturbed:#?}");
    assert!(
        !undisturbed["snapshots"].contains("t1200z")
            && !undisturbed["snapshots"].contains("t1400z"),
        "the undisturbed day prunes snapshots: {}",
        undisturbed["snapshots"]
    );
    assert!(
        undisturbed["snapshots"].contains("t1300z")
            && undisturbed["snapshots"].contains("before-the-release")
    );

    let step: usize = std::env::var("LANDBRIDGE_CRASH_STEP")
        .ok()
        .and_then(|step| step.parse().ok())
        .unwrap_or(sample);
    let (undisturbed, calls) = (Arc::new(undisturbed), Arc::new(calls));
    let gate = Arc::new(Semaphore::new(AT_ONCE));
    let passed = Arc::new(AtomicUsize::new(0));
    let mut runs = tokio::task::JoinSet::new();
    // Of a day by workers, each call of the queue is disturbed.
    let is_disturbed = |k: &usize| k % step == 1 % step || calls[k - 1].server == "sqs";
    for k in (1..=n).filter(is_disturbed).collect::<Vec<_>>() {
        for kind in [CallFaultKind::KillCaller, CallFaultKind::DropResponse] {
            let (undisturbed, calls, gate, passed) =
                (undisturbed.clone(), calls.clone(), gate.clone(), passed.clone());
            runs.spawn(async move {
                let _permit = gate.acquire_owned().await.expect("a gate");
                let env = start_env(with_workers).await;
                env.cloud.calls().inject_fault(CallFault { call_number: k, kind });
                let name = format!(
                    "call {k} of {n} ({} {}), {kind:?}",
                    calls[k - 1].server,
                    calls[k - 1].request
                );
                let verdict = match run_watched_day(&env, end).await {
                    Err(error) => Some(error),
                    Ok(_) if !env.cloud.calls().fault_fired() => {
                        Some("the fault did not happen".to_owned())
                    }
                    Ok(state) => difference(&undisturbed, &state),
                };
                match verdict {
                    None => {
                        passed.fetch_add(1, Ordering::SeqCst);
                        None
                    }
                    Some(why) => Some(format!("{name}\n{why}")),
                }
            });
        }
    }
    let total = runs.len();
    let mut failed = Vec::new();
    while let Some(run) = runs.join_next().await {
        failed.extend(run.expect("a run that does not panic"));
    }
    println!(
        "n = {n} external calls; {} of {total} disturbed days ended like the undisturbed one",
        passed.load(Ordering::SeqCst)
    );
    failed.truncate(5);
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}
