//! What a database is set to. A snapshot of RDS keeps few of its instance's settings: a
//! restore that names none gets the default network, default groups and no protection
//! (AWS documentation, RestoreDBInstanceFromDBSnapshot). So they are recorded beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::config::SourceKind;

/// Version of [`SettingsRecord`]'s form.
const VERSION: u32 = 1;
/// Hexadecimal digits of a digest that name a record: enough for the few that a source has.
const DIGEST_LENGTH: usize = 20;

/// One thing that an instance, a cluster or a member of one is set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // named as the parameters of the API are
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
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 37] = [
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

    /// Its name in records and in what people read.
    pub fn name(self) -> String {
        // The derived form is the one place where names are made.
        serde_json::to_value(self)
            .ok()
            .and_then(|name| name.as_str().map(str::to_owned))
            .unwrap_or_default()
    }

    /// Whether a restore of this kind can be asked for it. What it cannot be asked for is
    /// changed afterwards (AWS API reference: RestoreDBInstanceFromDBSnapshot,
    /// RestoreDBClusterFromSnapshot).
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
            SourceKind::Cluster => !matches!(self, Self::MaintenanceWindow | Self::InsightsMode),
        }
    }
}

/// A setting's value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SettingValue {
    /// On or off.
    Flag(bool),
    /// A number; its unit is in the setting's name.
    Number(i64),
    /// A name or a time window.
    Text(String),
    /// Names without an order.
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

/// What one database is set to. A setting that it does not have is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Settings(BTreeMap<Setting, SettingValue>);

impl Settings {
    /// The value of a setting.
    pub fn get(&self, setting: Setting) -> Option<&SettingValue> {
        self.0.get(&setting)
    }

    /// Sets one, or leaves it as it is when there is no value.
    pub fn set(&mut self, setting: Setting, value: Option<SettingValue>) {
        if let Some(value) = value {
            self.0.insert(setting, value);
        }
    }

    /// Takes one out.
    pub fn remove(&mut self, setting: Setting) -> Option<SettingValue> {
        self.0.remove(&setting)
    }

    /// All of them, in the order of [`Setting::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Setting, &SettingValue)> {
        self.0.iter().map(|(setting, value)| (*setting, value))
    }

    /// The tags.
    pub fn tags(&self) -> BTreeMap<String, String> {
        match self.get(Setting::Tags) {
            Some(SettingValue::Tags(tags)) => tags.clone(),
            _ => BTreeMap::new(),
        }
    }

    /// What of these is not so in `actual`. Tags that are there beyond the wanted ones are
    /// no difference.
    pub fn differing_from(&self, actual: &Self) -> Self {
        let differs =
            |(setting, value): &(Setting, &SettingValue)| match (value, actual.get(*setting)) {
                (SettingValue::Tags(wanted), Some(SettingValue::Tags(there))) => {
                    wanted.iter().any(|(key, value)| there.get(key) != Some(value))
                }
                (value, there) => there != Some(*value),
            };
        Self(self.iter().filter(differs).map(|(setting, value)| (setting, value.clone())).collect())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(Setting, SettingValue)> for Settings {
    fn from_iter<T: IntoIterator<Item = (Setting, SettingValue)>>(settings: T) -> Self {
        Self(settings.into_iter().collect())
    }
}

/// The settings of a source at one moment. Equal ones have one digest, so an hourly record
/// of a source that nobody changes is one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsRecord {
    /// Version of this form.
    pub version: u32,
    /// An instance or a cluster.
    pub kind: SourceKind,
    /// As RDS names it.
    pub engine: String,
    /// Likewise.
    pub engine_version: String,
    /// What the instance or the cluster is set to.
    pub settings: Settings,
    /// The members of a cluster, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub members: BTreeMap<String, Settings>,
    /// What the source has and a restore cannot bring back by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub manual_steps: Vec<String>,
}

impl SettingsRecord {
    /// A record.
    pub fn new(
        kind: SourceKind,
        engine: String,
        engine_version: String,
        settings: Settings,
    ) -> Self {
        let (members, manual_steps) = (BTreeMap::new(), Vec::new());
        Self { version: VERSION, kind, engine, engine_version, settings, members, manual_steps }
    }

    /// What it is called: a digest of what it says.
    pub fn digest(&self) -> String {
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        hex(&Sha256::digest(bytes))[..DIGEST_LENGTH].to_owned()
    }

    /// Its name in the ledger.
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
    fn all_are_listed_once_in_their_order() {
        assert!(Setting::ALL.is_sorted());
        let names: BTreeSet<String> = Setting::ALL.iter().map(|it| it.name()).collect();
        assert_eq!(names.len(), Setting::ALL.len());
        assert_eq!(Setting::MultiAz.name(), "multi_az");
    }

    #[test]
    fn a_record_is_read_as_it_was_written_and_named_for_what_it_says() {
        let record = record();
        let json = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<SettingsRecord>(&json).unwrap(), record);
        let mut other = record.clone();
        other.settings.set(Setting::MultiAz, Some(SettingValue::Flag(false)));
        assert_ne!(other.digest(), record.digest());
        assert_eq!(record.clone().digest(), record.digest());
    }

    #[test]
    fn what_is_missing() {
        let wanted = record().settings;
        assert!(wanted.differing_from(&wanted).is_empty());
        let mut actual = wanted.clone();
        actual.remove(Setting::Class);
        actual.set(Setting::MultiAz, Some(SettingValue::Flag(false)));
        let more = BTreeMap::from([("team", "shop"), ("made", "by hand")]);
        let more = more.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        actual.set(Setting::Tags, Some(SettingValue::Tags(more)));
        let missing: Vec<_> = wanted.differing_from(&actual).iter().map(|(it, _)| it).collect();
        assert_eq!(missing, [Setting::Class, Setting::MultiAz]);
        actual.set(Setting::Tags, Some(SettingValue::Tags(BTreeMap::new())));
        assert!(wanted.differing_from(&actual).get(Setting::Tags).is_some());
    }
}
