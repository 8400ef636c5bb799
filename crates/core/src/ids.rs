//! Identifiers that a cloud restricts, and how ours are derived.
//!
//! Every id is a function of source, day or hour, and attempt, never random: a
//! repeated step meets what its first run left.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::calendar::{Day, Hour};
use crate::{Error, ErrorKind, Result};

/// What every snapshot of ours is called first.
pub const SNAPSHOT_PREFIX: &str = "landbridge-";
/// The tag that names the source a snapshot or table of ours belongs to.
pub const TAG_SOURCE: &str = "landbridge:source";
/// The tag that names the hour a snapshot stands for.
pub const TAG_HOUR: &str = "landbridge:hour";
/// A snapshot with this tag is never deleted by us.
pub const TAG_KEEP: &str = "landbridge:keep";
/// The tag that names the record of a snapshot's settings, in the ledger.
pub const TAG_SETTINGS: &str = "landbridge:settings";
/// The tag of a restored database: what it was restored from.
pub const TAG_RESTORED_FROM: &str = "landbridge:restored-from";
/// The tag of a restored database: the name it was restored under.
pub const TAG_RESTORED_AS: &str = "landbridge:restored-as";
/// The tag of a throw-away database of a drill; its value is the source's name.
pub const TAG_DRILL: &str = "landbridge:drill";
/// What all tags of ours begin with.
pub const TAG_PREFIX: &str = "landbridge:";
/// The BigQuery label of tables of ours; its value is the source's name.
pub const LABEL_SOURCE: &str = "landbridge_source";

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes an identifier over if it keeps the rules.
            ///
            /// # Errors
            /// [`ErrorKind::Config`], naming the identifier and the rules.
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

/// The rules that RDS has for ids of snapshots (255) and export tasks (60). [AWS API reference]
fn rds_rules(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len())
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

/// Column names that BigQuery keeps to itself, as prefixes, in upper case. [BigQuery documentation, "Column names"]
pub const RESERVED_COLUMN_PREFIXES: [&str; 7] =
    ["_PARTITION", "_TABLE_", "_FILE_", "_ROW_TIMESTAMP", "__ROOT__", "_COLIDENTIFIER", "_CHANGE_"];

/// Flexible names (other letters, spaces, …) are left aside: whether a Parquet load takes them
/// depends on an option that the client cannot set.
fn column_rules(text: &str) -> Result<(), &'static str> {
    if text.is_empty() || text.chars().count() > 300 {
        return Err("a BigQuery column name has 1 to 300 characters");
    }
    if !text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err("a BigQuery column name holds ASCII letters, digits and underscores only");
    }
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return Err("a BigQuery column name does not start with a digit");
    }
    let upper = text.to_uppercase();
    if RESERVED_COLUMN_PREFIXES.iter().any(|prefix| upper.starts_with(prefix)) {
        return Err("a BigQuery column name does not start with a reserved prefix");
    }
    Ok(())
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
id! {
    /// A column's name as BigQuery takes it.
    ColumnName, column_rules
}

impl SnapshotId {
    /// The snapshot of `source` that stands for `hour`: `landbridge-shop-20261120t1600z`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when the source's name does not fit into an id.
    pub fn for_hour(source: &str, hour: Hour) -> Result<Self> {
        Self::new(format!("{SNAPSHOT_PREFIX}{source}-{}", hour.compact()))
    }

    /// The hour in an id of ours for `source`; `None` for anybody else's.
    pub fn hour(&self, source: &str) -> Option<Hour> {
        let rest = self.0.strip_prefix(SNAPSHOT_PREFIX)?.strip_prefix(source)?.strip_prefix('-')?;
        Hour::parse_compact(rest)
    }
}

impl ExportId {
    /// The `attempt`-th export task of `source` for `day`: `landbridge-shop-20261121-a1`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when the source's name does not fit into an id.
    pub fn for_day(source: &str, day: Day, attempt: u32) -> Result<Self> {
        Self::new(format!("landbridge-{source}-{}-a{attempt}", day.compact()))
    }
}

impl JobId {
    /// The `attempt`-th load job of `table` for `day`: `landbridge-shop-20261121-orders-a1`.
    /// A table name that a job id cannot hold is replaced by a hash of it.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when the source's name does not fit into an id.
    pub fn for_load(source: &str, day: Day, table: &str, attempt: u32) -> Result<Self> {
        let plain = !table.is_empty()
            && table.len() <= 900
            && table.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let table = if plain { table.to_owned() } else { format!("x{}", short_hash(table)) };
        Self::new(format!("landbridge-{source}-{}-{table}-a{attempt}", day.compact()))
    }

    /// The `attempt`-th job that appends the `batch`-th batch of a day's receipts.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when the source's name does not fit into an id.
    pub fn for_receipts(source: &str, day: Day, batch: usize, attempt: u32) -> Result<Self> {
        Self::new(format!("landbridge-{source}-{}-ops-receipts-b{batch}-a{attempt}", day.compact()))
    }
}

/// The first 16 hex digits of the SHA-256 of `text`: for names that must not hold it.
pub fn short_hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn ids_tell_their_hour_back_to_their_own_source_only() {
        let hour = Hour::parse_compact("20261120t1600z").unwrap();
        let id = SnapshotId::for_hour("shop", hour).unwrap();
        assert_eq!(id.as_str(), "landbridge-shop-20261120t1600z");
        assert_eq!(id.hour("shop"), Some(hour));
        assert_eq!(id.hour("sho"), None);
        let eu = SnapshotId::for_hour("shop-eu", hour).unwrap();
        assert_eq!(eu.hour("shop"), None);
    }

    #[test]
    fn the_longest_source_name_still_fits_an_export_id() {
        let day: Day = "2026-11-21".parse().unwrap();
        assert!(ExportId::for_day(&"s".repeat(20), day, 9).is_ok());
    }

    #[test]
    fn column_rules_of_bigquery() {
        for good in ["id", "_x", "a1"] {
            assert!(ColumnName::new(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "이름", "1a", "a-b", "_partitiondate", "_CHANGE_TYPE", "__root__x"]
        {
            assert!(ColumnName::new(bad).is_err(), "{bad}");
        }
    }
}
