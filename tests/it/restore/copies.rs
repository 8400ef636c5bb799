//! Restored copies: what `status` says of them, two operators at once, copies that must not act, and copies
//! of another database than the one that has the name now.

use super::swap::{RESTORE, SWAP};
use super::*;

/// Two operators start the same restore at the same time: both wait for the same database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_operators_who_restore_the_same_point_both_succeed() {
    let env = start_env().await;
    env.cloud.aws().update_settings(DatabaseKind::Instance, SOURCE, |it| {
        it.maintenance_window = "tue:19:00-tue:19:30".into();
        it.deletion_protection = true;
        it.max_storage_gb = Some(100);
    });
    snapshot(&env, "2026-11-21T04:00:00Z").await;
    let start = || command(&env, &RESTORE).spawn().expect("the command").wait_with_output();
    let both = async { tokio::join!(start(), start()) };
    let (one, other) = while_time_passes(&env, both).await;
    for output in [one.expect("an end"), other.expect("an end")] {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{said}");
    }
    let mut restored = settings_of(&env, DatabaseKind::Instance, "shop-restored");
    assert!(!restored.public);
    restored.public = true;
    assert_eq!(restored, settings_of(&env, DatabaseKind::Instance, SOURCE));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_lists_copies_that_exist_and_restores_that_run() {
    let env = start_env().await;
    let aws = env.cloud.aws();
    let status = async || run(&env, &["status", "--output", "json"]).await.json()["copies"].clone();
    assert_eq!(status().await, serde_json::json!([]));
    let exists = |id: &'static str| {
        let aws = aws.clone();
        move || aws.describe_database(DatabaseKind::Instance, id).is_some()
    };
    kill_drill(&env).await;
    interrupt_when(&env, &RESTORE, exists("shop-restored")).await;
    // At once: while a command runs, virtual time passes, and the restore ends.
    let text = run(&env, &["status"]).await.out;
    assert!(text.contains("shop-restored is creating, created 2026-11-21 12:"), "{text}");
    assert!(text.contains("landbridge drill --clean-up"), "{text}");
    let copies = status().await;
    let seen: Vec<_> = copies
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| (it["id"].as_str().unwrap(), it["restored_from"].as_str().unwrap()))
        .collect();
    let from = "landbridge-shop-20261121t0300z";
    assert_eq!(seen, [("shop-prod-drill", from), ("shop-restored", from)]);

    assert_eq!(run(&env, &["drill", "--clean-up"]).await.code, 0);
    assert_eq!(run(&env, &RESTORE).await.code, 0);
    assert_eq!(run(&env, &SWAP).await.code, 0);
    let copies = status().await;
    assert_eq!(copies.as_array().map(Vec::len), Some(1), "{copies}");
    assert_eq!(copies[0]["id"], "shop-prod-replaced");
    assert!(copies[0]["next"].to_string().contains("the original of a swap"), "{copies}");

    // A snapshot from before the swap is of another database.
    let args = ["restore", "--snapshot", from, "--as", "shop-second", "--dry-run"];
    let plan = run(&env, &[&args[..], &["--output", "json"]].concat()).await.json();
    let remarks = plan["remarks"].to_string();
    assert!(
        remarks.contains("another database than the one that is called shop-prod now"),
        "{remarks}"
    );
    let list = run(&env, &["snapshots"]).await.out;
    assert!(list.contains("landbridge (another database)"), "{list}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_counts_the_snapshots_that_are_kept_longer_than_the_hourly_ones() {
    let mut builder = TestEnvBuilder::small();
    builder.start = at(NOON);
    builder.config = builder.config.replace("hourly: 48", "hourly: 2");
    let env = builder.build().await;
    let first = snapshot(&env, NOON).await;
    assert_eq!(run(&env, &["pin", &first]).await.code, 0);
    for hour in 4..8 {
        snapshot(&env, &format!("2026-11-21T{hour:02}:00:00Z")).await;
    }
    let points = run(&env, &["status", "--output", "json"]).await.json()["restore_points"].clone();
    let counts = ["available", "by_landbridge", "hourly", "kept_longer", "pinned"];
    let counts = counts.map(|it| points[it].as_u64().expect(it));
    assert_eq!(counts[0], counts[1]);
    assert_eq!(counts[2..], [2, counts[1] - 2, 1], "{points}");
    assert!(counts[1] > 2, "{points}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_can_be_restored_into_groups_of_its_own() {
    let env = start_env().await;
    let plan = run(&env, &[&RESTORE[..], &["--dry-run"]].concat()).await;
    assert!(
        plan.out.contains("cron.launch_active_jobs"),
        "the plan says that copies act: {}",
        plan.out
    );
    let groups = ["--parameter-group", "shop-quiet", "--subnet-group", "drills"];
    let security = ["--security-group", "sg-1", "--security-group", "sg-2"];
    let args = [&RESTORE[..], &groups, &security].concat();
    let restored = run(&env, &args).await;
    assert_eq!(restored.code, 0, "{}", restored.err);
    assert!(!restored.out.contains("cron.launch_active_jobs"), "{}", restored.out);
    let it = settings_of(&env, DatabaseKind::Instance, "shop-restored");
    assert_eq!((&*it.parameter_group, &*it.subnet_group), ("shop-quiet", "drills"));
    assert_eq!(it.security_groups, ["sg-1".to_owned(), "sg-2".to_owned()].into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_in_the_future_is_not_taken_for_the_newest_snapshot() {
    let env = start_env().await;
    let args = ["restore", "--at", "2026-11-21 23:00", "--as", "shop-restored"];
    let refused = run(&env, &[&args[..], &["--yes"]].concat()).await;
    refused.assert_fails(2, &["2026-11-21 23:00 KST is in the future", "--latest"]);
    assert!(env.cloud.aws().describe_database(DatabaseKind::Instance, "shop-restored").is_none());
    let plan = run(&env, &[&args[..], &["--dry-run"]].concat()).await;
    assert_eq!(plan.code, 0, "{}", plan.err);
    assert!(plan.out.contains("is in the future"), "{}", plan.out);
    // In the zone in which it was asked.
    let args = ["snapshots", "--at", "2026-11-20 01:00", "--zone", "America/New_York"];
    run(&env, &args)
        .await
        .assert_fails(1, &["2026-11-20 01:00:00 EST", "taken at 2026-11-20 22:0"]);
}
