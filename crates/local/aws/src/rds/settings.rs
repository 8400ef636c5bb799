//! The settings of instances and clusters, with the defaults of AWS.
//!
//! The defaults follow the AWS documentation of CreateDBInstance and of
//! RestoreDBInstanceFromDBSnapshot: a restored instance gets the default network, the default
//! groups and no deletion protection unless the request sets them. It takes class, port, storage
//! size, IOPS and backup retention from the snapshot.

use std::collections::BTreeSet;

use super::error::RdsError;
use super::form::Form;
use super::xml::Xml;

/// Below this size, gp3 storage of PostgreSQL, MySQL and MariaDB has fixed IOPS and throughput,
/// and RDS refuses a request that sets them (AWS documentation, "gp3 storage").
const GP3_THRESHOLD_GB: i64 = 400;
/// The IOPS of gp3 storage below the threshold.
const GP3_BASELINE_IOPS: i64 = 3_000;
/// The throughput of gp3 storage below the threshold, in MiB/s.
const GP3_BASELINE_THROUGHPUT: i64 = 125;

/// The settings of an instance or a cluster. A cluster uses some of them.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // The fields are named after the parameters of the API.
pub struct DatabaseSettings {
    pub class: String,
    pub subnet_group: String,
    pub security_groups: BTreeSet<String>,
    pub parameter_group: String,
    pub option_group: String,
    pub multi_az: bool,
    pub storage_type: String,
    pub storage_gb: i64,
    pub iops: Option<i64>,
    pub throughput: Option<i64>,
    pub max_storage_gb: Option<i64>,
    pub iam_authentication: bool,
    pub log_exports: BTreeSet<String>,
    pub deletion_protection: bool,
    pub copy_tags: bool,
    pub backup_days: i64,
    pub backup_window: String,
    pub maintenance_window: String,
    pub minor_upgrades: bool,
    pub certificate: String,
    pub port: i64,
    pub public: bool,
    pub network: String,
    pub log_volume: bool,
    pub lifecycle: String,
    pub license: Option<String>,
    pub monitoring_seconds: i64,
    pub monitoring_role: Option<String>,
    pub insights_mode: String,
    pub insights: bool,
    pub insights_key: Option<String>,
    pub insights_days: Option<i64>,
    pub promotion_tier: i64,
    pub serverless: Option<(String, String)>,
    pub auto_pause_seconds: Option<i64>,
    pub backtrack_seconds: Option<i64>,
}

impl DatabaseSettings {
    /// The settings that CreateDBInstance sets when the request names only the engine.
    pub fn defaults(engine: &str, version: &str) -> Self {
        let postgres = engine.contains("postgres");
        let aurora = engine.starts_with("aurora");
        // 16.4 → 16, 8.0.40 → 8.0: the version in the names of the default groups.
        let parts = if postgres { 1 } else { 2 };
        let major: Vec<&str> = version.split('.').take(parts).collect();
        let major = major.join(".");
        Self {
            class: "db.t4g.medium".into(),
            subnet_group: "default".into(),
            security_groups: BTreeSet::from(["sg-default".to_owned()]),
            parameter_group: format!("default.{engine}{major}"),
            option_group: format!("default:{engine}-{}", major.replace('.', "-")),
            multi_az: false,
            storage_type: if aurora { "aurora" } else { "gp3" }.into(),
            storage_gb: 20,
            iops: (!aurora).then_some(GP3_BASELINE_IOPS),
            throughput: (!aurora).then_some(GP3_BASELINE_THROUGHPUT),
            max_storage_gb: None,
            iam_authentication: false,
            log_exports: BTreeSet::new(),
            deletion_protection: false,
            copy_tags: false,
            backup_days: 1,
            backup_window: "17:12-17:42".into(),
            maintenance_window: "sun:13:30-sun:14:00".into(),
            minor_upgrades: true,
            certificate: "rds-ca-rsa2048-g1".into(),
            port: if postgres { 5432 } else { 3306 },
            // In a default VPC, which has a way to the internet.
            public: true,
            network: "IPV4".into(),
            log_volume: false,
            lifecycle: "open-source-rds-extended-support".into(),
            license: (!aurora).then(|| {
                if postgres { "postgresql-license" } else { "general-public-license" }.into()
            }),
            monitoring_seconds: 0,
            monitoring_role: None,
            insights_mode: "standard".into(),
            insights: false,
            insights_key: None,
            insights_days: None,
            promotion_tier: 1,
            serverless: None,
            auto_pause_seconds: None,
            backtrack_seconds: None,
        }
    }

    /// The settings of a restored instance before those of the request: the defaults, and the
    /// settings that a snapshot contains.
    pub(super) fn for_restore(&self, engine: &str, version: &str) -> Self {
        Self {
            class: self.class.clone(),
            port: self.port,
            storage_gb: self.storage_gb,
            iops: self.iops,
            backup_days: self.backup_days,
            license: self.license.clone(),
            ..Self::defaults(engine, version)
        }
    }

    /// Applies the settings of a request to create, restore or modify a database.
    ///
    /// # Errors
    /// A value that cannot be parsed, or a combination that AWS refuses.
    pub(super) fn apply(&mut self, form: &Form) -> Result<(), RdsError> {
        self.apply_texts(form);
        self.apply_flags(form)?;
        self.apply_numbers(form)?;
        self.apply_lists(form);
        self.apply_storage_performance(form)?;
        if self.monitoring_seconds > 0 && self.monitoring_role.is_none() {
            return Err(RdsError::invalid_combination(
                "A MonitoringRoleARN value is required if you specify a MonitoringInterval value other than 0.",
            ));
        }
        Ok(())
    }

    fn apply_texts(&mut self, form: &Form) {
        set_text(form, "DBInstanceClass", &mut self.class);
        set_text(form, "DBClusterInstanceClass", &mut self.class);
        set_text(form, "DBSubnetGroupName", &mut self.subnet_group);
        set_text(form, "DBParameterGroupName", &mut self.parameter_group);
        set_text(form, "DBClusterParameterGroupName", &mut self.parameter_group);
        set_text(form, "OptionGroupName", &mut self.option_group);
        set_text(form, "StorageType", &mut self.storage_type);
        set_text(form, "PreferredBackupWindow", &mut self.backup_window);
        set_text(form, "PreferredMaintenanceWindow", &mut self.maintenance_window);
        set_text(form, "CACertificateIdentifier", &mut self.certificate);
        set_text(form, "NetworkType", &mut self.network);
        set_text(form, "EngineLifecycleSupport", &mut self.lifecycle);
        set_text(form, "DatabaseInsightsMode", &mut self.insights_mode);
        set_optional_text(form, "LicenseModel", &mut self.license);
        set_optional_text(form, "MonitoringRoleArn", &mut self.monitoring_role);
        set_optional_text(form, "PerformanceInsightsKMSKeyId", &mut self.insights_key);
        let capacity =
            |limit: &str| form.get(&format!("ServerlessV2ScalingConfiguration.{limit}Capacity"));
        if let (Some(min), Some(max)) = (capacity("Min"), capacity("Max")) {
            self.serverless = Some((min.to_owned(), max.to_owned()));
        }
    }

    fn apply_flags(&mut self, form: &Form) -> Result<(), RdsError> {
        set_flag(form, "MultiAZ", &mut self.multi_az)?;
        set_flag(form, "EnableIAMDatabaseAuthentication", &mut self.iam_authentication)?;
        set_flag(form, "DeletionProtection", &mut self.deletion_protection)?;
        set_flag(form, "CopyTagsToSnapshot", &mut self.copy_tags)?;
        set_flag(form, "AutoMinorVersionUpgrade", &mut self.minor_upgrades)?;
        set_flag(form, "PubliclyAccessible", &mut self.public)?;
        set_flag(form, "DedicatedLogVolume", &mut self.log_volume)?;
        set_flag(form, "EnablePerformanceInsights", &mut self.insights)
    }

    fn apply_numbers(&mut self, form: &Form) -> Result<(), RdsError> {
        for (name, field) in [
            ("AllocatedStorage", &mut self.storage_gb),
            ("BackupRetentionPeriod", &mut self.backup_days),
            ("MonitoringInterval", &mut self.monitoring_seconds),
            (if form.get("Port").is_some() { "Port" } else { "DBPortNumber" }, &mut self.port),
            ("PromotionTier", &mut self.promotion_tier),
        ] {
            if let Some(value) = parse_number(form, name)? {
                *field = value;
            }
        }
        for (name, field) in [
            ("MaxAllocatedStorage", &mut self.max_storage_gb),
            ("PerformanceInsightsRetentionPeriod", &mut self.insights_days),
            ("BacktrackWindow", &mut self.backtrack_seconds),
            (
                "ServerlessV2ScalingConfiguration.SecondsUntilAutoPause",
                &mut self.auto_pause_seconds,
            ),
        ] {
            if let Some(value) = parse_number(form, name)? {
                *field = Some(value);
            }
        }
        Ok(())
    }

    /// Security groups and exported logs.
    fn apply_lists(&mut self, form: &Form) {
        let groups = form.list("VpcSecurityGroupIds", "VpcSecurityGroupId");
        if !groups.is_empty() {
            self.security_groups = groups.into_iter().collect();
        }
        self.log_exports.extend(form.list("EnableCloudwatchLogsExports", "member"));
        let exports = "CloudwatchLogsExportConfiguration";
        self.log_exports.extend(form.list(&format!("{exports}.EnableLogTypes"), "member"));
        for log in form.list(&format!("{exports}.DisableLogTypes"), "member") {
            self.log_exports.remove(&log);
        }
    }

    /// Applies IOPS and throughput, whose validity depends on the type and size of the storage.
    fn apply_storage_performance(&mut self, form: &Form) -> Result<(), RdsError> {
        let (iops, throughput) =
            (parse_number(form, "Iops")?, parse_number(form, "StorageThroughput")?);
        if self.storage_type == "gp3" && self.storage_gb < GP3_THRESHOLD_GB {
            if iops.is_some() || throughput.is_some() {
                return Err(RdsError::invalid_combination(format!(
                    "You can't specify IOPS or storage throughput for a storage size less than {GP3_THRESHOLD_GB}."
                )));
            }
            (self.iops, self.throughput) = (Some(GP3_BASELINE_IOPS), Some(GP3_BASELINE_THROUGHPUT));
            return Ok(());
        }
        if self.storage_type != "gp3" && throughput.is_some() {
            return Err(RdsError::invalid_combination(format!(
                "You can't specify storage throughput for storage type {}.",
                self.storage_type
            )));
        }
        if matches!(self.storage_type.as_str(), "gp2" | "standard") {
            if iops.is_some() {
                return Err(RdsError::invalid_combination(format!(
                    "You can't specify IOPS for storage type {}.",
                    self.storage_type
                )));
            }
            (self.iops, self.throughput) = (None, None);
            return Ok(());
        }
        self.iops = iops.or(self.iops);
        self.throughput = throughput.or(self.throughput);
        if self.storage_type.starts_with("io") {
            self.throughput = None;
            if self.iops.is_none() {
                return Err(RdsError::invalid_combination(
                    "You must specify IOPS for provisioned IOPS storage.",
                ));
            }
        }
        Ok(())
    }

    /// Writes the elements of a `DBInstance` for its settings.
    pub(super) fn write_instance(&self, xml: &mut Xml) {
        xml.text("DBInstanceClass", &self.class);
        xml.text("AllocatedStorage", self.storage_gb);
        self.write_shared(xml);
        xml.text("AutoMinorVersionUpgrade", self.minor_upgrades);
        xml.element("DBParameterGroups", |xml| {
            xml.element("DBParameterGroup", |xml| {
                xml.text("DBParameterGroupName", &self.parameter_group);
                xml.text("ParameterApplyStatus", "in-sync");
            });
        });
        xml.element("OptionGroupMemberships", |xml| {
            xml.element("OptionGroupMembership", |xml| {
                xml.text("OptionGroupName", &self.option_group);
                xml.text("Status", "in-sync");
            });
        });
        xml.element("DBSubnetGroup", |xml| xml.text("DBSubnetGroupName", &self.subnet_group));
        xml.text("MultiAZ", self.multi_az);
        xml.text("PubliclyAccessible", self.public);
        // RDS describes storage without a throughput of its own with 0.
        xml.text("StorageThroughput", self.throughput.unwrap_or(0));
        xml.optional_text("MaxAllocatedStorage", self.max_storage_gb);
        xml.text("CACertificateIdentifier", &self.certificate);
        xml.text("DedicatedLogVolume", self.log_volume);
        xml.optional_text("LicenseModel", self.license.as_ref());
        xml.text("MonitoringInterval", self.monitoring_seconds);
        xml.optional_text("MonitoringRoleArn", self.monitoring_role.as_ref());
        xml.text("DatabaseInsightsMode", &self.insights_mode);
        xml.text("PerformanceInsightsEnabled", self.insights);
        xml.optional_text("PerformanceInsightsKMSKeyId", self.insights_key.as_ref());
        xml.optional_text("PerformanceInsightsRetentionPeriod", self.insights_days);
        xml.text("PromotionTier", self.promotion_tier);
    }

    /// Writes the elements of a `DBCluster` for its settings.
    pub(super) fn write_cluster(&self, xml: &mut Xml, is_multi_az: bool) {
        self.write_shared(xml);
        if is_multi_az {
            self.write_multi_az_cluster(xml);
        } else {
            xml.text("AllocatedStorage", 1);
        }
        // Of an Aurora cluster: what is managed for the cluster as a whole.
        xml.text("MonitoringInterval", self.monitoring_seconds);
        xml.optional_text("MonitoringRoleArn", self.monitoring_role.as_ref());
        xml.text("DatabaseInsightsMode", &self.insights_mode);
        xml.text("PerformanceInsightsEnabled", self.insights);
        xml.optional_text("PerformanceInsightsKMSKeyId", self.insights_key.as_ref());
        xml.optional_text("PerformanceInsightsRetentionPeriod", self.insights_days);
        xml.text("DBClusterParameterGroup", &self.parameter_group);
        xml.text("DBSubnetGroup", &self.subnet_group);
        xml.optional_text("BacktrackWindow", self.backtrack_seconds);
        if let Some((min, max)) = &self.serverless {
            xml.element("ServerlessV2ScalingConfiguration", |xml| {
                xml.text("MinCapacity", min);
                xml.text("MaxCapacity", max);
                xml.optional_text("SecondsUntilAutoPause", self.auto_pause_seconds);
            });
        }
    }

    /// Writes the elements that only a Multi-AZ cluster has. In Aurora they are elements of the members
    /// (botocore's model of RDS, `DBCluster`).
    fn write_multi_az_cluster(&self, xml: &mut Xml) {
        xml.text("DBClusterInstanceClass", &self.class);
        xml.text("AllocatedStorage", self.storage_gb);
        xml.text("PubliclyAccessible", self.public);
        xml.text("AutoMinorVersionUpgrade", self.minor_upgrades);
        xml.element("CertificateDetails", |xml| xml.text("CAIdentifier", &self.certificate));
    }

    /// Writes the elements that instances and clusters share.
    fn write_shared(&self, xml: &mut Xml) {
        xml.element("VpcSecurityGroups", |xml| {
            for group in &self.security_groups {
                xml.element("VpcSecurityGroupMembership", |xml| {
                    xml.text("VpcSecurityGroupId", group);
                    xml.text("Status", "active");
                });
            }
        });
        xml.text("StorageType", &self.storage_type);
        xml.optional_text("Iops", self.iops);
        xml.text("IAMDatabaseAuthenticationEnabled", self.iam_authentication);
        xml.element("EnabledCloudwatchLogsExports", |xml| {
            for log in &self.log_exports {
                xml.text("member", log);
            }
        });
        xml.text("DeletionProtection", self.deletion_protection);
        xml.text("CopyTagsToSnapshot", self.copy_tags);
        xml.text("BackupRetentionPeriod", self.backup_days);
        xml.text("PreferredBackupWindow", &self.backup_window);
        xml.text("PreferredMaintenanceWindow", &self.maintenance_window);
        xml.text("NetworkType", &self.network);
        xml.text("EngineLifecycleSupport", &self.lifecycle);
    }
}

fn set_text(form: &Form, name: &str, field: &mut String) {
    if let Some(value) = form.get(name) {
        value.clone_into(field);
    }
}

fn set_optional_text(form: &Form, name: &str, field: &mut Option<String>) {
    if let Some(value) = form.get(name) {
        *field = Some(value.to_owned());
    }
}

fn set_flag(form: &Form, name: &str, field: &mut bool) -> Result<(), RdsError> {
    match form.get(name) {
        None => {}
        Some("true") => *field = true,
        Some("false") => *field = false,
        Some(_) => {
            return Err(RdsError::invalid_parameter(format!("{name} must be true or false.")));
        }
    }
    Ok(())
}

fn parse_number(form: &Form, name: &str) -> Result<Option<i64>, RdsError> {
    let parse = |text: &str| {
        text.parse()
            .map_err(|_| RdsError::invalid_parameter(format!("{name} must be a whole number.")))
    };
    form.get(name).map(parse).transpose()
}
