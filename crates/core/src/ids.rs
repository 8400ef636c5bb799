//! Identifiers that AWS or Google Cloud restricts, and how Landbridge derives its own.
//!
//! Every ID is a function of source, day or hour, and attempt, and never random, so a
//! repeated step finds what its first run created.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::calendar::{Day, Hour};
use crate::{Error, ErrorKind, Result};

/// Name prefix of the snapshots that Landbridge creates.
pub const SNAPSHOT_PREFIX: &str = "landbridge-";
/// Tag with the source of a snapshot.
pub const TAG_SOURCE: &str = "landbridge:source";
/// Tag with the hour of a snapshot.
pub const TAG_HOUR: &str = "landbridge:hour";
/// Tag of pinned snapshots, which Landbridge never deletes.
pub const TAG_KEEP: &str = "landbridge:keep";
/// Tag with the ledger record of the database settings at the time of the snapshot.
pub const TAG_SETTINGS: &str = "landbridge:settings";
/// Tag of a restored database: what it was restored from.
pub const TAG_RESTORED_FROM: &str = "landbridge:restored-from";
/// Tag of a restored database: its name at the time of the restore.
pub const TAG_RESTORED_AS: &str = "landbridge:restored-as";
/// Tag of a temporary database of a drill; its value is the source's name.
pub const TAG_DRILL: &str = "landbridge:drill";
/// Tag of a drill's database: which run of the command restored it.
pub const TAG_DRILL_RUN: &str = "landbridge:drill-run";
/// Prefix of all tags of Landbridge.
pub const TAG_PREFIX: &str = "landbridge:";
/// BigQuery label of tables that Landbridge creates; its value is the source's name.
pub const LABEL_SOURCE: &str = "landbridge_source";

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the identifier.
            ///
            /// # Errors
            /// [`ErrorKind::Config`] with the identifier and the rules.
            pub fn new(text: impl Into<String>) -> Result<Self> {
                let text = text.into();
                match $check(&text) {
                    Ok(()) => Ok(Self(text)),
                    Err(rules) => Err(Error::new(ErrorKind::Config, rules, text)),
                }
            }

            /// The identifier.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                Self::new(text).map_err(|error| error.to_string())
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

/// The rules of RDS for the IDs of databases (63), snapshots (255) and export tasks (60). [AWS API reference]
fn rds_rules(text: &str, max_length: usize) -> bool {
    (1..=max_length).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !text.contains("--")
        && !text.ends_with('-')
}

fn database_rules(text: &str) -> Result<(), &'static str> {
    rds_rules(text, 63).then_some(()).ok_or(
        "a database id has 1 to 63 letters, digits and hyphens, starts with a letter, and has no `--` and no `-` at the end",
    )
}

fn snapshot_rules(text: &str) -> Result<(), &'static str> {
    rds_rules(text, 255).then_some(()).ok_or(
        "a snapshot id has 1 to 255 letters, digits and hyphens, starts with a letter, and has no `--` and no `-` at the end",
    )
}

fn export_rules(text: &str) -> Result<(), &'static str> {
    rds_rules(text, 60).then_some(()).ok_or(
        "an export task id has 1 to 60 letters, digits and hyphens, starts with a letter, and has no `--` and no `-` at the end",
    )
}

fn job_rules(text: &str) -> Result<(), &'static str> {
    let fits = (1..=1024).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    fits.then_some(()).ok_or("a job id has 1 to 1,024 letters, digits, underscores and hyphens")
}

id! {
    /// The id of an instance or a cluster in RDS.
    DatabaseId, database_rules
}

id! {
    /// A manual snapshot's id.
    SnapshotId, snapshot_rules
}
id! {
    /// An export task's id.
    ExportId, export_rules
}
id! {
    /// A BigQuery job's id.
    JobId, job_rules
}

impl SnapshotId {
    /// The snapshot of `source` for `hour`: `landbridge-shop-20261120t1600z`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the source's name does not fit into an ID.
    pub fn for_hour(source: &str, hour: Hour) -> Result<Self> {
        Self::new(format!("{SNAPSHOT_PREFIX}{source}-{}", hour.compact()))
    }

    /// The hour of a snapshot that Landbridge created for `source`; `None` for other snapshots.
    pub fn hour(&self, source: &str) -> Option<Hour> {
        let rest = self.0.strip_prefix(SNAPSHOT_PREFIX)?.strip_prefix(source)?.strip_prefix('-')?;
        Hour::parse_compact(rest)
    }
}

impl ExportId {
    /// The `attempt`-th export task of `source` for `day`: `landbridge-shop-20261121-a1`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the source's name does not fit into an ID.
    pub fn for_day(source: &str, day: Day, attempt: u32) -> Result<Self> {
        Self::new(format!("landbridge-{source}-{}-a{attempt}", day.compact()))
    }
}

impl JobId {
    /// A load job of `table` for `day`: `landbridge-shop-20261121-orders-9f86d081884c-s7a1`.
    ///
    /// `digest` is that of the content that the job loads; its first twelve characters are used.
    /// `sequence` counts the contents for which the table was claimed, so an id that was used once
    /// never means another load; `attempt` counts the jobs of one sequence. A table name that a job
    /// ID cannot contain is replaced by its hash.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the source's name does not fit into an ID.
    pub fn for_load(
        source: &str,
        day: Day,
        table: &str,
        digest: &str,
        (sequence, attempt): (u32, u32),
    ) -> Result<Self> {
        let plain = !table.is_empty()
            && table.len() <= 850
            && table.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let table = if plain { table.to_owned() } else { format!("x{}", short_hash(table)) };
        let digest: String = digest.chars().take(12).collect();
        let day = day.compact();
        Self::new(format!("landbridge-{source}-{day}-{table}-{digest}-s{sequence}a{attempt}"))
    }

    /// The `attempt`-th job that appends the `batch`-th batch of a day's receipts.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the source's name does not fit into an ID.
    pub fn for_receipts(source: &str, day: Day, batch: usize, attempt: u32) -> Result<Self> {
        Self::new(format!("landbridge-{source}-{}-ops-receipts-b{batch}-a{attempt}", day.compact()))
    }

    /// The `attempt`-th job that appends these rows to a table of `warehouse.ops_dataset` beside `receipts`. The
    /// rows are the `batch`-th batch of a day, or of the source. Other rows have another id.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the source's name does not fit into an ID.
    pub fn for_ops_rows(source: &str, rows: &OpsRows<'_>, attempt: u32) -> Result<Self> {
        let OpsRows { table, day, batch, lines } = rows;
        let day = day.map(|day| format!("-{}", day.compact())).unwrap_or_default();
        let content = short_hash(lines);
        Self::new(format!("landbridge-{source}{day}-ops-{table}-b{batch}-{content}-a{attempt}"))
    }
}

/// Rows for a table of `warehouse.ops_dataset`, as a load job appends them.
#[derive(Clone, Copy, Debug)]
pub struct OpsRows<'a> {
    /// The table's name.
    pub table: &'a str,
    /// The day, if they belong to one.
    pub day: Option<Day>,
    /// The number of their batch.
    pub batch: usize,
    /// The rows, one JSON object per line.
    pub lines: &'a str,
}

/// The SHA-256 of `text` in hexadecimal digits.
pub fn hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The part of an object's name that stands for a table: the table name, or, if it has characters
/// other than ASCII letters, digits and `_`, its readable form with its hash.
pub fn table_slug(table: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !table.is_empty() && table.chars().all(is_word) {
        return table.to_owned();
    }
    let readable = deunicode::deunicode(table);
    let word = |c: char| if is_word(c) { c } else { '-' };
    let readable: String = readable.chars().map(word).take(60).collect();
    format!("{}-{}", readable.trim_matches('-'), short_hash(table))
}

/// The folder of a table's objects for a revision of its plan. `folder` ends with the [slug](table_slug) of the table; the first
/// revision has no suffix.
pub fn folder_of_revision(folder: &str, revision: u32) -> String {
    match revision {
        1 => folder.to_owned(),
        _ => format!("{folder}{REVISION}{revision}"),
    }
}

/// The folder of the rows that a comparison found to differ, beside the folder of the whole table.
pub fn folder_of_delta(folder: &str, sequence: u32) -> String {
    format!("{folder}{DELTA}{sequence}")
}

/// The slug of the table that a folder belongs to: without what [`folder_of_delta`] and [`folder_of_revision`] append. No slug ends
/// like that, because one with a hyphen ends with 16 hexadecimal digits.
pub fn slug_of_folder(folder: &str) -> &str {
    let without = |folder: &'_ str, suffix: &str| {
        let (slug, number) = folder.rsplit_once(suffix)?;
        let is_number = !number.is_empty() && number.bytes().all(|it| it.is_ascii_digit());
        (is_number && !slug.is_empty()).then_some(slug.len())
    };
    let folder = &folder[..without(folder, DELTA).unwrap_or(folder.len())];
    &folder[..without(folder, REVISION).unwrap_or(folder.len())]
}

const REVISION: &str = "-r";
const DELTA: &str = "-delta-s";

/// The first 16 digits of [`hash`], for names that cannot contain `text`.
pub fn short_hash(text: &str) -> String {
    hash(text).chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folders_of_a_table_have_its_slug() {
        for table in ["orders", "order-items", "주문", "r", "x-r2", "x-delta-s7"] {
            let slug = table_slug(table);
            assert_eq!(slug_of_folder(&slug), slug);
            for revision in [1, 2, 31] {
                let folder = folder_of_revision(&slug, revision);
                assert_eq!(slug_of_folder(&folder), slug, "{folder}");
                let folder = folder_of_delta(&folder, 7);
                assert_eq!(slug_of_folder(&folder), slug, "{folder}");
            }
        }
        for other in
            ["orders-r2x", "orders-r", "orders_r2", "-r2", "orders-delta-s", "orders-r2-deltas7"]
        {
            assert_eq!(slug_of_folder(other), other);
        }
    }

    #[test]
    fn snapshot_and_export_rules() {
        for good in ["a", "landbridge-shop-20261120t1600z", "A-b-1"] {
            assert!(SnapshotId::new(good).is_ok(), "{good}");
        }
        for bad in ["", "1a", "-a", "a-", "a--b", "a_b", "é"] {
            assert!(SnapshotId::new(bad).is_err(), "{bad}");
        }
        assert!(ExportId::new("a".repeat(60)).is_ok());
        assert!(ExportId::new("a".repeat(61)).is_err());
    }

    #[test]
    fn a_snapshot_id_has_an_hour_only_for_its_own_source() {
        let hour = Hour::parse_compact("20261120t1600z").unwrap();
        let id = SnapshotId::for_hour("shop", hour).unwrap();
        assert_eq!(id.as_str(), "landbridge-shop-20261120t1600z");
        assert_eq!(id.hour("shop"), Some(hour));
        assert_eq!(id.hour("sho"), None);
        let eu = SnapshotId::for_hour("shop-eu", hour).unwrap();
        assert_eq!(eu.hour("shop"), None);
    }

    #[test]
    fn a_table_of_any_name_has_a_part_of_an_object_name() {
        assert_eq!(table_slug("orders_2"), "orders_2");
        assert_eq!(table_slug("고객"), "gogaeg-e7be0e0ef5393535");
        let others = ["p q", "p-q", "주문/내역", "", "*"];
        for name in others {
            let slug = table_slug(name);
            assert!(slug.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)), "{slug}");
        }
    }

    #[test]
    fn the_longest_source_name_still_fits_an_export_id() {
        let day: Day = "2026-11-21".parse().unwrap();
        assert!(ExportId::for_day(&"s".repeat(20), day, 9).is_ok());
    }

    #[test]
    fn the_rules_of_every_kind_of_id() {
        let long = |length: usize| "a".repeat(length);
        for (text, database, job) in [
            ("shop-prod", true, true),
            ("a", true, true),
            ("shop_1", false, true),
            ("1shop", false, true),
            ("-a", false, true),
            ("a--b", false, true),
            ("a-", false, true),
            ("", false, false),
            ("a.b", false, false),
            ("a b", false, false),
            ("고객", false, false),
            (&long(63), true, true),
            (&long(64), false, true),
            (&long(1024), false, true),
            (&long(1025), false, false),
        ] {
            let shown = (DatabaseId::new(text).is_ok(), JobId::new(text).is_ok());
            assert_eq!(shown, (database, job), "{text}");
        }
        assert_eq!(SnapshotId::new(long(255)).map(String::from).ok(), Some(long(255)));
        assert!(SnapshotId::new(long(256)).is_err() && ExportId::new(long(61)).is_err());
    }

    #[test]
    fn a_load_job_is_named_after_what_it_loads() {
        let day: Day = "2026-11-21".parse().unwrap();
        let id = |table: &str| {
            JobId::for_load("shop", day, table, "9f86d081884c7d65", (7, 1)).map(String::from)
        };
        assert_eq!(id("orders_2").unwrap(), "landbridge-shop-20261121-orders_2-9f86d081884c-s7a1");
        let longest = "t".repeat(850);
        assert!(id(&longest).unwrap().contains(&longest));
        for table in ["고객", "p-q", "a b", "", &"t".repeat(851)] {
            let expected =
                format!("landbridge-shop-20261121-x{}-9f86d081884c-s7a1", short_hash(table));
            assert_eq!(id(table).unwrap(), expected, "{table}");
        }
        assert_eq!(
            JobId::for_receipts("shop", day, 2, 3).unwrap().as_str(),
            "landbridge-shop-20261121-ops-receipts-b2-a3"
        );
        let rows = |day, lines| OpsRows { table: "columns", day, batch: 2, lines };
        let id = |rows: &OpsRows<'_>| JobId::for_ops_rows("shop", rows, 3).unwrap().to_string();
        let first = id(&rows(Some(day), "{}\n"));
        assert!(first.starts_with("landbridge-shop-20261121-ops-columns-b2-"), "{first}");
        assert_ne!(first, id(&rows(Some(day), "")), "other rows have another id");
        assert!(id(&rows(None, "")).starts_with("landbridge-shop-ops-columns-b2-"));
    }
}
