//! Another export of a day, if exports fail: of a day that has none yet, and of one that has a good one.

use super::*;

/// Makes the next three exports fail: every attempt of a day, or of a request.
fn fail_every_attempt(env: &TestEnv) {
    for _ in 0..3 {
        env.cloud.aws().fail_next_export("the service stumbled");
    }
}

/// The attempts of the export tasks, in order: `21-a1` is the first one of the 21st.
fn attempts(env: &TestEnv) -> Vec<String> {
    let ids = env.cloud.aws().exports().into_iter().map(|export| export.id);
    ids.map(|id| id.trim_start_matches("landbridge-shop-202611").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_whose_attempts_have_all_failed_is_exported_again_on_the_same_day() {
    let mut builder = TestEnvBuilder::small();
    builder.retries = Some(0);
    let env = builder.build().await;
    fail_every_attempt(&env);
    env.run_day(0).await;
    assert_eq!(attempts(&env), ["21-a1", "21-a2", "21-a3"]);
    let text = format!("{:?}", env.alerts("export"));
    assert!(text.contains("every attempt to export the day failed"), "{text}");

    let refused = ["is not complete", "`--export` begins with new ones"];
    is_refused(&env, &[FIRST, "--yes"], 1, &refused).await;
    succeeds(&env, &[FIRST, "--export", "--yes"], &["Request 1 for 2026-11-21"]);
    ticks(&env, "2026-11-20T20:30:00Z", &["export", "export"]).await;
    assert_eq!(attempts(&env), ["21-a1", "21-a2", "21-a3", "21-a4"]);
    ticks(&env, "2026-11-20T21:30:00Z", &["export", "transfer", "load", "load", "export"]).await;
    let receipts = env.receipts(FIRST).await;
    assert_eq!(receipts.len(), 3);
    for (table, receipt) in &receipts {
        assert_eq!((receipt.state, receipt.redo), (ReceiptState::Published, 1), "{table}");
        assert!(receipt.export.ends_with("-a4"), "{table}: {}", receipt.export);
    }
    assert!(!env.ledger(&format!("redo/{FIRST}/001-done.json")).await.is_empty());

    // The next day exports its own snapshot only.
    assert!(env.run_day(1).await.is_empty());
    assert_eq!(attempts(&env), ["21-a1", "21-a2", "21-a3", "21-a4", "22-a1"]);
}

/// A published day with a requested export, whose last attempt has failed: the next tick refuses the request.
async fn before_the_refusal() -> TestEnv {
    let env = published().await;
    fail_every_attempt(&env);
    succeeds(&env, &[FIRST, "--export", "--yes"], &["Request 1 for 2026-11-21"]);
    for time in ["2026-11-20T20:30:00Z", "2026-11-20T21:00:00Z", "2026-11-20T21:30:00Z"] {
        ticks(&env, time, &["export"]).await;
    }
    assert_eq!(attempts(&env), ["21-a1", "21-a2", "21-a3", "21-a4"]);
    env
}

/// Asserts that the request was refused after its attempts, and that the first export counts.
async fn assert_refused(env: &TestEnv, case: &str) {
    let done = json(env, &format!("redo/{FIRST}/001-done.json")).await;
    let why = done["refused"].as_str().expect("a reason");
    assert!(why.contains("every attempt to export the day failed"), "{case}: {why}");
    let export = json(env, &format!("{FIRST}/export.json")).await;
    assert_eq!(export["complete"], true, "{case}: {export}");
    assert_eq!(export["export"], "landbridge-shop-20261121-a1", "{case}");
    assert!(export["before"].is_null() && export["ended_at"].is_string(), "{case}: {export}");
    assert_eq!(attempts(env), ["21-a1", "21-a2", "21-a3", "21-a4"], "{case}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_refused_export_the_one_before_it_counts_and_the_next_request_has_new_attempts() {
    let env = before_the_refusal().await;
    let rows = seen(&env).await;
    ticks(&env, "2026-11-20T22:00:00Z", &["export", "export", "transfer", "load"]).await;
    assert_refused(&env, "").await;
    assert!(env.receipts(FIRST).await.values().all(|it| it.redo == 0));
    let alerts = env.alerts("export");
    let said = alerts.iter().filter(|it| it.to_string().contains("cannot be done again")).count();
    assert_eq!(said, 1, "{alerts:#?}");

    // The good export can be loaded again.
    succeeds(&env, &[FIRST, "--yes"], &["export    none", "Request 2 for 2026-11-21"]);
    ticks(&env, "2026-11-20T22:30:00Z", &["transfer", "load"]).await;
    let receipts = env.receipts(FIRST).await;
    assert!(receipts.values().all(|it| it.redo == 2 && it.export.ends_with("-a1")));

    // Another request does not meet the tasks that failed.
    succeeds(&env, &[FIRST, "--export", "--yes"], &["Request 3 for 2026-11-21"]);
    ticks(&env, "2026-11-20T23:00:00Z", &["export"]).await;
    assert_eq!(attempts(&env), ["21-a1", "21-a2", "21-a3", "21-a4", "21-a5"]);
    ticks(&env, "2026-11-20T23:40:00Z", &["export", "transfer", "load", "export"]).await;
    let receipts = env.receipts(FIRST).await;
    assert!(receipts.values().all(|it| it.redo == 3 && it.export.ends_with("-a5")));
    let export = json(&env, &format!("{FIRST}/export.json")).await;
    assert!(export["before"].is_null() && export["refused"].is_null(), "{export}");
    assert_eq!(seen(&env).await, rows);
}

/// The process dies at a call of the refusal, or the answer is lost: the next ticks refuse the request, and
/// no attempt is started.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_survives_a_crash_between_its_records() {
    let env = before_the_refusal().await;
    env.cloud.calls().clear_fault();
    ticks(&env, "2026-11-20T22:00:00Z", &["export"]).await;
    let calls = env.cloud.calls().count();
    assert_refused(&env, "undisturbed").await;

    let kinds = [CallFaultKind::KillCaller, CallFaultKind::DropResponse].into_iter().cycle();
    // The last calls write the record of the export, the alert and the end of the request.
    for (number, kind) in (calls.saturating_sub(7).max(1)..calls).zip(kinds) {
        let case = format!("call {number} of {calls}, {kind:?}");
        let env = before_the_refusal().await;
        env.cloud.calls().inject_fault(CallFault { call_number: number, kind });
        for minute in [0, 10, 20] {
            env.tick("export", &format!("2026-11-20T22:{minute:02}:00Z")).await;
        }
        assert!(env.cloud.calls().fault_fired(), "{case}");
        assert_refused(&env, &case).await;
    }
}
