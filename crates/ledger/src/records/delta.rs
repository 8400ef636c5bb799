//! The rows of a table that changed since an earlier day, which are transferred alone.
//!
//! The record is created once and never changed. It counts as long as [`carried`](super::carried) has none for the
//! same plan.

use jiff::Timestamp;
use landbridge_core::calendar::Day;
use landbridge_core::plan::TablePlan;
use landbridge_core::unchanged::TableMark;
use serde::{Deserialize, Serialize};

use crate::name::DayName;

/// The folder of [`delta`].
pub const DELTAS: &str = "deltas";

/// That only the rows of a table that changed are transferred, and which ones they are.
pub fn delta(table: &TablePlan) -> DayName<DeltaRecord> {
    DayName::new(format!("{DELTAS}/{}.json", table.record_name()))
}

/// The rows that changed since the rows that a table has. It names objects and counts rows; it has no digest of
/// any value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeltaRecord {
    /// The day whose rows the table has.
    pub since: Day,
    /// The day whose export was compared: `since`, or a later one that was unchanged itself.
    pub compared_with: Day,
    /// The day on which all rows of the table were last loaded at once.
    pub full_on: Day,
    /// The job that wrote the rows of `since`.
    pub job: String,
    /// The sequence of the table's claim then. Another one means that other rows were loaded since.
    pub sequence: u32,
    /// The table as that job left it.
    pub mark: TableMark,
    /// The columns of the key, as the source calls them. Empty in records from before it was recorded.
    #[serde(default)]
    pub key: Vec<String>,
    /// What the rows of the table were made by, and these rows too: `TableRows::made_by`. Empty as [`Self::key`] is.
    #[serde(default)]
    pub made_by: String,
    /// Rows whose key is new.
    pub new: u64,
    /// Rows of which a value changed.
    pub changed: u64,
    /// Rows that are gone.
    pub deleted: u64,
    /// The objects of the new and changed rows, with all columns.
    pub changes: Vec<DeltaObject>,
    /// The objects of the deleted rows, with the columns of the key alone.
    pub deletions: Vec<DeltaObject>,
    /// The tick that compared.
    pub compared_at: Timestamp,
}

/// An object of a delta in Cloud Storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeltaObject {
    /// Its name.
    pub object: String,
    /// Its generation.
    pub generation: i64,
    /// Its length, in bytes.
    pub bytes: u64,
    /// The CRC32C of its bytes, equal on both sides.
    pub crc32c: u32,
    /// Its rows.
    pub rows: u64,
}

impl DeltaRecord {
    /// All objects.
    pub fn objects(&self) -> impl Iterator<Item = &DeltaObject> {
        self.changes.iter().chain(&self.deletions)
    }

    /// The bytes of all objects.
    pub fn bytes(&self) -> u64 {
        self.objects().map(|it| it.bytes).sum()
    }

    /// The rows that the table had, if it has `rows` rows with the changes; `None` if that is not possible.
    pub fn rows_before(&self, rows: u64) -> Option<u64> {
        rows.checked_add(self.deleted)?.checked_sub(self.new)
    }
}
