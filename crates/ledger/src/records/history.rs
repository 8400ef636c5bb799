//! How a day's rows are kept in a history table.

use jiff::Timestamp;
use landbridge_core::calendar::Day;
use landbridge_core::plan::Problem;
use landbridge_core::receipt::Note;
use serde::{Deserialize, Serialize};

/// How the history of a table of the source has the rows of a day. It is replaced if the day is done again, and
/// when a load that failed succeeds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRecord {
    /// `schema.table` of the source.
    pub source_table: String,
    /// The BigQuery table whose days are kept.
    pub of: String,
    /// The history table.
    pub table: String,
    /// The partition: the day of the rows.
    pub partition: Day,
    /// The rows that the load job reported and that the partition has; `None` while they are not kept.
    pub rows: Option<u64>,
    /// The load job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// The day whose objects were loaded, if it is an earlier one: the table is unchanged since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects_of: Option<Day>,
    /// The request to do the day again that the rows answer; 0 without any.
    #[serde(default)]
    pub redo: u32,
    /// Why the rows are not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// What else is to be said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// The tick that recorded it; of a transient failure, the first tick that failed.
    pub recorded_at: Timestamp,
}

impl HistoryRecord {
    /// Whether the partition has the rows.
    pub fn is_kept(&self) -> bool {
        self.problem.is_none() && self.rows.is_some()
    }
}
