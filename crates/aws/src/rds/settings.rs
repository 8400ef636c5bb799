//! Reads the settings of a database from its description.

use std::collections::BTreeMap;

use aws_sdk_rds::types::{DbCluster, DbInstance, Tag};
use landbridge_core::config::SourceKind;
use landbridge_core::ids::TAG_PREFIX;
use landbridge_core::restore::{Setting, SettingValue, Settings, SettingsRecord};

/// The settings of an instance, including the tags that Landbridge set. For a member of an Aurora
/// cluster, the settings that belong to the cluster are left out.
pub(super) fn instance_settings(it: &DbInstance) -> Settings {
    let mut all = Settings::default();
    let aurora = it.db_cluster_identifier().is_some();
    let mut set = |setting, value| all.set(setting, value);
    set(Setting::Class, text(it.db_instance_class()));
    set(Setting::PubliclyAccessible, it.publicly_accessible().map(SettingValue::Flag));
    let group = it.db_parameter_groups().first().and_then(|it| it.db_parameter_group_name());
    set(Setting::ParameterGroup, text(group));
    set(Setting::CopyTagsToSnapshot, it.copy_tags_to_snapshot().map(SettingValue::Flag));
    set(Setting::MaintenanceWindow, text(it.preferred_maintenance_window()));
    set(Setting::MinorUpgrades, it.auto_minor_version_upgrade().map(SettingValue::Flag));
    set(Setting::Certificate, text(it.ca_certificate_identifier()));
    set(Setting::MonitoringSeconds, number(it.monitoring_interval()));
    set(Setting::MonitoringRole, text(it.monitoring_role_arn()));
    set(Setting::PerformanceInsights, it.performance_insights_enabled().map(SettingValue::Flag));
    set(Setting::PerformanceInsightsKey, text(it.performance_insights_kms_key_id()));
    set(Setting::PerformanceInsightsDays, number(it.performance_insights_retention_period()));
    set(Setting::Tags, Some(tags(it.tag_list())));
    if aurora {
        set(Setting::PromotionTier, number(it.promotion_tier()));
        return all;
    }
    let port = it.endpoint().and_then(|it| it.port()).filter(|port| *port > 0);
    set(Setting::Port, number(port));
    let group = it.db_subnet_group().and_then(|it| it.db_subnet_group_name());
    set(Setting::SubnetGroup, text(group));
    let groups = it.vpc_security_groups().iter().filter_map(|it| it.vpc_security_group_id());
    set(Setting::SecurityGroups, Some(names(groups)));
    set(Setting::NetworkType, text(it.network_type()));
    let group = it.option_group_memberships().first().and_then(|it| it.option_group_name());
    set(Setting::OptionGroup, text(group));
    set(Setting::MultiAz, it.multi_az().map(SettingValue::Flag));
    set(Setting::StorageType, text(it.storage_type()));
    set(Setting::StorageGb, number(it.allocated_storage()));
    set(Setting::Iops, number(it.iops()));
    // RDS describes storage without a throughput of its own, such as gp2, with 0.
    set(Setting::StorageThroughput, number(it.storage_throughput().filter(|it| *it > 0)));
    set(Setting::MaxStorageGb, number(it.max_allocated_storage()));
    set(Setting::DedicatedLogVolume, it.dedicated_log_volume().map(SettingValue::Flag));
    set(
        Setting::IamAuthentication,
        it.iam_database_authentication_enabled().map(SettingValue::Flag),
    );
    let logs = it.enabled_cloudwatch_logs_exports().iter().map(String::as_str);
    set(Setting::LogExports, Some(names(logs)));
    set(Setting::DeletionProtection, it.deletion_protection().map(SettingValue::Flag));
    set(Setting::BackupRetentionDays, number(it.backup_retention_period()));
    set(Setting::BackupWindow, text(it.preferred_backup_window()));
    set(Setting::EngineLifecycle, text(it.engine_lifecycle_support()));
    set(Setting::LicenseModel, text(it.license_model()));
    let mode = it.database_insights_mode().map(|mode| mode.as_str());
    set(Setting::InsightsMode, text(mode));
    all
}

/// The settings of a cluster; its members have their own. The members of a Multi-AZ cluster have none,
/// and its throughput follows from its IOPS (AWS API reference, DBCluster).
pub(super) fn cluster_settings(it: &DbCluster) -> Settings {
    let mut all = Settings::default();
    let aurora = it.engine().is_some_and(is_aurora);
    let mut set = |setting, value| all.set(setting, value);
    set(Setting::Port, number(it.port()));
    set(Setting::SubnetGroup, text(it.db_subnet_group()));
    let groups = it.vpc_security_groups().iter().filter_map(|it| it.vpc_security_group_id());
    set(Setting::SecurityGroups, Some(names(groups)));
    set(Setting::NetworkType, text(it.network_type()));
    set(Setting::ParameterGroup, text(it.db_cluster_parameter_group()));
    set(Setting::StorageType, text(it.storage_type()));
    if !aurora {
        set(Setting::Class, text(it.db_cluster_instance_class()));
        set(Setting::StorageGb, number(it.allocated_storage()));
        set(Setting::Iops, number(it.iops()));
        set(Setting::PubliclyAccessible, it.publicly_accessible().map(SettingValue::Flag));
        set(Setting::MinorUpgrades, it.auto_minor_version_upgrade().map(SettingValue::Flag));
        let certificate = it.certificate_details().and_then(|it| it.ca_identifier());
        set(Setting::Certificate, text(certificate));
    }
    // An Aurora cluster has these only if they are managed for the whole cluster: then its members inherit
    // them (Aurora User Guide, "Turning Performance Insights on and off for Aurora", "Setting up and enabling
    // Enhanced Monitoring"). Otherwise each member has its own.
    if !aurora || it.monitoring_interval().is_some_and(|seconds| seconds > 0) {
        set(Setting::MonitoringSeconds, number(it.monitoring_interval()));
        set(Setting::MonitoringRole, text(it.monitoring_role_arn()));
    }
    if !aurora || it.performance_insights_enabled() == Some(true) {
        set(
            Setting::PerformanceInsights,
            it.performance_insights_enabled().map(SettingValue::Flag),
        );
        set(Setting::PerformanceInsightsKey, text(it.performance_insights_kms_key_id()));
        set(Setting::PerformanceInsightsDays, number(it.performance_insights_retention_period()));
    }
    let mode = it.database_insights_mode().map(|mode| mode.as_str());
    set(Setting::InsightsMode, text(mode.filter(|mode| !aurora || *mode == ADVANCED)));
    if let Some(scaling) = it.serverless_v2_scaling_configuration() {
        let capacity =
            |value: Option<f64>| value.map(|value| SettingValue::Text(value.to_string()));
        set(Setting::ServerlessMinAcu, capacity(scaling.min_capacity()));
        set(Setting::ServerlessMaxAcu, capacity(scaling.max_capacity()));
        set(Setting::ServerlessAutoPauseSeconds, number(scaling.seconds_until_auto_pause()));
    }
    set(
        Setting::IamAuthentication,
        it.iam_database_authentication_enabled().map(SettingValue::Flag),
    );
    let logs = it.enabled_cloudwatch_logs_exports().iter().map(String::as_str);
    set(Setting::LogExports, Some(names(logs)));
    set(Setting::DeletionProtection, it.deletion_protection().map(SettingValue::Flag));
    set(Setting::CopyTagsToSnapshot, it.copy_tags_to_snapshot().map(SettingValue::Flag));
    set(Setting::BackupRetentionDays, number(it.backup_retention_period()));
    set(Setting::BackupWindow, text(it.preferred_backup_window()));
    set(Setting::BacktrackSeconds, it.backtrack_window().map(SettingValue::Number));
    set(Setting::MaintenanceWindow, text(it.preferred_maintenance_window()));
    set(Setting::EngineLifecycle, text(it.engine_lifecycle_support()));
    set(Setting::Tags, Some(tags(it.tag_list())));
    all
}

/// The properties of an instance that a restore does not bring back; the operator must restore them
/// manually.
pub(super) fn manual_steps(it: &DbInstance) -> Vec<String> {
    let mut all = Vec::new();
    for role in it.associated_roles() {
        all.push(format!(
            "IAM role {} for {} (add-role-to-db-instance)",
            role.role_arn().unwrap_or_default(),
            role.feature_name().unwrap_or_default()
        ));
    }
    for domain in it.domain_memberships() {
        all.push(format!("membership in the directory {}", domain.domain().unwrap_or_default()));
    }
    for replica in it.read_replica_db_instance_identifiers() {
        all.push(format!("read replica {replica}"));
    }
    if it.master_user_secret().is_some() {
        all.push(MANAGED_PASSWORD.to_owned());
    }
    all
}

/// The properties of a cluster that a restore does not bring back. Those of its members are in
/// [`manual_steps`].
pub(super) fn cluster_manual_steps(it: &DbCluster) -> Vec<String> {
    let mut all = Vec::new();
    for role in it.associated_roles() {
        let feature = role.feature_name().filter(|name| !name.is_empty());
        all.push(format!(
            "IAM role {}{} (add-role-to-db-cluster)",
            role.role_arn().unwrap_or_default(),
            feature.map(|name| format!(" for {name}")).unwrap_or_default()
        ));
    }
    for domain in it.domain_memberships() {
        all.push(format!("membership in the directory {}", domain.domain().unwrap_or_default()));
    }
    for replica in it.read_replica_identifiers() {
        all.push(format!("read replica {replica}"));
    }
    for endpoint in it.custom_endpoints() {
        all.push(format!("the custom endpoint {endpoint} (create-db-cluster-endpoint)"));
    }
    if let Some(from) = it.replication_source_identifier().filter(|from| !from.is_empty()) {
        all.push(format!("replication from {from}: a restored cluster is no replica"));
    }
    all.extend(features_to_enable(it).into_iter().map(str::to_owned));
    all
}

/// What is on in a cluster, and must be turned on again in a restored one.
fn features_to_enable(it: &DbCluster) -> Vec<&'static str> {
    let local_forwarding = it.local_write_forwarding_status().map(|it| it.as_str());
    let stream = it.activity_stream_status().map(|it| it.as_str());
    [
        (it.master_user_secret().is_some(), MANAGED_PASSWORD),
        (
            it.http_endpoint_enabled() == Some(true),
            "the Data API (HTTP endpoint): enable it again (enable-http-endpoint)",
        ),
        (
            it.global_cluster_identifier().is_some_and(|id| !id.is_empty()),
            "membership in the global database",
        ),
        (
            it.global_write_forwarding_requested() == Some(true),
            "write forwarding in the global database (modify-db-cluster --enable-global-write-forwarding)",
        ),
        (
            local_forwarding.is_some_and(|it| matches!(it, "enabled" | "enabling" | "requested")),
            "local write forwarding (modify-db-cluster --enable-local-write-forwarding)",
        ),
        (
            stream.is_some_and(|it| matches!(it, "started" | "starting")),
            "the database activity stream (start-activity-stream)",
        ),
        (
            it.aws_backup_recovery_point_arn().is_some_and(|arn| !arn.is_empty()),
            "continuous backups by AWS Backup: add the cluster to the backup plan",
        ),
        (
            it.scaling_configuration_info().is_some(),
            "scaling of Aurora Serverless v1 (modify-db-cluster --scaling-configuration)",
        ),
    ]
    .into_iter()
    .filter_map(|(is_on, step)| is_on.then_some(step))
    .collect()
}

/// The mode of Database Insights that is not the default.
const ADVANCED: &str = "advanced";

/// Removes from the members of an Aurora cluster what they inherit from it. RDS refuses such a parameter of
/// a member ("MonitoringInterval conflicts with cluster level parameter").
pub(super) fn leave_to_cluster(record: &mut SettingsRecord) {
    let inherited: Vec<Setting> = [
        (Setting::MonitoringSeconds, &[Setting::MonitoringSeconds, Setting::MonitoringRole][..]),
        (
            Setting::PerformanceInsights,
            &[
                Setting::PerformanceInsights,
                Setting::PerformanceInsightsKey,
                Setting::PerformanceInsightsDays,
            ],
        ),
    ]
    .into_iter()
    .filter(|(setting, _)| record.settings.get(*setting).is_some())
    .flat_map(|(_, all)| all.iter().copied())
    .collect();
    for settings in record.members.values_mut() {
        inherited.iter().for_each(|setting| _ = settings.remove(*setting));
    }
}

/// The manual step for a master password that Secrets Manager holds.
const MANAGED_PASSWORD: &str =
    "management of the master password in Secrets Manager: enable it again";

/// Creates a record without the tags that Landbridge set: these describe the origin of a database
/// and are not settings.
pub(super) fn settings_record(
    kind: SourceKind,
    engine: Option<&str>,
    version: Option<&str>,
    settings: Settings,
) -> SettingsRecord {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    SettingsRecord::new(kind, text(engine), text(version), without_landbridge_tags(settings))
}

/// The settings without the tags that Landbridge set.
pub(super) fn without_landbridge_tags(mut settings: Settings) -> Settings {
    let mut tags = settings.tags();
    tags.retain(|key, _| !key.starts_with(TAG_PREFIX));
    settings.set(Setting::Tags, Some(SettingValue::Tags(tags)));
    settings
}

/// Whether an engine stores its data in the cluster and not in the instances.
pub(super) fn is_aurora(engine: &str) -> bool {
    engine.starts_with("aurora")
}

fn text(value: Option<&str>) -> Option<SettingValue> {
    value.filter(|text| !text.is_empty()).map(|text| SettingValue::Text(text.to_owned()))
}

fn number(value: Option<i32>) -> Option<SettingValue> {
    value.map(|number| SettingValue::Number(number.into()))
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> SettingValue {
    SettingValue::Names(names.map(str::to_owned).collect())
}

/// The tags that a user may set; the prefix `aws:` is reserved for AWS.
fn tags(tags: &[Tag]) -> SettingValue {
    let pair = |tag: &Tag| {
        let key = tag.key()?;
        (!key.starts_with("aws:"))
            .then(|| (key.to_owned(), tag.value().unwrap_or_default().to_owned()))
    };
    SettingValue::Tags(tags.iter().filter_map(pair).collect::<BTreeMap<_, _>>())
}

#[cfg(test)]
mod tests {
    use aws_sdk_rds::types::{
        ActivityStreamStatus, CertificateDetails, DatabaseInsightsMode, DbClusterRole,
        DomainMembership, LocalWriteForwardingStatus, MasterUserSecret, ScalingConfigurationInfo,
    };

    use super::*;

    #[test]
    fn gp2_has_no_throughput() {
        let gp2 = DbInstance::builder().storage_type("gp2").storage_throughput(0).iops(300).build();
        assert_eq!(instance_settings(&gp2).get(Setting::StorageThroughput), None);
    }

    /// Each property of a cluster that no restore call takes, alone: the plan says what to do by hand.
    #[test]
    fn what_a_cluster_restore_does_not_bring_back_is_named() {
        let aurora = || DbCluster::builder().engine("aurora-postgresql");
        let role =
            DbClusterRole::builder().role_arn("arn:aws:iam::1:role/s3").feature_name("s3Import");
        let domain = DomainMembership::builder().domain("d-1");
        for (cluster, part) in [
            (
                aurora().associated_roles(role.build()),
                "role/s3 for s3Import (add-role-to-db-cluster)",
            ),
            (aurora().master_user_secret(MasterUserSecret::builder().build()), "master password"),
            (aurora().domain_memberships(domain.build()), "directory d-1"),
            (aurora().read_replica_identifiers("replica-1"), "read replica replica-1"),
            (aurora().replication_source_identifier("arn:other"), "replication from arn:other"),
            (aurora().custom_endpoints("reports.cluster-custom-1"), "reports.cluster-custom-1"),
            (aurora().http_endpoint_enabled(true), "HTTP endpoint"),
            (aurora().global_cluster_identifier("world"), "global database"),
            (aurora().global_write_forwarding_requested(true), "enable-global-write-forwarding"),
            (
                aurora().local_write_forwarding_status(LocalWriteForwardingStatus::Enabling),
                "enable-local-write-forwarding",
            ),
            (aurora().activity_stream_status(ActivityStreamStatus::Started), "activity stream"),
            (aurora().aws_backup_recovery_point_arn("arn:backup"), "AWS Backup"),
            (
                aurora().scaling_configuration_info(ScalingConfigurationInfo::builder().build()),
                "Serverless v1",
            ),
        ] {
            let steps = cluster_manual_steps(&cluster.build());
            assert!(steps.len() == 1 && steps[0].contains(part), "{part}: {steps:?}");
        }
        let off = aurora()
            .http_endpoint_enabled(false)
            .database_insights_mode(DatabaseInsightsMode::Standard)
            .performance_insights_enabled(false)
            .monitoring_interval(0)
            .global_write_forwarding_requested(false)
            .local_write_forwarding_status(LocalWriteForwardingStatus::Disabled)
            .activity_stream_status(ActivityStreamStatus::Stopped);
        assert_eq!(cluster_manual_steps(&off.clone().build()), Vec::<String>::new());
        let monitoring = [
            Setting::MonitoringSeconds,
            Setting::InsightsMode,
            Setting::PerformanceInsights,
            Setting::PerformanceInsightsDays,
        ];
        let recorded = cluster_settings(&off.build());
        assert!(monitoring.iter().all(|it| recorded.get(*it).is_none()), "{recorded:?}");
        // These are settings that the restore sets.
        for engine in ["aurora-postgresql", "postgres"] {
            let on = DbCluster::builder()
                .engine(engine)
                .database_insights_mode(DatabaseInsightsMode::Advanced)
                .performance_insights_enabled(true)
                .performance_insights_retention_period(465)
                .monitoring_interval(60)
                .build();
            assert_eq!(cluster_manual_steps(&on), Vec::<String>::new());
            let recorded = cluster_settings(&on);
            assert!(monitoring.iter().all(|it| recorded.get(*it).is_some()), "{recorded:?}");
        }
    }

    #[test]
    fn a_multi_az_cluster_has_its_monitoring_recorded() {
        let cluster = DbCluster::builder()
            .engine("postgres")
            .allocated_storage(100)
            .certificate_details(CertificateDetails::builder().ca_identifier("rds-ca-1").build())
            .performance_insights_enabled(true)
            .performance_insights_retention_period(465)
            .monitoring_interval(60)
            .build();
        let settings = cluster_settings(&cluster);
        for (setting, value) in [
            (Setting::PerformanceInsights, SettingValue::Flag(true)),
            (Setting::PerformanceInsightsDays, SettingValue::Number(465)),
            (Setting::MonitoringSeconds, SettingValue::Number(60)),
            (Setting::StorageGb, SettingValue::Number(100)),
            (Setting::Certificate, SettingValue::Text("rds-ca-1".into())),
        ] {
            assert_eq!(settings.get(setting), Some(&value));
        }
    }
}
