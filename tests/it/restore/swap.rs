//! Exchanging names, and undoing it.

use super::*;

pub(super) const RESTORE: [&str; 5] = ["restore", "--latest", "--as", "shop-restored", "--yes"];
pub(super) const SWAP: [&str; 5] = ["restore", "--as", "shop-restored", "--swap", "--yes"];
pub(super) const UNDO: [&str; 6] =
    ["restore", "--as", "shop-restored", "--swap", "--undo", "--yes"];

/// The resource ids of instances, which a rename does not change, by name.
pub(super) async fn resource_ids(env: &TestEnv) -> BTreeMap<String, String> {
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
    let said = interrupt_when(&env, &SWAP, renaming("shop-prod")).await;
    let next = "To continue it: landbridge restore --as shop-restored --swap --yes";
    assert!(said.contains(next), "{said}");
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

/// The database of a drill will be deleted: it does not become the source.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_of_a_drill_is_not_swapped() {
    let env = start_env().await;
    kill_drill(&env).await;
    let before = resource_ids(&env).await;
    let swap = ["restore", "--as", "shop-prod-drill", "--swap", "--yes"];
    run(&env, &swap).await.assert_fails(1, &["belongs to a drill", "this run renamed nothing"]);
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
