//! The record of a transferred object.

use std::collections::{BTreeMap, BTreeSet};

use landbridge_core::calendar::Day;
use landbridge_core::plan::TablePlan;
use landbridge_core::protection::LooksPersonal;
use landbridge_core::rewrite::ColumnStats;
use serde::{Deserialize, Serialize};

/// One transferred object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ItemRecord {
    /// Its name in Cloud Storage.
    pub object: String,
    /// Its generation there.
    pub generation: i64,
    /// Its length there, in bytes.
    pub bytes: u64,
    /// The CRC32C of its bytes, equal on both sides.
    pub crc32c: u32,
    /// Rows by its footer.
    pub rows: u64,
    /// Whether there is no such object: of a table whose changes are transferred alone, each object is read and made to its
    /// end, so that every check speaks of the whole table, and is not sent. Length and checksum are those that it would
    /// have, and the generation is 0.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub measured: bool,
    /// The columns that were copied and compressed again; none if no column was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recompressed: Option<Recompressed>,
    /// Digest of what decided its content beside the export: see `TableRows::made_by`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub made_by: String,
    /// The statistics of its columns, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, ColumnStats>,
    /// The figures of its columns, by name in the source, sealed as
    /// `landbridge_parquet::rewrite::ProofKey::seal` does in the context of [`proof_context`]. Without the
    /// key, they say nothing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub proof: BTreeMap<String, String>,
    /// The fingerprints of its rows, by the name of their set of columns, sealed in the context of
    /// [`row_proof_context`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub row_proofs: BTreeMap<String, String>,
    /// Bounds and sums of its columns for audits, by name in the source, sealed as
    /// `landbridge_parquet::rewrite::AuditKey::seal` does in the context of [`audit_context`]. Without the key,
    /// they say nothing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub audit: BTreeMap<String, String>,
    /// Whether audits need its figures, and the key that seals them could not be read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsealed: bool,
    /// The columns whose values look personal, of whatever class, by name in the source. It contains no value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub personal: BTreeMap<String, LooksPersonal>,
    /// The judged columns of which a sample could not be read, by name in the source.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub not_judged: BTreeSet<String>,
}

/// Bytes of columns that were compressed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recompressed {
    /// In S3.
    pub from: u64,
    /// In Cloud Storage.
    pub to: u64,
}

impl Recompressed {
    /// `None` if there are no such columns.
    pub fn of(from: u64, to: u64) -> Option<Self> {
        (from > 0).then_some(Self { from, to })
    }
}

/// The context in which the figures of a column of one object are sealed: equal columns of two days, of
/// two tables or of two objects have different texts.
pub fn proof_context(day: Day, table: &TablePlan, number: usize, column: &str) -> [String; 4] {
    [day.to_string(), table.record_name(), number.to_string(), column.to_owned()]
}

/// The context in which a fingerprint of the rows of one object is sealed. It has a part more than that of a
/// column, whatever the name of the column is.
pub fn row_proof_context(day: Day, table: &TablePlan, number: usize, set: &str) -> [String; 5] {
    let [day, table, number, rows] = proof_context(day, table, number, "");
    [day, table, number, rows, set.to_owned()]
}
