//! Clusters of Aurora, and Multi-AZ clusters: members, settings, the writer, swaps.

use std::collections::BTreeSet;
use std::sync::Arc;

use landbridge_core::restore::plan::RestoreOptions;
use landbridge_core::restore::{
    RestoreOrigin, RestorePlan, Setting, SettingValue, Settings as Wanted, SettingsRecord,
};

use super::swap::{RESTORE, SWAP, UNDO, resource_ids};
use super::*;
use crate::support::small_database;

/// A local cloud with an Aurora cluster as its source.
async fn start_aurora() -> TestEnv {
    let mut builder = TestEnvBuilder::small();
    builder.start = at(NOON);
    builder.config = builder.config.replace("kind: instance", "kind: cluster");
    builder.source = Arc::new(small_database());
    builder.build().await
}

/// A local cloud with a Multi-AZ cluster as its source.
async fn start_multi_az() -> TestEnv {
    let env = start_aurora().await;
    env.cloud.aws().add_multi_az_cluster(SOURCE, Arc::new(small_database()));
    env
}

/// Adds a member to the source and waits until it is available.
async fn add_member(env: &TestEnv, id: &str, tier: i32) {
    let member = sdk(env).create_db_instance().db_instance_identifier(id);
    let member = member.db_cluster_identifier(SOURCE).engine("aurora-postgresql");
    let member = member.db_instance_class("db.r6g.large").promotion_tier(tier);
    member.db_parameter_group_name("shop-reader").send().await.expect("a member");
    env.cloud.clock().advance_to(env.cloud.clock().now() + SignedDuration::from_mins(20));
}

async fn fail_over(env: &TestEnv, cluster: &str, to: &str) {
    let call = sdk(env).failover_db_cluster().db_cluster_identifier(cluster);
    call.target_db_instance_identifier(to).send().await.expect("a failover");
}

/// The members of a cluster, and its writer.
async fn members_of(env: &TestEnv, cluster: &str) -> (BTreeSet<String>, Option<String>) {
    let rds = rds_client(env, SourceKind::Cluster);
    let it = rds.database(SourceKind::Cluster, cluster).await.unwrap().expect(cluster);
    (it.members.into_iter().collect(), it.writer)
}

fn names(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|it| (*it).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_restored_with_its_members() {
    let env = start_aurora().await;
    let aws = env.cloud.aws();
    add_member(&env, "shop-prod-reader", 0).await;
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
    snapshot(&env, "2026-11-21T04:00:00Z").await;
    let args = [&RESTORE[..], &["--output", "json"]].concat();
    let output = run(&env, &args).await.json();
    assert_eq!(output["outcome"]["not_as_planned"], serde_json::json!([]));
    // The writer is created first, although the reader has a lower tier.
    let members = output["outcome"]["members"].clone();
    assert_eq!(members, serde_json::json!(["shop-restored-instance-1", "shop-restored-reader"]));
    let (_, writer) = members_of(&env, "shop-restored").await;
    assert_eq!(writer.as_deref(), Some("shop-restored-instance-1"));
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

/// Monitoring that is managed for the whole cluster: RDS refuses it for a member.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn monitoring_of_the_whole_cluster_is_restored_with_it_and_members_inherit_it() {
    let env = start_aurora().await;
    add_member(&env, "shop-prod-reader", 0).await;
    let on = |it: &mut DatabaseSettings| {
        (it.monitoring_seconds, it.monitoring_role) = (15, Some("arn:role".into()));
        (it.insights, it.insights_days) = (true, Some(465));
        it.insights_key = Some("arn:key".into());
    };
    let aws = env.cloud.aws();
    assert!(aws.update_settings(DatabaseKind::Cluster, SOURCE, |it| {
        on(it);
        it.insights_mode = "advanced".into();
    }));
    for member in ["shop-prod-instance-1", "shop-prod-reader"] {
        assert!(aws.update_settings(DatabaseKind::Instance, member, on));
    }
    snapshot(&env, "2026-11-21T04:00:00Z").await;
    let restored = run(&env, &[&RESTORE[..], &["--output", "json"]].concat()).await.json();
    assert_eq!(restored["outcome"]["not_as_planned"], serde_json::json!([]));
    assert_eq!(restored["plan"]["manual_steps"], serde_json::json!([]));
    let of = |kind, id: &str| settings_of(&env, kind, id);
    assert_eq!(of(DatabaseKind::Cluster, "shop-restored"), of(DatabaseKind::Cluster, SOURCE));
    assert_eq!(of(DatabaseKind::Cluster, "shop-restored").insights_mode, "advanced");
    for end in ["instance-1", "reader"] {
        let restored = of(DatabaseKind::Instance, &format!("shop-restored-{end}"));
        assert_eq!((restored.monitoring_seconds, restored.insights_days), (15, Some(465)), "{end}");
    }
}

/// Members that are not named after the cluster get names that no other member has. The writer is the
/// member that was the writer, whatever its name and its tier.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_member_comes_back_and_the_writer_is_the_writer() {
    let env = start_aurora().await;
    for (id, tier) in [("reports-node", 0), ("shop-prod-1", 1), ("analytics", 2)] {
        add_member(&env, id, tier).await;
    }
    fail_over(&env, SOURCE, "analytics").await;
    snapshot(&env, "2026-11-21T05:00:00Z").await;
    // A failover of the source after the snapshot does not matter.
    fail_over(&env, SOURCE, "reports-node").await;
    let restored = run(&env, &[&RESTORE[..], &["--output", "json"]].concat()).await.json();
    assert_eq!(restored["outcome"]["not_as_planned"], serde_json::json!([]));
    let expected = ["1", "2", "3", "instance-1"].map(|end| format!("shop-restored-{end}"));
    let (members, writer) = members_of(&env, "shop-restored").await;
    assert_eq!(members, expected.into_iter().collect());
    assert_eq!(writer.as_deref(), Some("shop-restored-2"), "analytics");
    let remarks = restored["remarks"].to_string();
    assert!(
        remarks.contains("the member reports-node is restored as shop-restored-3"),
        "{remarks}"
    );

    // Another writer is reported by a second run.
    fail_over(&env, "shop-restored", "shop-restored-1").await;
    run(&env, &RESTORE).await.assert_fails(4, &["differ from the plan: writer"]);

    let swapped = run(&env, &SWAP).await;
    assert_eq!(swapped.code, 0, "{}", swapped.err);
    assert!(swapped.out.contains("reports-node keeps its name"), "{}", swapped.out);
    let (members, _) = members_of(&env, SOURCE).await;
    let expected = ["1", "2", "3", "instance-1"].map(|end| format!("shop-prod-{end}"));
    assert_eq!(members, expected.into_iter().collect());
    let (members, _) = members_of(&env, "shop-prod-replaced").await;
    let own = ["shop-prod-replaced-1", "shop-prod-replaced-instance-1"];
    assert_eq!(members, names(&[&own[..], &["analytics", "reports-node"]].concat()));
}

/// A swap stops after the clusters have their names, and before the members have theirs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_that_stopped_between_clusters_and_members_is_continued() {
    let env = start_aurora().await;
    let aws = env.cloud.aws();
    add_member(&env, "shop-prod-reader", 0).await;
    snapshot(&env, "2026-11-21T04:00:00Z").await;
    assert_eq!(run(&env, &RESTORE).await.code, 0);
    let rds = rds_client(&env, SourceKind::Cluster);
    let cluster = async |id: &str| {
        rds.database(SourceKind::Cluster, id).await.unwrap().and_then(|it| it.resource_id)
    };
    let restored = cluster("shop-restored").await;
    let original = cluster(SOURCE).await;
    for (args, undo, at_source) in [(&SWAP[..], "", &restored), (&UNDO, " --undo", &original)] {
        aws.deny_action("ModifyDBInstance", "not authorized");
        let stopped = run(&env, args).await;
        stopped.assert_fails(3, &["not authorized"]);
        let next = format!(
            "the swap is not complete. To continue it: landbridge restore --as shop-restored --swap{undo} --yes"
        );
        assert!(stopped.err.contains(&next), "{}", stopped.err);
        // Both clusters have their names, so the application can connect.
        assert_eq!(&cluster(SOURCE).await, at_source);
        aws.allow_action("ModifyDBInstance");
        let dry = run(&env, &[args, &["--dry-run"]].concat()).await;
        assert!(!dry.out.contains("nothing to rename"), "{}", dry.out);
        assert_eq!(run(&env, args).await.code, 0);
        let (members, _) = members_of(&env, SOURCE).await;
        assert_eq!(members, names(&["shop-prod-instance-1", "shop-prod-reader"]));
        assert!(run(&env, args).await.out.contains("nothing to rename"));
    }
    let (members, _) = members_of(&env, "shop-restored").await;
    assert_eq!(members, names(&["shop-restored-instance-1", "shop-restored-reader"]));
}

/// RDS creates, renames and deletes the members of a Multi-AZ cluster with the cluster.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_multi_az_cluster_is_restored_swapped_and_drilled() {
    let env = start_multi_az().await;
    let aws = env.cloud.aws();
    assert!(aws.update_settings(DatabaseKind::Cluster, SOURCE, |it| {
        it.minor_upgrades = false;
        it.certificate = "rds-ca-ecc384-g1".into();
        (it.monitoring_seconds, it.monitoring_role) = (30, Some("arn:role".into()));
        it.public = false;
    }));
    snapshot(&env, "2026-11-21T04:00:00Z").await;
    let restored = run(&env, &[&RESTORE[..], &["--output", "json"]].concat()).await.json();
    assert_eq!(restored["outcome"]["not_as_planned"], serde_json::json!([]));
    let of = |id: &str| settings_of(&env, DatabaseKind::Cluster, id);
    assert_eq!(of("shop-restored"), of(SOURCE));
    assert_eq!(members_of(&env, "shop-restored").await.0.len(), 3);
    for args in [&SWAP[..], &UNDO] {
        let swapped = run(&env, args).await;
        assert_eq!(swapped.code, 0, "{}", swapped.err);
        assert!(run(&env, args).await.out.contains("nothing to rename"));
    }
    let drill = run(&env, &["drill", "--without-rows", "--yes"]).await;
    assert_eq!(drill.code, 0, "{}", drill.err);
    assert!(aws.describe_database(DatabaseKind::Cluster, "shop-prod-drill").is_none());
}

/// Settings of which none has AWS's default.
fn set_unusual_settings(it: &mut DatabaseSettings) {
    let text = |text: &str| text.to_owned();
    it.subnet_group = text("shop-private");
    it.security_groups = names(&["sg-app", "sg-bastion"]);
    it.parameter_group = text("shop-cluster");
    it.iam_authentication = true;
    it.log_exports = names(&["postgresql"]);
    it.deletion_protection = true;
    it.copy_tags = true;
    it.backup_days = 21;
    it.backup_window = text("18:00-18:30");
    it.maintenance_window = text("tue:19:00-tue:19:30");
    it.port = 6_543;
    it.network = text("DUAL");
    it.lifecycle = text("open-source-rds-extended-support-disabled");
}

/// Those that an Aurora cluster has in addition.
fn set_unusual_aurora_settings(it: &mut DatabaseSettings) {
    set_unusual_settings(it);
    it.storage_type = "aurora-iopt1".to_owned();
    it.serverless = Some(("0.5".to_owned(), "8".to_owned()));
    it.auto_pause_seconds = Some(1_800);
    it.backtrack_seconds = Some(3_600);
}

/// Those that a Multi-AZ cluster, or a member of an Aurora cluster, has in addition.
fn set_unusual_monitoring(it: &mut DatabaseSettings) {
    let text = |text: &str| text.to_owned();
    it.class = text("db.r6gd.xlarge");
    it.minor_upgrades = false;
    it.certificate = text("rds-ca-ecc384-g1");
    it.monitoring_seconds = 15;
    it.monitoring_role = Some(text("arn:aws:iam::123456789012:role/monitoring"));
    it.insights = true;
    it.insights_key = Some(text("arn:aws:kms:ap-northeast-2:123456789012:key/insights"));
    it.insights_days = Some(465);
}

fn set_unusual_multi_az_settings(it: &mut DatabaseSettings) {
    set_unusual_settings(it);
    set_unusual_monitoring(it);
    it.insights_mode = "advanced".to_owned();
    it.storage_type = "io2".to_owned();
    (it.storage_gb, it.iops, it.throughput) = (500, Some(16_000), None);
}

/// `settings` without one, and without what RDS refuses if that one is absent.
fn without(settings: &Wanted, omitted: Setting) -> Wanted {
    let mut rest = settings.clone();
    rest.remove(omitted);
    match omitted {
        // Without a storage type there is nothing to provision.
        Setting::StorageType => drop(rest.remove(Setting::Iops)),
        Setting::MonitoringRole => drop(rest.remove(Setting::MonitoringSeconds)),
        _ => {}
    }
    rest
}

/// The record of a source with unusual settings and a tag.
async fn unusual_record(
    env: &TestEnv,
    rds: &landbridge_aws::Rds,
    change: fn(&mut DatabaseSettings),
) -> SettingsRecord {
    let aws = env.cloud.aws();
    aws.set_database_quota(1_000);
    assert!(aws.update_settings(DatabaseKind::Cluster, SOURCE, change));
    let mut record = rds.settings_record(SOURCE).await.unwrap();
    let tags = BTreeMap::from([("team".to_owned(), "shop".to_owned())]);
    record.settings.set(Setting::Tags, Some(SettingValue::Tags(tags)));
    record
}

/// Waits until all databases are available, and returns their settings.
async fn available(
    env: &TestEnv,
    rds: &landbridge_aws::Rds,
    kind: SourceKind,
    ids: &[String],
) -> Vec<landbridge_aws::rds::Database> {
    let all = async {
        let mut all = Vec::new();
        for id in ids {
            loop {
                let it = rds.database(kind, id).await.unwrap().expect(id);
                if it.status == "available" {
                    all.push(it);
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        all
    };
    while_time_passes(env, all).await
}

/// Restores the snapshot of a source with AWS's defaults once with all settings of a source with unusual
/// ones, and once without each of them. Returns the settings whose absence is detected.
async fn omit_each(env: &TestEnv, change: fn(&mut DatabaseSettings)) -> Vec<Setting> {
    let plain = snapshot(env, "2026-11-21T04:00:00Z").await;
    let rds = rds_client(env, SourceKind::Cluster);
    let record = unusual_record(env, &rds, change).await;
    let origin = RestoreOrigin::Snapshot(plain);
    let target = "shop-copy";
    let plan = RestorePlan::new(&record, SOURCE, target, origin, RestoreOptions::default());
    let own: Vec<Setting> =
        Setting::ALL.into_iter().filter(|it| plan.settings.get(*it).is_some()).collect();
    let mut requests = vec![(target.to_owned(), plan.settings.clone())];
    for omitted in &own {
        let id = format!("{target}-without-{}", omitted.name().replace('_', "-"));
        requests.push((id, without(&plan.settings, *omitted)));
    }
    let ids: Vec<String> = requests.iter().map(|(id, _)| id.clone()).collect();
    for (id, settings) in &requests {
        let request =
            RestorePlan { target: id.clone(), settings: settings.clone(), ..plan.clone() };
        let mut at_restore = request.restore_call_settings();
        if settings.tags().is_empty() {
            at_restore.remove(Setting::Tags);
        }
        rds.start_restore(&request, &at_restore).await.unwrap();
    }
    let restored = available(env, &rds, SourceKind::Cluster, &ids).await;
    for (it, (_, settings)) in restored.iter().zip(&requests) {
        let later = settings.iter().filter(|(it, _)| !it.is_restore_parameter(SourceKind::Cluster));
        let later: Wanted = later.map(|(setting, value)| (setting, value.clone())).collect();
        rds.modify_database(SourceKind::Cluster, it, &later).await.unwrap();
    }
    let restored = available(env, &rds, SourceKind::Cluster, &ids).await;
    let differing = |it: &landbridge_aws::rds::Database| -> Vec<Setting> {
        plan.settings.differing_from(&it.settings).iter().map(|(setting, _)| setting).collect()
    };
    assert_eq!(differing(&restored[0]), [], "no setting omitted");
    let each = own.into_iter().zip(&restored[1..]);
    each.filter(|(omitted, it)| differing(it).contains(omitted)).map(|(it, _)| it).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_omitted_setting_of_an_aurora_cluster_is_detected() {
    let env = start_aurora().await;
    let detected = omit_each(&env, set_unusual_aurora_settings).await;
    let expected = [
        Setting::Port,
        Setting::SubnetGroup,
        Setting::SecurityGroups,
        Setting::NetworkType,
        Setting::ParameterGroup,
        Setting::StorageType,
        Setting::ServerlessMinAcu,
        Setting::ServerlessMaxAcu,
        Setting::ServerlessAutoPauseSeconds,
        Setting::IamAuthentication,
        Setting::LogExports,
        Setting::DeletionProtection,
        Setting::CopyTagsToSnapshot,
        Setting::BackupRetentionDays,
        Setting::BackupWindow,
        Setting::BacktrackSeconds,
        Setting::MaintenanceWindow,
        Setting::EngineLifecycle,
        Setting::Tags,
    ];
    assert_eq!(detected, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_omitted_setting_of_a_multi_az_cluster_is_detected() {
    let env = start_multi_az().await;
    let detected = omit_each(&env, set_unusual_multi_az_settings).await;
    let expected = [
        Setting::Class,
        Setting::Port,
        Setting::SubnetGroup,
        Setting::SecurityGroups,
        Setting::PubliclyAccessible,
        Setting::NetworkType,
        Setting::ParameterGroup,
        Setting::StorageType,
        Setting::StorageGb,
        Setting::Iops,
        Setting::IamAuthentication,
        Setting::LogExports,
        Setting::DeletionProtection,
        Setting::CopyTagsToSnapshot,
        Setting::BackupRetentionDays,
        Setting::BackupWindow,
        Setting::MaintenanceWindow,
        Setting::MinorUpgrades,
        Setting::Certificate,
        Setting::EngineLifecycle,
        Setting::MonitoringSeconds,
        Setting::MonitoringRole,
        Setting::InsightsMode,
        Setting::PerformanceInsights,
        Setting::PerformanceInsightsKey,
        Setting::PerformanceInsightsDays,
        Setting::Tags,
    ];
    assert_eq!(detected, expected);
}

/// The members of an Aurora cluster, of which each is created without one of the settings.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_omitted_setting_of_a_member_is_detected() {
    let env = start_aurora().await;
    let aws = env.cloud.aws();
    let plain = snapshot(&env, "2026-11-21T04:00:00Z").await;
    assert!(aws.update_settings(DatabaseKind::Instance, "shop-prod-instance-1", |it| {
        set_unusual_monitoring(it);
        it.parameter_group = "shop-member".to_owned();
        it.maintenance_window = "tue:19:00-tue:19:30".to_owned();
        it.copy_tags = true;
        it.promotion_tier = 7;
    }));
    let rds = rds_client(&env, SourceKind::Cluster);
    let mut record = unusual_record(&env, &rds, |_| {}).await;
    let tags = record.settings.get(Setting::Tags).cloned();
    record.members.get_mut("shop-prod-instance-1").expect("the member").set(Setting::Tags, tags);
    let (origin, options) = (RestoreOrigin::Snapshot(plain), RestoreOptions::default());
    let plan = RestorePlan::new(&record, SOURCE, "shop-copy", origin, options);
    rds.start_restore(&plan, &plan.restore_call_settings()).await.unwrap();
    available(&env, &rds, SourceKind::Cluster, &["shop-copy".to_owned()]).await;
    let member = &plan.members[0];
    let own: Vec<Setting> =
        Setting::ALL.into_iter().filter(|it| member.settings.get(*it).is_some()).collect();
    let mut ids = vec![member.id.clone()];
    rds.create_cluster_member(&plan, member).await.unwrap();
    for omitted in &own {
        let id = format!("shop-copy-without-{}", omitted.name().replace('_', "-"));
        let settings = without(&member.settings, *omitted);
        let other =
            landbridge_core::restore::ClusterMember { id: id.clone(), settings, ..member.clone() };
        rds.create_cluster_member(&plan, &other).await.unwrap();
        ids.push(id);
    }
    let restored = available(&env, &rds, SourceKind::Instance, &ids).await;
    let differing = |it: &landbridge_aws::rds::Database| -> Vec<Setting> {
        member.settings.differing_from(&it.settings).iter().map(|(setting, _)| setting).collect()
    };
    assert_eq!(differing(&restored[0]), [], "no setting omitted");
    let each = own.iter().zip(&restored[1..]);
    let detected: Vec<Setting> =
        each.filter(|(omitted, it)| differing(it).contains(omitted)).map(|(it, _)| *it).collect();
    assert_eq!(detected, own);
    assert_eq!(own.len(), 14, "{own:?}");
}
