//! What a restore asks for: every recorded setting, named explicitly.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::settings::{Setting, SettingValue, Settings, SettingsRecord};
use crate::config::SourceKind;
use crate::ids::{TAG_DRILL, TAG_RESTORED_AS, TAG_RESTORED_FROM};

/// gp3 storage has this much without being asked for, and refuses to be asked for it below
/// 400 GiB (AWS documentation, "gp3 storage"): IOPS, and MiB/s.
const GP3_BASELINE: (i64, i64) = (3_000, 125);

/// Where the data comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RestoreOrigin {
    /// This snapshot.
    Snapshot(String),
    /// The source's logs, up to this instant.
    Time(Timestamp),
    /// The source's logs, as far as they go.
    Latest,
}

impl RestoreOrigin {
    /// The value of the tag that tells whose restore an instance is.
    pub fn tag(&self, source: &str) -> String {
        match self {
            Self::Snapshot(id) => id.clone(),
            Self::Time(at) => format!("{source}@{at}"),
            Self::Latest => format!("{source}@latest"),
        }
    }
}

/// A member of a restored cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClusterMember {
    /// Its name.
    pub id: String,
    /// What it is set to.
    pub settings: Settings,
}

/// A restore. What it holds is asked for in the restore itself where that can be, and set
/// right afterwards where it cannot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RestorePlan {
    /// An instance or a cluster.
    pub kind: SourceKind,
    /// The source's id; nothing of it is changed.
    pub source: String,
    /// The new database's id.
    pub target: String,
    /// Where the data comes from.
    pub origin: RestoreOrigin,
    /// As RDS names it.
    pub engine: String,
    /// Likewise.
    pub engine_version: String,
    /// All that is asked for.
    pub settings: Settings,
    /// The members of a cluster, the first becoming its writer.
    pub members: Vec<ClusterMember>,
    /// What a person must bring back.
    pub manual_steps: Vec<String>,
}

/// What differs from the source's own settings on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestoreOptions<'a> {
    /// Reachable from the internet. Never unless asked for.
    pub public: bool,
    /// A throw-away database of this drill: it must be easy to delete.
    pub drill: Option<&'a str>,
}

impl RestorePlan {
    /// The restore of `record` under the name `target`.
    pub fn new(
        record: &SettingsRecord,
        source: &str,
        target: &str,
        origin: RestoreOrigin,
        options: RestoreOptions<'_>,
    ) -> Self {
        let mut tags = BTreeMap::from([
            (TAG_RESTORED_FROM.to_owned(), origin.tag(source)),
            (TAG_RESTORED_AS.to_owned(), target.to_owned()),
        ]);
        if let Some(drill) = options.drill {
            tags.insert(TAG_DRILL.to_owned(), drill.to_owned());
        }
        let wanted = |settings: &Settings| {
            let mut wanted = settings.clone();
            let mut all = settings.tags();
            all.extend(tags.clone());
            wanted.set(Setting::Tags, Some(SettingValue::Tags(all)));
            if wanted.get(Setting::PubliclyAccessible).is_some() {
                wanted.set(Setting::PubliclyAccessible, Some(SettingValue::Flag(options.public)));
            }
            if options.drill.is_some() && wanted.get(Setting::DeletionProtection).is_some() {
                wanted.set(Setting::DeletionProtection, Some(SettingValue::Flag(false)));
            }
            without_baseline(&mut wanted);
            wanted
        };
        let mut settings = wanted(&record.settings);
        // The members of an Aurora cluster are public or not, each for itself.
        if record.kind == SourceKind::Instance {
            settings.set(Setting::PubliclyAccessible, Some(SettingValue::Flag(options.public)));
        }
        let mut members: Vec<(&String, &Settings)> = record.members.iter().collect();
        let tier = |settings: &Settings| match settings.get(Setting::PromotionTier) {
            Some(SettingValue::Number(tier)) => *tier,
            _ => i64::MAX,
        };
        members.sort_by_key(|(name, settings)| (tier(settings), (*name).clone()));
        let member = |(number, (name, settings)): (usize, (&String, &Settings))| {
            let mut settings = wanted(settings);
            settings.set(Setting::PubliclyAccessible, Some(SettingValue::Flag(options.public)));
            ClusterMember { id: member_name(name, number, source, target), settings }
        };
        Self {
            kind: record.kind,
            source: source.to_owned(),
            target: target.to_owned(),
            origin,
            engine: record.engine.clone(),
            engine_version: record.engine_version.clone(),
            settings,
            members: members.into_iter().enumerate().map(member).collect(),
            manual_steps: record.manual_steps.clone(),
        }
    }

    /// What the restore call is asked for.
    pub fn restore_call_settings(&self) -> Settings {
        let of_the_call = self.settings.iter().filter(|(it, _)| it.is_restore_parameter(self.kind));
        of_the_call.map(|(setting, value)| (setting, value.clone())).collect()
    }

    /// Every setting of the plan beside what the source is set to now, tags of ours apart.
    pub fn compare_with(&self, source: Option<&SettingsRecord>) -> Vec<SettingComparison> {
        let mut lines = compare("", &self.settings, source.map(|source| &source.settings));
        for member in &self.members {
            let of_source = source.and_then(|source| {
                let pairs = source.members.iter().enumerate();
                pairs
                    .map(|(number, (name, settings))| {
                        (member_name(name, number, &self.source, &self.target), settings)
                    })
                    .find(|(name, _)| *name == member.id)
            });
            let of_source = of_source.map(|(_, settings)| settings);
            lines.extend(compare(&member.id, &member.settings, of_source));
        }
        lines
    }
}

/// One setting of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettingComparison {
    /// The member it is about; empty for the instance or the cluster itself.
    pub member: String,
    /// The setting.
    pub setting: Setting,
    /// What the source is set to now.
    pub source: Option<SettingValue>,
    /// What the restored database will be set to.
    pub restored: Option<SettingValue>,
    /// Whether the two differ.
    pub differs: bool,
}

fn compare(member: &str, wanted: &Settings, source: Option<&Settings>) -> Vec<SettingComparison> {
    let mut lines = Vec::new();
    for setting in Setting::ALL {
        let restored = wanted.get(setting).cloned();
        let mut of_source = source.and_then(|source| source.get(setting).cloned());
        if restored.is_none() && of_source.is_none() {
            continue;
        }
        // Left to what gp3 has anyway.
        if restored.is_none() && matches!(setting, Setting::Iops | Setting::StorageThroughput) {
            of_source = None;
        }
        if restored.is_none() && of_source.is_none() {
            continue;
        }
        let differs = source.is_some() && restored != of_source;
        let member = member.to_owned();
        lines.push(SettingComparison { member, setting, source: of_source, restored, differs });
    }
    lines
}

/// `shop-prod-instance-1` of `shop-prod` becomes `shop-restored-instance-1` of
/// `shop-restored`; a name without that beginning gets a number.
fn member_name(name: &str, number: usize, source: &str, target: &str) -> String {
    match name.strip_prefix(source).filter(|end| end.starts_with('-')) {
        Some(end) => format!("{target}{end}"),
        None => format!("{target}-{}", number + 1),
    }
}

/// Takes out what gp3 has by itself and refuses to be asked for.
fn without_baseline(settings: &mut Settings) {
    let is = |setting, value| settings.get(setting) == Some(&SettingValue::Number(value));
    let gp3 = settings.get(Setting::StorageType) == Some(&SettingValue::Text("gp3".to_owned()));
    if gp3 && is(Setting::Iops, GP3_BASELINE.0) && is(Setting::StorageThroughput, GP3_BASELINE.1) {
        settings.remove(Setting::Iops);
        settings.remove(Setting::StorageThroughput);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(list: &[(Setting, SettingValue)]) -> Settings {
        list.iter().cloned().collect()
    }

    fn text(text: &str) -> SettingValue {
        SettingValue::Text(text.into())
    }

    fn instance() -> SettingsRecord {
        let settings = settings(&[
            (Setting::Class, text("db.r6g.large")),
            (Setting::StorageType, text("gp3")),
            (Setting::Iops, SettingValue::Number(3_000)),
            (Setting::StorageThroughput, SettingValue::Number(125)),
            (Setting::PubliclyAccessible, SettingValue::Flag(true)),
            (Setting::DeletionProtection, SettingValue::Flag(true)),
            (Setting::MaintenanceWindow, text("sun:01:00-sun:02:00")),
            (Setting::Tags, SettingValue::Tags(BTreeMap::from([("team".into(), "shop".into())]))),
        ]);
        SettingsRecord::new(SourceKind::Instance, "postgres".into(), "16.4".into(), settings)
    }

    fn plan(record: &SettingsRecord, options: RestoreOptions<'_>) -> RestorePlan {
        RestorePlan::new(
            record,
            "shop-prod",
            "shop-restored",
            RestoreOrigin::Snapshot("s".into()),
            options,
        )
    }

    #[test]
    fn everything_is_asked_for_but_never_to_be_public() {
        let record = instance();
        let plan = plan(&record, RestoreOptions::default());
        assert_eq!(
            plan.settings.get(Setting::PubliclyAccessible),
            Some(&SettingValue::Flag(false))
        );
        assert_eq!(plan.settings.get(Setting::DeletionProtection), Some(&SettingValue::Flag(true)));
        assert_eq!(plan.settings.get(Setting::Iops), None, "gp3 has its baseline by itself");
        assert!(plan.restore_call_settings().get(Setting::MaintenanceWindow).is_none());
        assert!(plan.restore_call_settings().get(Setting::Class).is_some());
        let tags = plan.settings.tags();
        assert_eq!(tags.get("team").map(String::as_str), Some("shop"));
        assert_eq!(tags.get(TAG_RESTORED_FROM).map(String::as_str), Some("s"));
        let differing: Vec<Setting> = plan
            .compare_with(Some(&record))
            .into_iter()
            .filter(|line| line.differs)
            .map(|line| line.setting)
            .collect();
        assert_eq!(differing, [Setting::PubliclyAccessible, Setting::Tags]);
    }

    #[test]
    fn public_when_asked_for_and_a_drill_can_be_deleted() {
        let options = RestoreOptions { public: true, drill: Some("shop") };
        let plan = plan(&instance(), options);
        assert_eq!(plan.settings.get(Setting::PubliclyAccessible), Some(&SettingValue::Flag(true)));
        assert_eq!(
            plan.settings.get(Setting::DeletionProtection),
            Some(&SettingValue::Flag(false))
        );
        assert_eq!(plan.settings.tags().get(TAG_DRILL).map(String::as_str), Some("shop"));
    }

    #[test]
    fn provisioned_storage_is_asked_for() {
        let mut record = instance();
        record.settings.set(Setting::Iops, Some(SettingValue::Number(12_000)));
        assert!(plan(&record, RestoreOptions::default()).settings.get(Setting::Iops).is_some());
    }

    #[test]
    fn members_come_in_the_order_of_their_tiers_under_new_names() {
        let mut record = instance();
        record.kind = SourceKind::Cluster;
        record.settings = Settings::default();
        let member = |tier| settings(&[(Setting::PromotionTier, SettingValue::Number(tier))]);
        record.members.insert("shop-prod-a".into(), member(2));
        record.members.insert("reader".into(), member(0));
        let plan = plan(&record, RestoreOptions::default());
        let names: Vec<&str> = plan.members.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(names, ["shop-restored-1", "shop-restored-a"]);
        let public = plan.members[0].settings.get(Setting::PubliclyAccessible);
        assert_eq!(public, Some(&SettingValue::Flag(false)));
        assert_eq!(plan.settings.get(Setting::PubliclyAccessible), None);
    }
}
