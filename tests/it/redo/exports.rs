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
