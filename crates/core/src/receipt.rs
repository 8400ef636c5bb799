//! The receipt of one table for one day: what came, what landed, what proves it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::plan::Problem;
use crate::rewrite::Misfit;
use crate::types::BigQueryType;

/// How a table's day ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptState {
    /// Rows and tags read back equal the plan.
    Published,
    /// It waits for a person; yesterday's data stays.
    Held,
    /// RDS left it out of the export, or it is a partition.
    Skipped,
    /// A newer day holds the table already.
    Superseded,
}

impl ReceiptState {
    /// The word in receipts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Held => "held",
            Self::Skipped => "skipped",
            Self::Superseded => "superseded",
        }
    }
}

/// A column of a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The source's type, empty when the manifest did not say.
    pub source: String,
    /// The BigQuery type.
    #[serde(rename = "type")]
    pub ty: BigQueryType,
    /// Its class.
    pub class: String,
    /// Whether it is an array of that type.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeated: bool,
    /// What happened to it on the way, in words; empty when it was copied.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub action: String,
    /// NULLs, where they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nulls: Option<u64>,
    /// Values that did not fit the type and are NULL, by their reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub misfits: BTreeMap<Misfit, u64>,
    /// The least value, of numbers, dates and times that everybody may read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<String>,
    /// The largest one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<String>,
    /// Whether the tag of its class was read back from the warehouse.
    pub tag_read_back: bool,
}

/// The receipt. All times are of the schedule (`scheduled_time`), in UTC, except the job's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The source's name.
    pub source: String,
    /// The day.
    pub day: Day,
    /// `schema.table` of the source.
    pub source_table: String,
    /// The BigQuery table; empty when it has none.
    pub table: String,
    /// How it ended.
    pub state: ReceiptState,
    /// The snapshot.
    pub snapshot: String,
    /// When the snapshot was taken, as RDS says.
    pub snapshot_at: Option<Timestamp>,
    /// The export task.
    pub export: String,
    /// Objects carried.
    pub files: u64,
    /// Their bytes in S3.
    pub bytes: u64,
    /// Rows by the Parquet footers.
    pub rows_footer: u64,
    /// Rows planned.
    pub rows_planned: u64,
    /// Rows that the load job reports.
    pub rows_loaded: Option<u64>,
    /// Rows of the table when it was read back.
    pub rows_table: Option<u64>,
    /// The load job.
    pub job: Option<String>,
    /// The columns.
    pub columns: Vec<Column>,
    /// Columns of the source that were dropped before they left AWS, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped_columns: Vec<String>,
    /// What should be known: schema changes, warnings of the export, skipped columns.
    pub warnings: Vec<String>,
    /// Why it is held or skipped.
    pub problem: Option<Problem>,
    /// When the export task started and ended, as RDS says.
    pub export_started_at: Option<Timestamp>,
    /// See above.
    pub export_ended_at: Option<Timestamp>,
    /// The tick that planned the day's transfer.
    pub planned_at: Option<Timestamp>,
    /// The tick that wrote this receipt.
    pub recorded_at: Timestamp,
    /// The load job's own running time in milliseconds.
    pub load_ms: Option<u64>,
}
