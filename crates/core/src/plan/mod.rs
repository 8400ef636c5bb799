//! What one day moves: which objects of the export make up which table, how
//! each column lands, and how many rows there must be in the end.
//!
//! | module | what it decides |
//! |---|---|
//! | [`objects`] | which listed object belongs to which table of the manifest |
//! | [`columns`] | how each column crosses: copied, retyped, tokenised, left behind |
//! | [`table`] | one table's columns, items and rows, or why it must wait |
//! | [`partitions`] | which tables are partitions whose rows their parent holds as well |

pub mod columns;
pub mod objects;
pub mod partitions;
pub mod table;

use std::ops::Range;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::error::ErrorKind;
use crate::receipt::Note;
use crate::rewrite::Action;
use crate::types::ParquetColumn;

/// The plan of a day: the index of its tables. Written once, when every table is planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DayPlan {
    /// The source's name.
    pub source: String,
    /// The day.
    pub day: Day,
    /// The snapshot that it comes from.
    pub snapshot: String,
    /// The export task.
    pub export: String,
    /// The tick that planned it first.
    pub planned_at: Timestamp,
    /// Its tables, in the order of their targets.
    pub tables: Vec<TableEntry>,
    /// Tables that RDS left out or that must not be loaded, with the reason.
    pub skipped: Vec<SkippedTable>,
    /// What the manifests warn of, beyond single tables.
    pub warnings: Vec<String>,
}

/// One line of a [`DayPlan`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableEntry {
    /// `schema.table` of the source.
    pub source_table: String,
    /// The BigQuery table.
    pub table: String,
    /// Objects to carry.
    pub items: usize,
    /// Rows by the footers.
    pub rows: u64,
    /// Bytes in S3.
    pub bytes: u64,
    /// Which plan of the table counts, from 1: see [`TablePlan::revision`].
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub revision: u32,
    /// What the contract made of the table's transfer when it was planned, as a fingerprint
    /// (`contract::TableContract::transfer_fingerprint`); empty when it does not name the table.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub transfer_fingerprint: String,
    /// Whether the table waits because of what the export holds: it is looked at again by each tick.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_problem: bool,
}

/// A table that is not loaded today.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedTable {
    /// `schema.table` of the source, or what the manifest calls it.
    pub source_table: String,
    /// Why.
    pub reason: String,
    /// Whether somebody should be told: a partition is as it should be.
    pub alert: bool,
}

/// The plan of one table: what the export holds of it, and what happens to each column on the
/// way. Classes are decided when it is loaded, see [`table::resolve_table`]. A contract that is mended
/// during the day counts: what it changes of the way makes a new revision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TablePlan {
    /// `schema.table` of the source.
    pub source_table: String,
    /// The BigQuery table.
    pub table: String,
    /// Which plan of this table and day it is, from 1. Objects and records of different
    /// revisions have different names.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub revision: u32,
    /// The columns of its files, in order.
    pub columns: Vec<SourceColumn>,
    /// The objects to carry.
    pub items: Vec<TransferItem>,
    /// Rows by the footers.
    pub rows: u64,
    /// Bytes in S3.
    pub bytes: u64,
    /// Why the table must wait although it is in the export.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// What the table's receipt must mention of the export.
    pub notes: Vec<Note>,
}

fn first() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_first(revision: &u32) -> bool {
    *revision == 1
}

/// A column as the export holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceColumn {
    /// As the files have it.
    #[serde(flatten)]
    pub parquet: ParquetColumn,
    /// The source's own type; empty when the manifest does not say.
    pub source: String,
    /// Digits in all, where the manifest says so.
    #[serde(default, skip_serializing_if = "is_none")]
    pub precision: u32,
    /// Digits after the point, where the manifest says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<u32>,
    /// What happens to it on the way.
    #[serde(default = "keep", skip_serializing_if = "is_keep")]
    pub action: Action,
}

impl SourceColumn {
    /// A column of this source type, to which nothing happens.
    pub fn new(parquet: ParquetColumn, source: impl Into<String>) -> Self {
        Self { parquet, source: source.into(), precision: 0, scale: None, action: Action::Keep }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_none(digits: &u32) -> bool {
    *digits == 0
}

fn keep() -> Action {
    Action::Keep
}

fn is_keep(action: &Action) -> bool {
    *action == Action::Keep
}

/// Why a table is held, in a form that a ledger can hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// As [`ErrorKind::name`] writes it, or `Notice`.
    pub kind: String,
    /// The fixed part of the sentence.
    pub what: String,
    /// The names it is about.
    pub context: String,
    /// What the operator should do.
    pub action: String,
}

impl From<&crate::Error> for Problem {
    fn from(error: &crate::Error) -> Self {
        Self {
            kind: error.kind().name().to_owned(),
            what: error.what().to_owned(),
            context: error.context().to_owned(),
            action: error.kind().policy().operator.to_owned(),
        }
    }
}

impl Problem {
    /// Something to know that stops nothing, with what to do about it.
    pub fn notice(what: &'static str, context: impl Into<String>, action: &str) -> Self {
        Self {
            kind: "Notice".to_owned(),
            what: what.to_owned(),
            context: context.into(),
            action: action.to_owned(),
        }
    }

    /// A problem of `kind`.
    pub fn new(kind: ErrorKind, what: &'static str, context: impl Into<String>) -> Self {
        Self::from(&crate::Error::new(kind, what, context))
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} — {}", self.what, self.context, self.action)
    }
}

/// One object of a table on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferItem {
    /// Its number within the table, from 0.
    pub number: usize,
    /// Where its bytes come from.
    pub from: ItemSource,
    /// Its name in Cloud Storage.
    pub object: String,
    /// Rows by its footer.
    pub rows: u64,
    /// The row groups of a file that is cut; all of it when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_groups: Option<Range<usize>>,
}

/// Where an item's bytes come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemSource {
    /// An object of the export.
    Object {
        /// Its key in S3.
        key: String,
        /// Its ETag when it was planned: the copy is of that version or fails.
        etag: String,
        /// Its length.
        bytes: u64,
    },
    /// Nowhere: the table is empty and the export holds no file for it, so a file of no rows is made.
    NoRows {
        /// The columns it has.
        columns: Vec<ParquetColumn>,
    },
}
