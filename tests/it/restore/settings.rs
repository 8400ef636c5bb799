//! Every setting comes back, and a forgotten one shows: the local RDS applies AWS's own
//! defaults to whatever a request leaves out.

use std::collections::{BTreeMap, BTreeSet};

use landbridge_core::config::SourceKind;
use landbridge_core::restore::plan::RestoreOptions;
use landbridge_core::restore::{
    RestoreOrigin, RestorePlan, Setting, SettingValue, Settings as Wanted,
};
use landbridge_local_aws::{DatabaseKind, DatabaseSettings};

use super::*;

/// A source of which nothing is as AWS would have it by default.
fn unusual(settings: &mut DatabaseSettings) {
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
        backtrack_seconds: None,
    };
}

/// Settings of a cluster or of its members alone.
const NOT_OF_AN_INSTANCE: [Setting; 4] = [
    Setting::ServerlessMinAcu,
    Setting::ServerlessMaxAcu,
    Setting::BacktrackSeconds,
    Setting::PromotionTier,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_setting_comes_back() {
    let mut recipe = Recipe::small();
    recipe.start = at(NOON);
    let world = recipe.build().await;
    let aws = world.cloud.aws();
    assert!(aws.update_settings(DatabaseKind::Instance, SOURCE, unusual));
    let arn = format!("arn:aws:rds:ap-northeast-2:123456789012:db:{SOURCE}");
    assert!(aws.set_tag(&arn, "team", "shop") && aws.set_tag(&arn, "cost-centre", "12"));
    snapshot(&world, NOON).await;
    // The source moves on: what counts is what it was set to at that moment.
    aws.update_settings(DatabaseKind::Instance, SOURCE, |it| it.class = "db.r6g.large".into());

    let restored =
        run(&world, &["restore", "--latest", "--as", "shop-restored", "--yes", "--output", "json"]);
    let restored = restored.await.json();
    assert_eq!(restored["outcome"]["not_as_planned"], serde_json::json!([]));
    let mut expected = settings_of(&world, DatabaseKind::Instance, SOURCE);
    expected.class = "db.r6g.xlarge".into();
    assert_eq!(settings_of(&world, DatabaseKind::Instance, "shop-restored"), expected);
    let seen = ours(&world, SourceKind::Instance);
    let seen = seen.database(SourceKind::Instance, "shop-restored").await.unwrap().unwrap();
    assert_eq!(seen.tags["team"], "shop");
    assert_eq!(seen.tags["cost-centre"], "12");
    assert!(!seen.tags.contains_key("landbridge:source"), "{:?}", seen.tags);
}

/// Restores with every setting but one and says what became of that one. Class, port, storage
/// and a few more are in the snapshot itself: AWS takes those from there, so the snapshot is
/// of a plain source, and the plan of an unusual one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_setting_shows() {
    let mut recipe = Recipe::small();
    recipe.start = at(NOON);
    let world = recipe.build().await;
    let plain = snapshot(&world, NOON).await;
    let (aws, rds) = (world.cloud.aws(), ours(&world, SourceKind::Instance));
    aws.set_database_quota(1_000);
    aws.update_settings(DatabaseKind::Instance, SOURCE, unusual);
    let mut record = rds.settings_record(SOURCE).await.unwrap();
    let tags = BTreeMap::from([("team".to_owned(), "shop".to_owned())]);
    record.settings.set(Setting::Tags, Some(SettingValue::Tags(tags)));

    let mut seen = Vec::new();
    // io2 storage has no throughput of its own; gp3 is looked at by itself.
    let gp3 = |record: &mut landbridge_core::restore::SettingsRecord| {
        record.settings.set(Setting::StorageType, Some(SettingValue::Text("gp3".into())));
        record.settings.set(Setting::StorageThroughput, Some(SettingValue::Number(700)));
    };
    for (number, forgotten) in Setting::ALL.into_iter().enumerate() {
        if NOT_OF_AN_INSTANCE.contains(&forgotten) {
            continue;
        }
        let mut record = record.clone();
        if forgotten == Setting::StorageThroughput {
            gp3(&mut record);
        }
        let target = format!("without-{number}");
        let origin = RestoreOrigin::Snapshot(plain.clone());
        let options = RestoreOptions::default();
        let plan = RestorePlan::new(&record, SOURCE, &target, origin, options);
        assert!(plan.settings.get(forgotten).is_some(), "{} is recorded", forgotten.name());
        let all = restored(&world, &rds, &plan, &plan.settings).await;
        let differing = differing(&plan.settings, &all);
        assert!(differing.is_empty(), "nothing forgotten: {differing:?}");

        let mut most = plan.settings.clone();
        most.remove(forgotten);
        if matches!(forgotten, Setting::StorageType) {
            // Without a type there is nothing to provision.
            most.remove(Setting::Iops);
        }
        let plan = RestorePlan { target: format!("forgot-{number}"), ..plan };
        let without = restored(&world, &rds, &plan, &most).await;
        let differing = self::differing(&plan.settings, &without);
        assert!(
            differing.contains(&forgotten),
            "{} was left out, and nothing shows: {differing:?}",
            forgotten.name()
        );
        seen.push(forgotten);
    }
    println!("{} settings forgotten one by one, each seen", seen.len());
    assert_eq!(seen.len(), Setting::ALL.len() - NOT_OF_AN_INSTANCE.len());
}

/// A restore with these settings, the later ones set afterwards.
async fn restored(
    world: &World,
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
    let here = |it: &landbridge_aws::rds::Database| it.status == "available";
    let look = || async {
        loop {
            let it = rds.database(SourceKind::Instance, &plan.target).await.unwrap().unwrap();
            if here(&it) {
                return it;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let it = while_time_passes(world, look()).await;
    let later: Wanted = settings
        .iter()
        .filter(|(setting, _)| !setting.is_restore_parameter(SourceKind::Instance))
        .map(|(setting, value)| (setting, value.clone()))
        .collect();
    // A role without an interval, or the other way round, is refused: nothing is set then.
    let _ = rds.modify_database(SourceKind::Instance, &it, &later).await;
    let it = while_time_passes(world, look()).await;
    rds.delete_database(SourceKind::Instance, &plan.target, |_| true).await.ok();
    it.settings
}

fn differing(wanted: &Wanted, actual: &Wanted) -> Vec<Setting> {
    wanted.differing_from(actual).iter().map(|(setting, _)| setting).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_public_only_when_asked_for() {
    let world = world().await;
    let is_public = |id: &str| settings_of(&world, DatabaseKind::Instance, id).public;
    assert!(is_public(SOURCE), "AWS's own default, in a default VPC");
    let args = ["restore", "--latest", "--as", "closed", "--yes"];
    assert_eq!(run(&world, &args).await.code, 0);
    assert!(!is_public("closed"));
    let args = ["restore", "--latest", "--as", "open", "--yes", "--public"];
    assert_eq!(run(&world, &args).await.code, 0);
    assert!(is_public("open"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plan_is_a_diff_against_the_source_and_changes_nothing() {
    let world = world().await;
    let aws = world.cloud.aws();
    aws.update_settings(DatabaseKind::Instance, SOURCE, |it| it.class = "db.r6g.large".into());
    let before = source(&world);
    let args = ["restore", "--latest", "--as", "shop-restored", "--dry-run"];
    let said = run(&world, &args).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let line = said.out.lines().find(|line| line.contains(" class ")).expect("a line");
    assert!(line.contains('≠') && line.contains("db.r6g.large") && line.contains("db.t4g.medium"));
    assert!(said.out.contains("settings differ"), "{}", said.out);
    assert!(aws.describe_database(DatabaseKind::Instance, "shop-restored").is_none());
    assert_eq!(source(&world), before);

    let json = run(&world, &[&args[..], &["--output", "json"]].concat()).await.json();
    assert_eq!(json["plan"]["settings"]["class"], "db.t4g.medium");
    // Without somebody to ask and without --yes, nothing is done.
    run(&world, &args[..4]).await.fails(2, &["--yes"]);
    assert!(aws.describe_database(DatabaseKind::Instance, "shop-restored").is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_without_a_record_takes_the_sources_settings_and_says_so() {
    let world = world().await;
    let aws = world.cloud.aws();
    let (arn, id) = aws.snapshots().into_iter().map(|it| (it.arn, it.id)).next().unwrap();
    assert!(aws.remove_tag(&arn, "landbridge:settings"));
    let args = ["restore", "--snapshot", &id, "--as", "shop-restored", "--yes", "--output", "json"];
    let said = run(&world, &args).await.json();
    let remarks = said["remarks"].to_string();
    assert!(remarks.contains("no settings were recorded"), "{remarks}");
    // The next tick of the hour records what is missing.
    let outcome = world.tick("snapshot", NOON).await;
    assert!(outcome.is_response(), "{outcome:?}");
    let tags = aws.snapshots().into_iter().next().unwrap().tags;
    assert!(tags.contains_key("landbridge:settings"), "{tags:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unchanged_settings_are_recorded_once() {
    let world = world().await;
    snapshot(&world, "2026-11-21T04:00:00Z").await;
    assert_eq!(world.ledger("settings/").await.len(), 1);
    world.cloud.aws().update_settings(DatabaseKind::Instance, SOURCE, |it| it.multi_az = true);
    snapshot(&world, "2026-11-21T05:00:00Z").await;
    assert_eq!(world.ledger("settings/").await.len(), 2);
    let tags: BTreeSet<String> = world
        .cloud
        .aws()
        .snapshots()
        .into_iter()
        .map(|it| it.tags["landbridge:settings"].clone())
        .collect();
    assert_eq!(tags.len(), 2);
}

/// What AWS takes for whatever a restore leaves out (AWS documentation,
/// RestoreDBInstanceFromDBSnapshot): the local RDS must be as forgetful, or nothing above
/// proves anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bare_restore_gets_awss_own_defaults() {
    let mut recipe = Recipe::small();
    recipe.start = at(NOON);
    let world = recipe.build().await;
    assert!(world.cloud.aws().update_settings(DatabaseKind::Instance, SOURCE, unusual));
    let id = snapshot(&world, NOON).await;
    let call = sdk(&world).restore_db_instance_from_db_snapshot().db_instance_identifier("bare");
    call.db_snapshot_identifier(&id).send().await.expect("a restore");
    let available = || async {
        while world
            .cloud
            .aws()
            .describe_database(DatabaseKind::Instance, "bare")
            .is_none_or(|it| it.1 != "available")
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    while_time_passes(&world, available()).await;
    let bare = settings_of(&world, DatabaseKind::Instance, "bare");
    let groups = (&*bare.subnet_group, &*bare.parameter_group, &*bare.option_group);
    assert_eq!(groups, ("default", "default.postgres16", "default:postgres-16"));
    assert_eq!(bare.security_groups, BTreeSet::from(["sg-default".to_owned()]));
    assert!(!bare.multi_az && !bare.deletion_protection && !bare.iam_authentication);
    assert!(!bare.copy_tags && !bare.insights && bare.log_exports.is_empty() && bare.public);
    assert_eq!(bare.storage_type, "gp3");
    assert_eq!(bare.lifecycle, "open-source-rds-extended-support");
    // These a snapshot does carry.
    assert_eq!((&*bare.class, bare.port), ("db.r6g.xlarge", 6_543));
    assert_eq!((bare.storage_gb, bare.backup_days), (500, 21));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_is_gone_comes_back_as_it_was() {
    let mut recipe = Recipe::small();
    recipe.start = at(NOON);
    let world = recipe.build().await;
    let aws = world.cloud.aws();
    assert!(aws.update_settings(DatabaseKind::Instance, SOURCE, unusual));
    snapshot(&world, NOON).await;
    // A newer one, made by a person, has no record of its own.
    let by_hand = sdk(&world).create_db_snapshot().db_snapshot_identifier("by-hand");
    by_hand.db_instance_identifier(SOURCE).send().await.expect("a snapshot");
    aws.update_settings(DatabaseKind::Instance, SOURCE, |it| it.deletion_protection = false);
    let gone = sdk(&world).delete_db_instance().db_instance_identifier(SOURCE);
    gone.skip_final_snapshot(true).send().await.expect("an accident");
    world.cloud.clock().advance_to(world.cloud.clock().now() + SignedDuration::from_mins(30));
    assert!(aws.describe_database(DatabaseKind::Instance, SOURCE).is_none());

    let args = ["restore", "--latest", "--as", "shop-restored", "--yes", "--output", "json"];
    let said = run(&world, &args).await.json();
    assert_eq!(said["plan"]["origin"]["snapshot"], "by-hand");
    let remarks = said["remarks"].to_string();
    assert!(remarks.contains("shop-prod is gone: those of landbridge-shop-"), "{remarks}");
    let restored = settings_of(&world, DatabaseKind::Instance, "shop-restored");
    assert!(restored.deletion_protection && restored.multi_az && !restored.public);
    assert_eq!(restored.subnet_group, "shop-private");
    // Its name is free, so the swap is one renaming.
    let swap = ["restore", "--as", "shop-restored", "--swap", "--yes"];
    assert_eq!(run(&world, &swap).await.code, 0);
    assert_eq!(settings_of(&world, DatabaseKind::Instance, SOURCE), restored);
}
