//! Every setting is restored, and an omitted one is detected: the local RDS applies AWS's
//! defaults to everything that a request omits.

use std::collections::{BTreeMap, BTreeSet};

use landbridge_core::config::SourceKind;
use landbridge_core::restore::plan::RestoreOptions;
use landbridge_core::restore::{
    RestoreOrigin, RestorePlan, Setting, SettingValue, Settings as Wanted,
};
use landbridge_local_aws::{DatabaseKind, DatabaseSettings};

use super::*;

/// A source of which no setting has AWS's default.
fn set_unusual_settings(settings: &mut DatabaseSettings) {
    let text = |text: &str| text.to_owned();
    *settings = DatabaseSettings {
        class: text("db.r6g.xlarge"),
        subnet_group: text("shop-private"),
        security_groups: BTreeSet::from([text("sg-app"), text("sg-bastion")]),
        parameter_group: text("shop-postgres16"),
        option_group: text("shop-options"),
        multi_az: true,
        storage_type: text("io2"),
        storage_gb: 500,
        iops: Some(16_000),
        throughput: None,
        max_storage_gb: Some(1_000),
        iam_authentication: true,
        log_exports: BTreeSet::from([text("postgresql"), text("upgrade")]),
        deletion_protection: true,
        copy_tags: true,
        backup_days: 21,
        backup_window: text("18:00-18:30"),
        maintenance_window: text("tue:19:00-tue:19:30"),
        minor_upgrades: false,
        certificate: text("rds-ca-ecc384-g1"),
        port: 6_543,
        public: false,
        network: text("DUAL"),
        log_volume: true,
        lifecycle: text("open-source-rds-extended-support-disabled"),
        license: Some(text("postgresql-license-of-ours")),
        monitoring_seconds: 15,
        monitoring_role: Some(text("arn:aws:iam::123456789012:role/monitoring")),
        insights_mode: text("advanced"),
        insights: true,
        insights_key: Some(text("arn:aws:kms:ap-northeast-2:123456789012:key/insights")),
        insights_days: Some(465),
        promotion_tier: 1,
        serverless: None,
        auto_pause_seconds: None,
        backtrack_seconds: None,
    };
}

/// Settings that only a cluster or only its members have.
const NOT_OF_AN_INSTANCE: [Setting; 5] = [
    Setting::ServerlessMinAcu,
    Setting::ServerlessMaxAcu,
    Setting::ServerlessAutoPauseSeconds,
    Setting::BacktrackSeconds,
    Setting::PromotionTier,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_setting_is_restored() {
    let mut builder = TestEnvBuilder::small();
    builder.start = at(NOON);
    let env = builder.build().await;
    let aws = env.cloud.aws();
    assert!(aws.update_settings(DatabaseKind::Instance, SOURCE, set_unusual_settings));
    let arn = format!("arn:aws:rds:ap-northeast-2:123456789012:db:{SOURCE}");
    assert!(aws.set_tag(&arn, "team", "shop") && aws.set_tag(&arn, "cost-centre", "12"));
    snapshot(&env, NOON).await;
    // The source changes afterwards: the settings at the time of the snapshot count.
    aws.update_settings(DatabaseKind::Instance, SOURCE, |it| it.class = "db.r6g.large".into());

    let restored =
        run(&env, &["restore", "--latest", "--as", "shop-restored", "--yes", "--output", "json"]);
    let restored = restored.await.json();
    assert_eq!(restored["outcome"]["not_as_planned"], serde_json::json!([]));
    let mut expected = settings_of(&env, DatabaseKind::Instance, SOURCE);
    expected.class = "db.r6g.xlarge".into();
    assert_eq!(settings_of(&env, DatabaseKind::Instance, "shop-restored"), expected);
    let rds = rds_client(&env, SourceKind::Instance);
    let database = rds.database(SourceKind::Instance, "shop-restored").await.unwrap().unwrap();
    assert_eq!(database.tags["team"], "shop");
    assert_eq!(database.tags["cost-centre"], "12");
    assert!(!database.tags.contains_key("landbridge:source"), "{:?}", database.tags);
}

/// Restores with every setting but one and reports the result for that one. Class, port, storage
/// and a few more are in the snapshot itself, from which AWS takes them; therefore the snapshot is
/// of a source with defaults, and the plan of one with unusual settings.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_omitted_setting_is_detected() {
    let mut builder = TestEnvBuilder::small();
    builder.start = at(NOON);
    let env = builder.build().await;
    let plain = snapshot(&env, NOON).await;
    let (aws, rds) = (env.cloud.aws(), rds_client(&env, SourceKind::Instance));
    aws.set_database_quota(1_000);
    aws.update_settings(DatabaseKind::Instance, SOURCE, set_unusual_settings);
    let mut record = rds.settings_record(SOURCE).await.unwrap();
    let tags = BTreeMap::from([("team".to_owned(), "shop".to_owned())]);
    record.settings.set(Setting::Tags, Some(SettingValue::Tags(tags)));

    let mut detected = Vec::new();
    // io2 storage has no throughput setting; gp3 is tested separately.
    let gp3 = |record: &mut landbridge_core::restore::SettingsRecord| {
        record.settings.set(Setting::StorageType, Some(SettingValue::Text("gp3".into())));
        record.settings.set(Setting::StorageThroughput, Some(SettingValue::Number(700)));
    };
    for (number, omitted) in Setting::ALL.into_iter().enumerate() {
        if NOT_OF_AN_INSTANCE.contains(&omitted) {
            continue;
        }
        let mut record = record.clone();
        if omitted == Setting::StorageThroughput {
            gp3(&mut record);
        }
        let target = format!("without-{number}");
        let origin = RestoreOrigin::Snapshot(plain.clone());
        let options = RestoreOptions::default();
        let plan = RestorePlan::new(&record, SOURCE, &target, origin, options);
        assert!(plan.settings.get(omitted).is_some(), "{} is recorded", omitted.name());
        let all = restore_with(&env, &rds, &plan, &plan.settings).await;
        let differing = differing_settings(&plan.settings, &all);
        assert!(differing.is_empty(), "no setting omitted: {differing:?}");

        let mut most = plan.settings.clone();
        most.remove(omitted);
        if matches!(omitted, Setting::StorageType) {
            // Without a storage type there is nothing to provision.
            most.remove(Setting::Iops);
        }
        let plan = RestorePlan { target: format!("omits-{number}"), ..plan };
        let without = restore_with(&env, &rds, &plan, &most).await;
        let differing = differing_settings(&plan.settings, &without);
        assert!(
            differing.contains(&omitted),
            "{} was omitted and not detected: {differing:?}",
            omitted.name()
        );
        detected.push(omitted);
    }
    println!("{} settings omitted one by one, each detected", detected.len());
    assert_eq!(detected.len(), Setting::ALL.len() - NOT_OF_AN_INSTANCE.len());
}

/// Restores with these settings; those that the restore call cannot take are set afterwards.
async fn restore_with(
    env: &TestEnv,
    rds: &landbridge_aws::Rds,
    plan: &RestorePlan,
    settings: &Wanted,
) -> Wanted {
    let mut plan = plan.clone();
    plan.settings = settings.clone();
    let mut at_restore = plan.restore_call_settings();
    if settings.tags().is_empty() {
        at_restore.remove(Setting::Tags);
    }
    rds.start_restore(&plan, &at_restore).await.unwrap();
    let is_available = |it: &landbridge_aws::rds::Database| it.status == "available";
    let wait_until_available = || async {
        loop {
            let it = rds.database(SourceKind::Instance, &plan.target).await.unwrap().unwrap();
            if is_available(&it) {
                return it;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let it = while_time_passes(env, wait_until_available()).await;
    let later: Wanted = settings
        .iter()
        .filter(|(setting, _)| !setting.is_restore_parameter(SourceKind::Instance))
        .map(|(setting, value)| (setting, value.clone()))
        .collect();
    // RDS refuses a role without an interval, and an interval without a role; then neither is set.
    let _ = rds.modify_database(SourceKind::Instance, &it, &later).await;
    let it = while_time_passes(env, wait_until_available()).await;
    rds.delete_database(SourceKind::Instance, &plan.target, |_| true).await.ok();
    it.settings
}

fn differing_settings(wanted: &Wanted, actual: &Wanted) -> Vec<Setting> {
    wanted.differing_from(actual).iter().map(|(setting, _)| setting).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_database_is_public_only_on_request() {
    let env = start_env().await;
    let is_public = |id: &str| settings_of(&env, DatabaseKind::Instance, id).public;
    assert!(is_public(SOURCE), "AWS's own default, in a default VPC");
    let args = ["restore", "--latest", "--as", "closed", "--yes"];
    assert_eq!(run(&env, &args).await.code, 0);
    assert!(!is_public("closed"));
    let args = ["restore", "--latest", "--as", "open", "--yes", "--public"];
    assert_eq!(run(&env, &args).await.code, 0);
    assert!(is_public("open"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plan_lists_differences_from_the_source_and_changes_nothing() {
    let env = start_env().await;
    let aws = env.cloud.aws();
    aws.update_settings(DatabaseKind::Instance, SOURCE, |it| it.class = "db.r6g.large".into());
    let before = source_state(&env);
    let args = ["restore", "--latest", "--as", "shop-restored", "--dry-run"];
    let output = run(&env, &args).await;
    assert_eq!(output.code, 0, "{}", output.err);
    let line = output.out.lines().find(|line| line.contains(" class ")).expect("a line");
    assert!(line.contains('≠') && line.contains("db.r6g.large") && line.contains("db.t4g.medium"));
    assert!(output.out.contains("settings differ"), "{}", output.out);
    assert!(aws.describe_database(DatabaseKind::Instance, "shop-restored").is_none());
    assert_eq!(source_state(&env), before);

    let json = run(&env, &[&args[..], &["--output", "json"]].concat()).await.json();
    assert_eq!(json["plan"]["settings"]["class"], "db.t4g.medium");
    // Without a terminal and without --yes, the command does nothing.
    run(&env, &args[..4]).await.assert_fails(2, &["--yes"]);
    assert!(aws.describe_database(DatabaseKind::Instance, "shop-restored").is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_without_a_record_uses_the_sources_settings_and_reports_it() {
    let env = start_env().await;
    let aws = env.cloud.aws();
    let (arn, id) = aws.snapshots().into_iter().map(|it| (it.arn, it.id)).next().unwrap();
    assert!(aws.remove_tag(&arn, "landbridge:settings"));
    let args = ["restore", "--snapshot", &id, "--as", "shop-restored", "--yes", "--output", "json"];
    let output = run(&env, &args).await.json();
    let remarks = output["remarks"].to_string();
    assert!(remarks.contains("no settings were recorded"), "{remarks}");
    // The next tick of the hour records the missing settings.
    let outcome = env.tick("snapshot", NOON).await;
    assert!(outcome.is_response(), "{outcome:?}");
    let tags = aws.snapshots().into_iter().next().unwrap().tags;
    assert!(tags.contains_key("landbridge:settings"), "{tags:?}");
}

/// A snapshot that Landbridge did not take, from before a major upgrade: the groups of today belong
/// to another version, and RDS refuses them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_without_a_record_gets_the_groups_of_its_time() {
    let env = start_env().await;
    let aws = env.cloud.aws();
    let groups = |parameters: &'static str, options: &'static str| {
        assert!(aws.update_settings(DatabaseKind::Instance, SOURCE, |it| {
            it.parameter_group = parameters.into();
            it.option_group = options.into();
        }));
    };
    groups("mine-pg15", "default:postgres-15");
    snapshot(&env, "2026-11-21T04:00:00Z").await;
    let by_hand = sdk(&env).create_db_snapshot().db_snapshot_identifier("before-upgrade");
    by_hand.db_instance_identifier(SOURCE).send().await.expect("a snapshot");
    env.cloud.clock().advance_to(env.cloud.clock().now() + SignedDuration::from_mins(10));
    groups("mine-pg16", "default:postgres-16");
    env.cloud.clock().advance_to(env.cloud.clock().now() + SignedDuration::from_hours(20));
    snapshot(&env, "2026-11-22T01:00:00Z").await;

    let args = ["restore", "--snapshot", "before-upgrade", "--as", "shop-restored", "--dry-run"];
    let plan = run(&env, &[&args[..], &["--output", "json"]].concat()).await.json();
    let settings = &plan["plan"]["settings"];
    assert_eq!(settings["parameter_group"], "mine-pg15", "{settings}");
    assert_eq!(settings["option_group"], "default:postgres-15");
    let remarks = plan["remarks"].to_string();
    assert!(remarks.contains("the current settings of shop-prod are used"), "{remarks}");
    assert!(remarks.contains("the parameter and option groups are those"), "{remarks}");
}

/// RDS describes gp2 storage with a throughput of 0, and refuses a request that names one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gp2_storage_is_restored_without_a_throughput() {
    let mut builder = TestEnvBuilder::small();
    builder.start = at(NOON);
    let env = builder.build().await;
    assert!(env.cloud.aws().update_settings(DatabaseKind::Instance, SOURCE, |it| {
        it.storage_type = "gp2".into();
        (it.iops, it.throughput) = (None, None);
    }));
    snapshot(&env, NOON).await;
    let args = ["restore", "--latest", "--as", "shop-restored", "--yes", "--output", "json"];
    let restored = run(&env, &args).await.json();
    assert_eq!(restored["outcome"]["not_as_planned"], serde_json::json!([]));
    assert_eq!(settings_of(&env, DatabaseKind::Instance, "shop-restored").storage_type, "gp2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unchanged_settings_are_recorded_once() {
    let env = start_env().await;
    snapshot(&env, "2026-11-21T04:00:00Z").await;
    assert_eq!(env.ledger("settings/").await.len(), 1);
    env.cloud.aws().update_settings(DatabaseKind::Instance, SOURCE, |it| it.multi_az = true);
    snapshot(&env, "2026-11-21T05:00:00Z").await;
    assert_eq!(env.ledger("settings/").await.len(), 2);
    let tags: BTreeSet<String> = env
        .cloud
        .aws()
        .snapshots()
        .into_iter()
        .map(|it| it.tags["landbridge:settings"].clone())
        .collect();
    assert_eq!(tags.len(), 2);
}

/// What AWS uses for everything that a restore omits (AWS documentation,
/// RestoreDBInstanceFromDBSnapshot). The local RDS must do the same, or the tests above prove
/// nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_without_settings_gets_awss_defaults() {
    let mut builder = TestEnvBuilder::small();
    builder.start = at(NOON);
    let env = builder.build().await;
    assert!(env.cloud.aws().update_settings(DatabaseKind::Instance, SOURCE, set_unusual_settings));
    let id = snapshot(&env, NOON).await;
    let call = sdk(&env).restore_db_instance_from_db_snapshot().db_instance_identifier("bare");
    call.db_snapshot_identifier(&id).send().await.expect("a restore");
    let available = || async {
        while env
            .cloud
            .aws()
            .describe_database(DatabaseKind::Instance, "bare")
            .is_none_or(|it| it.1 != "available")
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    while_time_passes(&env, available()).await;
    let bare = settings_of(&env, DatabaseKind::Instance, "bare");
    let groups = (&*bare.subnet_group, &*bare.parameter_group, &*bare.option_group);
    assert_eq!(groups, ("default", "default.postgres16", "default:postgres-16"));
    assert_eq!(bare.security_groups, BTreeSet::from(["sg-default".to_owned()]));
    assert!(!bare.multi_az && !bare.deletion_protection && !bare.iam_authentication);
    assert!(!bare.copy_tags && !bare.insights && bare.log_exports.is_empty() && bare.public);
    assert_eq!(bare.storage_type, "gp3");
    assert_eq!(bare.lifecycle, "open-source-rds-extended-support");
    // A snapshot does contain these.
    assert_eq!((&*bare.class, bare.port), ("db.r6g.xlarge", 6_543));
    assert_eq!((bare.storage_gb, bare.backup_days), (500, 21));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_source_is_restored_with_its_settings() {
    let mut builder = TestEnvBuilder::small();
    builder.start = at(NOON);
    let env = builder.build().await;
    let aws = env.cloud.aws();
    assert!(aws.update_settings(DatabaseKind::Instance, SOURCE, set_unusual_settings));
    snapshot(&env, NOON).await;
    // A newer snapshot, made by a person, has no record.
    let by_hand = sdk(&env).create_db_snapshot().db_snapshot_identifier("by-hand");
    by_hand.db_instance_identifier(SOURCE).send().await.expect("a snapshot");
    aws.update_settings(DatabaseKind::Instance, SOURCE, |it| it.deletion_protection = false);
    let gone = sdk(&env).delete_db_instance().db_instance_identifier(SOURCE);
    gone.skip_final_snapshot(true).send().await.expect("an accident");
    env.cloud.clock().advance_to(env.cloud.clock().now() + SignedDuration::from_mins(30));
    assert!(aws.describe_database(DatabaseKind::Instance, SOURCE).is_none());

    let args = ["restore", "--latest", "--as", "shop-restored", "--yes", "--output", "json"];
    let output = run(&env, &args).await.json();
    assert_eq!(output["plan"]["origin"]["snapshot"], "by-hand");
    let remarks = output["remarks"].to_string();
    assert!(remarks.contains("shop-prod is gone: those of landbridge-shop-"), "{remarks}");
    let restored = settings_of(&env, DatabaseKind::Instance, "shop-restored");
    assert!(restored.deletion_protection && restored.multi_az && !restored.public);
    assert_eq!(restored.subnet_group, "shop-private");
    // The name of the source is free, so the swap renames one database.
    let swap = ["restore", "--as", "shop-restored", "--swap", "--yes"];
    assert_eq!(run(&env, &swap).await.code, 0);
    assert_eq!(settings_of(&env, DatabaseKind::Instance, SOURCE), restored);
}
