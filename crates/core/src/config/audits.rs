//! `audits`: what is compared with earlier days before a table is published.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::audit::Check;
use crate::yaml::{KeyPath, format};

/// Comparisons of each table with its earlier days, before it is published. They read no byte in BigQuery. A
/// finding is a warning or holds the table, as `levels` says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AuditsConfig {
    /// What a finding of each check does: `off`, `warn` or `block`. The default is `warn`; for `keys` of a
    /// declared key it is `block`.
    #[serde(skip_serializing_if = "AuditLevels::is_default")]
    pub levels: AuditLevels,
    /// What is declared of single tables, by their name in the source: `schema.table`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, TableAudits>,
}

/// What a finding does.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum AuditLevel {
    /// The check is not made.
    Off,
    /// The table is published; receipt and a notice say what was found.
    Warn,
    /// The table is held and keeps the rows that it has, until a person accepts the new ones.
    Block,
}

/// The level of each check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AuditLevels {
    /// The number of rows, against the same weekdays and the days before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<AuditLevel>,
    /// The share of NULLs of each column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nulls: Option<AuditLevel>,
    /// NULLs and repeated values of the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<AuditLevel>,
    /// The range of the key: a reset, rows that are missing inside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_range: Option<AuditLevel>,
    /// Sums and bounds of numbers, dates and times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numbers: Option<AuditLevel>,
    /// The newest value of the declared column, against the time of the snapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freshness: Option<AuditLevel>,
    /// Declared references to other tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub references: Option<AuditLevel>,
    /// Declared sets of values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<AuditLevel>,
    /// Text that is not UTF-8 or contains U+FFFD.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<AuditLevel>,
    /// A table that changed on every earlier day, and is the same as the day before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unchanged: Option<AuditLevel>,
}

/// What is declared of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TableAudits {
    /// Levels of this table. They replace the levels of all tables.
    #[serde(skip_serializing_if = "AuditLevels::is_default")]
    pub levels: AuditLevels,
    /// The column whose values are unique and never NULL. Without it, a column `id` of whole numbers is
    /// compared with its earlier days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The column with the time of the newest row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fresh: Option<Freshness>,
    /// The column that each of these columns refers to, as `schema.table.column`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub references: BTreeMap<String, String>,
    /// The values that each of these text columns may have. Such a column is decoded on every day.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, Vec<String>>,
}

/// How old the newest row may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Freshness {
    /// The column, of type TIMESTAMP, DATETIME or DATE.
    pub column: String,
    /// The largest age of its newest value at the time of the snapshot, in hours. A value that is more than
    /// an hour later than the snapshot is a finding as well.
    #[serde(default = "Freshness::default_hours")]
    #[schemars(range(min = 1, max = 8760))]
    pub max_age_hours: u32,
    /// IANA time zone of a DATETIME or DATE, for example `Asia/Seoul`; the default is `source.zone`, and
    /// without it `schedule.zone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "format::time_zone")]
    pub zone: Option<String>,
}

impl Freshness {
    /// A day and two hours: rows of the day before the export hour.
    pub const MAX_AGE_HOURS: u32 = 26;

    fn default_hours() -> u32 {
        Self::MAX_AGE_HOURS
    }
}

impl AuditLevels {
    /// Whether no level is set.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The level that is set for a check.
    pub fn of(&self, check: Check) -> Option<AuditLevel> {
        match check {
            Check::Rows => self.rows,
            Check::Nulls => self.nulls,
            Check::Keys => self.keys,
            Check::KeyRange => self.key_range,
            Check::Numbers => self.numbers,
            Check::Freshness => self.freshness,
            Check::References => self.references,
            Check::Values => self.values,
            Check::Encoding => self.encoding,
            Check::Unchanged => self.unchanged,
        }
    }
}

impl AuditsConfig {
    /// Whether nothing is configured.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// What is declared of a source table.
    pub fn table(&self, source_table: &str) -> Option<&TableAudits> {
        self.tables.get(source_table)
    }

    /// The level of a check for a source table.
    pub fn level(&self, source_table: &str, check: Check) -> AuditLevel {
        let table = self.table(source_table);
        let has_key = table.is_some_and(|table| table.key.is_some());
        let default = match check {
            // The findings of a declared key are certain; all others compare with a habit.
            Check::Keys if has_key => AuditLevel::Block,
            _ => AuditLevel::Warn,
        };
        let of_table = table.and_then(|table| table.levels.of(check));
        of_table.or_else(|| self.levels.of(check)).unwrap_or(default)
    }

    /// The highest level of the checks of a source table that compare sealed figures: what an unreadable token key
    /// means for the table. Checks that need a declaration count only with it.
    pub fn level_of_sealed(&self, source_table: &str) -> AuditLevel {
        let table = self.table(source_table);
        let is_made = |check: &&Check| match check {
            Check::Freshness => table.is_some_and(|table| table.fresh.is_some()),
            Check::References => table.is_some_and(|table| !table.references.is_empty()),
            check => check.compares_sealed(),
        };
        let made = Check::ALL.iter().filter(is_made);
        made.map(|check| self.level(source_table, *check)).max().unwrap_or(AuditLevel::Off)
    }

    /// The checks of sealed figures whose level is set to `block`, by the path of the level in the file.
    pub(super) fn blocks_by_sealed(&self) -> Vec<(KeyPath, Check)> {
        let path = KeyPath::root().key("audits");
        let of = |levels: &AuditLevels, path: &KeyPath| {
            let blocks =
                |it: &&Check| it.compares_sealed() && levels.of(**it) == Some(AuditLevel::Block);
            let found = Check::ALL.iter().filter(blocks);
            let found = found.map(|it| (path.key("levels").key(it.name()), *it));
            found.collect::<Vec<(KeyPath, Check)>>()
        };
        let mut all = of(&self.levels, &path);
        for (name, table) in &self.tables {
            all.extend(of(&table.levels, &path.key("tables").key(name)));
        }
        all
    }

    /// Whether any check of a source table is made.
    pub fn audits(&self, source_table: &str) -> bool {
        Check::ALL.iter().any(|check| self.level(source_table, *check) != AuditLevel::Off)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_of_a_table_counts_before_the_level_of_all() {
        let mut config = AuditsConfig::default();
        let level = |config: &AuditsConfig, check| config.level("public.orders", check);
        assert_eq!(level(&config, Check::Rows), AuditLevel::Warn);
        assert_eq!(level(&config, Check::Keys), AuditLevel::Warn);
        let key = TableAudits { key: Some("id".to_owned()), ..TableAudits::default() };
        config.tables.insert("public.orders".to_owned(), key);
        assert_eq!(level(&config, Check::Keys), AuditLevel::Block);
        assert_eq!(config.level("public.other", Check::Keys), AuditLevel::Warn);
        config.levels.keys = Some(AuditLevel::Off);
        assert_eq!(level(&config, Check::Keys), AuditLevel::Off);
        let table = config.tables.get_mut("public.orders").expect("it is there");
        table.levels.keys = Some(AuditLevel::Warn);
        assert_eq!(level(&config, Check::Keys), AuditLevel::Warn);
    }

    #[test]
    fn the_level_of_sealed_figures_counts_only_what_is_declared() {
        let off = Some(AuditLevel::Off);
        let levels = AuditLevels {
            unchanged: off,
            keys: off,
            key_range: off,
            numbers: off,
            ..AuditLevels::default()
        };
        let mut config = AuditsConfig { levels, ..AuditsConfig::default() };
        let level = |config: &AuditsConfig| config.level_of_sealed("public.orders");
        assert_eq!(level(&config), AuditLevel::Off);
        let references = [("person_id".to_owned(), "public.people.id".to_owned())].into();
        let mut table = TableAudits { references, ..TableAudits::default() };
        config.tables.insert("public.orders".to_owned(), table.clone());
        assert_eq!(level(&config), AuditLevel::Warn);
        table.levels.references = Some(AuditLevel::Block);
        table.levels.rows = Some(AuditLevel::Block);
        config.tables.insert("public.orders".to_owned(), table);
        assert_eq!(level(&config), AuditLevel::Block);
        let named: Vec<String> =
            config.blocks_by_sealed().iter().map(|(path, _)| path.to_string()).collect();
        assert_eq!(named, ["audits.tables.\"public.orders\".levels.references"]);
    }

    #[test]
    fn a_table_is_audited_unless_every_check_is_off() {
        let off = Some(AuditLevel::Off);
        let mut levels = AuditLevels {
            rows: off,
            nulls: off,
            keys: off,
            key_range: off,
            numbers: off,
            freshness: off,
            references: off,
            values: off,
            encoding: off,
            unchanged: off,
        };
        let config = AuditsConfig { levels, ..AuditsConfig::default() };
        assert!(!config.audits("public.orders"));
        levels.unchanged = None;
        assert!(AuditsConfig { levels, ..config }.audits("public.orders"));
    }
}
