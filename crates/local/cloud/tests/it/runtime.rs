use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use landbridge_local::{Functions, InvocationOutcome, LocalError, RunEvent, Scheduler, TickRunner};
use landbridge_local_wire::Clock;
use serde_json::{Value, json};

use crate::a_function::{functions, spec};

async fn invoke(functions: &Functions, payload: Value) -> InvocationOutcome {
    functions.invoke("echo", &payload).await.unwrap()
}

async fn answer(functions: &Functions, payload: Value) -> Value {
    match invoke(functions, payload).await {
        InvocationOutcome::Response(value) => value,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_stays_warm() {
    let (_dir, functions) = functions();
    functions.define(spec("echo"));
    assert_eq!(answer(&functions, json!({"값": [1, "x"]})).await, json!({"값": [1, "x"]}));
    let first = answer(&functions, json!({"do": "who"})).await;
    let second = answer(&functions, json!({"do": "who"})).await;
    assert_eq!(first["pid"], second["pid"]);
    assert_ne!(first["request"], second["request"]);
    assert_eq!(first["arn"], "arn:aws:lambda:ap-northeast-2:123456789012:function:echo");
    let left = first["left_ms"].as_u64().unwrap();
    assert!((30_000..=60_000).contains(&left), "{left}");
    assert_eq!(functions.running().len(), 1);
    assert_eq!(functions.cold_starts().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn functions_inherit_no_variables() {
    let (_dir, functions) = functions();
    functions.define(spec("echo"));
    let variables = answer(&functions, json!({"do": "variables"})).await;
    let others: Vec<&str> = variables
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .filter(|name| !name.starts_with("AWS_LAMBDA_"))
        // Set by the runtime library itself, from the invocation's header.
        .filter(|name| *name != "_X_AMZN_TRACE_ID")
        .collect();
    assert_eq!(others, ["GIVEN"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_crashes_and_timeouts_are_distinguished() {
    let (_dir, functions) = functions();
    functions.define(spec("echo"));
    let before = answer(&functions, json!({"do": "who"})).await;
    let failed = InvocationOutcome::Error { kind: "Stop".into(), message: "no".into() };
    assert_eq!(invoke(&functions, json!({"do": "fail"})).await, failed);
    // A process stays warm after an error, but not after a crash.
    let between = answer(&functions, json!({"do": "who"})).await;
    assert_eq!(before["pid"], between["pid"]);
    assert_eq!(invoke(&functions, json!({"do": "abort"})).await, InvocationOutcome::Crashed);
    let after = answer(&functions, json!({"do": "who"})).await;
    assert_ne!(between["pid"], after["pid"]);

    let mut short = spec("echo");
    short.timeout = Duration::from_millis(400);
    functions.define(short);
    assert_eq!(invoke(&functions, json!({"do": "sleep"})).await, InvocationOutcome::TimedOut);
    // The killed process ends soon, and no other process runs.
    for _ in 0..200 {
        if functions.running().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("still running: {:?}", functions.running());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_never_polls_is_a_crash() {
    let (_dir, functions) = functions();
    let mut dying = spec("echo");
    dying.variables.insert("DIE_BEFORE_POLLING".into(), "1".into());
    functions.define(dying);
    assert_eq!(invoke(&functions, json!({})).await, InvocationOutcome::Crashed);

    let mut missing = spec("echo");
    missing.program = "/nowhere/bootstrap".into();
    functions.define(missing);
    let error = functions.invoke("echo", &json!({})).await.unwrap_err();
    assert!(matches!(error, LocalError::Start { .. }), "{error}");
    let error = functions.invoke("missing", &json!({})).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no function named `missing`");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_invocations_run_in_different_processes() {
    let (dir, functions) = functions();
    functions.define(spec("echo"));
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    // Each waits for the other, so one process for both would never return.
    let meet = |mine, theirs| json!({"do": "meet", "mine": path(mine), "theirs": path(theirs)});
    let (left, right) =
        tokio::join!(answer(&functions, meet("a", "b")), answer(&functions, meet("b", "a")),);
    assert_ne!(left["pid"], right["pid"]);
    assert_eq!(functions.running().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_all_ends_busy_and_idle_processes_at_once() {
    let (_dir, functions) = functions();
    functions.define(spec("echo"));
    functions.define(spec("idle"));
    functions.invoke("idle", &json!({})).await.unwrap();
    answer(&functions, json!({})).await;
    let busy = tokio::spawn({
        let functions = functions.clone();
        async move { invoke(&functions, json!({"do": "sleep"})).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(functions.kill_all(), 2);
    assert!(functions.running().is_empty());
    assert_eq!(busy.await.unwrap(), InvocationOutcome::Crashed);
    assert_eq!(answer(&functions, json!({"n": 1})).await, json!({"n": 1}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_output_of_a_function_is_logged() {
    let (_dir, functions) = functions();
    functions.define(spec("echo"));
    answer(&functions, json!({"do": "log"})).await;
    let lines = functions.logs("echo").unwrap();
    let structured = lines.iter().find(|line| line.message() == "structured").unwrap();
    assert_eq!(structured.level(), Some("INFO"));
    assert_eq!(structured.stream, "stdout");
    assert_eq!(structured.environment, 1);
    assert!(structured.request_id.is_some());
    assert_eq!(structured.at.to_string(), "2026-11-20T15:00:00Z");
    let plain = lines.iter().find(|line| line.stream == "stderr").unwrap();
    assert_eq!(plain.message(), "plain");
    // The last line of an invocation is Lambda's report.
    let report = lines.last().unwrap();
    assert_eq!((report.stream.as_str(), &report.request_id), ("platform", &structured.request_id));
    assert_eq!(report.line["record"]["metrics"]["memorySizeMB"], 512);
    #[cfg(target_os = "linux")]
    assert!(report.peak_memory_mib().is_some_and(|peak| (1..100).contains(&peak)), "{report:?}");
    assert_eq!(functions.logs("silent").unwrap(), []);
}

/// A directory with one schedule: every ten minutes, two retries.
fn schedules(dir: &Path, input: &Value) -> Scheduler {
    let schedule = json!({
        "function": "echo",
        "description": "A test.",
        "expression": "cron(0/10 * * * ? *)",
        "zone": "Asia/Seoul",
        "input": input,
        "retry": {"maximum_retry_attempts": 2, "maximum_event_age_seconds": 60},
    });
    let dir = dir.join("schedules");
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(dir.join("echo.json"), schedule.to_string()).unwrap();
    Scheduler::load(&dir, &BTreeMap::new()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ticks_are_invoked_at_their_time() {
    let (dir, functions) = functions();
    functions.define(spec("echo"));
    let scheduler = schedules(dir.path(), &json!({"at": "<aws.scheduler.scheduled-time>"}));
    let clock = Clock::new("2026-11-20T15:00:00Z".parse().unwrap());
    let runner = TickRunner::new(scheduler, functions, clock.clone(), None);
    let mut seen = Vec::new();
    let until = "2026-11-20T16:00:00Z".parse().unwrap();
    let summary = runner
        .run_until(until, &mut |event| match event {
            RunEvent::Hour(at) => seen.push(format!("hour {at}")),
            RunEvent::Started { .. } => {}
            RunEvent::Finished { tick, attempt, outcome, .. } => {
                let due = json!({"at": tick.scheduled_time.to_string()});
                assert_eq!(*outcome, InvocationOutcome::Response(due));
                seen.push(format!("{} {attempt} at {}", tick.scheduled_time, clock.now()));
            }
        })
        .await
        .unwrap();
    expect_test::expect![[r#"
        hour 2026-11-20T15:00:00Z
        2026-11-20T15:00:00Z 1 at 2026-11-20T15:00:00Z
        2026-11-20T15:10:00Z 1 at 2026-11-20T15:10:00Z
        2026-11-20T15:20:00Z 1 at 2026-11-20T15:20:00Z
        2026-11-20T15:30:00Z 1 at 2026-11-20T15:30:00Z
        2026-11-20T15:40:00Z 1 at 2026-11-20T15:40:00Z
        2026-11-20T15:50:00Z 1 at 2026-11-20T15:50:00Z
        hour 2026-11-20T16:00:00Z
        2026-11-20T16:00:00Z 1 at 2026-11-20T16:00:00Z
    "#]]
    .assert_eq(&(seen.join("\n") + "\n"));
    assert_eq!((summary.ticks, summary.invocations, summary.given_up.len()), (7, 7, 0));
    // Ticks are invoked once.
    let again = runner.run_until(until, &mut |_| panic!("nothing is due")).await.unwrap();
    assert_eq!(again.ticks, 0);
    // Ticks of a disabled scheduler are lost; overdue ticks are invoked late.
    runner.skip_until("2026-11-20T16:30:00Z".parse().unwrap());
    clock.advance_to("2026-11-20T17:00:00Z".parse().unwrap());
    let late = runner.run_until(clock.now(), &mut |_| {}).await.unwrap();
    assert_eq!((late.ticks, clock.now().to_string().as_str()), (3, "2026-11-20T17:00:00Z"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_tick_is_retried_and_then_given_up() {
    // (failures before the first success, invocations, ticks given up) of two ticks
    for (failures, invocations, given_up) in [(0, 2, 0), (2, 4, 0), (3, 4, 1), (6, 6, 2)] {
        let (dir, functions) = functions();
        functions.define(spec("echo"));
        let file = dir.path().join("left");
        std::fs::write(&file, failures.to_string()).unwrap();
        let scheduler = schedules(dir.path(), &json!({"do": "countdown", "file": file}));
        let clock = Clock::new("2026-11-20T15:00:00Z".parse().unwrap());
        let runner = TickRunner::new(scheduler, functions, clock, None);
        let until = "2026-11-20T15:10:00Z".parse().unwrap();
        let summary = runner.run_until(until, &mut |_| {}).await.unwrap();
        assert_eq!(
            (summary.ticks, summary.invocations, summary.given_up.len()),
            (2, invocations, given_up),
            "{failures} failures"
        );
    }
}
