//! Ordinary nights of a real account: the database is busy when a snapshot is due, an export takes
//! longer than its day, RDS refuses for a while. A day is late or not, and only what a person must do
//! is reported.

use std::collections::BTreeMap;

use landbridge_core::receipt::{NoteCode, ReceiptState};
use landbridge_local::InvocationOutcome;
use landbridge_local::Principal::PiiReader;
use landbridge_local_aws::DatabaseKind::Instance;
use landbridge_local_aws::{NewSnapshot, SnapshotType};

use crate::support::{TestEnv, TestEnvBuilder, at};

const FIRST: &str = "2026-11-21";
const SECOND: &str = "2026-11-22";
const THIRD: &str = "2026-11-23";

/// The hours of the own snapshots, as in their ids, in order.
fn hours(env: &TestEnv) -> Vec<String> {
    let ids = env.cloud.aws().snapshots().into_iter().map(|snapshot| snapshot.id);
    ids.filter_map(|id| id.strip_prefix("landbridge-shop-").map(str::to_owned)).collect()
}

fn busy(env: &TestEnv, status: &str, from: &str, until: &str) {
    env.cloud.aws().set_busy(Instance, "shop-prod", status, at(from)..at(until));
}

/// The texts of a function's alerts, without the one about a column that the contract lacks.
fn alerts(env: &TestEnv, function: &str) -> Vec<String> {
    let alerts = env.alerts(function);
    let text = |field: &serde_json::Value| field.as_str().unwrap_or_default().to_owned();
    let texts = alerts.iter().map(|alert| text(&alert["fields"]["message"]));
    texts.filter(|text| !text.starts_with("the source contains something")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missed_export_hour_is_exported_from_the_next_snapshot() {
    let env = TestEnvBuilder::small().build().await;
    // 00:50 to 02:05 in Seoul; the export hour is 01:00.
    busy(&env, "backing-up", "2026-11-20T15:50:00Z", "2026-11-20T17:05:00Z");
    assert!(env.run_day(0).await.is_empty(), "no tick fails");
    assert_eq!(
        hours(&env),
        ["20261120t1500z", "20261120t1700z", "20261120t1800z", "20261120t1900z", "20261120t2000z"]
    );
    let receipts = env.receipts(FIRST).await;
    assert_eq!(receipts.len(), 3);
    for (table, receipt) in receipts {
        assert_eq!(receipt.state, ReceiptState::Published, "{table}");
        assert_eq!(receipt.snapshot, "landbridge-shop-20261120t1700z", "{table}");
        assert!(receipt.snapshot_at.is_some_and(|taken| taken >= at("2026-11-20T17:20:00Z")));
        let late = receipt.notes.iter().filter(|note| note.code == NoteCode::LateSnapshot);
        assert_eq!(late.count(), 1, "{table}: {:?}", receipt.notes);
    }
    // Both are notices, each of them once.
    assert_eq!(
        alerts(&env, "snapshot"),
        ["an hour ends without a snapshot, because the database was busy"]
    );
    assert_eq!(
        alerts(&env, "export"),
        ["the export hour has no snapshot, so a later one is exported"]
    );
    assert_eq!(alerts(&env, "load"), [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_busy_for_minutes_is_no_event() {
    let env = TestEnvBuilder::small().build().await;
    busy(&env, "modifying", "2026-11-20T15:59:00Z", "2026-11-20T16:15:00Z");
    assert!(env.run_until("2026-11-20T16:10:00Z").await.is_empty());
    let InvocationOutcome::Response(outcome) = env.tick("snapshot", "2026-11-20T16:10:00Z").await
    else {
        panic!("the tick should not fail");
    };
    assert_eq!(outcome["progress"], "waiting", "{outcome}");
    assert!(outcome["message"].as_str().unwrap().contains("modifying"), "{outcome}");
    assert!(env.run_day(0).await.is_empty());
    assert!(env.receipts(FIRST).await.values().all(|it| it.snapshot.ends_with("t1600z")));
    for function in ["snapshot", "export", "load"] {
        assert_eq!(alerts(&env, function), [] as [&str; 0], "{function}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_has_the_name_of_the_hour_in_which_it_is_taken() {
    let env = TestEnvBuilder::small().build().await;
    // The event of 01:00 is delivered at 02:10.
    env.cloud.clock().advance_to(at("2026-11-20T17:10:00Z"));
    let outcome = env.cloud.tick("snapshot", at("2026-11-20T16:00:00Z")).await.unwrap();
    assert!(outcome.is_response(), "{outcome:?}");
    assert_eq!(hours(&env), ["20261120t1700z"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missed_snapshot_of_a_slower_cadence_is_taken_in_a_later_hour() {
    let mut builder = TestEnvBuilder::small();
    builder.config = builder.config.replace("  hourly: 48", "  every_hours: 6\n  hourly: 48");
    let env = builder.build().await;
    // 01:00, 07:00, 13:00 and 19:00 in Seoul; the database is busy at 07:00.
    busy(&env, "maintenance", "2026-11-20T21:50:00Z", "2026-11-20T23:10:00Z");
    // From 00:00 to 06:40 and from 07:00 to 13:40 in Seoul.
    for hour in 15..29 {
        for minute in [0, 20, 40] {
            let time =
                at("2026-11-20T00:00:00Z") + jiff::SignedDuration::from_mins(hour * 60 + minute);
            assert!(env.tick("snapshot", &time.to_string()).await.is_response());
        }
    }
    // That of 19:00 the day before is missing, because more than three hours have passed since. That
    // of 07:00 was taken at 08:20.
    assert_eq!(hours(&env), ["20261120t1600z", "20261120t2300z", "20261121t0400z"]);
}

/// The state of a day's export and its end in the ledger.
async fn day_is_recorded(env: &TestEnv, day: &str) -> bool {
    !env.ledger(&format!("{day}/day.json")).await.is_empty()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_ends_after_the_last_tick_is_loaded_the_next_night() {
    let env = TestEnvBuilder::small().build().await;
    // From 01:00 to 06:00 in Seoul; the last tick is at 04:55.
    env.cloud.aws().set_export_minutes(5 * 60);
    assert!(env.run_day(0).await.is_empty());
    assert!(env.receipts(FIRST).await.is_empty());
    assert_eq!(alerts(&env, "load"), ["the day is not published by its deadline"]);

    // The next night: the second export takes as long, so the first day's data is the newest.
    env.cloud.skip_until(at("2026-11-21T15:30:00Z"));
    assert!(env.run_day(1).await.is_empty());
    let receipts = env.receipts(FIRST).await;
    assert_eq!(receipts.len(), 3);
    assert!(receipts.values().all(|it| it.state == ReceiptState::Published), "{receipts:#?}");
    assert!(day_is_recorded(&env, FIRST).await);
    assert!(env.receipts(SECOND).await.is_empty());
    // Both days missed their deadline, and each says so once.
    assert_eq!(alerts(&env, "load").len(), 2);
    assert_eq!(alerts(&env, "export"), [] as [&str; 0]);

    // The third night: today's export is fast, so the second day is superseded.
    env.cloud.aws().set_export_minutes(22);
    env.cloud.skip_until(at("2026-11-22T15:30:00Z"));
    assert!(env.run_day(2).await.is_empty());
    let receipts = env.receipts(THIRD).await;
    assert!(receipts.values().all(|it| it.state == ReceiptState::Published), "{receipts:#?}");
    assert_eq!(receipts.len(), 3);
    assert!(env.receipts(SECOND).await.is_empty());
    let rows = "SELECT id, name, email FROM shop.people ORDER BY id";
    let before = env.query(PiiReader, rows).await.unwrap();

    // A tick of the second day, started by hand, replaces nothing.
    for stage in ["export", "transfer", "load", "load"] {
        let outcome = env.cloud.tick(stage, at("2026-11-21T19:00:00Z")).await.unwrap();
        assert!(outcome.is_response(), "{stage}: {outcome:?}");
    }
    let receipts = env.receipts(SECOND).await;
    assert_eq!(receipts.len(), 3);
    assert!(receipts.values().all(|it| it.state == ReceiptState::Superseded), "{receipts:#?}");
    assert_eq!(env.query(PiiReader, rows).await.unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_automated_snapshot_can_be_exported() {
    let mut builder = TestEnvBuilder::small();
    builder.config =
        builder.config.replace("  hourly: 48", "  use: automated\n  every_hours: 0\n  hourly: 48");
    builder.backup_minutes = Some(10);
    let env = builder.build().await;
    // The backup window begins at 02:12 in Seoul.
    assert!(env.run_day(0).await.is_empty());
    let receipts = env.receipts(FIRST).await;
    assert_eq!(receipts.len(), 3);
    for (table, receipt) in receipts {
        assert_eq!(receipt.state, ReceiptState::Published, "{table}");
        assert_eq!(receipt.snapshot, "rds:shop-prod-2026-11-20-17-12", "{table}");
        assert!(receipt.notes.iter().all(|note| note.code != NoteCode::LateSnapshot));
    }
    assert!(hours(&env).is_empty(), "no own snapshots: {:?}", hours(&env));
    // The next day is exported from the next automated snapshot, not from the same one again.
    env.cloud.skip_until(at("2026-11-21T15:30:00Z"));
    assert!(env.run_day(1).await.is_empty());
    let receipts = env.receipts(SECOND).await;
    assert_eq!(receipts.len(), 3);
    assert!(
        receipts.values().all(|it| it.snapshot == "rds:shop-prod-2026-11-21-17-12"),
        "{receipts:#?}"
    );
    for function in ["snapshot", "export", "load"] {
        assert_eq!(alerts(&env, function), [] as [&str; 0], "{function}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_export_is_reported_at_the_third_tick() {
    let env = TestEnvBuilder::small().build().await;
    // Which code RDS returns for a sixth task is not documented.
    let aws = env.cloud.aws();
    aws.refuse_action("StartExportTask", "ExportTaskQuotaFault", "at most 5 tasks can run");
    assert!(env.run_until("2026-11-20T16:25:00Z").await.is_empty());
    assert_eq!(alerts(&env, "export"), [] as [&str; 0]);
    // The snapshot was available at 01:10: the third refusal is that of 01:30.
    assert!(env.run_until("2026-11-20T16:55:00Z").await.is_empty());
    assert_eq!(alerts(&env, "export"), ["RDS refuses to start the day's export"]);
    assert!(env.log_output().contains("at most 5 tasks can run"));
    aws.allow_action("StartExportTask");
    assert!(env.run_day(0).await.is_empty());
    let receipts = env.receipts(FIRST).await;
    assert!(receipts.values().all(|it| it.state == ReceiptState::Published), "{receipts:#?}");
    assert_eq!(receipts.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn magnetic_storage_is_reported_as_a_setting_to_correct() {
    let env = TestEnvBuilder::small().build().await;
    env.cloud.aws().update_settings(Instance, "shop-prod", |settings| {
        settings.storage_type = "standard".to_owned();
    });
    assert!(env.tick("snapshot", "2026-11-20T16:00:00Z").await.is_response());
    let outcome = env.tick("export", "2026-11-20T16:10:00Z").await;
    let InvocationOutcome::Error { kind, message } = outcome else { panic!("{outcome:?}") };
    assert_eq!(kind, "Config");
    assert!(message.contains("magnetic") && message.contains("gp3"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_taken_when_the_export_tasks_cannot_be_listed() {
    let env = TestEnvBuilder::small().build().await;
    env.cloud.aws().deny_action("DescribeExportTasks", "not authorized");
    let outcome = env.tick("snapshot", "2026-11-20T16:00:00Z").await;
    assert!(matches!(&outcome, InvocationOutcome::Error { kind, .. } if kind == "Denied"));
    assert_eq!(hours(&env), ["20261120t1600z"]);
}

/// Adds snapshots that a person took.
async fn add_others(env: &TestEnv, numbers: std::ops::Range<usize>) {
    for n in numbers {
        let snapshot = NewSnapshot {
            kind: Instance,
            id: format!("before-release-{n}"),
            database: "shop-prod".to_owned(),
            snapshot_type: SnapshotType::Manual,
            created: at("2026-11-20T16:00:00Z"),
            tags: BTreeMap::new(),
            with_data: false,
        };
        env.cloud.aws().add_snapshot(snapshot).await.unwrap();
    }
}

/// A person takes more and more snapshots. Each step is reported once, before anything is lost by it,
/// and the hour has its snapshot until the account has no place.
#[tokio::test(flavor = "multi_thread")]
async fn a_quota_that_becomes_too_small_is_reported_before_snapshots_are_deleted() {
    let mut builder = TestEnvBuilder::small();
    builder.config = builder.config.replace("quota: 100", "quota: 500");
    let env = builder.build().await;
    env.cloud.aws().set_snapshot_quota(100);
    let tick = async |hour: i64| {
        let time = at("2026-11-20T16:00:00Z") + jiff::SignedDuration::from_hours(hour);
        env.cloud.clock().advance_to(time);
        assert!(env.tick("snapshot", &time.to_string()).await.is_response());
    };
    tick(0).await;
    assert!(alerts(&env, "snapshot").is_empty());

    // RDS reports a quota of 100: 38 places for the ladder of 62.
    add_others(&env, 0..52).await;
    tick(1).await;
    tick(2).await;
    assert_eq!(alerts(&env, "snapshot"), ["snapshots will be deleted earlier than configured"]);

    // The snapshots between the day's export and the newest make room for the ten reserved places.
    add_others(&env, 52..94).await;
    tick(3).await;
    let cut = "snapshots are deleted earlier than configured, the hourly ones first";
    assert_eq!(alerts(&env, "snapshot")[1..], [cut]);
    assert_eq!(hours(&env), ["20261120t1600z", "20261120t1900z"]);
    // People use the reserve. The hour still has its snapshot, in the place of the one before.
    add_others(&env, 94..98).await;
    tick(4).await;
    tick(5).await;
    assert_eq!(hours(&env), ["20261120t1600z", "20261120t2100z"]);
    assert_eq!(env.cloud.aws().snapshots().len(), 100);
    // Without a place, the newest snapshot stays.
    add_others(&env, 98..99).await;
    tick(6).await;
    assert_eq!(alerts(&env, "snapshot")[2..], ["this hour has no snapshot"]);
    assert_eq!(hours(&env), ["20261120t1600z", "20261120t2100z"]);
}

/// A snapshot that RDS failed to take is that of no hour: the same hour gets another one if RDS deletes
/// the failed one, else the next hour has its own and a person is asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_snapshot_is_taken_again() {
    let env = TestEnvBuilder::small().build().await;
    let aws = env.cloud.aws();
    let id = "landbridge-shop-20261120t1600z";
    assert!(env.tick("snapshot", "2026-11-20T16:00:00Z").await.is_response());
    assert!(aws.set_snapshot_failed(Instance, id));
    // RDS refuses to delete it.
    assert!(env.tick("snapshot", "2026-11-20T16:20:00Z").await.is_response());
    assert_eq!(alerts(&env, "snapshot"), ["RDS failed to take the snapshot of an hour"]);
    assert_eq!(hours(&env), ["20261120t1600z"]);
    assert!(aws.snapshots().iter().all(|it| it.status == "failed"));
    // RDS deletes it.
    aws.delete_failed_snapshots(true);
    assert!(env.tick("snapshot", "2026-11-20T16:40:00Z").await.is_response());
    assert_eq!(hours(&env), ["20261120t1600z"]);
    assert!(aws.snapshots().iter().all(|it| it.status == "creating"));
    assert!(env.tick("snapshot", "2026-11-20T17:00:00Z").await.is_response());
    assert_eq!(hours(&env), ["20261120t1600z", "20261120t1700z"]);
}
