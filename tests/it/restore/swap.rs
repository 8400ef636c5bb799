//! Exchanging names, and undoing it; clusters and their members.

use landbridge_local_database::Engine;

use super::*;
use crate::support::small_database;

const RESTORE: [&str; 5] = ["restore", "--latest", "--as", "shop-restored", "--yes"];
const SWAP: [&str; 5] = ["restore", "--as", "shop-restored", "--swap", "--yes"];
const UNDO: [&str; 6] = ["restore", "--as", "shop-restored", "--swap", "--undo", "--yes"];

/// The resource ids, which a rename does not change, by name.
async fn resource_ids(env: &TestEnv) -> BTreeMap<String, String> {
    let page = sdk(env).describe_db_instances().send().await.expect("instances");
    let pair = |it: &aws_sdk_rds::types::DbInstance| {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        (text(it.db_instance_identifier()), text(it.dbi_resource_id()))
    };
    page.db_instances().iter().map(pair).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_its_repetition_and_its_undoing() {
    let env = start_env().await;
    assert_eq!(run(&env, &RESTORE).await.code, 0);
    let before = resource_ids(&env).await;
    let dry = run(&env, &[&SWAP[..], &["--dry-run"]].concat()).await;
    assert!(dry.out.contains("1. shop-prod → shop-prod-replaced"), "{}", dry.out);
    assert!(dry.out.contains("2. shop-restored → shop-prod"), "{}", dry.out);
    assert_eq!(resource_ids(&env).await, before);
    run(&env, &SWAP[..4]).await.assert_fails(2, &["--yes"]);

    assert_eq!(run(&env, &SWAP).await.code, 0);
    let swapped = resource_ids(&env).await;
    assert_eq!(swapped["shop-prod"], before["shop-restored"]);
    assert_eq!(swapped["shop-prod-replaced"], before["shop-prod"]);
    // A second run has nothing to do.
    let second = run(&env, &SWAP).await;
    assert_eq!(
        (second.code, second.out.contains("nothing to rename")),
        (0, true),
        "{}",
        second.err
    );
    assert_eq!(resource_ids(&env).await, swapped);
    // The hourly snapshots continue, of the database that has the name now.
    snapshot(&env, "2026-11-21T06:00:00Z").await;

    assert_eq!(run(&env, &UNDO).await.code, 0);
    assert_eq!(resource_ids(&env).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_swap_can_be_finished_or_undone() {
    let env = start_env().await;
    assert_eq!(run(&env, &RESTORE).await.code, 0);
    let before = resource_ids(&env).await;
    let aws = env.cloud.aws();
    let renaming = |id: &'static str| {
        move || {
            aws.describe_database(DatabaseKind::Instance, id)
                .is_some_and(|(_, status)| status == "renaming")
        }
    };
    interrupt_when(&env, &SWAP, renaming("shop-prod")).await;
    // The first rename completes in RDS; then the swap is undone.
    assert_eq!(run(&env, &UNDO).await.code, 0);
    assert_eq!(resource_ids(&env).await, before);
    interrupt_when(&env, &SWAP, renaming("shop-prod")).await;
    assert_eq!(run(&env, &SWAP).await.code, 0);
    assert_eq!(resource_ids(&env).await["shop-prod"], before["shop-restored"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unavailable_or_foreign_database_is_not_renamed() {
    let env = start_env().await;
    run(&env, &SWAP).await.assert_fails(1, &["no restored database"]);
    assert_eq!(run(&env, &RESTORE).await.code, 0);
    let before = resource_ids(&env).await;
    assert!(env.cloud.aws().set_database_status(
        DatabaseKind::Instance,
        SOURCE,
        "storage-optimization"
    ));
    run(&env, &SWAP).await.assert_fails(1, &["storage-optimization", "this run renamed nothing"]);
    assert!(env.cloud.aws().set_database_status(DatabaseKind::Instance, SOURCE, "available"));
    assert_eq!(resource_ids(&env).await, before);
    let arn = "arn:aws:rds:ap-northeast-2:123456789012:db:shop-restored";
    assert!(env.cloud.aws().remove_tag(arn, "landbridge:restored-as"));
    run(&env, &SWAP).await.assert_fails(1, &["not restored by Landbridge"]);
    assert_eq!(resource_ids(&env).await, before);
}

/// RDS reports `available` after a restore or a rename and then makes a backup.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_and_a_swap_wait_when_a_backup_begins() {
    let env = start_env().await;
    let aws = env.cloud.aws();
    aws.update_settings(DatabaseKind::Instance, SOURCE, |it| it.max_storage_gb = Some(100));
    let args = ["restore", "--snapshot", &snapshot(&env, "2026-11-21T04:00:00Z").await];
    let args = [&args[..], &["--as", "shop-restored", "--yes"]].concat();
    aws.refuse_next_changes(2);
    let restored = run(&env, &args).await;
    assert_eq!(restored.code, 0, "{}", restored.err);
    assert!(restored.err.contains("busy again"), "{}", restored.err);
    let before = resource_ids(&env).await;

    // While the source is renamed, the restored database becomes busy. Then the second rename waits.
    let mut swap = command(&env, &SWAP).spawn().expect("the command");
    let status = |id: &str| aws.describe_database(DatabaseKind::Instance, id).map(|it| it.1);
    while status(SOURCE).as_deref() != Some("renaming") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(aws.set_database_status(DatabaseKind::Instance, "shop-restored", "backing-up"));
    let later = async {
        while status("shop-prod-replaced").as_deref() != Some("available") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        aws.refuse_next_changes(1);
        aws.set_database_status(DatabaseKind::Instance, "shop-restored", "available");
        swap.wait().await.expect("an end")
    };
    assert!(while_time_passes(&env, later).await.success());
    assert_eq!(resource_ids(&env).await["shop-prod"], before["shop-restored"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_restored_with_its_members() {
    let mut builder = TestEnvBuilder::small();
    builder.start = at(NOON);
    builder.config = builder.config.replace("kind: instance", "kind: cluster");
    builder.source = std::sync::Arc::new(small_database());
    assert_eq!(builder.source.engine(), Engine::postgres("16.4"));
    let env = builder.build().await;
    let aws = env.cloud.aws();
    let reader = sdk(&env).create_db_instance().db_instance_identifier("shop-prod-reader");
    let reader = reader.db_cluster_identifier(SOURCE).engine("aurora-postgresql");
    let reader = reader.db_instance_class("db.r6g.large").promotion_tier(0);
    reader.db_parameter_group_name("shop-reader").send().await.expect("a member");
    assert!(aws.update_settings(DatabaseKind::Cluster, SOURCE, |it| {
        it.subnet_group = "shop-private".into();
        it.parameter_group = "shop-cluster".into();
        it.security_groups = ["sg-app".to_owned()].into();
        it.iam_authentication = true;
        it.deletion_protection = true;
        it.backup_days = 14;
        it.maintenance_window = "tue:19:00-tue:19:30".into();
        it.serverless = Some(("0.5".into(), "8.0".into()));
        it.auto_pause_seconds = Some(1_800);
        it.log_exports = ["postgresql".to_owned()].into();
        it.copy_tags = true;
    }));
    env.cloud.clock().advance_to(at(NOON) + SignedDuration::from_mins(20));
    snapshot(&env, "2026-11-21T04:00:00Z").await;
    let args = [&RESTORE[..], &["--output", "json"]].concat();
    let output = run(&env, &args).await.json();
    assert_eq!(output["outcome"]["not_as_planned"], serde_json::json!([]));
    // The member of the lowest tier is created first and becomes the writer.
    let members = output["outcome"]["members"].clone();
    assert_eq!(members, serde_json::json!(["shop-restored-reader", "shop-restored-instance-1"]));
    let of = |kind, id: &str| settings_of(&env, kind, id);
    assert_eq!(of(DatabaseKind::Cluster, "shop-restored"), of(DatabaseKind::Cluster, SOURCE));
    let reader = of(DatabaseKind::Instance, "shop-restored-reader");
    let mut expected = of(DatabaseKind::Instance, "shop-prod-reader");
    expected.public = false;
    assert_eq!((&*reader.class, &*reader.parameter_group), ("db.r6g.large", "shop-reader"));
    assert_eq!((reader.class, reader.public, reader.promotion_tier), (expected.class, false, 0));

    assert_eq!(run(&env, &SWAP).await.code, 0);
    let names = resource_ids(&env).await.into_keys().collect::<Vec<_>>();
    let swapped = ["instance-1", "reader", "replaced-instance-1", "replaced-reader"];
    assert_eq!(names, swapped.map(|end| format!("shop-prod-{end}")));
    let undone = run(&env, &UNDO).await;
    assert_eq!(undone.code, 0, "{}", undone.err);
    let names = resource_ids(&env).await.into_keys().collect::<Vec<_>>();
    let expected = ["prod-instance-1", "prod-reader", "restored-instance-1", "restored-reader"];
    assert_eq!(names, expected.map(|end| format!("shop-{end}")));
}
