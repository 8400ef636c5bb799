//! Refusals and interruptions. Each ends in one clear message; the same command continues when
//! the fault is removed; the source is unchanged.

use super::*;

const ARGS: [&str; 7] =
    ["restore", "--latest", "--as", "shop-restored", "--yes", "--output", "json"];

fn status_of(env: &TestEnv, id: &str) -> Option<String> {
    env.cloud.aws().describe_database(DatabaseKind::Instance, id).map(|(_, status)| status)
}

/// The command fails with this code and these `parts`; after `repair` the same command succeeds.
async fn fails_until_repaired(
    env: &TestEnv,
    code: i32,
    parts: &[&str],
    repair: impl FnOnce(&TestEnv),
) {
    let before = source_state(env);
    run(env, &ARGS).await.assert_fails(code, parts);
    assert_eq!(source_state(env), before, "the source is untouched");
    assert_eq!(status_of(env, "shop-restored"), None);
    repair(env);
    run(env, &ARGS).await.json();
    assert_eq!(status_of(env, "shop-restored").as_deref(), Some("available"));
    assert_eq!(source_state(env), before, "the source is untouched");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_quota_is_full() {
    let env = start_env().await;
    env.cloud.aws().set_database_quota(1);
    let parts = ["InstanceQuotaExceeded", "raise the quota", "run the same command again"];
    fails_until_repaired(&env, 1, &parts, |env| env.cloud.aws().set_database_quota(40)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rds_throttles() {
    let env = start_env().await;
    // More than the client's own retries.
    env.cloud.aws().throttle_next_requests(40);
    let parts = ["Throttling", "run the same command again"];
    fails_until_repaired(&env, 1, &parts, |env| env.cloud.aws().throttle_next_requests(0)).await;
    // Throttling while the command waits is retried.
    let args = ["restore", "--latest", "--as", "second", "--yes"];
    let mut child = command(&env, &args).spawn().expect("the command");
    while status_of(&env, "second").is_none() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    env.cloud.aws().throttle_next_requests(6);
    let status = while_time_passes(&env, child.wait()).await.expect("an end");
    assert_eq!(status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_permission() {
    let env = start_env().await;
    let action = "RestoreDBInstanceFromDBSnapshot";
    env.cloud
        .aws()
        .deny_action(action, "not authorized to perform: rds:RestoreDBInstanceFromDBSnapshot");
    let parts = ["not authorized", "grant the missing permission"];
    fails_until_repaired(&env, 3, &parts, |env| env.cloud.aws().allow_action(action)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_snapshot_is_being_deleted() {
    let env = start_env().await;
    let first = env.cloud.aws().snapshots()[0].id.clone();
    let second = snapshot(&env, "2026-11-21T04:00:00Z").await;
    assert!(env.cloud.aws().set_snapshot_deleting(DatabaseKind::Instance, &second));
    let named = ["restore", "--snapshot", &second, "--as", "shop-restored", "--yes"];
    let before = source_state(&env);
    run(&env, &named).await.assert_fails(1, &[&second, "deleting"]);
    assert_eq!(status_of(&env, "shop-restored"), None);
    // A restore to a time uses the newest snapshot that can be restored and reports those it passed
    // over.
    let output = run(&env, &ARGS).await.json();
    assert_eq!(output["plan"]["origin"]["snapshot"], *first);
    assert!(
        output["remarks"].to_string().contains("is skipped: its status is deleting"),
        "{output}"
    );
    assert_eq!(source_state(&env), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_name_is_taken() {
    let env = start_env().await;
    let before = source_state(&env);
    let sdk = sdk(&env);
    let call = sdk.create_db_instance().db_instance_identifier("shop-restored").engine("postgres");
    call.db_instance_class("db.t4g.micro").send().await.expect("another owner's database");
    let foreign_settings = settings_of(&env, DatabaseKind::Instance, "shop-restored");
    run(&env, &ARGS).await.assert_fails(1, &["shop-restored is taken", "--as"]);
    assert_eq!(settings_of(&env, DatabaseKind::Instance, "shop-restored"), foreign_settings);
    run(&env, &["restore", "--latest", "--as", SOURCE, "--yes"]).await.assert_fails(2, &["--swap"]);
    assert_eq!(source_state(&env), before);

    // A restored database from another snapshot is not taken for this restore.
    run(&env, &["restore", "--latest", "--as", "other", "--yes"]).await.assert_success();
    let second = snapshot(&env, "2026-11-21T04:00:00Z").await;
    let args = ["restore", "--snapshot", &second, "--as", "other", "--yes"];
    run(&env, &args).await.assert_fails(1, &["other already exists, restored from"]);
}

impl CommandOutput {
    fn assert_success(&self) {
        assert_eq!(self.code, 0, "{}", self.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_restore_is_continued_by_the_same_command() {
    let env = start_env().await;
    let aws = env.cloud.aws();
    aws.update_settings(DatabaseKind::Instance, SOURCE, |it| {
        it.maintenance_window = "tue:19:00-tue:19:30".into();
        it.deletion_protection = true;
    });
    snapshot(&env, "2026-11-21T04:00:00Z").await;
    let before = source_state(&env);
    // The clock stands still: the command is interrupted while the restored instance is created.
    let has_status = |status: &'static str| {
        let aws = aws.clone();
        move || {
            let seen = aws.describe_database(DatabaseKind::Instance, "shop-restored");
            seen.is_some_and(|(_, seen)| seen == status)
        }
    };
    interrupt_when(&env, &ARGS, has_status("creating")).await;
    // Between the restore and the changes that only a modification can make.
    let clock = env.cloud.clock();
    while !has_status("available")() {
        clock.advance_to(clock.now() + SignedDuration::from_mins(1));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let partial = settings_of(&env, DatabaseKind::Instance, "shop-restored");
    assert_ne!(
        partial.maintenance_window, "tue:19:00-tue:19:30",
        "the settings are not complete yet"
    );
    interrupt_when(&env, &ARGS, has_status("modifying")).await;
    // Newer snapshots do not change the result of the same command.
    snapshot(&env, "2026-11-21T05:00:00Z").await;
    let output = run(&env, &ARGS).await.json();
    assert_eq!(output["plan"]["origin"]["snapshot"], "landbridge-shop-20261121t0400z");
    let mut restored = settings_of(&env, DatabaseKind::Instance, "shop-restored");
    assert!(!restored.public);
    restored.public = before.0.public;
    assert_eq!(restored, before.0);
    assert_eq!(source_state(&env), before);
    // A second run changes nothing.
    run(&env, &ARGS).await.json();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_response_may_have_been_a_success() {
    use landbridge_local_wire::{CallFault, CallFaultKind};
    // The first calls of the command: reading, starting the restore, reading again. Each takes
    // effect, and its response is lost.
    for call in 1..=8 {
        let env = start_env().await;
        env.cloud
            .calls()
            .inject_fault(CallFault { call_number: call, kind: CallFaultKind::DropResponse });
        run(&env, &ARGS).await.json();
        assert!(env.cloud.calls().fault_fired(), "call {call}");
        assert_eq!(status_of(&env, "shop-restored").as_deref(), Some("available"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_snapshot_to_restore_from() {
    let mut builder = TestEnvBuilder::small();
    builder.start = at(NOON);
    let env = builder.build().await;
    run(&env, &ARGS).await.assert_fails(1, &["no restore point"]);
    let at = ["restore", "--at", "14:00", "--as", "x", "--yes"];
    run(&env, &at).await.assert_fails(2, &["must be a date and time"]);
    let unknown = ["restore", "--snapshot", "no-such-snapshot", "--as", "x", "--yes"];
    run(&env, &unknown).await.assert_fails(1, &["no snapshot of that name"]);
    let day = ["restore", "--from-receipt", "2026-11-21", "--as", "x", "--yes"];
    run(&env, &day).await.assert_fails(1, &["no receipts of 2026-11-21"]);
    run(&env, &["snapshots"]).await.assert_fails(1, &["there is no snapshot"]);
}
