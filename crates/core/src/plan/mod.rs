//! The plan of one day: which objects of the export belong to which table, what happens
//! to each column, and how many rows each table must have.
//!
//! | module | what it decides |
//! |---|---|
//! | [`objects`] | assigns the objects of the export to the tables of the manifest |
//! | [`columns`] | what happens to each column: copied, retyped, tokenised or dropped |
//! | `guard` | what holds a table before any of its objects leaves AWS |
//! | [`judged`] | which columns are judged again by a sample of their values |
//! | [`table`] | one table's columns, items and rows, or why it is held |
//! | `times` | which dates with a time become DATETIME, and which instants |
//! | `revision` | names of a plan's objects and records, and when they change |
//! | [`partitions`] | finds partitions, whose rows their parent table contains as well |

pub mod columns;
mod guard;
pub mod judged;
pub mod objects;
pub mod partitions;
mod revision;
pub mod table;
mod times;

use std::ops::Range;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::error::ErrorKind;
use crate::names::columns::NamedColumn;
use crate::note::{Note, NoteCode};
use crate::rewrite::Action;
use crate::types::{BigQueryType, ParquetColumn};

/// The plan of a day: the list of its tables. Written once, after all tables are planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DayPlan {
    /// The source's name.
    pub source: String,
    /// The day.
    pub day: Day,
    /// The snapshot that was exported.
    pub snapshot: String,
    /// The export task.
    pub export: String,
    /// Time of the tick that planned the day.
    pub planned_at: Timestamp,
    /// The planned tables, sorted by source table.
    pub tables: Vec<TableEntry>,
    /// Tables that RDS did not export or that must not be loaded, with the reason.
    pub skipped: Vec<SkippedTable>,
    /// What the manifests warn of, beyond single tables.
    pub warnings: Vec<String>,
}

/// One table of a [`DayPlan`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableEntry {
    /// `schema.table` of the source.
    pub source_table: String,
    /// The BigQuery table.
    pub table: String,
    /// Number of objects to transfer.
    pub items: usize,
    /// Rows by the footers.
    pub rows: u64,
    /// Bytes in S3.
    pub bytes: u64,
    /// The current revision of the table's plan, see [`TablePlan::revision`].
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub revision: u32,
    /// [`TablePlan::digest`] of the table's plan.
    #[serde(default)]
    pub digest: String,
    /// [`TableContract::transfer_fingerprint`](crate::contract::TableContract::transfer_fingerprint)
    /// at the time of planning; empty if the contract does not contain the table.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub transfer_fingerprint: String,
    /// Whether [`TablePlan::problem`] is set; then every tick plans the table again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_problem: bool,
    /// Whether its files could not be read, for a reason that may pass. It is neither transferred nor
    /// loaded until a later tick plans it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unread: bool,
}

/// A table that is not loaded today.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedTable {
    /// `schema.table` of the source, or its name in the manifest.
    pub source_table: String,
    /// The reason.
    pub reason: String,
    /// Whether to alert the operator; not for partitions and for what the contract leaves out, which
    /// are expected.
    pub alert: bool,
    /// The code of the note in its receipt, if there is no alert; plans of earlier versions contain
    /// partitions only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<NoteCode>,
}

/// The plan of one table: its objects in the export, and what happens to each column. Classes are
/// applied by the load stage, see [`table::resolve_table`]. If the contract changes the
/// transformations during the day, the table gets a new revision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TablePlan {
    /// `schema.table` of the source.
    pub source_table: String,
    /// The BigQuery table.
    pub table: String,
    /// The BigQuery table that the source table has if the contract sets no other; empty if it is
    /// [`Self::table`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub default_table: String,
    /// Revision of the plan for this table and day, from 1. Objects and records of different
    /// revisions have different names.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub revision: u32,
    /// The request to do the day again that this plan answers; 0 without any. See
    /// [`Redo::of_table`](crate::redo::Redo::of_table).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub redo: u32,
    /// The request for another export that made its objects; 0 for the first export of the day.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub export_redo: u32,
    /// The columns of the files, in order.
    pub columns: Vec<SourceColumn>,
    /// The objects to transfer.
    pub items: Vec<TransferItem>,
    /// Rows by the footers.
    pub rows: u64,
    /// Bytes in S3.
    pub bytes: u64,
    /// Digest of the objects that the first plan of the day found: their keys, ETags and lengths. A
    /// later plan that finds others holds the table. Empty while a file of the table cannot be used.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub listing: String,
    /// Why the table is held although it is in the export.
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

/// A column of the export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceColumn {
    /// The column of the Parquet files.
    #[serde(flatten)]
    pub parquet: ParquetColumn,
    /// The source type; empty if the manifest does not contain it.
    pub source: String,
    /// Total number of digits; 0 if the manifest does not contain it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub precision: u32,
    /// Digits after the decimal point, if the manifest contains them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<u32>,
    /// What the transfer does to the column.
    #[serde(default = "keep", skip_serializing_if = "is_keep")]
    pub action: Action,
    /// Its name in BigQuery; empty if that is its name in the source.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub landed_name: String,
    /// The key of its entry in the contract, if the key differs from its name in letter case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract_key: Option<String>,
    /// The type that the column has landed with, for a date with a time that the contract does not
    /// name: it keeps that type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landed_type: Option<BigQueryType>,
}

impl SourceColumn {
    /// A column of this source type that is copied unchanged.
    pub fn new(parquet: ParquetColumn, source: impl Into<String>) -> Self {
        Self {
            parquet,
            source: source.into(),
            precision: 0,
            scale: None,
            action: Action::Keep,
            landed_name: String::new(),
            contract_key: None,
            landed_type: None,
        }
    }

    /// Its name in BigQuery.
    pub fn name(&self) -> &str {
        if self.landed_name.is_empty() { &self.parquet.name } else { &self.landed_name }
    }

    /// The key under which the contract describes it, if it does.
    pub fn key(&self) -> &str {
        self.contract_key.as_ref().unwrap_or(&self.parquet.name)
    }

    /// Gives the column its name in BigQuery and its entry in the contract.
    pub(crate) fn set_name(&mut self, named: NamedColumn) {
        let differs = |name: &String| *name != self.parquet.name;
        self.landed_name = Some(named.name).filter(differs).unwrap_or_default();
        self.contract_key = named.key.filter(differs);
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
pub(crate) fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn keep() -> Action {
    Action::Keep
}

fn is_keep(action: &Action) -> bool {
    *action == Action::Keep
}

/// A problem of a table, in the form that is stored in the ledger and sent in alerts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// [`ErrorKind::name`], or `Notice`.
    pub kind: String,
    /// Fixed text without names.
    pub what: String,
    /// The names of the affected objects.
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
    /// Information that does not hold a table, with the recommended action.
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

/// One object of a table to transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferItem {
    /// Its number within the table, from 0.
    pub number: usize,
    /// Where its data comes from.
    pub from: ItemSource,
    /// Its name in Cloud Storage.
    pub object: String,
    /// Rows by its footer.
    pub rows: u64,
    /// The row groups to transfer, for a file that is split; `None` for the complete file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_groups: Option<Range<usize>>,
}

/// Where the data of an item comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemSource {
    /// An object of the export.
    Object {
        /// Its key in S3.
        key: String,
        /// Its ETag at the time of planning; the transfer fails if the object has changed.
        etag: String,
        /// Its length in bytes.
        bytes: u64,
    },
    /// No object: the table is empty and the export contains no file, so a file without rows is
    /// written.
    NoRows {
        /// The columns of the file.
        columns: Vec<ParquetColumn>,
    },
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::types::{Annotation, Physical};

    fn column(name: &str) -> SourceColumn {
        let parquet = ParquetColumn {
            name: name.to_owned(),
            physical: Physical::Int64,
            annotation: Annotation::None,
        };
        SourceColumn::new(parquet, "bigint")
    }

    fn named(name: &str, key: Option<&str>) -> NamedColumn {
        NamedColumn { name: name.to_owned(), key: key.map(str::to_owned) }
    }

    /// Records of earlier versions lack newer fields, and a record that did not change keeps its bytes.
    #[test]
    fn a_stored_plan_has_only_what_differs_from_the_default() {
        let entry = json!({
            "source_table": "public.t", "table": "t", "items": 1, "rows": 2, "bytes": 3, "digest": "d",
        });
        let read: TableEntry = serde_json::from_value(entry.clone()).unwrap();
        assert_eq!((read.revision, read.has_problem, read.unread), (1, false, false));
        assert_eq!(serde_json::to_value(&read).unwrap(), entry);
        let next = serde_json::to_value(TableEntry { revision: 2, ..read }).unwrap();
        assert_eq!(next["revision"], 2);

        let plain = serde_json::to_value(column("id")).unwrap();
        let absent = ["precision", "scale", "action", "landed_name", "contract_key", "landed_type"];
        assert!(absent.iter().all(|it| plain.get(it).is_none()), "{plain}");
        assert_eq!(serde_json::from_value::<SourceColumn>(plain).unwrap(), column("id"));
        let other = SourceColumn { precision: 12, action: Action::Drop, ..column("id") };
        let stored = serde_json::to_value(&other).unwrap();
        assert_eq!((&stored["precision"], &stored["action"]), (&json!(12), &json!("drop")));
        assert_eq!(serde_json::from_value::<SourceColumn>(stored).unwrap(), other);
    }

    #[test]
    fn a_column_keeps_only_names_that_differ_from_its_own() {
        let mut same = column("id");
        same.set_name(named("id", Some("id")));
        assert_eq!(same, column("id"));
        assert_eq!((same.name(), same.key()), ("id", "id"));
        let mut other = column("Phone");
        other.set_name(named("phone_2", Some("phone")));
        assert_eq!((other.name(), other.key()), ("phone_2", "phone"));
        assert_eq!(serde_json::to_value(&other).unwrap()["landed_name"], Value::from("phone_2"));
    }

    #[test]
    fn a_problem_says_what_where_and_what_to_do() {
        let problem = Problem::notice("a thing differs", "shop.t", "look at it");
        assert_eq!(problem.to_string(), "a thing differs: shop.t — look at it");
        assert_eq!(problem.kind, "Notice");
        let held = Problem::new(ErrorKind::Held, "a thing differs", "shop.t");
        assert_eq!(held.action, ErrorKind::Held.policy().operator);
        assert_eq!(held.kind, ErrorKind::Held.name());
    }
}
