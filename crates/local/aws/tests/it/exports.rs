//! Export tasks: their progress, objects and errors.

use std::collections::BTreeMap;

use aws_sdk_rds::operation::start_export_task::builders::StartExportTaskFluentBuilder;
use aws_sdk_rds::types::ExportTask;
use landbridge_local_aws::{AwsOptions, DatabaseKind, NewSnapshot, SnapshotType};
use landbridge_local_database::{ExportQuirks, MemoryTable};

use crate::account::{Account, BUCKET, KEY, ROLE, error_of};

fn start(account: &Account, id: &str, arn: &str) -> StartExportTaskFluentBuilder {
    let call = account.rds.start_export_task().export_task_identifier(id).source_arn(arn);
    call.s3_bucket_name(BUCKET).s3_prefix("raw").iam_role_arn(ROLE).kms_key_id(KEY)
}

async fn describe(account: &Account, id: &str) -> ExportTask {
    let found = account.rds.describe_export_tasks().export_task_identifier(id).send().await;
    found.expect("the task is described").export_tasks()[0].clone()
}

async fn keys(account: &Account, prefix: &str) -> Vec<String> {
    let objects = account.aws.list_objects(BUCKET, prefix).await;
    objects.into_iter().map(|object| object.key).collect()
}

#[tokio::test]
async fn an_export_progresses_and_completes() {
    let account = Account::start().await;
    let arn = account.create_snapshot("shop-1").await;
    // The export contains the data of the snapshot, not the current data of the database.
    account.database.remove_table("public", "orders");
    let started = start(&account, "day-1", &arn).send().await.expect("the export starts");
    assert_eq!(started.status(), Some("STARTING"));
    assert_eq!(started.task_start_time(), None);
    let mut steps = Vec::new();
    for _ in 0..24 {
        let task = describe(&account, "day-1").await;
        let step = (task.status().unwrap_or_default().to_owned(), task.percent_progress());
        steps.push(step);
        account.advance(1);
    }
    let statuses: Vec<_> = steps.iter().map(|(status, _)| status.as_str()).collect();
    assert_eq!(statuses[..3], ["STARTING"; 3]);
    assert_eq!(statuses[3..22], ["IN_PROGRESS"; 19]);
    assert_eq!(statuses[22..], ["COMPLETE"; 2]);
    let percents: Vec<_> = steps.iter().map(|(_, percent)| percent.unwrap_or(-1)).collect();
    assert!(percents.is_sorted() && percents[21] < 100 && percents[22] == 100, "{percents:?}");

    let task = describe(&account, "day-1").await;
    let minutes = |time: Option<&aws_sdk_rds::primitives::DateTime>| {
        time.map(|time| (time.secs() - 1_767_283_200) / 60)
    };
    assert_eq!(minutes(task.snapshot_time()), Some(0));
    assert_eq!(minutes(task.task_end_time()), Some(26));
    assert_eq!(task.s3_prefix(), Some("raw"));
    let keys = keys(&account, "raw/day-1/").await;
    assert!(keys.contains(&"raw/day-1/export_info_day-1.json".to_owned()), "{keys:?}");
    assert!(keys.iter().any(|key| key.starts_with("raw/day-1/shop/public.orders/")), "{keys:?}");
}

#[tokio::test]
async fn objects_exist_as_soon_as_the_export_has_ended() {
    let account = Account::start().await;
    let arn = account.create_snapshot("shop-1").await;
    start(&account, "day-1", &arn).send().await.expect("the export starts");
    let list = || async {
        let listed = account.s3.list_objects_v2().bucket(BUCKET).prefix("raw/day-1/");
        listed.send().await.expect("a listing").key_count().unwrap_or(-1)
    };
    account.advance(21);
    assert_eq!(list().await, 0);
    account.advance(1);
    // A request to S3 is enough to complete the export; concurrent requests complete it once.
    let (one, other) = tokio::join!(list(), list());
    assert!(one > 3 && one == other, "{one} {other}");
    let modified = account.aws.list_objects(BUCKET, "").await;
    assert!(modified.iter().all(|object| object.modified == account.now()));
}

#[tokio::test]
async fn invalid_requests_are_refused() {
    let account = Account::start().await;
    let arn = account.create_snapshot("shop-1").await;
    let other = account.create_snapshot("shop-2").await;
    let long = "a".repeat(61);
    for bad in ["1", "a--b", "a-", "a.b", &long] {
        let refused = start(&account, bad, &arn).send().await;
        assert_eq!(error_of(refused), "400 InvalidParameterValue", "{bad}");
    }
    account.aws.add_role_without_permissions("arn:aws:iam::000000000000:role/without-permissions");
    let missing = "arn:aws:rds:ap-northeast-2:000000000000:snapshot:missing";
    let missing_cluster = missing.replace(":snapshot:", ":cluster-snapshot:");
    let call = || start(&account, "day-1", &arn);
    let cases = [
        (call().source_arn(missing), "404 DBSnapshotNotFound"),
        (call().source_arn(missing_cluster), "404 DBClusterSnapshotNotFoundFault"),
        (call().source_arn("shop-1"), "400 InvalidParameterValue"),
        (call().iam_role_arn("arn:aws:iam::000000000000:role/missing"), "404 IamRoleNotFound"),
        (
            call().iam_role_arn("arn:aws:iam::000000000000:role/without-permissions"),
            "400 IamRoleMissingPermissions",
        ),
        (call().kms_key_id("5678"), "400 KMSKeyNotAccessibleFault"),
        (call().s3_bucket_name("nowhere"), "400 InvalidS3BucketFault"),
        (call().export_only("shop.public.nothing"), "400 InvalidExportOnly"),
    ];
    for (call, expected) in cases {
        assert_eq!(error_of(call.send().await), expected);
    }
    account.aws.disable_kms_key(KEY);
    assert_eq!(error_of(call().send().await), "400 KMSKeyNotAccessibleFault");
    account.aws.add_kms_key(KEY);
    // No refused call has created a task.
    assert!(account.aws.exports().is_empty());

    call()
        .kms_key_id("1234")
        .export_only("shop.public.orders")
        .send()
        .await
        .expect("the export starts");
    assert_eq!(
        error_of(start(&account, "day-1", &other).send().await),
        "400 ExportTaskAlreadyExists"
    );
    assert_eq!(
        error_of(start(&account, "day-2", &arn).send().await),
        "400 InvalidExportSourceState"
    );
    let delete = account.rds.delete_db_snapshot().db_snapshot_identifier("shop-1");
    delete.send().await.expect("a snapshot can be deleted during its export");
    account.advance(22);
    let task = describe(&account, "day-1").await;
    assert_eq!(
        (task.status(), task.export_only()),
        (Some("COMPLETE"), &["shop.public.orders".to_owned()][..])
    );
    assert!(!keys(&account, "raw/day-1/shop/public.orders").await.is_empty(), "it has its data");

    let fresh = account.rds.create_db_snapshot().db_instance_identifier("shop");
    let fresh = fresh.db_snapshot_identifier("shop-3").send().await.expect("a snapshot");
    let fresh = fresh.db_snapshot.and_then(|it| it.db_snapshot_arn).expect("an ARN");
    assert_eq!(
        error_of(start(&account, "day-3", &fresh).send().await),
        "400 InvalidExportSourceState"
    );
    let unknown = account.rds.describe_export_tasks().export_task_identifier("day-9").send().await;
    assert_eq!(error_of(unknown), "404 ExportTaskNotFound");
}

#[tokio::test]
async fn five_exports_run_at_once_and_descriptions_filter() {
    let account = Account::start().await;
    let mut arns = Vec::new();
    for n in 0..6 {
        arns.push(account.create_snapshot(&format!("shop-{n}")).await);
    }
    for (n, arn) in arns.iter().enumerate().take(5) {
        start(&account, &format!("day-{n}"), arn).send().await.expect("the export starts");
    }
    let sixth = || start(&account, "day-5", &arns[5]).send();
    assert_eq!(error_of(sixth().await), "400 ExportTaskLimitReachedFault");
    account.advance(22);
    sixth().await.expect("another export can start");
    let filter = |name: &str, value: &str| {
        let filter = aws_sdk_rds::types::Filter::builder().name(name).values(value).build();
        account.rds.describe_export_tasks().filters(filter)
    };
    let cases = [
        ("source", account.rds.describe_export_tasks().source_arn(&arns[3]), 1),
        ("complete", filter("status", "complete"), 5),
        ("starting", filter("status", "starting"), 1),
        ("bucket", filter("s3-bucket", "nowhere"), 0),
        ("all", account.rds.describe_export_tasks(), 6),
    ];
    for (what, call, expected) in cases {
        assert_eq!(call.send().await.expect(what).export_tasks().len(), expected, "{what}");
    }
}

#[tokio::test]
async fn a_failed_export_leaves_some_objects() {
    let account = Account::start().await;
    let arn = account.create_snapshot("shop-1").await;
    account.aws.fail_next_export("The LOB column has a value near the limit.");
    start(&account, "day-1", &arn).send().await.expect("the export starts");
    account.advance(22);
    let task = describe(&account, "day-1").await;
    assert_eq!(task.status(), Some("FAILED"));
    assert_eq!(task.failure_cause(), Some("The LOB column has a value near the limit."));
    let left = keys(&account, "raw/day-1/").await;
    assert!(!left.is_empty() && !left.iter().any(|key| key.contains("export_info")), "{left:?}");
    start(&account, "day-1-2", &arn).send().await.expect("another id can be used");
    account.advance(22);
    assert_eq!(describe(&account, "day-1-2").await.status(), Some("COMPLETE"));

    // An export also fails if its bucket refuses writes.
    start(&account, "day-1-3", &arn).send().await.expect("the export starts");
    account.aws.deny_bucket(BUCKET, "no policy allows it");
    account.advance(22);
    let task = describe(&account, "day-1-3").await;
    assert_eq!(task.status(), Some("FAILED"));
    assert!(task.failure_cause().is_some());
}

#[tokio::test]
async fn an_export_can_be_cancelled() {
    let account = Account::start().await;
    let arn = account.create_snapshot("shop-1").await;
    start(&account, "day-1", &arn).send().await.expect("the export starts");
    account.advance(10);
    let cancel = || account.rds.cancel_export_task().export_task_identifier("day-1").send();
    assert_eq!(cancel().await.expect("it is cancelled").status(), Some("CANCELING"));
    assert_eq!(error_of(cancel().await), "400 InvalidExportTaskStateFault");
    account.advance(1);
    assert_eq!(describe(&account, "day-1").await.status(), Some("CANCELED"));
    account.advance(60);
    assert!(!keys(&account, "raw/day-1/").await.iter().any(|key| key.contains("export_info")));
    assert_eq!(error_of(cancel().await), "400 InvalidExportTaskStateFault");
}

#[tokio::test]
async fn a_complete_export_can_lack_tables() {
    let account = Account::start().await;
    let odd = MemoryTable::new("public", "odd").column("a b", "text").row([Some("x")]);
    account.database.set_table(odd).expect("a table");
    let arn = account.create_snapshot("shop-1").await;
    let quirks = ExportQuirks { truncated_manifest: true, ..ExportQuirks::default() };
    account.aws.set_export_quirks(quirks);
    start(&account, "day-1", &arn).send().await.expect("the export starts");
    account.advance(22);
    let task = describe(&account, "day-1").await;
    assert_eq!(task.status(), Some("COMPLETE"));
    let warning: serde_json::Value =
        serde_json::from_str(task.warning_message().expect("a warning")).expect("a JSON text");
    let reason = warning["skippedTables"][0]["reason"].as_str();
    assert!(reason.is_some_and(|reason| reason.contains("odd")), "{warning}");
    assert_eq!(warning["general"], serde_json::json!([]));
    let tables = keys(&account, "raw/day-1/export_tables_info").await;
    let bytes =
        account.aws.read_object(BUCKET, &tables[0]).await.expect("it is read").expect("bytes");
    assert!(bytes.starts_with(b"{") && !bytes.ends_with(b"}"), "the manifest is truncated");
}

#[tokio::test]
async fn a_snapshot_without_data_cannot_be_exported_and_one_of_a_cluster_can() {
    let account =
        Account::start_with(AwsOptions { export_minutes: 0, ..AwsOptions::default() }).await;
    let empty = NewSnapshot {
        kind: DatabaseKind::Instance,
        id: "empty".into(),
        database: "shop".into(),
        snapshot_type: SnapshotType::Manual,
        created: account.now(),
        tags: BTreeMap::new(),
        with_data: false,
    };
    account.aws.add_snapshot(empty.clone()).await.expect("it exists");
    let automated = NewSnapshot {
        kind: DatabaseKind::Cluster,
        id: "rds:fleet-2026-01-01".into(),
        database: "fleet".into(),
        snapshot_type: SnapshotType::Automated,
        with_data: true,
        ..empty
    };
    account.aws.add_snapshot(automated).await.expect("it exists");
    let arns: Vec<_> = account.aws.snapshots().into_iter().map(|snapshot| snapshot.arn).collect();
    assert_eq!(
        error_of(start(&account, "a", &arns[0]).send().await),
        "400 InvalidExportSourceState"
    );
    start(&account, "b", &arns[1]).send().await.expect("the export starts");
    // Without a duration, it has ended by the next request.
    assert_eq!(describe(&account, "b").await.status(), Some("COMPLETE"));
}
