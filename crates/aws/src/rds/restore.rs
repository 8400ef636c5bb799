//! Calls that make, change, rename and delete databases. Each names its settings
//! explicitly; none of them is made for a source of the day.

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

use super::Rds;
use crate::error::{code, failed};

/// Sets the parameters that a call shares with others by name.
macro_rules! with {
    ($call:expr, $settings:expr, { $($setting:ident => $method:ident($as:ident)),+ $(,)? }) => {{
        let settings: &Settings = $settings;
        $call$(.$method($as(settings, Setting::$setting)))+
    }};
}

/// What an instance is set to by a restore of either kind and by a change.
macro_rules! of_instance {
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

/// What a cluster is set to by a restore of either kind and by a change.
macro_rules! of_cluster {
    ($call:expr, $settings:expr) => {
        with!($call.set_serverless_v2_scaling_configuration(scaling($settings)), $settings, {
            Class => set_db_cluster_instance_class(text),
            Port => set_port(number),
            SecurityGroups => set_vpc_security_group_ids(names),
            NetworkType => set_network_type(text),
            ParameterGroup => set_db_cluster_parameter_group_name(text),
            StorageType => set_storage_type(text),
            Iops => set_iops(number),
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

/// Starts a restore with what every restore sets as well.
macro_rules! start {
    ($call:expr, $plan:expr, $settings:expr) => {{
        let call = with!($call, $settings, {
            SubnetGroup => set_db_subnet_group_name(text),
            LogExports => set_enable_cloudwatch_logs_exports(names),
            Tags => set_tags(tags),
        });
        let started = call.send().await;
        started
            .map(|_| ())
            .map_err(|error| failed("the restore cannot be started", &$plan.target, error))
    }};
}

impl Rds {
    /// Starts a restore, with `settings` in the call (see [`RestorePlan::restore_call_settings`]).
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when the name is taken or the snapshot is not available,
    /// [`ErrorKind::Quota`] when the account is full; others of RDS.
    pub async fn start_restore(&self, plan: &RestorePlan, settings: &Settings) -> Result<()> {
        match (plan.kind, &plan.origin) {
            (SourceKind::Instance, RestoreOrigin::Snapshot(snapshot)) => {
                self.restore_instance(plan, snapshot, settings).await
            }
            (SourceKind::Cluster, RestoreOrigin::Snapshot(snapshot)) => {
                self.restore_cluster(plan, snapshot, settings).await
            }
            (SourceKind::Instance, _) => self.instance_to_time(plan, settings).await,
            (SourceKind::Cluster, _) => self.cluster_to_time(plan, settings).await,
        }
    }

    async fn restore_instance(
        &self,
        plan: &RestorePlan,
        id: &str,
        settings: &Settings,
    ) -> Result<()> {
        let call = self.client.restore_db_instance_from_db_snapshot();
        let call = call.db_instance_identifier(&plan.target).db_snapshot_identifier(id);
        let call = of_instance!(call.set_port(number(settings, Setting::Port)), settings);
        start!(call, plan, settings)
    }

    async fn instance_to_time(&self, plan: &RestorePlan, settings: &Settings) -> Result<()> {
        let call = self.client.restore_db_instance_to_point_in_time();
        let call = call
            .source_db_instance_identifier(&plan.source)
            .target_db_instance_identifier(&plan.target)
            .set_restore_time(time(&plan.origin))
            .set_use_latest_restorable_time(latest(&plan.origin));
        let call = of_instance!(call.set_port(number(settings, Setting::Port)), settings);
        start!(call, plan, settings)
    }

    async fn restore_cluster(
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
        start!(of_cluster!(call, settings), plan, settings)
    }

    async fn cluster_to_time(&self, plan: &RestorePlan, settings: &Settings) -> Result<()> {
        let call = self.client.restore_db_cluster_to_point_in_time();
        let call = call
            .source_db_cluster_identifier(&plan.source)
            .db_cluster_identifier(&plan.target)
            .set_restore_to_time(time(&plan.origin))
            .set_use_latest_restorable_time(latest(&plan.origin))
            .set_publicly_accessible(flag(settings, Setting::PubliclyAccessible));
        start!(of_cluster!(call, settings), plan, settings)
    }

    /// Makes a member of a restored Aurora cluster. One that exists is left as it is.
    ///
    /// # Errors
    /// [`ErrorKind::Quota`] when the account is full; others of RDS.
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
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == "DBInstanceAlreadyExists" => Ok(()),
            Err(error) => Err(failed("a member cannot be created", &member.id, error)),
        }
    }

    /// Changes a database to `wanted`, at once and not in its maintenance window. Tags are
    /// set as well; a setting that RDS cannot change afterwards is left out.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when it is not `available`; others of RDS.
    pub async fn modify_database(
        &self,
        kind: SourceKind,
        it: &super::Database,
        wanted: &Settings,
    ) -> Result<()> {
        let added = wanted.tags();
        let added: Vec<(&str, &str)> =
            added.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        if !added.is_empty() {
            self.add_tags(&it.arn, &added).await?;
        }
        let mut rest = wanted.clone();
        rest.remove(Setting::Tags);
        if rest.is_empty() {
            return Ok(());
        }
        let logs = log_exports(&rest, &it.settings);
        let what = "the database cannot be changed";
        match kind {
            SourceKind::Instance => {
                let call = self.client.modify_db_instance().db_instance_identifier(&it.id);
                let call =
                    call.apply_immediately(true).set_cloudwatch_logs_export_configuration(logs);
                let mode = rest.get(Setting::InsightsMode).map(|mode| mode.to_string());
                let mode = mode.map(|mode| DatabaseInsightsMode::from(mode.as_str()));
                let call = call.set_database_insights_mode(mode);
                let call = with!(of_instance!(call, &rest), &rest, {
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
                call.send().await.map(|_| ()).map_err(|error| failed(what, &it.id, error))
            }
            SourceKind::Cluster => {
                let call = self.client.modify_db_cluster().db_cluster_identifier(&it.id);
                let call =
                    call.apply_immediately(true).set_cloudwatch_logs_export_configuration(logs);
                let call = with!(of_cluster!(call, &rest), &rest, {
                    MaintenanceWindow => set_preferred_maintenance_window(text),
                });
                call.send().await.map(|_| ()).map_err(|error| failed(what, &it.id, error))
            }
        }
    }

    /// Begins a renaming, at once.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when the name is taken or the database is not `available`.
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

    /// Begins to delete a database, without a last snapshot and with its automated backups.
    /// One that is gone is no error. `mine` must say yes to its tags.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when it is not `mine`, and nothing is deleted; others of RDS.
    pub async fn delete_database(
        &self,
        kind: SourceKind,
        id: &str,
        mine: impl Fn(&super::Database) -> bool,
    ) -> Result<()> {
        let Some(it) = self.database(kind, id).await? else { return Ok(()) };
        if !mine(&it) {
            let what = "it does not carry the tag of a drill, so it is not deleted";
            return Err(Error::new(ErrorKind::Conflict, what, id));
        }
        if it.status == "deleting" {
            return Ok(());
        }
        let what = "the database cannot be deleted";
        match kind {
            SourceKind::Instance => {
                let call = self.client.delete_db_instance().db_instance_identifier(id);
                let call = call.skip_final_snapshot(true).delete_automated_backups(true);
                match call.send().await {
                    Ok(_) => Ok(()),
                    Err(error) if code(&error) == "DBInstanceNotFound" => Ok(()),
                    Err(error) => Err(failed(what, id, error)),
                }
            }
            SourceKind::Cluster => {
                let call = self.client.delete_db_cluster().db_cluster_identifier(id);
                let call = call.skip_final_snapshot(true).delete_automated_backups(true);
                match call.send().await {
                    Ok(_) => Ok(()),
                    Err(error) if code(&error) == "DBClusterNotFoundFault" => Ok(()),
                    Err(error) => Err(failed(what, id, error)),
                }
            }
        }
    }
}

fn time(origin: &RestoreOrigin) -> Option<DateTime> {
    match origin {
        RestoreOrigin::Time(at) => Some(DateTime::from_secs(at.as_second())),
        _ => None,
    }
}

fn latest(origin: &RestoreOrigin) -> Option<bool> {
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

/// `None` when there are none: an empty list in a request means nothing.
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
    let (least, most) = (capacity(Setting::ServerlessMinAcu), capacity(Setting::ServerlessMaxAcu));
    (least.is_some() || most.is_some()).then(|| {
        let scaling = ServerlessV2ScalingConfiguration::builder();
        scaling.set_min_capacity(least).set_max_capacity(most).build()
    })
}

/// The change that takes the logs exported now to those wanted.
fn log_exports(wanted: &Settings, now: &Settings) -> Option<CloudwatchLogsExportConfiguration> {
    let set = |settings: &Settings| match settings.get(Setting::LogExports) {
        Some(SettingValue::Names(names)) => names.clone(),
        _ => BTreeSet::new(),
    };
    wanted.get(Setting::LogExports)?;
    let (wanted, now) = (set(wanted), set(now));
    let list = |names: Vec<&String>| Some(names.into_iter().cloned().collect::<Vec<_>>());
    let change = CloudwatchLogsExportConfiguration::builder()
        .set_enable_log_types(list(wanted.difference(&now).collect()))
        .set_disable_log_types(list(now.difference(&wanted).collect()));
    Some(change.build())
}
