//! What an instance or a cluster is set to, and what AWS takes where a request
//! says nothing.
//!
//! Defaults are those of the AWS documentation of CreateDBInstance and of
//! RestoreDBInstanceFromDBSnapshot: a restored instance gets the default network,
//! the default groups and no protection unless the request names others. Class, port,
//! storage size, IOPS and backup retention are taken from the snapshot.

use std::collections::BTreeSet;

use super::fault::Fault;
use super::form::Form;
use super::xml::Xml;

/// Below this size, gp3 storage of PostgreSQL, MySQL and MariaDB has fixed IOPS and
/// throughput, and a request that names any is refused (AWS documentation, "gp3 storage").
const GP3_THRESHOLD_GB: i64 = 400;
/// What gp3 storage below the threshold has.
const GP3_BASELINE: (i64, i64) = (3_000, 125);

/// All settings of an instance or a cluster; a cluster uses some of them.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // named as the parameters of the API are
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
    pub backtrack_seconds: Option<i64>,
}

impl DatabaseSettings {
    /// What CreateDBInstance gives when only the engine is named.
    pub fn defaults(engine: &str, version: &str) -> Self {
        let postgres = engine.contains("postgres");
        // 16.4 → 16, 8.0.40 → 8.0: what default groups are named after.
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
            storage_type: if engine.starts_with("aurora") { "aurora" } else { "gp3" }.into(),
            storage_gb: 20,
            iops: (!engine.starts_with("aurora")).then_some(GP3_BASELINE.0),
            throughput: (!engine.starts_with("aurora")).then_some(GP3_BASELINE.1),
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
            license: (!engine.starts_with("aurora")).then(|| {
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
            backtrack_seconds: None,
        }
    }

    /// What a restored instance has before the request is looked at: the defaults, and
    /// what the snapshot itself carries.
    pub(crate) fn restored(&self, engine: &str, version: &str) -> Self {
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

    /// Takes over what the request says, by the names that creating, restoring and
    /// modifying share.
    ///
    /// # Errors
    /// A value that is none, or a combination that AWS refuses.
    pub(crate) fn apply(&mut self, form: &Form) -> Result<(), Fault> {
        text(form, "DBInstanceClass", &mut self.class);
        text(form, "DBClusterInstanceClass", &mut self.class);
        text(form, "DBSubnetGroupName", &mut self.subnet_group);
        text(form, "DBParameterGroupName", &mut self.parameter_group);
        text(form, "DBClusterParameterGroupName", &mut self.parameter_group);
        text(form, "OptionGroupName", &mut self.option_group);
        text(form, "StorageType", &mut self.storage_type);
        text(form, "PreferredBackupWindow", &mut self.backup_window);
        text(form, "PreferredMaintenanceWindow", &mut self.maintenance_window);
        text(form, "CACertificateIdentifier", &mut self.certificate);
        text(form, "NetworkType", &mut self.network);
        text(form, "EngineLifecycleSupport", &mut self.lifecycle);
        text(form, "DatabaseInsightsMode", &mut self.insights_mode);
        maybe_text(form, "LicenseModel", &mut self.license);
        maybe_text(form, "MonitoringRoleArn", &mut self.monitoring_role);
        maybe_text(form, "PerformanceInsightsKMSKeyId", &mut self.insights_key);
        flag(form, "MultiAZ", &mut self.multi_az)?;
        flag(form, "EnableIAMDatabaseAuthentication", &mut self.iam_authentication)?;
        flag(form, "DeletionProtection", &mut self.deletion_protection)?;
        flag(form, "CopyTagsToSnapshot", &mut self.copy_tags)?;
        flag(form, "AutoMinorVersionUpgrade", &mut self.minor_upgrades)?;
        flag(form, "PubliclyAccessible", &mut self.public)?;
        flag(form, "DedicatedLogVolume", &mut self.log_volume)?;
        flag(form, "EnablePerformanceInsights", &mut self.insights)?;
        for (name, field) in [
            ("AllocatedStorage", &mut self.storage_gb),
            ("BackupRetentionPeriod", &mut self.backup_days),
            ("MonitoringInterval", &mut self.monitoring_seconds),
            (if form.get("Port").is_some() { "Port" } else { "DBPortNumber" }, &mut self.port),
            ("PromotionTier", &mut self.promotion_tier),
        ] {
            if let Some(value) = number(form, name)? {
                *field = value;
            }
        }
        for (name, field) in [
            ("MaxAllocatedStorage", &mut self.max_storage_gb),
            ("PerformanceInsightsRetentionPeriod", &mut self.insights_days),
            ("BacktrackWindow", &mut self.backtrack_seconds),
        ] {
            if let Some(value) = number(form, name)? {
                *field = Some(value);
            }
        }
        let groups = form.list("VpcSecurityGroupIds", "VpcSecurityGroupId");
        if !groups.is_empty() {
            self.security_groups = groups.into_iter().collect();
        }
        self.log_exports.extend(form.list("EnableCloudwatchLogsExports", "member"));
        let exports = "CloudwatchLogsExportConfiguration";
        self.log_exports.extend(form.list(&format!("{exports}.EnableLogTypes"), "member"));
        for off in form.list(&format!("{exports}.DisableLogTypes"), "member") {
            self.log_exports.remove(&off);
        }
        let capacity =
            |end: &str| form.get(&format!("ServerlessV2ScalingConfiguration.{end}Capacity"));
        if let (Some(least), Some(most)) = (capacity("Min"), capacity("Max")) {
            self.serverless = Some((least.to_owned(), most.to_owned()));
        }
        self.apply_performance(form)?;
        if self.monitoring_seconds > 0 && self.monitoring_role.is_none() {
            return Err(Fault::bad(
                "InvalidParameterCombination",
                "A MonitoringRoleARN value is required if you specify a MonitoringInterval value other than 0.",
            ));
        }
        Ok(())
    }

    /// IOPS and throughput, which hang on type and size of the storage.
    fn apply_performance(&mut self, form: &Form) -> Result<(), Fault> {
        let (iops, throughput) = (number(form, "Iops")?, number(form, "StorageThroughput")?);
        if self.storage_type == "gp3" && self.storage_gb < GP3_THRESHOLD_GB {
            if iops.is_some() || throughput.is_some() {
                return Err(Fault::bad(
                    "InvalidParameterCombination",
                    format!(
                        "You can't specify IOPS or storage throughput for a storage size less than {GP3_THRESHOLD_GB}."
                    ),
                ));
            }
            (self.iops, self.throughput) = (Some(GP3_BASELINE.0), Some(GP3_BASELINE.1));
            return Ok(());
        }
        self.iops = iops.or(self.iops);
        self.throughput = throughput.or(self.throughput);
        if self.storage_type.starts_with("io") {
            self.throughput = None;
            if self.iops.is_none() {
                return Err(Fault::bad(
                    "InvalidParameterCombination",
                    "You must specify IOPS for provisioned IOPS storage.",
                ));
            }
        }
        Ok(())
    }

    /// The elements of a `DBInstance` that tell settings.
    pub(crate) fn write_instance(&self, xml: &mut Xml) {
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
        xml.maybe("StorageThroughput", self.throughput);
        xml.maybe("MaxAllocatedStorage", self.max_storage_gb);
        xml.text("CACertificateIdentifier", &self.certificate);
        xml.text("DedicatedLogVolume", self.log_volume);
        xml.maybe("LicenseModel", self.license.as_ref());
        xml.text("MonitoringInterval", self.monitoring_seconds);
        xml.maybe("MonitoringRoleArn", self.monitoring_role.as_ref());
        xml.text("DatabaseInsightsMode", &self.insights_mode);
        xml.text("PerformanceInsightsEnabled", self.insights);
        xml.maybe("PerformanceInsightsKMSKeyId", self.insights_key.as_ref());
        xml.maybe("PerformanceInsightsRetentionPeriod", self.insights_days);
        xml.text("PromotionTier", self.promotion_tier);
    }

    /// The elements of a `DBCluster` that tell settings.
    pub(crate) fn write_cluster(&self, xml: &mut Xml) {
        self.write_shared(xml);
        xml.text("AllocatedStorage", 1);
        xml.text("DBClusterParameterGroup", &self.parameter_group);
        xml.text("DBSubnetGroup", &self.subnet_group);
        xml.maybe("BacktrackWindow", self.backtrack_seconds);
        if let Some((least, most)) = &self.serverless {
            xml.element("ServerlessV2ScalingConfiguration", |xml| {
                xml.text("MinCapacity", least);
                xml.text("MaxCapacity", most);
            });
        }
    }

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
        xml.maybe("Iops", self.iops);
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

fn text(form: &Form, name: &str, field: &mut String) {
    if let Some(value) = form.get(name) {
        value.clone_into(field);
    }
}

fn maybe_text(form: &Form, name: &str, field: &mut Option<String>) {
    if let Some(value) = form.get(name) {
        *field = Some(value.to_owned());
    }
}

fn flag(form: &Form, name: &str, field: &mut bool) -> Result<(), Fault> {
    match form.get(name) {
        None => {}
        Some("true") => *field = true,
        Some("false") => *field = false,
        Some(_) => return Err(Fault::invalid(format!("{name} must be true or false."))),
    }
    Ok(())
}

fn number(form: &Form, name: &str) -> Result<Option<i64>, Fault> {
    let parse = |text: &str| {
        text.parse().map_err(|_| Fault::invalid(format!("{name} must be a whole number.")))
    };
    form.get(name).map(parse).transpose()
}
