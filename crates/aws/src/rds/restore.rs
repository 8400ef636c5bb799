//! Restores, modifies, renames and deletes databases. Every call names its settings explicitly. The
//! daily stages make none of these calls.

use std::collections::BTreeSet;

use aws_sdk_rds::types::{
    CloudwatchLogsExportConfiguration, DatabaseInsightsMode, ServerlessV2ScalingConfiguration, Tag,
};
use aws_smithy_types::DateTime;
use landbridge_core::config::SourceKind;
use landbridge_core::restore::{
    ClusterMember, RestoreOrigin, RestorePlan, Setting, SettingValue, Settings,
};
use landbridge_core::{Error, ErrorKind, Result};

use super::{Database, Rds};
use crate::error::{failed, found};

/// Sets parameters of a call from settings, by the name of the setter.
macro_rules! with {
    ($call:expr, $settings:expr, { $($setting:ident => $method:ident($as:ident)),+ $(,)? }) => {{
        let settings: &Settings = $settings;
        $call$(.$method($as(settings, Setting::$setting)))+
    }};
}

/// Sets the instance settings that both restore calls and the modify call accept.
macro_rules! with_instance_settings {
    ($call:expr, $settings:expr) => {
        with!($call, $settings, {
            Class => set_db_instance_class(text),
            SecurityGroups => set_vpc_security_group_ids(names),
            PubliclyAccessible => set_publicly_accessible(flag),
            NetworkType => set_network_type(text),
            ParameterGroup => set_db_parameter_group_name(text),
            OptionGroup => set_option_group_name(text),
            MultiAz => set_multi_az(flag),
            StorageType => set_storage_type(text),
            StorageGb => set_allocated_storage(number),
            Iops => set_iops(number),
            StorageThroughput => set_storage_throughput(number),
            DedicatedLogVolume => set_dedicated_log_volume(flag),
            IamAuthentication => set_enable_iam_database_authentication(flag),
            DeletionProtection => set_deletion_protection(flag),
            CopyTagsToSnapshot => set_copy_tags_to_snapshot(flag),
            BackupRetentionDays => set_backup_retention_period(number),
            BackupWindow => set_preferred_backup_window(text),
            MinorUpgrades => set_auto_minor_version_upgrade(flag),
            Certificate => set_ca_certificate_identifier(text),
            EngineLifecycle => set_engine_lifecycle_support(text),
            LicenseModel => set_license_model(text),
        })
    };
}

/// Sets the cluster settings that both restore calls and the modify call accept.
macro_rules! with_cluster_settings {
    ($call:expr, $settings:expr) => {
        with!($call.set_serverless_v2_scaling_configuration(scaling($settings)), $settings, {
            Class => set_db_cluster_instance_class(text),
            Port => set_port(number),
            SecurityGroups => set_vpc_security_group_ids(names),
            NetworkType => set_network_type(text),
            ParameterGroup => set_db_cluster_parameter_group_name(text),
            StorageType => set_storage_type(text),
            Iops => set_iops(number),
            MonitoringSeconds => set_monitoring_interval(number),
            MonitoringRole => set_monitoring_role_arn(text),
            PerformanceInsights => set_enable_performance_insights(flag),
            PerformanceInsightsKey => set_performance_insights_kms_key_id(text),
            PerformanceInsightsDays => set_performance_insights_retention_period(number),
            IamAuthentication => set_enable_iam_database_authentication(flag),
            DeletionProtection => set_deletion_protection(flag),
            CopyTagsToSnapshot => set_copy_tags_to_snapshot(flag),
            BackupRetentionDays => set_backup_retention_period(number),
            BackupWindow => set_preferred_backup_window(text),
            BacktrackSeconds => set_backtrack_window(long),
            EngineLifecycle => set_engine_lifecycle_support(text),
        })
    };
}

/// Adds the settings that every restore call accepts, and sends the call.
macro_rules! send_restore {
    ($call:expr, $plan:expr, $settings:expr) => {{
        let call = with!($call, $settings, {
            SubnetGroup => set_db_subnet_group_name(text),
            LogExports => set_enable_cloudwatch_logs_exports(names),
            Tags => set_tags(tags),
        });
        let result = call.send().await;
        result
            .map(|_| ())
            .map_err(|error| failed("the restore cannot be started", &$plan.target, error))
    }};
}

impl Rds {
    /// Starts a restore with these settings (see [`RestorePlan::restore_call_settings`]).
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] if the name is taken or the snapshot is not available,
    /// [`ErrorKind::Quota`] if a quota of the account is used up; any other RDS error.
    pub async fn start_restore(&self, plan: &RestorePlan, settings: &Settings) -> Result<()> {
        match (plan.kind, &plan.origin) {
            (SourceKind::Instance, RestoreOrigin::Snapshot(snapshot)) => {
                self.restore_instance_snapshot(plan, snapshot, settings).await
            }
            (SourceKind::Cluster, RestoreOrigin::Snapshot(snapshot)) => {
                self.restore_cluster_snapshot(plan, snapshot, settings).await
            }
            (SourceKind::Instance, _) => self.restore_instance_to_time(plan, settings).await,
            (SourceKind::Cluster, _) => self.restore_cluster_to_time(plan, settings).await,
        }
    }

    async fn restore_instance_snapshot(
        &self,
        plan: &RestorePlan,
        id: &str,
        settings: &Settings,
    ) -> Result<()> {
        let call = self.client.restore_db_instance_from_db_snapshot();
        let call = call.db_instance_identifier(&plan.target).db_snapshot_identifier(id);
        let call =
            with_instance_settings!(call.set_port(number(settings, Setting::Port)), settings);
        send_restore!(call, plan, settings)
    }

    async fn restore_instance_to_time(
        &self,
        plan: &RestorePlan,
        settings: &Settings,
    ) -> Result<()> {
        let call = self.client.restore_db_instance_to_point_in_time();
        let call = call
            .source_db_instance_identifier(&plan.source)
            .target_db_instance_identifier(&plan.target)
            .set_restore_time(restore_time(&plan.origin))
            .set_use_latest_restorable_time(use_latest_time(&plan.origin));
        let call =
            with_instance_settings!(call.set_port(number(settings, Setting::Port)), settings);
        send_restore!(call, plan, settings)
    }

    async fn restore_cluster_snapshot(
        &self,
        plan: &RestorePlan,
        id: &str,
        settings: &Settings,
    ) -> Result<()> {
        let call = self.client.restore_db_cluster_from_snapshot();
        let call = call
            .db_cluster_identifier(&plan.target)
            .snapshot_identifier(id)
            .engine(&plan.engine)
            .engine_version(&plan.engine_version)
            .set_publicly_accessible(flag(settings, Setting::PubliclyAccessible));
        send_restore!(with_cluster_settings!(call, settings), plan, settings)
    }

    async fn restore_cluster_to_time(&self, plan: &RestorePlan, settings: &Settings) -> Result<()> {
        let call = self.client.restore_db_cluster_to_point_in_time();
        let call = call
            .source_db_cluster_identifier(&plan.source)
            .db_cluster_identifier(&plan.target)
            .set_restore_to_time(restore_time(&plan.origin))
            .set_use_latest_restorable_time(use_latest_time(&plan.origin))
            .set_publicly_accessible(flag(settings, Setting::PubliclyAccessible));
        send_restore!(with_cluster_settings!(call, settings), plan, settings)
    }

    /// Creates a member of a restored Aurora cluster. Idempotent: an existing instance with this id
    /// is not changed.
    ///
    /// # Errors
    /// [`ErrorKind::Quota`] if a quota of the account is used up; any other RDS error.
    pub async fn create_cluster_member(
        &self,
        plan: &RestorePlan,
        member: &ClusterMember,
    ) -> Result<()> {
        let call = self.client.create_db_instance();
        let call = call
            .db_instance_identifier(&member.id)
            .db_cluster_identifier(&plan.target)
            .engine(&plan.engine);
        let call = with!(call, &member.settings, {
            Class => set_db_instance_class(text),
            PubliclyAccessible => set_publicly_accessible(flag),
            ParameterGroup => set_db_parameter_group_name(text),
            CopyTagsToSnapshot => set_copy_tags_to_snapshot(flag),
            MaintenanceWindow => set_preferred_maintenance_window(text),
            MinorUpgrades => set_auto_minor_version_upgrade(flag),
            Certificate => set_ca_certificate_identifier(text),
            MonitoringSeconds => set_monitoring_interval(number),
            MonitoringRole => set_monitoring_role_arn(text),
            PerformanceInsights => set_enable_performance_insights(flag),
            PerformanceInsightsKey => set_performance_insights_kms_key_id(text),
            PerformanceInsightsDays => set_performance_insights_retention_period(number),
            PromotionTier => set_promotion_tier(number),
            Tags => set_tags(tags),
        });
        let what = "a cluster member cannot be created";
        found(call.send().await, "DBInstanceAlreadyExists", what, &member.id).map(|_| ())
    }

    /// Changes settings and tags of a database to `wanted`, immediately and not in its maintenance
    /// window. Settings that RDS cannot change on an existing database are ignored. Idempotent.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] if the database is not `available`; any other RDS error.
    pub async fn modify_database(
        &self,
        kind: SourceKind,
        database: &Database,
        wanted: &Settings,
    ) -> Result<()> {
        let tags = wanted.tags();
        let tags: Vec<(&str, &str)> =
            tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        if !tags.is_empty() {
            self.add_tags(&database.arn, &tags).await?;
        }
        let mut rest = wanted.clone();
        rest.remove(Setting::Tags);
        if rest.is_empty() {
            return Ok(());
        }
        let logs = log_exports(&rest, &database.settings);
        let what = "the database cannot be modified";
        match kind {
            SourceKind::Instance => {
                let call = self.client.modify_db_instance().db_instance_identifier(&database.id);
                let call =
                    call.apply_immediately(true).set_cloudwatch_logs_export_configuration(logs);
                let call = call.set_database_insights_mode(insights_mode(&rest));
                let call = with!(with_instance_settings!(call, &rest), &rest, {
                    Port => set_db_port_number(number),
                    MaxStorageGb => set_max_allocated_storage(number),
                    MaintenanceWindow => set_preferred_maintenance_window(text),
                    MonitoringSeconds => set_monitoring_interval(number),
                    MonitoringRole => set_monitoring_role_arn(text),
                    PerformanceInsights => set_enable_performance_insights(flag),
                    PerformanceInsightsKey => set_performance_insights_kms_key_id(text),
                    PerformanceInsightsDays => set_performance_insights_retention_period(number),
                    PromotionTier => set_promotion_tier(number),
                });
                call.send().await.map(|_| ()).map_err(|error| failed(what, &database.id, error))
            }
            SourceKind::Cluster => {
                let call = self.client.modify_db_cluster().db_cluster_identifier(&database.id);
                let call =
                    call.apply_immediately(true).set_cloudwatch_logs_export_configuration(logs);
                let call = call.set_database_insights_mode(insights_mode(&rest));
                let call = with!(with_cluster_settings!(call, &rest), &rest, {
                    StorageGb => set_allocated_storage(number),
                    MinorUpgrades => set_auto_minor_version_upgrade(flag),
                    Certificate => set_ca_certificate_identifier(text),
                    MaintenanceWindow => set_preferred_maintenance_window(text),
                });
                call.send().await.map(|_| ()).map_err(|error| failed(what, &database.id, error))
            }
        }
    }

    /// Starts to rename a database, immediately and not in its maintenance window.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] if the new name is taken or the database is not `available`; any
    /// other RDS error.
    pub async fn rename_database(&self, kind: SourceKind, from: &str, to: &str) -> Result<()> {
        let what = "the database cannot be renamed";
        let context = || format!("{from} to {to}");
        match kind {
            SourceKind::Instance => {
                let call = self.client.modify_db_instance().db_instance_identifier(from);
                let call = call.new_db_instance_identifier(to).apply_immediately(true);
                call.send().await.map(|_| ()).map_err(|error| failed(what, context(), error))
            }
            SourceKind::Cluster => {
                let call = self.client.modify_db_cluster().db_cluster_identifier(from);
                let call = call.new_db_cluster_identifier(to).apply_immediately(true);
                call.send().await.map(|_| ()).map_err(|error| failed(what, context(), error))
            }
        }
    }

    /// Starts to delete a database and its automated backups, without a final snapshot, if
    /// `may_delete` allows it. Idempotent: a database that does not exist is not an error.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] if `may_delete` refuses, in which case nothing is deleted; any other
    /// RDS error.
    pub async fn delete_database(
        &self,
        kind: SourceKind,
        id: &str,
        may_delete: impl Fn(&Database) -> bool,
    ) -> Result<()> {
        let Some(database) = self.database(kind, id).await? else { return Ok(()) };
        if !may_delete(&database) {
            let what = "the database has no tag of a drill of this source, so it is not deleted";
            return Err(Error::new(ErrorKind::Conflict, what, id));
        }
        if database.status == "deleting" {
            return Ok(());
        }
        let what = "the database cannot be deleted";
        match kind {
            SourceKind::Instance => {
                let call = self.client.delete_db_instance().db_instance_identifier(id);
                let call = call.skip_final_snapshot(true).delete_automated_backups(true);
                found(call.send().await, "DBInstanceNotFound", what, id).map(|_| ())
            }
            SourceKind::Cluster => {
                let call = self.client.delete_db_cluster().db_cluster_identifier(id);
                let call = call.skip_final_snapshot(true).delete_automated_backups(true);
                found(call.send().await, "DBClusterNotFoundFault", what, id).map(|_| ())
            }
        }
    }
}

/// Whether RDS refused a call because of the state of the database. After a restore or a rename,
/// RDS reports `available` and then goes on to `backing-up` or `modifying`, in which it accepts
/// neither a modification nor a rename: the call can be repeated when the database is available
/// again.
pub fn is_wrong_state(error: &Error) -> bool {
    const CODES: [&str; 2] = ["InvalidDBInstanceState", "InvalidDBClusterStateFault"];
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    let code = cause.split(':').next().unwrap_or_default();
    CODES.contains(&code)
}

fn restore_time(origin: &RestoreOrigin) -> Option<DateTime> {
    match origin {
        RestoreOrigin::Time(at) => Some(DateTime::from_secs(at.as_second())),
        _ => None,
    }
}

fn use_latest_time(origin: &RestoreOrigin) -> Option<bool> {
    matches!(origin, RestoreOrigin::Latest).then_some(true)
}

fn text(settings: &Settings, setting: Setting) -> Option<String> {
    settings.get(setting).map(SettingValue::to_string)
}

fn flag(settings: &Settings, setting: Setting) -> Option<bool> {
    match settings.get(setting) {
        Some(SettingValue::Flag(flag)) => Some(*flag),
        _ => None,
    }
}

fn long(settings: &Settings, setting: Setting) -> Option<i64> {
    match settings.get(setting) {
        Some(SettingValue::Number(number)) => Some(*number),
        _ => None,
    }
}

fn number(settings: &Settings, setting: Setting) -> Option<i32> {
    long(settings, setting).and_then(|number| i32::try_from(number).ok())
}

/// `None` for an empty list: RDS ignores an empty list in a request.
fn names(settings: &Settings, setting: Setting) -> Option<Vec<String>> {
    match settings.get(setting) {
        Some(SettingValue::Names(names)) if !names.is_empty() => {
            Some(names.iter().cloned().collect())
        }
        _ => None,
    }
}

fn tags(settings: &Settings, _: Setting) -> Option<Vec<Tag>> {
    let tags = settings.tags();
    let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
    Some(tags.collect())
}

fn scaling(settings: &Settings) -> Option<ServerlessV2ScalingConfiguration> {
    let capacity = |setting| text(settings, setting).and_then(|text| text.parse().ok());
    let (min, max) = (capacity(Setting::ServerlessMinAcu), capacity(Setting::ServerlessMaxAcu));
    let pause = number(settings, Setting::ServerlessAutoPauseSeconds);
    (min.is_some() || max.is_some() || pause.is_some()).then(|| {
        let scaling = ServerlessV2ScalingConfiguration::builder();
        let scaling = scaling.set_min_capacity(min).set_max_capacity(max);
        scaling.set_seconds_until_auto_pause(pause).build()
    })
}

fn insights_mode(settings: &Settings) -> Option<DatabaseInsightsMode> {
    text(settings, Setting::InsightsMode).map(|mode| DatabaseInsightsMode::from(mode.as_str()))
}

/// The change from the currently exported logs to the wanted ones.
fn log_exports(wanted: &Settings, current: &Settings) -> Option<CloudwatchLogsExportConfiguration> {
    let set = |settings: &Settings| match settings.get(Setting::LogExports) {
        Some(SettingValue::Names(names)) => names.clone(),
        _ => BTreeSet::new(),
    };
    wanted.get(Setting::LogExports)?;
    let (wanted, current) = (set(wanted), set(current));
    let list = |names: Vec<&String>| Some(names.into_iter().cloned().collect::<Vec<_>>());
    let change = CloudwatchLogsExportConfiguration::builder()
        .set_enable_log_types(list(wanted.difference(&current).collect()))
        .set_disable_log_types(list(current.difference(&wanted).collect()));
    Some(change.build())
}
