//! The plan of a restore: every recorded setting, set explicitly.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::settings::{Setting, SettingValue, Settings, SettingsRecord};
use super::storage::remove_what_rds_refuses;
use crate::config::SourceKind;
use crate::ids::{TAG_DRILL, TAG_RESTORED_AS, TAG_RESTORED_FROM};

/// Where the data of a restore comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RestoreOrigin {
    /// The snapshot with this id.
    Snapshot(String),
    /// The logs of the source, up to this instant.
    Time(Timestamp),
    /// The logs of the source, up to its latest restorable time.
    Latest,
}

impl RestoreOrigin {
    /// The value of the tag `landbridge:restored-from`, which identifies the restore.
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
    /// Its id.
    pub id: String,
    /// Its settings.
    pub settings: Settings,
}

/// A restore. The restore call sets every setting that it accepts; the others are set when the
/// database is available.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RestorePlan {
    /// Instance or cluster.
    pub kind: SourceKind,
    /// The source's id. The source is not changed.
    pub source: String,
    /// The id of the new database.
    pub target: String,
    /// Where the data comes from.
    pub origin: RestoreOrigin,
    /// The engine, as RDS names it.
    pub engine: String,
    /// The engine's version, as RDS names it.
    pub engine_version: String,
    /// All settings of the new database.
    pub settings: Settings,
    /// The members of a cluster; the first one becomes its writer.
    pub members: Vec<ClusterMember>,
    /// What the operator must restore manually.
    pub manual_steps: Vec<String>,
}

/// Intended differences from the recorded settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestoreOptions<'a> {
    /// Whether the database is reachable from the internet; `false` by default, whatever the
    /// record says.
    pub public: bool,
    /// The source's name if the restore is a drill. Its database has no deletion protection.
    pub drill: Option<&'a str>,
}

impl RestoreOptions<'_> {
    fn public_flag(self) -> Option<SettingValue> {
        Some(SettingValue::Flag(self.public))
    }

    /// The recorded settings of an instance, a cluster or a member, with `tags` added and the
    /// intended differences.
    fn apply(self, recorded: &Settings, tags: &BTreeMap<String, String>) -> Settings {
        let mut settings = recorded.clone();
        let mut all_tags = recorded.tags();
        all_tags.extend(tags.clone());
        settings.set(Setting::Tags, Some(SettingValue::Tags(all_tags)));
        if settings.get(Setting::PubliclyAccessible).is_some() {
            settings.set(Setting::PubliclyAccessible, self.public_flag());
        }
        if self.drill.is_some() && settings.get(Setting::DeletionProtection).is_some() {
            settings.set(Setting::DeletionProtection, Some(SettingValue::Flag(false)));
        }
        remove_what_rds_refuses(&mut settings);
        settings
    }
}

impl RestorePlan {
    /// Plans to restore the settings of `record` and the data of `origin` as `target`.
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
        let mut settings = options.apply(&record.settings, &tags);
        // In an Aurora cluster, this is a setting of each member and not of the cluster.
        if record.kind == SourceKind::Instance {
            settings.set(Setting::PubliclyAccessible, options.public_flag());
        }
        let members = members_by_tier(record, source, target).into_iter().map(|(id, recorded)| {
            let mut settings = options.apply(recorded, &tags);
            settings.set(Setting::PubliclyAccessible, options.public_flag());
            ClusterMember { id, settings }
        });
        Self {
            kind: record.kind,
            source: source.to_owned(),
            target: target.to_owned(),
            members: members.collect(),
            origin,
            engine: record.engine.clone(),
            engine_version: record.engine_version.clone(),
            settings,
            manual_steps: record.manual_steps.clone(),
        }
    }

    /// The settings that the restore call accepts.
    pub fn restore_call_settings(&self) -> Settings {
        self.settings
            .iter()
            .filter(|(setting, _)| setting.is_restore_parameter(self.kind))
            .map(|(setting, value)| (setting, value.clone()))
            .collect()
    }

    /// Compares every setting of the plan with the current settings of the source; `None` if the
    /// source does not exist.
    pub fn compare_with(&self, source: Option<&SettingsRecord>) -> Vec<SettingComparison> {
        let mut lines = compare("", &self.settings, source.map(|source| &source.settings));
        let current_members: BTreeMap<String, &Settings> = source
            .map(|source| members_by_tier(source, &self.source, &self.target))
            .unwrap_or_default()
            .into_iter()
            .collect();
        for member in &self.members {
            let current = current_members.get(&member.id).copied();
            lines.extend(compare(&member.id, &member.settings, current));
        }
        lines
    }
}

/// One setting of a plan, compared with the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettingComparison {
    /// The id of the cluster member; empty for the instance or the cluster itself.
    pub member: String,
    /// The setting.
    pub setting: Setting,
    /// The source's current value.
    pub source: Option<SettingValue>,
    /// The value of the restored database.
    pub restored: Option<SettingValue>,
    /// Whether the two values differ; `false` if the source does not exist.
    pub differs: bool,
}

fn compare(
    member: &str,
    restored: &Settings,
    current: Option<&Settings>,
) -> Vec<SettingComparison> {
    let mut lines = Vec::new();
    for setting in Setting::ALL {
        let restored = restored.get(setting).cloned();
        let mut source = current.and_then(|current| current.get(setting).cloned());
        // The plan does not name performance that the storage has by itself, or cannot have.
        if restored.is_none() && matches!(setting, Setting::Iops | Setting::StorageThroughput) {
            source = None;
        }
        if restored.is_none() && source.is_none() {
            continue;
        }
        let differs = current.is_some() && restored != source;
        lines.push(SettingComparison {
            member: member.to_owned(),
            setting,
            source,
            restored,
            differs,
        });
    }
    lines
}

/// The members of a recorded cluster by promotion tier, then by name, with their ids in the
/// restored cluster.
fn members_by_tier<'a>(
    record: &'a SettingsRecord,
    source: &str,
    target: &str,
) -> Vec<(String, &'a Settings)> {
    let tier = |settings: &Settings| match settings.get(Setting::PromotionTier) {
        Some(SettingValue::Number(tier)) => *tier,
        _ => i64::MAX,
    };
    let mut members: Vec<(&String, &Settings)> = record.members.iter().collect();
    // Stable: the members are in the order of their names already.
    members.sort_by_key(|(_, settings)| tier(settings));
    let restored_id = |(index, (id, settings)): (usize, (&String, &'a Settings))| {
        (member_id(id, index, source, target), settings)
    };
    members.into_iter().enumerate().map(restored_id).collect()
}

/// The id of a restored member: `shop-prod-instance-1` of `shop-prod` becomes
/// `shop-restored-instance-1` of `shop-restored`. If an id does not start with the source's id,
/// the member is numbered from its `index`.
fn member_id(id: &str, index: usize, source: &str, target: &str) -> String {
    match id.strip_prefix(source).filter(|end| end.starts_with('-')) {
        Some(end) => format!("{target}{end}"),
        None => format!("{target}-{}", index + 1),
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
    fn every_setting_is_restored_except_public_access() {
        let record = instance();
        let plan = plan(&record, RestoreOptions::default());
        assert_eq!(
            plan.settings.get(Setting::PubliclyAccessible),
            Some(&SettingValue::Flag(false))
        );
        assert_eq!(plan.settings.get(Setting::DeletionProtection), Some(&SettingValue::Flag(true)));
        assert_eq!(plan.settings.get(Setting::Iops), None, "gp3 has its baseline automatically");
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
    fn public_access_is_optional_and_a_drill_database_has_no_deletion_protection() {
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
    fn iops_above_the_gp3_baseline_are_set() {
        let mut record = instance();
        record.settings.set(Setting::StorageGb, Some(SettingValue::Number(400)));
        record.settings.set(Setting::Iops, Some(SettingValue::Number(12_000)));
        assert!(plan(&record, RestoreOptions::default()).settings.get(Setting::Iops).is_some());
    }

    #[test]
    fn members_are_ordered_by_promotion_tier_and_renamed() {
        let mut record = instance();
        record.kind = SourceKind::Cluster;
        record.settings = Settings::default();
        let member = |tier| settings(&[(Setting::PromotionTier, SettingValue::Number(tier))]);
        record.members.insert("shop-prod-a".into(), member(2));
        record.members.insert("reader".into(), member(0));
        let plan = plan(&record, RestoreOptions::default());
        let ids: Vec<&str> = plan.members.iter().map(|member| member.id.as_str()).collect();
        assert_eq!(ids, ["shop-restored-1", "shop-restored-a"]);
        let public = plan.members[0].settings.get(Setting::PubliclyAccessible);
        assert_eq!(public, Some(&SettingValue::Flag(false)));
        assert_eq!(plan.settings.get(Setting::PubliclyAccessible), None);
    }

    #[test]
    fn numbered_members_are_compared_with_the_member_that_they_restore() {
        let mut record = instance();
        record.kind = SourceKind::Cluster;
        record.settings = Settings::default();
        let member = |class: &str, tier| {
            settings(&[
                (Setting::Class, text(class)),
                (Setting::PromotionTier, SettingValue::Number(tier)),
            ])
        };
        record.members.insert("a".into(), member("db.r6g.large", 1));
        record.members.insert("b".into(), member("db.r6g.xlarge", 0));
        let lines = plan(&record, RestoreOptions::default()).compare_with(Some(&record));
        let classes: Vec<_> = lines.iter().filter(|line| line.setting == Setting::Class).collect();
        assert_eq!(classes.len(), 2);
        assert!(classes.iter().all(|line| !line.differs), "{classes:?}");
    }
}
