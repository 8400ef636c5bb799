//! The columns of the tables. A test compares them with the rows and with the documentation.

use super::OpsField;
use crate::types::BigQueryType::{
    self, Bool, Date, Int64 as Int, String as Text, Timestamp as Time,
};

const fn field(name: &'static str, ty: BigQueryType, description: &'static str) -> OpsField {
    OpsField { name, ty, repeated: false, description }
}

const fn texts(name: &'static str, description: &'static str) -> OpsField {
    OpsField { name, ty: Text, repeated: true, description }
}

const SOURCE: OpsField = field("source", Text, "Name of the source in landbridge.yaml");
const DAY: OpsField = field("day", Date, "Day of the data, in the schedule's zone");
const SOURCE_TABLE: OpsField = field("source_table", Text, "`schema.table` in the source");
const TABLE_NAME: OpsField = field("table_name", Text, "Table in BigQuery");
const REDO: OpsField = field(
    "redo",
    Int,
    "The request to do the day again that the row answers; 0 without any. The highest counts",
);
const RECORDED_AT: OpsField =
    field("recorded_at", Time, "Tick that wrote the receipt to which the row belongs");

/// The columns of `columns`.
pub(super) const COLUMNS: [OpsField; 17] = [
    SOURCE,
    DAY,
    SOURCE_TABLE,
    TABLE_NAME,
    field("column_name", Text, "Column in BigQuery"),
    field("source_column", Text, "Column in the source"),
    REDO,
    field("source_type", Text, "Type in the source; empty when the export does not name it"),
    field("bigquery_type", Text, "Type in BigQuery"),
    field("class", Text, "Class whose policy tag the column had when the table was published"),
    field("transform", Text, "What the transfer did to the column; `copy` if nothing"),
    field(
        "proof",
        Text,
        "How `landbridge verify` can prove the values of the day: `plain`, `through_mask`, `readers`, `not_provable`; NULL without `proof` in landbridge.yaml",
    ),
    field("row_count", Int, "Rows of the table"),
    field("null_count", Int, "NULLs; NULL if they were not counted"),
    field("misfit_count", Int, "Values that did not fit the type and are NULL"),
    field("tag_read_back", Bool, "Whether the tag of the class was read back from BigQuery"),
    RECORDED_AT,
];

/// The columns of `audits`.
pub(super) const AUDITS: [OpsField; 13] = [
    SOURCE,
    DAY,
    SOURCE_TABLE,
    TABLE_NAME,
    REDO,
    field("check_name", Text, "The check, or `deadline`"),
    field("column_name", Text, "Column in the source, if the verdict is about one"),
    field(
        "outcome",
        Text,
        "`found`: something is unusual; `passed`; `waits`: not enough earlier days, or the deadline is not reached; `not_visible`: the figures do not show it",
    ),
    field(
        "level",
        Text,
        "What a finding does: `off`, `warn` or `block`; NULL for `deadline`, which holds no table",
    ),
    field(
        "detail",
        Text,
        "The finding, or why nothing is visible, for people. Without counts: they are in the receipt",
    ),
    field(
        "state",
        Text,
        "State of the receipt; a finding with level `block` in a published one was accepted by an operator",
    ),
    field("due_at", Time, "Deadline of the day"),
    RECORDED_AT,
];

/// The columns of `incidents`.
pub(super) const INCIDENTS: [OpsField; 14] = [
    SOURCE,
    field("incident", Int, "Number of the incident, from 1 per source"),
    field("state", Text, "`open`, `resolved`, or `closed` by a person"),
    field("kind", Text, "Kind of the problem; `Notice` stops nothing"),
    field("cause", Text, "The fixed text of the problem"),
    field("is_notice", Bool, "Whether it stops nothing"),
    field("day", Date, "Day on which it opened"),
    field("opened_at", Time, "When it opened"),
    field("ended_at", Time, "When it was resolved or closed; NULL while it is open"),
    field("late_day", Date, "The first day that was late because of it"),
    texts(
        "tables",
        "What it touched: tables in BigQuery or, if they have none, in the source; `day.json` is the day itself",
    ),
    texts("open_tables", "The entries of `tables` that still have the problem"),
    field("changes", Int, "Changes since it opened"),
    field(
        "recorded_at",
        Time,
        "Tick that saw this state: opened_at and ended_at are exact, this is not",
    ),
];
