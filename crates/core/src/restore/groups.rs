//! Parameter and option groups belong to a major version of the engine. RDS refuses a restore that
//! names groups of another major version than the restored one (RDS User Guide, "Parameter groups":
//! a group has a family, such as `postgres15`).

use super::settings::{Setting, Settings, SettingsRecord};

/// The settings that belong to a major version.
const OF_A_VERSION: [Setting; 2] = [Setting::ParameterGroup, Setting::OptionGroup];

/// The major version as in the names of families: `16` of PostgreSQL 16.4, `8.0` of MySQL 8.0.40
/// and of Aurora MySQL `8.0.mysql_aurora.3.04.0`, `10.11` of MariaDB.
pub fn major_version(engine: &str, version: &str) -> String {
    let mut parts = version.split('.');
    let first = parts.next().unwrap_or_default();
    let one_part = engine.contains("postgres") && first.parse().is_ok_and(|it: u32| it >= 10);
    match parts.next() {
        Some(second) if !one_part => format!("{first}.{second}"),
        _ => first.to_owned(),
    }
}

/// Whether the groups of `record` fit a database of this version.
pub fn fit(record: &SettingsRecord, version: &str) -> bool {
    let major = |version| major_version(&record.engine, version);
    major(&record.engine_version) == major(version)
}

/// Gives `record` the parameter and option groups of `other`, a record of the version that is
/// restored. Without one it names none, and RDS uses the engine's default groups. Returns whether
/// this changed a group.
pub fn replace(record: &mut SettingsRecord, other: Option<&SettingsRecord>) -> bool {
    let mut changed = replace_in(&mut record.settings, other.map(|it| &it.settings));
    for (id, member) in &mut record.members {
        // A member that did not exist then gets the group of another member.
        let from = other.and_then(|it| it.members.get(id).or_else(|| it.members.values().next()));
        changed |= replace_in(member, from);
    }
    changed
}

fn replace_in(settings: &mut Settings, other: Option<&Settings>) -> bool {
    let mut changed = false;
    for setting in OF_A_VERSION {
        let before = settings.remove(setting);
        settings.set(setting, other.and_then(|it| it.get(setting).cloned()));
        changed |= settings.get(setting) != before.as_ref();
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::super::SettingValue;
    use super::*;
    use crate::config::SourceKind;

    fn record(version: &str, group: &str) -> SettingsRecord {
        let text = |text: &str| SettingValue::Text(text.to_owned());
        let settings = [
            (Setting::ParameterGroup, text(group)),
            (Setting::OptionGroup, text("default:postgres")),
            (Setting::Class, text(version)),
        ];
        let settings = settings.into_iter().collect();
        let (engine, version) = ("postgres".to_owned(), version.to_owned());
        SettingsRecord::new(SourceKind::Instance, engine, version, settings)
    }

    #[test]
    fn major_versions_are_named_as_families_are() {
        for (engine, version, major) in [
            ("postgres", "16.4", "16"),
            ("postgres", "9.6.24", "9.6"),
            ("aurora-postgresql", "15.4", "15"),
            ("mysql", "8.0.40", "8.0"),
            ("mysql", "8.4.3", "8.4"),
            ("aurora-mysql", "8.0.mysql_aurora.3.04.0", "8.0"),
            ("mariadb", "10.11.9", "10.11"),
            ("postgres", "17", "17"),
        ] {
            assert_eq!(major_version(engine, version), major, "{engine} {version}");
        }
        assert!(fit(&record("16.4", "mine"), "16.1"));
        assert!(!fit(&record("16.4", "mine"), "15.9"));
    }

    #[test]
    fn groups_come_from_the_other_record_or_from_the_engine() {
        let mut now = record("16.4", "mine-16");
        now.members.insert("a".into(), record("16.4", "member-16").settings);
        let mut then = record("15.4", "mine-15");
        then.members.insert("b".into(), record("15.4", "member-15").settings);
        let mut restored = now.clone();
        assert!(replace(&mut restored, Some(&then)));
        let group = |settings: &Settings| settings.get(Setting::ParameterGroup).cloned();
        let text = |text: &str| Some(SettingValue::Text(text.to_owned()));
        assert_eq!(group(&restored.settings), text("mine-15"));
        assert_eq!(group(&restored.members["a"]), text("member-15"));
        assert_eq!(restored.settings.get(Setting::Class), now.settings.get(Setting::Class));
        assert!(!replace(&mut restored, Some(&then)), "they are the same now");
        assert!(replace(&mut restored, None));
        assert_eq!(group(&restored.settings), None);
        assert_eq!(restored.settings.get(Setting::OptionGroup), None);
    }

    #[test]
    fn one_changed_group_of_a_member_is_a_change() {
        let mut now = record("16.4", "same");
        now.members.insert("a".into(), record("16.4", "old").settings);
        now.members.insert("b".into(), record("16.4", "same").settings);
        let mut other = record("16.4", "same");
        other.members.insert("a".into(), record("16.4", "new").settings);
        other.members.insert("b".into(), record("16.4", "same").settings);
        assert!(replace(&mut now, Some(&other)));
        assert!(!replace(&mut now, Some(&other)));
    }
}
