//! The plan of a restore: every recorded setting, set explicitly.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::settings::{Setting, SettingValue, Settings, SettingsRecord};
use super::storage::remove_what_rds_refuses;
use super::swap::MAX_ID_LENGTH;
use crate::config::SourceKind;
use crate::ids::{TAG_DRILL, TAG_DRILL_RUN, TAG_RESTORED_AS, TAG_RESTORED_FROM};

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
    /// The id of the source's member whose settings it has.
    pub of: String,
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

/// A run of a drill, which its database names in its tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrillRun<'a> {
    /// The source's name.
    pub source: &'a str,
    /// What differs between any two runs, also of two operators at the same moment.
    pub run: &'a str,
}

/// Intended differences from the recorded settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestoreOptions<'a> {
    /// Whether the database is reachable from the internet; `false` by default, whatever the
    /// record says.
    pub public: bool,
    /// The drill, if the restore is one. Its database has no deletion protection.
    pub drill: Option<DrillRun<'a>>,
    /// Another parameter group than the recorded one, of the instance or the cluster: one in which
    /// schedulers are off.
    pub parameter_group: Option<&'a str>,
    /// Another subnet group than the recorded one.
    pub subnet_group: Option<&'a str>,
    /// Other security groups than the recorded ones; empty for the recorded ones.
    pub security_groups: &'a [String],
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

    /// Sets the groups that the operator gave in place of the recorded ones.
    fn isolate(self, settings: &mut Settings) {
        let text = |name: Option<&str>| name.map(|name| SettingValue::Text(name.to_owned()));
        settings.set(Setting::ParameterGroup, text(self.parameter_group));
        settings.set(Setting::SubnetGroup, text(self.subnet_group));
        let groups = self.security_groups.iter().cloned().collect::<BTreeSet<_>>();
        let groups = (!groups.is_empty()).then_some(SettingValue::Names(groups));
        settings.set(Setting::SecurityGroups, groups);
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
            tags.insert(TAG_DRILL.to_owned(), drill.source.to_owned());
            tags.insert(TAG_DRILL_RUN.to_owned(), drill.run.to_owned());
        }
        let mut settings = options.apply(&record.settings, &tags);
        options.isolate(&mut settings);
        // In an Aurora cluster, this is a setting of each member and not of the cluster.
        if record.kind == SourceKind::Instance {
            settings.set(Setting::PubliclyAccessible, options.public_flag());
        }
        let members = members_by_role(record, source, target).into_iter().map(|(id, of)| {
            let mut settings = options.apply(&record.members[of], &tags);
            settings.set(Setting::PubliclyAccessible, options.public_flag());
            ClusterMember { id, of: of.to_owned(), settings }
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

    /// The run of the drill that the restore belongs to; `None` outside a drill.
    pub fn drill_run(&self) -> Option<&str> {
        match self.settings.get(Setting::Tags) {
            Some(SettingValue::Tags(tags)) => tags.get(TAG_DRILL_RUN).map(String::as_str),
            _ => None,
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
        for member in &self.members {
            let current = source.and_then(|source| source.members.get(&member.of));
            lines.extend(compare(&member.id, &member.settings, current));
        }
        lines
    }

    /// What the operator should know about the members of a cluster: those with another name than
    /// the cluster's, and those that the source has got since.
    pub fn member_remarks(&self, source: Option<&SettingsRecord>) -> Vec<String> {
        let foreign = |member: &&ClusterMember| own_suffix(&member.of, &self.source).is_none();
        let mut all: Vec<String> = self
            .members
            .iter()
            .filter(foreign)
            .map(|it| {
                format!(
                    "the member {} is restored as {}: a client that connects to the address of this member must be changed",
                    it.of, it.id
                )
            })
            .collect();
        let is_new = |id: &&String| self.members.iter().all(|member| member.of != **id);
        let current = source.into_iter().flat_map(|it| it.members.keys());
        all.extend(current.filter(is_new).map(|id| {
            format!("the member {id} did not exist at that time, so it is not restored")
        }));
        all
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

/// The members of a recorded cluster in the order in which they are created: the writer, then by
/// promotion tier and name. Each with its id in the restored cluster and its recorded one. RDS makes the
/// first member that is available the writer.
fn members_by_role<'a>(
    record: &'a SettingsRecord,
    source: &str,
    target: &str,
) -> Vec<(String, &'a str)> {
    let rank = |id: &str| {
        let tier = match record.members[id].get(Setting::PromotionTier) {
            Some(SettingValue::Number(tier)) => *tier,
            _ => i64::MAX,
        };
        (record.writer.as_deref() != Some(id), tier)
    };
    let mut members = restored_ids(record, source, target);
    // Stable: the members are in the order of their names already.
    members.sort_by_key(|(_, id)| rank(id));
    members
}

/// The ids of the restored members, each different, in the order of the recorded ids:
/// `shop-prod-instance-1` of `shop-prod` becomes `shop-restored-instance-1` of `shop-restored`. A
/// member that is not named after the cluster, or whose new id would be too long, gets the next free
/// number. The numbers do not depend on the roles, so a failover does not change them.
fn restored_ids<'a>(
    record: &'a SettingsRecord,
    source: &str,
    target: &str,
) -> Vec<(String, &'a str)> {
    let own = |id: &str| {
        let id = format!("{target}-{}", own_suffix(id, source)?);
        (id.len() <= MAX_ID_LENGTH).then_some(id)
    };
    let mut used: BTreeSet<String> = record.members.keys().filter_map(|id| own(id)).collect();
    // Room for the hyphen and a number; RDS limits a cluster to 16 members.
    let stem = &target[..target.len().min(MAX_ID_LENGTH - 4)];
    let mut numbers = 1..;
    let mut next_free = || loop {
        let number: u32 = numbers.next().unwrap_or_default();
        let id = format!("{}-{number}", stem.trim_end_matches('-'));
        if used.insert(id.clone()) {
            return id;
        }
    };
    let ids = record.members.keys();
    ids.map(|id| (own(id).unwrap_or_else(&mut next_free), id.as_str())).collect()
}

/// The part of a member's id after the id of its cluster and a hyphen; `None` if the member is not named
/// after the cluster.
fn own_suffix<'a>(id: &'a str, cluster: &str) -> Option<&'a str> {
    id.strip_prefix(cluster)?.strip_prefix('-').filter(|suffix| !suffix.is_empty())
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
        let drill = Some(DrillRun { source: "shop", run: "20261121t030000z-1" });
        let options = RestoreOptions { public: true, drill, ..RestoreOptions::default() };
        let plan = plan(&instance(), options);
        assert_eq!(plan.settings.get(Setting::PubliclyAccessible), Some(&SettingValue::Flag(true)));
        assert_eq!(
            plan.settings.get(Setting::DeletionProtection),
            Some(&SettingValue::Flag(false))
        );
        let tags = plan.settings.tags();
        let tag = |name| tags.get(name).map(String::as_str);
        assert_eq!(tag(TAG_DRILL), Some("shop"));
        assert_eq!(
            (tag(TAG_DRILL_RUN), plan.drill_run()),
            (plan.drill_run(), Some("20261121t030000z-1"))
        );
    }

    #[test]
    fn the_groups_of_an_isolated_copy_replace_the_recorded_ones() {
        let mut record = instance();
        record.settings.set(Setting::ParameterGroup, Some(text("shop-16")));
        record.settings.set(Setting::SubnetGroup, Some(text("shop-private")));
        let groups = ["sg-drill".to_owned()];
        let options = RestoreOptions {
            parameter_group: Some("shop-16-quiet"),
            subnet_group: Some("drills"),
            security_groups: &groups,
            ..RestoreOptions::default()
        };
        let isolated = plan(&record, options).settings;
        assert_eq!(isolated.get(Setting::ParameterGroup), Some(&text("shop-16-quiet")));
        assert_eq!(isolated.get(Setting::SubnetGroup), Some(&text("drills")));
        let names = SettingValue::Names(BTreeSet::from(groups.clone()));
        assert_eq!(isolated.get(Setting::SecurityGroups), Some(&names));
        let same = plan(&record, RestoreOptions::default()).settings;
        assert_eq!(same.get(Setting::ParameterGroup), Some(&text("shop-16")));
        assert_eq!(same.get(Setting::SubnetGroup), Some(&text("shop-private")));
        assert_eq!(same.get(Setting::SecurityGroups), None);
    }

    #[test]
    fn iops_above_the_gp3_baseline_are_set() {
        let mut record = instance();
        record.settings.set(Setting::StorageGb, Some(SettingValue::Number(400)));
        record.settings.set(Setting::Iops, Some(SettingValue::Number(12_000)));
        assert!(plan(&record, RestoreOptions::default()).settings.get(Setting::Iops).is_some());
    }

    /// A recorded cluster with members of these ids, classes and promotion tiers.
    fn cluster(members: &[(&str, &str, i64)]) -> SettingsRecord {
        let mut record = instance();
        record.kind = SourceKind::Cluster;
        record.settings = Settings::default();
        for (id, class, tier) in members {
            let settings = settings(&[
                (Setting::Class, text(class)),
                (Setting::PromotionTier, SettingValue::Number(*tier)),
            ]);
            record.members.insert((*id).to_owned(), settings);
        }
        record
    }

    fn ids(record: &SettingsRecord) -> Vec<(String, String)> {
        let plan = plan(record, RestoreOptions::default());
        plan.members.into_iter().map(|it| (it.of, it.id)).collect()
    }

    #[test]
    fn the_writer_comes_first_then_members_by_promotion_tier() {
        let mut record = cluster(&[
            ("shop-prod-a", "db.r6g.large", 2),
            ("shop-prod-b", "db.r6g.large", 1),
            ("reader", "db.r6g.large", 0),
        ]);
        let order = |record: &SettingsRecord| {
            ids(record).into_iter().map(|(_, id)| id).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(order(&record), "shop-restored-1 shop-restored-b shop-restored-a");
        record.writer = Some("shop-prod-a".into());
        assert_eq!(order(&record), "shop-restored-a shop-restored-1 shop-restored-b");
        let plan = plan(&record, RestoreOptions::default());
        let public = plan.members[0].settings.get(Setting::PubliclyAccessible);
        assert_eq!(public, Some(&SettingValue::Flag(false)));
        assert_eq!(plan.settings.get(Setting::PubliclyAccessible), None);
    }

    #[test]
    fn no_two_members_get_the_same_name() {
        let record = cluster(&[
            ("reports-node", "db.r6g.large", 0),
            ("analytics", "db.r6g.large", 1),
            ("shop-prod", "db.r6g.large", 1),
            ("shop-prod-", "db.r6g.large", 1),
            ("shop-prod-1", "db.r6g.large", 2),
            ("shop-prod-3", "db.r6g.large", 2),
        ]);
        let names: BTreeMap<String, String> = ids(&record).into_iter().collect();
        let expected = [
            ("analytics", "shop-restored-2"),
            ("reports-node", "shop-restored-4"),
            ("shop-prod", "shop-restored-5"),
            ("shop-prod-", "shop-restored-6"),
            ("shop-prod-1", "shop-restored-1"),
            ("shop-prod-3", "shop-restored-3"),
        ];
        let expected = expected.map(|(of, id)| (of.to_owned(), id.to_owned()));
        assert_eq!(names, BTreeMap::from(expected));
        let remarks = plan(&record, RestoreOptions::default()).member_remarks(None);
        assert_eq!(remarks.len(), 4, "{remarks:?}");
        assert!(remarks[0].contains("reports-node is restored as shop-restored-4"), "{remarks:?}");
    }

    #[test]
    fn a_long_member_name_is_numbered() {
        let record =
            cluster(&[("shop-prod-instance-1", "db.r6g.large", 0), ("b", "db.r6g.large", 1)]);
        let target = "t".repeat(MAX_ID_LENGTH);
        let origin = RestoreOrigin::Snapshot("s".into());
        let plan =
            RestorePlan::new(&record, "shop-prod", &target, origin, RestoreOptions::default());
        let ids: BTreeSet<&str> = plan.members.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(ids.len(), 2);
        assert!(ids.iter().all(|id| id.len() <= MAX_ID_LENGTH), "{ids:?}");
    }

    /// Ids and tiers change between the snapshot and now; names decide what is compared with what.
    #[test]
    fn a_member_is_compared_with_the_member_that_it_restores() {
        let then = cluster(&[("a", "db.r6g.large", 1), ("b", "db.r6g.xlarge", 0)]);
        let now = cluster(&[
            ("a", "db.r6g.large", 0),
            ("aa", "db.r6g.2xlarge", 0),
            ("b", "db.r6g.xlarge", 1),
        ]);
        let plan = plan(&then, RestoreOptions::default());
        let lines = plan.compare_with(Some(&now));
        let classes: Vec<_> = lines.iter().filter(|line| line.setting == Setting::Class).collect();
        assert_eq!(classes.len(), 2);
        assert!(classes.iter().all(|line| !line.differs), "{classes:?}");
        let remarks = plan.member_remarks(Some(&now));
        assert!(remarks.iter().any(|it| it.contains("aa did not exist")), "{remarks:?}");
    }

    #[test]
    fn only_settings_that_one_of_the_two_has_are_compared() {
        let record = instance();
        let plan = plan(&record, RestoreOptions::default());
        let mut now = record.clone();
        now.settings.set(Setting::BackupWindow, Some(text("01:00-02:00")));
        let lines = plan.compare_with(Some(&now));
        let shown = |setting| {
            let line = lines.iter().find(|line| line.setting == setting)?;
            Some((line.source.is_some(), line.restored.is_some(), line.differs))
        };
        assert_eq!(shown(Setting::Port), None, "neither has it");
        assert_eq!(shown(Setting::Iops), None, "the storage has it by itself");
        assert_eq!(shown(Setting::BackupWindow), Some((true, false, true)));
        assert_eq!(shown(Setting::Class), Some((true, true, false)));
        let gone = plan.compare_with(None);
        assert!(gone.iter().all(|line| line.source.is_none() && !line.differs));
        // Performance that the plan names is compared.
        let mut large = record;
        large.settings.set(Setting::StorageGb, Some(SettingValue::Number(400)));
        let restored = self::plan(&large, RestoreOptions::default());
        let lines = restored.compare_with(Some(&now));
        let iops = lines.iter().find(|line| line.setting == Setting::Iops).expect("compared");
        assert!(iops.source.is_some() && iops.restored.is_some() && !iops.differs);
    }
}
