//! Refusals and interruptions. Each ends in one clear message; the same command continues when
//! the fault is removed; the source is unchanged.

use super::*;

const ARGS: [&str; 7] =
    ["restore", "--latest", "--as", "shop-restored", "--yes", "--output", "json"];

fn there(world: &World, id: &str) -> Option<String> {
    world.cloud.aws().describe_database(DatabaseKind::Instance, id).map(|(_, status)| status)
}

/// The command fails with this code and these `parts`; after `mend` the same command succeeds.
async fn mended(world: &World, code: i32, parts: &[&str], mend: impl FnOnce(&World)) {
    let before = source(world);
    run(world, &ARGS).await.fails(code, parts);
    assert_eq!(source(world), before, "the source is untouched");
    assert_eq!(there(world, "shop-restored"), None);
    mend(world);
    run(world, &ARGS).await.json();
    assert_eq!(there(world, "shop-restored").as_deref(), Some("available"));
    assert_eq!(source(world), before, "the source is untouched");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_quota_is_full() {
    let world = world().await;
    world.cloud.aws().set_database_quota(1);
    let parts = ["InstanceQuotaExceeded", "raise the quota", "run the same command again"];
    mended(&world, 1, &parts, |world| world.cloud.aws().set_database_quota(40)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rds_throttles() {
    let world = world().await;
    // More than the client's own retries.
    world.cloud.aws().throttle_next_requests(40);
    let parts = ["Throttling", "run the same command again"];
    mended(&world, 1, &parts, |world| world.cloud.aws().throttle_next_requests(0)).await;
    // Throttling while the command waits is retried.
    let args = ["restore", "--latest", "--as", "second", "--yes"];
    let mut child = command(&world, &args).spawn().expect("the command");
    while there(&world, "second").is_none() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    world.cloud.aws().throttle_next_requests(6);
    let status = while_time_passes(&world, child.wait()).await.expect("an end");
    assert_eq!(status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_permission() {
    let world = world().await;
    let action = "RestoreDBInstanceFromDBSnapshot";
    world
        .cloud
        .aws()
        .deny_action(action, "not authorized to perform: rds:RestoreDBInstanceFromDBSnapshot");
    let parts = ["not authorized", "grant the right"];
    mended(&world, 3, &parts, |world| world.cloud.aws().allow_action(action)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_snapshot_is_being_deleted() {
    let world = world().await;
    let first = world.cloud.aws().snapshots()[0].id.clone();
    let second = snapshot(&world, "2026-11-21T04:00:00Z").await;
    assert!(world.cloud.aws().set_snapshot_deleting(DatabaseKind::Instance, &second));
    let named = ["restore", "--snapshot", &second, "--as", "shop-restored", "--yes"];
    let before = source(&world);
    run(&world, &named).await.fails(1, &[&second, "deleting"]);
    assert_eq!(there(&world, "shop-restored"), None);
    // A restore to a time uses the newest snapshot that can be restored and reports those it passed
    // over.
    let said = run(&world, &ARGS).await.json();
    assert_eq!(said["plan"]["origin"]["snapshot"], *first);
    assert!(said["remarks"].to_string().contains("is passed over: it is deleting"), "{said}");
    assert_eq!(source(&world), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_name_is_taken() {
    let world = world().await;
    let before = source(&world);
    let sdk = sdk(&world);
    let call = sdk.create_db_instance().db_instance_identifier("shop-restored").engine("postgres");
    call.db_instance_class("db.t4g.micro").send().await.expect("another owner's database");
    let theirs = settings_of(&world, DatabaseKind::Instance, "shop-restored");
    run(&world, &ARGS).await.fails(1, &["shop-restored is taken", "--as"]);
    assert_eq!(settings_of(&world, DatabaseKind::Instance, "shop-restored"), theirs);
    run(&world, &["restore", "--latest", "--as", SOURCE, "--yes"]).await.fails(2, &["--swap"]);
    assert_eq!(source(&world), before);

    // A restored database from another snapshot is not taken for this restore.
    run(&world, &["restore", "--latest", "--as", "other", "--yes"]).await.json_or_text();
    let second = snapshot(&world, "2026-11-21T04:00:00Z").await;
    let args = ["restore", "--snapshot", &second, "--as", "other", "--yes"];
    run(&world, &args).await.fails(1, &["other is there already, restored from"]);
}

impl Said {
    fn json_or_text(&self) {
        assert_eq!(self.code, 0, "{}", self.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_restore_is_continued_by_the_same_command() {
    let world = world().await;
    let aws = world.cloud.aws();
    aws.update_settings(DatabaseKind::Instance, SOURCE, |it| {
        it.maintenance_window = "tue:19:00-tue:19:30".into();
        it.deletion_protection = true;
    });
    snapshot(&world, "2026-11-21T04:00:00Z").await;
    let before = source(&world);
    // The clock stands still: the command is interrupted while the restored instance is created.
    let is = |status: &'static str| {
        let aws = aws.clone();
        move || {
            let seen = aws.describe_database(DatabaseKind::Instance, "shop-restored");
            seen.is_some_and(|(_, seen)| seen == status)
        }
    };
    interrupt_when(&world, &ARGS, is("creating")).await;
    // Between the restore and the changes that only a modification can make.
    let clock = world.cloud.clock();
    while !is("available")() {
        clock.advance_to(clock.now() + SignedDuration::from_mins(1));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let half = settings_of(&world, DatabaseKind::Instance, "shop-restored");
    assert_ne!(half.maintenance_window, "tue:19:00-tue:19:30", "the settings are not complete yet");
    interrupt_when(&world, &ARGS, is("modifying")).await;
    // Newer snapshots do not change the result of the same command.
    snapshot(&world, "2026-11-21T05:00:00Z").await;
    let said = run(&world, &ARGS).await.json();
    assert_eq!(said["plan"]["origin"]["snapshot"], "landbridge-shop-20261121t0400z");
    let mut whole = settings_of(&world, DatabaseKind::Instance, "shop-restored");
    assert!(!whole.public);
    whole.public = before.0.public;
    assert_eq!(whole, before.0);
    assert_eq!(source(&world), before);
    // A second run changes nothing.
    run(&world, &ARGS).await.json();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_response_may_have_been_a_success() {
    use landbridge_local_wire::{CallFault, CallFaultKind};
    // The first calls of the command: reading, starting the restore, reading again. Each takes
    // effect, and its response is lost.
    for call in 1..=8 {
        let world = world().await;
        world
            .cloud
            .calls()
            .inject_fault(CallFault { call_number: call, kind: CallFaultKind::DropResponse });
        run(&world, &ARGS).await.json();
        assert!(world.cloud.calls().fault_fired(), "call {call}");
        assert_eq!(there(&world, "shop-restored").as_deref(), Some("available"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_snapshot_to_restore_from() {
    let mut recipe = Recipe::small();
    recipe.start = at(NOON);
    let world = recipe.build().await;
    run(&world, &ARGS).await.fails(1, &["no restore point"]);
    let at = ["restore", "--at", "14:00", "--as", "x", "--yes"];
    run(&world, &at).await.fails(2, &["not an instant such as"]);
    let unknown = ["restore", "--snapshot", "nobody", "--as", "x", "--yes"];
    run(&world, &unknown).await.fails(1, &["no snapshot of that name"]);
    let day = ["restore", "--from-receipt", "2026-11-21", "--as", "x", "--yes"];
    run(&world, &day).await.fails(1, &["no receipts of 2026-11-21"]);
    run(&world, &["snapshots"]).await.fails(1, &["there is no snapshot"]);
}
