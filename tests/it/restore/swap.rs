//! Exchanging names, and undoing it; clusters and their members.

use landbridge_local_database::Engine;

use super::*;
use crate::support::small_database;

const RESTORE: [&str; 5] = ["restore", "--latest", "--as", "shop-restored", "--yes"];
const SWAP: [&str; 5] = ["restore", "--as", "shop-restored", "--swap", "--yes"];
const UNDO: [&str; 6] = ["restore", "--as", "shop-restored", "--swap", "--undo", "--yes"];

/// The resource ids, which a rename does not change, by name.
async fn ids(world: &World) -> BTreeMap<String, String> {
    let page = sdk(world).describe_db_instances().send().await.expect("instances");
    let pair = |it: &aws_sdk_rds::types::DbInstance| {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        (text(it.db_instance_identifier()), text(it.dbi_resource_id()))
    };
    page.db_instances().iter().map(pair).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_its_repetition_and_its_undoing() {
    let world = world().await;
    assert_eq!(run(&world, &RESTORE).await.code, 0);
    let before = ids(&world).await;
    let dry = run(&world, &[&SWAP[..], &["--dry-run"]].concat()).await;
    assert!(dry.out.contains("1. shop-prod → shop-prod-replaced"), "{}", dry.out);
    assert!(dry.out.contains("2. shop-restored → shop-prod"), "{}", dry.out);
    assert_eq!(ids(&world).await, before);
    run(&world, &SWAP[..4]).await.fails(2, &["--yes"]);

    assert_eq!(run(&world, &SWAP).await.code, 0);
    let swapped = ids(&world).await;
    assert_eq!(swapped["shop-prod"], before["shop-restored"]);
    assert_eq!(swapped["shop-prod-replaced"], before["shop-prod"]);
    // A second run has nothing to do.
    let again = run(&world, &SWAP).await;
    assert_eq!((again.code, again.out.contains("nothing is left")), (0, true), "{}", again.err);
    assert_eq!(ids(&world).await, swapped);
    // The hourly snapshots continue, of the database that has the name now.
    snapshot(&world, "2026-11-21T06:00:00Z").await;

    assert_eq!(run(&world, &UNDO).await.code, 0);
    assert_eq!(ids(&world).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_swap_can_be_finished_or_undone() {
    let world = world().await;
    assert_eq!(run(&world, &RESTORE).await.code, 0);
    let before = ids(&world).await;
    let aws = world.cloud.aws();
    let renaming = |id: &'static str| {
        move || {
            aws.describe_database(DatabaseKind::Instance, id)
                .is_some_and(|(_, status)| status == "renaming")
        }
    };
    interrupt_when(&world, &SWAP, renaming("shop-prod")).await;
    // The first rename completes in RDS; then the swap is undone.
    assert_eq!(run(&world, &UNDO).await.code, 0);
    assert_eq!(ids(&world).await, before);
    interrupt_when(&world, &SWAP, renaming("shop-prod")).await;
    assert_eq!(run(&world, &SWAP).await.code, 0);
    assert_eq!(ids(&world).await["shop-prod"], before["shop-restored"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unavailable_or_foreign_database_is_not_renamed() {
    let world = world().await;
    run(&world, &SWAP).await.fails(1, &["no restored database"]);
    assert_eq!(run(&world, &RESTORE).await.code, 0);
    let before = ids(&world).await;
    assert!(world.cloud.aws().set_database_status(
        DatabaseKind::Instance,
        SOURCE,
        "storage-optimization"
    ));
    run(&world, &SWAP).await.fails(1, &["storage-optimization", "nothing was changed"]);
    assert!(world.cloud.aws().set_database_status(DatabaseKind::Instance, SOURCE, "available"));
    assert_eq!(ids(&world).await, before);
    let arn = "arn:aws:rds:ap-northeast-2:123456789012:db:shop-restored";
    assert!(world.cloud.aws().remove_tag(arn, "landbridge:restored-as"));
    run(&world, &SWAP).await.fails(1, &["not restored by Landbridge"]);
    assert_eq!(ids(&world).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_restored_with_its_members() {
    let mut recipe = Recipe::small();
    recipe.start = at(NOON);
    recipe.config = recipe.config.replace("kind: instance", "kind: cluster");
    recipe.source = std::sync::Arc::new(small_database());
    assert_eq!(recipe.source.engine(), Engine::postgres("16.4"));
    let world = recipe.build().await;
    let aws = world.cloud.aws();
    let reader = sdk(&world).create_db_instance().db_instance_identifier("shop-prod-reader");
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
        it.log_exports = ["postgresql".to_owned()].into();
        it.copy_tags = true;
    }));
    world.cloud.clock().advance_to(at(NOON) + SignedDuration::from_mins(20));
    snapshot(&world, "2026-11-21T04:00:00Z").await;
    let args = [&RESTORE[..], &["--output", "json"]].concat();
    let said = run(&world, &args).await.json();
    assert_eq!(said["outcome"]["not_as_planned"], serde_json::json!([]));
    // The member of the lowest tier is created first and becomes the writer.
    let members = said["outcome"]["members"].clone();
    assert_eq!(members, serde_json::json!(["shop-restored-reader", "shop-restored-instance-1"]));
    let of = |kind, id: &str| settings_of(&world, kind, id);
    assert_eq!(of(DatabaseKind::Cluster, "shop-restored"), of(DatabaseKind::Cluster, SOURCE));
    let reader = of(DatabaseKind::Instance, "shop-restored-reader");
    let mut expected = of(DatabaseKind::Instance, "shop-prod-reader");
    expected.public = false;
    assert_eq!((&*reader.class, &*reader.parameter_group), ("db.r6g.large", "shop-reader"));
    assert_eq!((reader.class, reader.public, reader.promotion_tier), (expected.class, false, 0));

    assert_eq!(run(&world, &SWAP).await.code, 0);
    let names = ids(&world).await.into_keys().collect::<Vec<_>>();
    let swapped = ["instance-1", "reader", "replaced-instance-1", "replaced-reader"];
    assert_eq!(names, swapped.map(|end| format!("shop-prod-{end}")));
    let undone = run(&world, &UNDO).await;
    assert_eq!(undone.code, 0, "{}", undone.err);
    let names = ids(&world).await.into_keys().collect::<Vec<_>>();
    let both = ["prod-instance-1", "prod-reader", "restored-instance-1", "restored-reader"];
    assert_eq!(names, both.map(|end| format!("shop-{end}")));
}
