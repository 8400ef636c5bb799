//! The settings of a database. An RDS snapshot contains few of them: a restore that does not name
//! them gets the default network, the default groups and no deletion protection (AWS
//! documentation, RestoreDBInstanceFromDBSnapshot). Landbridge therefore records them with each
//! snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::config::SourceKind;

/// Version of the format of [`SettingsRecord`].
const VERSION: u32 = 1;
/// Number of hexadecimal digits in the name of a record: enough for the few records of a source.
const DIGEST_LENGTH: usize = 20;

/// A setting of an instance, of a cluster or of a cluster member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // the names are those of the parameters in the RDS API
pub enum Setting {
    Class,
    Port,
    SubnetGroup,
    SecurityGroups,
    PubliclyAccessible,
    NetworkType,
    ParameterGroup,
    OptionGroup,
    MultiAz,
    StorageType,
    StorageGb,
    Iops,
    StorageThroughput,
    MaxStorageGb,
    DedicatedLogVolume,
    ServerlessMinAcu,
    ServerlessMaxAcu,
    ServerlessAutoPauseSeconds,
    IamAuthentication,
    LogExports,
    DeletionProtection,
    CopyTagsToSnapshot,
    BackupRetentionDays,
    BackupWindow,
    BacktrackSeconds,
    MaintenanceWindow,
    MinorUpgrades,
    Certificate,
    EngineLifecycle,
    LicenseModel,
    MonitoringSeconds,
    MonitoringRole,
    InsightsMode,
    PerformanceInsights,
    PerformanceInsightsKey,
    PerformanceInsightsDays,
    PromotionTier,
    Tags,
}

impl Setting {
    /// All settings, in the order in which they are shown.
    pub const ALL: [Self; 38] = [
        Self::Class,
        Self::Port,
        Self::SubnetGroup,
        Self::SecurityGroups,
        Self::PubliclyAccessible,
        Self::NetworkType,
        Self::ParameterGroup,
        Self::OptionGroup,
        Self::MultiAz,
        Self::StorageType,
        Self::StorageGb,
        Self::Iops,
        Self::StorageThroughput,
        Self::MaxStorageGb,
        Self::DedicatedLogVolume,
        Self::ServerlessMinAcu,
        Self::ServerlessMaxAcu,
        Self::ServerlessAutoPauseSeconds,
        Self::IamAuthentication,
        Self::LogExports,
        Self::DeletionProtection,
        Self::CopyTagsToSnapshot,
        Self::BackupRetentionDays,
        Self::BackupWindow,
        Self::BacktrackSeconds,
        Self::MaintenanceWindow,
        Self::MinorUpgrades,
        Self::Certificate,
        Self::EngineLifecycle,
        Self::LicenseModel,
        Self::MonitoringSeconds,
        Self::MonitoringRole,
        Self::InsightsMode,
        Self::PerformanceInsights,
        Self::PerformanceInsightsKey,
        Self::PerformanceInsightsDays,
        Self::PromotionTier,
        Self::Tags,
    ];

    /// The name in records and in the output of the command.
    pub fn name(self) -> String {
        // serde's derived name is the only definition of the name.
        serde_json::to_value(self)
            .ok()
            .and_then(|name| name.as_str().map(str::to_owned))
            .unwrap_or_default()
    }

    /// Whether the restore calls of this kind accept the setting (AWS API reference:
    /// RestoreDBInstanceFromDBSnapshot, RestoreDBClusterFromSnapshot). The others are set on the
    /// restored database.
    pub fn is_restore_parameter(self, kind: SourceKind) -> bool {
        match kind {
            SourceKind::Instance => !matches!(
                self,
                Self::MaxStorageGb
                    | Self::MaintenanceWindow
                    | Self::MonitoringSeconds
                    | Self::MonitoringRole
                    | Self::InsightsMode
                    | Self::PerformanceInsights
                    | Self::PerformanceInsightsKey
                    | Self::PerformanceInsightsDays
            ),
            SourceKind::Cluster => !matches!(
                self,
                Self::MaintenanceWindow
                    | Self::InsightsMode
                    // The size comes from the snapshot.
                    | Self::StorageGb
                    | Self::MinorUpgrades
                    | Self::Certificate
            ),
        }
    }
}

/// The value of a setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SettingValue {
    /// On or off.
    Flag(bool),
    /// A number; the name of the setting contains its unit.
    Number(i64),
    /// A name or a time window.
    Text(String),
    /// A set of names.
    Names(BTreeSet<String>),
    /// Tags.
    Tags(BTreeMap<String, String>),
}

impl fmt::Display for SettingValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(true) => f.write_str("yes"),
            Self::Flag(false) => f.write_str("no"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
            Self::Names(names) if names.is_empty() => f.write_str("none"),
            Self::Names(names) => {
                f.write_str(&names.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
            }
            Self::Tags(tags) if tags.is_empty() => f.write_str("none"),
            Self::Tags(tags) => {
                let tags = tags.iter().map(|(key, value)| format!("{key}={value}"));
                f.write_str(&tags.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// The settings of one database. A setting that it does not have is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Settings(BTreeMap<Setting, SettingValue>);

impl Settings {
    /// The value of a setting.
    pub fn get(&self, setting: Setting) -> Option<&SettingValue> {
        self.0.get(&setting)
    }

    /// Sets a setting; does nothing if `value` is `None`.
    pub fn set(&mut self, setting: Setting, value: Option<SettingValue>) {
        if let Some(value) = value {
            self.0.insert(setting, value);
        }
    }

    /// Removes a setting and returns its value.
    pub fn remove(&mut self, setting: Setting) -> Option<SettingValue> {
        self.0.remove(&setting)
    }

    /// All settings, in the order of [`Setting::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Setting, &SettingValue)> {
        self.0.iter().map(|(setting, value)| (*setting, value))
    }

    /// The tags; empty if there are none.
    pub fn tags(&self) -> BTreeMap<String, String> {
        match self.get(Setting::Tags) {
            Some(SettingValue::Tags(tags)) => tags.clone(),
            _ => BTreeMap::new(),
        }
    }

    /// The settings of `self` that are absent or different in `actual`. Additional tags in `actual`
    /// are not a difference.
    pub fn differing_from(&self, actual: &Self) -> Self {
        let differs =
            |(setting, value): &(Setting, &SettingValue)| match (value, actual.get(*setting)) {
                (SettingValue::Tags(wanted), Some(SettingValue::Tags(present))) => {
                    wanted.iter().any(|(key, value)| present.get(key) != Some(value))
                }
                (value, present) => present != Some(*value),
            };
        Self(self.iter().filter(differs).map(|(setting, value)| (setting, value.clone())).collect())
    }

    /// Whether it contains no setting.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(Setting, SettingValue)> for Settings {
    fn from_iter<T: IntoIterator<Item = (Setting, SettingValue)>>(settings: T) -> Self {
        Self(settings.into_iter().collect())
    }
}

/// The settings of a source at one moment. Equal records have equal digests, so the hourly records
/// of an unchanged source are one object in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsRecord {
    /// Version of the record format.
    pub version: u32,
    /// Instance or cluster.
    pub kind: SourceKind,
    /// The engine, as RDS names it.
    pub engine: String,
    /// The engine's version, as RDS names it.
    pub engine_version: String,
    /// The settings of the instance or the cluster.
    pub settings: Settings,
    /// The settings of the members of a cluster, by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub members: BTreeMap<String, Settings>,
    /// The member that was the writer of a cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writer: Option<String>,
    /// Properties of the source that a restore does not bring back; the operator must restore them
    /// manually.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub manual_steps: Vec<String>,
}

impl SettingsRecord {
    /// Creates a record without members, writer and manual steps.
    pub fn new(
        kind: SourceKind,
        engine: String,
        engine_version: String,
        settings: Settings,
    ) -> Self {
        let (members, writer, manual_steps) = (BTreeMap::new(), None, Vec::new());
        let version = VERSION;
        Self { version, kind, engine, engine_version, settings, members, writer, manual_steps }
    }

    /// The digest of the record, which names it.
    pub fn digest(&self) -> String {
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        hex(&Sha256::digest(bytes))[..DIGEST_LENGTH].to_owned()
    }

    /// The name of a record in the ledger.
    pub fn ledger_name(digest: &str) -> String {
        format!("settings/{digest}.json")
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> SettingsRecord {
        let tags = BTreeMap::from([("team".to_owned(), "shop".to_owned())]);
        let settings = [
            (Setting::Tags, SettingValue::Tags(tags)),
            (Setting::Class, SettingValue::Text("db.r6g.large".into())),
            (Setting::MultiAz, SettingValue::Flag(true)),
            (Setting::SecurityGroups, SettingValue::Names(BTreeSet::from(["sg-1".to_owned()]))),
            (Setting::LogExports, SettingValue::Names(BTreeSet::new())),
            (Setting::StorageGb, SettingValue::Number(100)),
        ];
        let settings = settings.into_iter().collect();
        SettingsRecord::new(SourceKind::Instance, "postgres".into(), "16.4".into(), settings)
    }

    #[test]
    fn every_setting_is_listed_once_in_order() {
        assert!(Setting::ALL.is_sorted());
        let names: BTreeSet<String> = Setting::ALL.iter().map(|it| it.name()).collect();
        assert_eq!(names.len(), Setting::ALL.len());
        assert_eq!(Setting::MultiAz.name(), "multi_az");
    }

    #[test]
    fn a_record_survives_serialization_and_its_digest_depends_on_the_content() {
        let record = record();
        let json = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<SettingsRecord>(&json).unwrap(), record);
        let mut other = record.clone();
        other.settings.set(Setting::MultiAz, Some(SettingValue::Flag(false)));
        assert_ne!(other.digest(), record.digest());
        assert_eq!(record.clone().digest(), record.digest());
    }

    #[test]
    fn absent_and_different_settings_differ_but_additional_tags_do_not() {
        let wanted = record().settings;
        assert!(wanted.differing_from(&wanted).is_empty());
        let mut actual = wanted.clone();
        actual.remove(Setting::Class);
        actual.set(Setting::MultiAz, Some(SettingValue::Flag(false)));
        let more = BTreeMap::from([("team", "shop"), ("created", "manually")]);
        let more = more.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        actual.set(Setting::Tags, Some(SettingValue::Tags(more)));
        let missing: Vec<_> =
            wanted.differing_from(&actual).iter().map(|(setting, _)| setting).collect();
        assert_eq!(missing, [Setting::Class, Setting::MultiAz]);
        actual.set(Setting::Tags, Some(SettingValue::Tags(BTreeMap::new())));
        assert!(wanted.differing_from(&actual).get(Setting::Tags).is_some());
    }

    #[test]
    fn values_are_shown_to_operators() {
        let names =
            |list: &[&str]| SettingValue::Names(list.iter().map(|it| (*it).to_owned()).collect());
        let tags = |list: &[(&str, &str)]| {
            let tags = list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            SettingValue::Tags(tags.collect())
        };
        for (value, shown) in [
            (SettingValue::Flag(true), "yes"),
            (SettingValue::Flag(false), "no"),
            (SettingValue::Number(-3), "-3"),
            (SettingValue::Text("gp3".to_owned()), "gp3"),
            (names(&[]), "none"),
            (names(&["sg-2", "sg-1"]), "sg-1, sg-2"),
            (tags(&[]), "none"),
            (tags(&[("team", "shop"), ("env", "prod")]), "env=prod, team=shop"),
        ] {
            assert_eq!(value.to_string(), shown);
        }
        assert_eq!(SettingsRecord::ledger_name("0a1b"), "settings/0a1b.json");
        assert!(Settings::default().is_empty() && !record().settings.is_empty());
    }

    /// The settings that a second call sets, after the restore.
    #[test]
    fn a_restore_call_takes_all_but_some_settings() {
        let refused = |kind| {
            let all = Setting::ALL.iter().filter(|it| !it.is_restore_parameter(kind));
            all.map(|it| it.name()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            refused(SourceKind::Instance),
            "max_storage_gb maintenance_window monitoring_seconds monitoring_role insights_mode \
             performance_insights performance_insights_key performance_insights_days"
        );
        assert_eq!(
            refused(SourceKind::Cluster),
            "storage_gb maintenance_window minor_upgrades certificate insights_mode"
        );
    }
}
