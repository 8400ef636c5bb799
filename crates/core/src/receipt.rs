//! The receipt of one table for one day: what was exported, what was loaded, and what proves it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::calendar::Day;
pub use crate::note::{Note, NoteCode};
use crate::plan::{DayPlan, Problem};
use crate::rewrite::Misfit;
use crate::types::BigQueryType;

/// How a table's day ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptState {
    /// Rows and tags that were read back equal the plan.
    Published,
    /// A person must act; the table is not loaded, and keeps the rows that it has.
    Held,
    /// RDS did not export it, it is a partition, or the contract leaves it in AWS.
    Skipped,
    /// The contract names it, or it was loaded on an earlier day, and it is not in today's export.
    Missing,
    /// The table already has the data of a newer day.
    Superseded,
}

impl ReceiptState {
    /// The state as it is written in receipts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Held => "held",
            Self::Skipped => "skipped",
            Self::Missing => "missing",
            Self::Superseded => "superseded",
        }
    }
}

/// A column of the table, in its receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptColumn {
    /// Its name in BigQuery.
    pub name: String,
    /// Its name in the source, if it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_column: Option<String>,
    /// The source's type; empty when the manifest does not contain it.
    pub source: String,
    /// The BigQuery type.
    #[serde(rename = "type")]
    pub ty: BigQueryType,
    /// Its class.
    pub class: String,
    /// Whether it is an array of that type.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeated: bool,
    /// What the transfer did to it; empty when it was copied.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub action: String,
    /// NULLs, if counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nulls: Option<u64>,
    /// Values that did not fit the type and are NULL, by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub misfits: BTreeMap<Misfit, u64>,
    /// The smallest value, only of a column whose contract has `bounds: true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<String>,
    /// The largest value, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<String>,
    /// Whether the tag of its class was read back from BigQuery.
    pub tag_read_back: bool,
    /// How `landbridge verify` can prove its values; absent without `proof` in the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<ProofWay>,
}

/// How the values of a column can be proven on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofWay {
    /// By everyone who may query the table: its class is `none`.
    Plain,
    /// By masked readers as far as the mask shows something, and by readers of its class.
    ThroughMask,
    /// By readers of its class alone: its mask shows nothing.
    Readers,
    /// By no person: the day has no figures of it.
    NotProvable,
}

/// The receipt. Times of ticks are scheduled times (`scheduled_time`); all times are UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The source's name.
    pub source: String,
    /// The day.
    pub day: Day,
    /// `schema.table` in the source.
    pub source_table: String,
    /// The BigQuery table; empty when it has none.
    pub table: String,
    /// How it ended.
    pub state: ReceiptState,
    /// The snapshot.
    pub snapshot: String,
    /// When the snapshot was taken, as RDS reports it.
    pub snapshot_at: Option<Timestamp>,
    /// The export task.
    pub export: String,
    /// Objects transferred.
    pub files: u64,
    /// Their bytes in S3.
    pub bytes: u64,
    /// The bytes of these objects in Cloud Storage: what left AWS. Known of a published table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_sent: Option<u64>,
    /// Rows by the Parquet footers.
    pub rows_footer: u64,
    /// Rows planned.
    pub rows_planned: u64,
    /// Rows as the load job reports them.
    pub rows_loaded: Option<u64>,
    /// Rows of the table, read back after the load.
    pub rows_table: Option<u64>,
    /// The load job.
    pub job: Option<String>,
    /// The columns.
    pub columns: Vec<ReceiptColumn>,
    /// The columns that were dropped before they left AWS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped_columns: Vec<String>,
    /// Schema changes, warnings of the export, unclassified columns and the like.
    pub notes: Vec<Note>,
    /// Why the table is held or skipped.
    pub problem: Option<Problem>,
    /// When the export task started, as RDS reports it.
    pub export_started_at: Option<Timestamp>,
    /// When the export task ended.
    pub export_ended_at: Option<Timestamp>,
    /// The tick that planned the day's transfer.
    pub planned_at: Option<Timestamp>,
    /// The tick that wrote this receipt.
    pub recorded_at: Timestamp,
    /// The running time of the load job, in milliseconds.
    pub load_ms: Option<u64>,
    /// The request to do the day again that it answers; 0 without any. A note says so to readers.
    #[serde(default, skip_serializing_if = "crate::plan::is_zero")]
    pub redo: u32,
    /// The day that was loaded, if the export of this day has the same content: nothing was transferred or
    /// loaded, and the table keeps the rows of that day. A note says so to readers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unchanged_since: Option<Day>,
    /// The rows that were transferred, if it was not all of them. A note says so to readers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<DeltaReceipt>,
}

/// The rows that differ from those of an earlier day, which were transferred alone and merged into the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeltaReceipt {
    /// The earlier day, whose rows the table had.
    pub since: Day,
    /// Rows whose key is new.
    pub new: u64,
    /// Rows of which a value changed.
    pub changed: u64,
    /// Rows that are gone.
    pub deleted: u64,
    /// Bytes that left AWS for it.
    pub bytes: u64,
    /// Bytes that all rows of the table would have been.
    pub full_bytes: u64,
}

impl ReceiptColumn {
    /// Its name in the source.
    pub fn source_column(&self) -> &str {
        self.source_column.as_ref().unwrap_or(&self.name)
    }
}

impl Receipt {
    /// A receipt of a table of this plan, without counts, columns and notes.
    pub fn new(
        plan: &DayPlan,
        source_table: &str,
        state: ReceiptState,
        recorded_at: Timestamp,
    ) -> Self {
        Self {
            source: plan.source.clone(),
            day: plan.day,
            source_table: source_table.to_owned(),
            table: String::new(),
            state,
            snapshot: plan.snapshot.clone(),
            snapshot_at: None,
            export: plan.export.clone(),
            files: 0,
            bytes: 0,
            bytes_sent: None,
            rows_footer: 0,
            rows_planned: 0,
            rows_loaded: None,
            rows_table: None,
            job: None,
            columns: Vec::new(),
            dropped_columns: Vec::new(),
            notes: Vec::new(),
            problem: None,
            export_started_at: None,
            export_ended_at: None,
            planned_at: Some(plan.planned_at),
            recorded_at,
            load_ms: None,
            redo: 0,
            unchanged_since: None,
            delta: None,
        }
    }

    /// Whether the table's day is over, unless [`Redo::is_current`](crate::redo::Redo::is_current) says
    /// that it was requested again. A held table can still be published on the same day.
    pub fn is_final(&self) -> bool {
        matches!(self.state, ReceiptState::Published | ReceiptState::Superseded)
    }

    /// The receipt as a row of `landbridge_ops.receipts`: see [`FIELDS`].
    pub fn row(&self) -> Value {
        let fields = FIELDS.iter().map(|field| (field.name.to_owned(), (field.value)(self)));
        Value::Object(fields.collect())
    }
}

/// A column of `landbridge_ops.receipts`.
#[derive(Clone, Copy)]
pub struct ReceiptField {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub ty: BigQueryType,
    /// Its description in BigQuery and in `docs/ledger.md`.
    pub description: &'static str,
    /// Its value for a receipt.
    pub value: fn(&Receipt) -> Value,
}

const fn field(
    name: &'static str,
    ty: BigQueryType,
    description: &'static str,
    value: fn(&Receipt) -> Value,
) -> ReceiptField {
    ReceiptField { name, ty, description, value }
}

use BigQueryType::{Date, Int64, String as Text, Timestamp as Time};

/// The columns of `landbridge_ops.receipts`, in order.
pub const FIELDS: [ReceiptField; 23] = [
    field("source", Text, "Name of the source in landbridge.yaml", |it| json!(it.source)),
    field("day", Date, "Day of the data, in the schedule's zone", |it| json!(it.day)),
    field("source_table", Text, "`schema.table` in the source", |it| json!(it.source_table)),
    field("table_name", Text, "Table in BigQuery; empty when it has none", |it| json!(it.table)),
    field(
        "state",
        Text,
        "`published`: the rows and tags read back equal the plan; `held`: a person must act, and the table keeps the rows that it has; they are the new ones if counts differed after the load job; `skipped`: RDS did not export it, it is a partition, or the contract leaves it in AWS; `missing`: the contract names it or an earlier day loaded it, and it is not in the export; `superseded`: a newer day is already loaded",
        |it| json!(it.state),
    ),
    field("snapshot", Text, "RDS snapshot that the rows come from", |it| json!(it.snapshot)),
    field("snapshot_at", Time, "When the snapshot was taken, as RDS reports it", |it| {
        json!(it.snapshot_at)
    }),
    field("export", Text, "RDS export task", |it| json!(it.export)),
    field("files", Int64, "Objects transferred", |it| json!(it.files)),
    field("bytes", Int64, "Bytes of their Parquet files in S3", |it| json!(it.bytes)),
    field("rows_footer", Int64, "Rows by the Parquet footers", |it| json!(it.rows_footer)),
    field("rows_planned", Int64, "Rows by the plan", |it| json!(it.rows_planned)),
    field("rows_loaded", Int64, "Rows by the load job", |it| json!(it.rows_loaded)),
    field("rows_table", Int64, "Rows of the table, read back after the load", |it| {
        json!(it.rows_table)
    }),
    field("job", Text, "Load job", |it| json!(it.job)),
    field(
        "columns",
        Text,
        "JSON array; each column's name, its name in the source if it differs, source type, type, class, what the transfer did to it, NULLs, values that did not fit by reason, smallest and largest value (only with `bounds: true` in the contract), whether its tag was read back, and with `proof`, how its values can be proven",
        |it| Value::String(json!(it.columns).to_string()),
    ),
    field(
        "notes",
        Text,
        "JSON array; each note's `code`, `column` and `text`: schema changes, warnings of the export, unclassified columns, lost rows",
        |it| Value::String(json!(it.notes).to_string()),
    ),
    field("problem", Text, "Why the table is held or skipped, and what to do", |it| {
        json!(it.problem.as_ref().map(ToString::to_string))
    }),
    field("export_started_at", Time, "When the export task started, as RDS reports it", |it| {
        json!(it.export_started_at)
    }),
    field("export_ended_at", Time, "When the export task ended", |it| json!(it.export_ended_at)),
    field("planned_at", Time, "Tick that planned the day's transfer", |it| json!(it.planned_at)),
    field("recorded_at", Time, "Tick that wrote this receipt", |it| json!(it.recorded_at)),
    field("load_ms", Int64, "Running time of the load job in milliseconds", |it| json!(it.load_ms)),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn receipt() -> Receipt {
        let plan = DayPlan {
            source: "shop".to_owned(),
            day: "2026-11-21".parse().unwrap(),
            snapshot: "landbridge-shop-20261120t1600z".to_owned(),
            export: "landbridge-shop-20261121-a1".to_owned(),
            planned_at: "2026-11-20T17:00:00Z".parse().unwrap(),
            tables: Vec::new(),
            skipped: Vec::new(),
            warnings: Vec::new(),
        };
        let mut receipt = Receipt::new(
            &plan,
            "public.orders",
            ReceiptState::Published,
            "2026-11-20T17:10:00Z".parse().unwrap(),
        );
        receipt.notes.push(Note::of_column(NoteCode::ColumnNotInContract, "iban", "masked"));
        receipt
    }

    #[test]
    fn a_note_is_stored_with_its_code() {
        let row = receipt().row();
        assert_eq!(
            row["notes"],
            r#"[{"code":"column_not_in_contract","column":"iban","text":"masked"}]"#
        );
        assert_eq!((&row["day"], &row["state"]), (&json!("2026-11-21"), &json!("published")));
    }

    #[test]
    fn every_field_of_a_receipt_is_a_column() {
        let receipt = Receipt { dropped_columns: vec!["card".to_owned()], ..receipt() };
        let stored = serde_json::to_value(&receipt).unwrap();
        let stored: BTreeSet<&str> =
            stored.as_object().unwrap().keys().map(|key| key.as_str()).collect();
        let columns = FIELDS.iter().map(|field| match field.name {
            "table_name" => "table",
            name => name,
        });
        let mut columns: BTreeSet<&str> = columns.collect();
        // A name in a column of its own would be of little use; the column list is in `columns`.
        columns.insert("dropped_columns");
        assert_eq!(stored, columns);
    }

    #[test]
    fn the_documentation_has_the_same_columns() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/ledger.md");
        let document = std::fs::read_to_string(path).unwrap();
        let mut table = "| column | type | content |\n|---|---|---|\n".to_owned();
        for field in &FIELDS {
            table += &format!("| `{}` | {} | {} |\n", field.name, field.ty, field.description);
        }
        assert!(document.contains(&table), "docs/ledger.md must contain this table:\n{table}");
    }

    #[test]
    fn a_day_of_a_table_is_over_when_it_is_published_or_superseded() {
        for (state, is_final) in [
            (ReceiptState::Published, true),
            (ReceiptState::Superseded, true),
            (ReceiptState::Held, false),
            (ReceiptState::Skipped, false),
        ] {
            let mut receipt = receipt();
            receipt.state = state;
            assert_eq!(receipt.is_final(), is_final, "{state:?}");
        }
    }
}
