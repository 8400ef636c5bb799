//! Databases, snapshots, tags, quotas, signatures and injected errors.

use std::collections::BTreeMap;

use aws_sdk_rds::types::{Filter, Tag};
use landbridge_local_aws::{AwsOptions, DatabaseKind, NewSnapshot, SnapshotType};

use crate::account::{Account, error_of};

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

fn manual_snapshot(id: &str, account: &Account) -> NewSnapshot {
    NewSnapshot {
        kind: DatabaseKind::Instance,
        id: id.to_owned(),
        database: "shop".to_owned(),
        snapshot_type: SnapshotType::Manual,
        created: account.now(),
        tags: BTreeMap::new(),
        with_data: false,
    }
}

#[tokio::test]
async fn a_snapshot_becomes_available_after_its_duration() {
    let account = Account::start().await;
    let rds = &account.rds;
    let created = rds
        .create_db_snapshot()
        .db_instance_identifier("shop")
        .db_snapshot_identifier("Shop-2026-01-02-01")
        .tags(tag("landbridge:source", "shop & <sons> \"한글\""))
        .send()
        .await
        .expect("a snapshot")
        .db_snapshot
        .expect("its description");
    assert_eq!(created.db_snapshot_identifier(), Some("shop-2026-01-02-01"));
    assert_eq!(created.status(), Some("creating"));
    assert_eq!(created.snapshot_create_time(), None);
    let describe = || async {
        let found = rds.describe_db_snapshots().db_snapshot_identifier("shop-2026-01-02-01");
        let found = found.send().await.expect("a description");
        found.db_snapshots()[0].clone()
    };
    let mut seen = Vec::new();
    for _ in 0..5 {
        let snapshot = describe().await;
        let status = snapshot.status().unwrap_or_default().to_owned();
        seen.push((status, snapshot.percent_progress().unwrap_or(-1)));
        account.advance(1);
    }
    let creating = [0, 25, 50, 75].map(|percent| ("creating".to_owned(), percent));
    assert_eq!(seen[..4], creating);
    assert_eq!(seen[4], ("available".to_owned(), 100));
    let snapshot = describe().await;
    assert_eq!(snapshot.tag_list(), [tag("landbridge:source", "shop & <sons> \"한글\"")]);
    assert_eq!(snapshot.snapshot_create_time().map(|time| time.secs()), Some(1_767_283_200));
    assert_eq!(snapshot.snapshot_type(), Some("manual"));
    assert_eq!(snapshot.engine(), Some("postgres"));
    let arn = "arn:aws:rds:ap-northeast-2:000000000000:snapshot:shop-2026-01-02-01";
    assert_eq!(snapshot.db_snapshot_arn(), Some(arn));
}

#[tokio::test]
async fn errors_have_the_codes_that_the_sdk_knows() {
    let options = AwsOptions { snapshot_quota: 2, backing_up: true, ..AwsOptions::default() };
    let account = Account::start_with(options).await;
    let rds = &account.rds;
    let create = |database: &str, id: &str| {
        let call = rds.create_db_snapshot();
        call.db_instance_identifier(database).db_snapshot_identifier(id).send()
    };
    for bad in ["1st", "a--b", "a-", "a_b", &"a".repeat(256)] {
        assert_eq!(error_of(create("shop", bad).await), "400 InvalidParameterValue", "{bad}");
    }
    let unknown = create("nowhere", "a").await;
    assert!(unknown.as_ref().is_err_and(|error| {
        error.as_service_error().is_some_and(|error| error.is_db_instance_not_found_fault())
    }));
    assert_eq!(error_of(unknown), "404 DBInstanceNotFound");
    assert_eq!(error_of(create("fleet-instance-1", "a").await), "400 InvalidParameterValue");

    create("shop", "a").await.expect("the first");
    assert_eq!(error_of(create("shop", "b").await), "400 InvalidDBInstanceState");
    let delete = |id: &str| rds.delete_db_snapshot().db_snapshot_identifier(id).send();
    assert_eq!(error_of(delete("a").await), "400 InvalidDBSnapshotState");
    account.advance(4);
    let again = create("shop", "a").await;
    assert!(again.as_ref().is_err_and(|error| {
        error.as_service_error().is_some_and(|error| error.is_db_snapshot_already_exists_fault())
    }));
    assert_eq!(error_of(again), "400 DBSnapshotAlreadyExists");
    account.aws.set_database_status(DatabaseKind::Instance, "shop", "stopped");
    assert_eq!(error_of(create("shop", "b").await), "400 InvalidDBInstanceState");
    account.aws.set_database_status(DatabaseKind::Instance, "shop", "storage-optimization");
    create("shop", "while-optimised").await.expect("this state allows snapshots");
    account.aws.set_database_status(DatabaseKind::Instance, "shop", "available");
    account.advance(4);
    delete("while-optimised").await.expect("it is available");

    account.aws.add_snapshot(manual_snapshot("made-by-hand", &account)).await.expect("it exists");
    let quota = create("shop", "b").await;
    assert!(quota.as_ref().is_err_and(|error| {
        error.as_service_error().is_some_and(|error| error.is_snapshot_quota_exceeded_fault())
    }));
    assert_eq!(error_of(quota), "400 SnapshotQuotaExceeded");
    let quotas = rds.describe_account_attributes().send().await.expect("quotas");
    let manual = quotas.account_quotas().iter();
    let manual = manual.filter(|quota| quota.account_quota_name() == Some("ManualSnapshots"));
    let manual: Vec<_> = manual.map(|quota| (quota.used(), quota.max())).collect();
    assert_eq!(manual, [(Some(2), Some(2))]);

    let deleted = delete("a").await.expect("it is deleted").db_snapshot.expect("a description");
    assert_eq!(deleted.status(), Some("deleted"));
    assert_eq!(error_of(delete("a").await), "404 DBSnapshotNotFound");
    let automated = NewSnapshot {
        snapshot_type: SnapshotType::Automated,
        ..manual_snapshot("rds:shop-2026-01-01-18-00", &account)
    };
    account.aws.add_snapshot(automated).await.expect("it exists");
    assert_eq!(error_of(delete("rds:shop-2026-01-01-18-00").await), "400 InvalidDBSnapshotState");
}

#[tokio::test]
async fn only_one_of_two_concurrent_calls_gets_an_id() {
    let account = Account::start().await;
    let create = || {
        let call = account.rds.create_db_snapshot();
        call.db_instance_identifier("shop").db_snapshot_identifier("only").send()
    };
    let (one, other) = tokio::join!(create(), create());
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    assert_eq!(account.aws.snapshots().len(), 1);
}

#[tokio::test]
async fn descriptions_page_and_filter() {
    let account = Account::start().await;
    for n in 0..45 {
        let id = format!("hand-{n:02}");
        account.aws.add_snapshot(manual_snapshot(&id, &account)).await.expect("it exists");
    }
    let automated = NewSnapshot {
        snapshot_type: SnapshotType::Automated,
        ..manual_snapshot("rds:shop-2026-01-01-18-00", &account)
    };
    account.aws.add_snapshot(automated).await.expect("it exists");
    account
        .aws
        .add_snapshot(NewSnapshot {
            database: "other".into(),
            ..manual_snapshot("of-other", &account)
        })
        .await
        .expect("it exists");

    let pages = account.rds.describe_db_snapshots().into_paginator().page_size(20).send();
    let pages = pages.collect::<Result<Vec<_>, _>>().await.expect("pages");
    let sizes: Vec<_> = pages.iter().map(|page| page.db_snapshots().len()).collect();
    assert_eq!(sizes, [20, 20, 7]);

    let ask = || account.rds.describe_db_snapshots();
    let filter = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
    let shop_arn = "arn:aws:rds:ap-northeast-2:000000000000:db:shop";
    let cases = [
        ("all", ask(), 47),
        ("instance", ask().db_instance_identifier("shop"), 46),
        ("manual", ask().snapshot_type("manual"), 46),
        ("automated", ask().snapshot_type("automated"), 1),
        ("both", ask().db_instance_identifier("shop").snapshot_type("manual"), 45),
        ("one", ask().db_snapshot_identifier("of-other"), 1),
        ("by ARN", ask().filters(filter("db-instance-id", shop_arn)), 46),
        ("by id", ask().filters(filter("db-snapshot-id", "hand-07")), 1),
        ("engine", ask().filters(filter("engine", "mysql")), 0),
    ];
    for (what, call, expected) in cases {
        let found = call.send().await.expect(what);
        assert_eq!(found.db_snapshots().len(), expected, "{what}");
        assert_eq!(found.marker(), None, "{what}");
    }
    let missing = ask().db_snapshot_identifier("missing").send().await;
    assert_eq!(error_of(missing), "404 DBSnapshotNotFound");
    let odd = ask().filters(filter("colour", "red")).send().await;
    assert_eq!(error_of(odd), "400 InvalidParameterValue");
    assert_eq!(error_of(ask().max_records(5).send().await), "400 InvalidParameterValue");
}

#[tokio::test]
async fn clusters_have_an_api_of_their_own() {
    let account = Account::start().await;
    let rds = &account.rds;
    let clusters = rds.describe_db_clusters().send().await.expect("clusters");
    let fleet = &clusters.db_clusters()[0];
    assert_eq!(fleet.engine(), Some("aurora-postgresql"));
    let member = &fleet.db_cluster_members()[0];
    assert_eq!(member.db_instance_identifier(), Some("fleet-instance-1"));
    let create = |id: &str| {
        let call = rds.create_db_cluster_snapshot();
        call.db_cluster_identifier("fleet").db_cluster_snapshot_identifier(id).send()
    };
    let made = create("fleet-1").await.expect("a snapshot");
    let made = made.db_cluster_snapshot.expect("a description");
    let arn = "arn:aws:rds:ap-northeast-2:000000000000:cluster-snapshot:fleet-1";
    assert_eq!(made.db_cluster_snapshot_arn(), Some(arn));
    assert_eq!(error_of(create("fleet-1").await), "400 DBClusterSnapshotAlreadyExistsFault");
    account.advance(4);
    let found = rds.describe_db_cluster_snapshots().db_cluster_identifier("fleet");
    let found = found.send().await.expect("snapshots");
    assert_eq!(found.db_cluster_snapshots()[0].status(), Some("available"));
    let delete =
        || rds.delete_db_cluster_snapshot().db_cluster_snapshot_identifier("fleet-1").send();
    delete().await.expect("it is deleted");
    let again = delete().await;
    assert!(again.as_ref().is_err_and(|error| {
        let error = error.as_service_error();
        error.is_some_and(|error| error.is_db_cluster_snapshot_not_found_fault())
    }));
    assert_eq!(error_of(again), "404 DBClusterSnapshotNotFoundFault");
    assert!(
        account.rds.describe_db_snapshots().send().await.expect("none").db_snapshots().is_empty()
    );
}

#[tokio::test]
async fn databases_can_be_made_and_tagged() {
    let account = Account::start().await;
    let rds = &account.rds;
    let create = || {
        let call = rds.create_db_instance().db_instance_identifier("mine").engine("mysql");
        call.db_instance_class("db.t4g.micro").tags(tag("team", "data")).send()
    };
    let made = create().await.expect("an instance").db_instance.expect("a description");
    let arn = made.db_instance_arn().expect("an ARN");
    assert_eq!(made.engine_version(), Some("8.0.40"));
    assert_eq!(error_of(create().await), "400 DBInstanceAlreadyExists");
    rds.add_tags_to_resource()
        .resource_name(arn)
        .tags(tag("team", "platform"))
        .tags(tag("x", ""))
        .send()
        .await
        .expect("tags are added");
    rds.remove_tags_from_resource()
        .resource_name(arn)
        .tag_keys("x")
        .tag_keys("never-there")
        .send()
        .await
        .expect("tags are removed");
    let tags = rds.list_tags_for_resource().resource_name(arn).send().await.expect("tags");
    assert_eq!(tags.tag_list(), [tag("team", "platform")]);
    let found = rds.describe_db_instances().db_instance_identifier("mine").send().await;
    assert_eq!(found.expect("it exists").db_instances()[0].tag_list(), [tag("team", "platform")]);
    let missing = rds.describe_db_instances().db_instance_identifier("missing").send().await;
    assert_eq!(error_of(missing), "404 DBInstanceNotFound");
    let nothing = rds.list_tags_for_resource().resource_name(arn.replace("mine", "yours"));
    assert_eq!(error_of(nothing.send().await), "404 DBInstanceNotFound");
    let cluster = rds.create_db_cluster().db_cluster_identifier("c").engine("aurora-mysql");
    cluster.send().await.expect("a cluster");
    let snapshot = rds.create_db_snapshot().db_instance_identifier("mine");
    snapshot.db_snapshot_identifier("mine-1").send().await.expect("a snapshot");
}

#[tokio::test]
async fn signatures_are_checked() {
    let account = Account::start().await;
    let (rds, s3) = account.clients_with_wrong_secret();
    let refused = rds.describe_db_instances().send().await;
    assert_eq!(error_of(refused), "403 SignatureDoesNotMatch");
    assert_eq!(error_of(s3.list_buckets().send().await), "403 SignatureDoesNotMatch");
    let url = account.rds_url();
    let unsigned = unsigned(&url, "Action=DescribeDBInstances&Version=2014-10-31");
    let (status, body) = unsigned.await;
    assert_eq!(status, 403);
    assert!(body.contains("<Code>MissingAuthenticationToken</Code>"), "{body}");
}

/// Posts a form without a signature.
async fn unsigned(url: &str, form: &str) -> (u16, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let host = url.strip_prefix("http://").expect("a plain URL");
    let mut stream = tokio::net::TcpStream::connect(host).await.expect("a connection");
    let request = format!(
        "POST / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    );
    stream.write_all(request.as_bytes()).await.expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.expect("a status"), answer)
}

#[tokio::test]
async fn injected_errors_refuse_calls() {
    let account = Account::start().await;
    let rds = &account.rds;
    let ask = || rds.describe_db_instances().send();
    account.aws.throttle_next_requests(1);
    assert_eq!(error_of(ask().await), "400 Throttling");
    ask().await.expect("only one was throttled");
    account
        .aws
        .deny_action("DescribeDBInstances", "no policy allows the rds:DescribeDBInstances action");
    assert_eq!(error_of(ask().await), "403 AccessDenied");
    rds.describe_db_clusters().send().await.expect("other actions are allowed");
    account.aws.allow_action("DescribeDBInstances");
    ask().await.expect("it is allowed again");
    assert_eq!(error_of(rds.describe_db_proxies().send().await), "400 InvalidAction");
}

#[tokio::test]
async fn automated_snapshots_are_taken_in_the_backup_window() {
    let options = AwsOptions { backup_minutes: Some(30), ..AwsOptions::default() };
    let account = Account::start_with(options).await;
    account.aws.update_settings(DatabaseKind::Instance, "shop", |settings| {
        (settings.backup_window, settings.backup_days) = ("17:12-17:42".to_owned(), 2);
    });
    let rds = &account.rds;
    let status = || async {
        let found = rds.describe_db_instances().db_instance_identifier("shop").send().await;
        found.unwrap().db_instances()[0].db_instance_status().unwrap_or_default().to_owned()
    };
    let automated = || async {
        let found = rds.describe_db_snapshots().snapshot_type("automated").send().await.unwrap();
        let name = |it: &aws_sdk_rds::types::DbSnapshot| {
            let id = it.db_snapshot_identifier().unwrap_or_default().to_owned();
            (id, it.status().unwrap_or_default().to_owned())
        };
        found.db_snapshots().iter().map(name).collect::<Vec<_>>()
    };
    // The account's clock starts on the first of January at 16:00 UTC.
    assert_eq!((status().await.as_str(), automated().await.len()), ("available", 0));
    account.advance(72);
    assert_eq!(status().await, "backing-up");
    let snapshot =
        |day: i32, status: &str| (format!("rds:shop-2026-01-{day:02}-17-12"), status.to_owned());
    assert_eq!(automated().await, [snapshot(1, "creating")]);
    let refused = rds.create_db_snapshot().db_instance_identifier("shop");
    let refused = refused.db_snapshot_identifier("mine").send().await;
    assert_eq!(error_of(refused), "400 InvalidDBInstanceState");
    account.advance(30);
    assert_eq!(status().await, "available");
    // The snapshots of two days are kept.
    account.advance(3 * 1_440);
    assert_eq!(automated().await, [snapshot(3, "available"), snapshot(4, "available")]);
}

#[tokio::test]
async fn a_database_is_busy_for_a_while() {
    let account = Account::start().await;
    let now = account.now();
    let until = now + jiff::SignedDuration::from_mins(20);
    account.aws.set_busy(DatabaseKind::Instance, "shop", "modifying", now..until);
    let create = || {
        let call = account.rds.create_db_snapshot().db_instance_identifier("shop");
        call.db_snapshot_identifier("mine").send()
    };
    assert_eq!(error_of(create().await), "400 InvalidDBInstanceState");
    account.advance(20);
    assert!(create().await.is_ok());
}
