//! The view `_freshness`: one row per table, with the day of its rows and how the newest day ended.
//!
//! The rows are literals in the view's query, so the view reads no table and whoever may query the
//! views may read it. The receipts themselves have their own readers.

use jiff::Timestamp;

use super::{View, ViewColumn, text};
use crate::calendar::Day;
use crate::receipt::ReceiptState;

/// The name of the view.
pub const FRESHNESS: &str = "_freshness";

/// What is known of the rows of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreshTable {
    /// The BigQuery table.
    pub name: String,
    /// The day of the rows that are there.
    pub day: Option<Day>,
    /// When the snapshot was taken that they come from.
    pub snapshot_at: Option<Timestamp>,
    /// When they were proven.
    pub published_at: Option<Timestamp>,
    /// How many they are.
    pub rows: Option<u64>,
    /// The newest day that has a receipt of the table, and how it ended.
    pub newest: Option<(Day, ReceiptState)>,
}

/// Columns, their types and descriptions.
const COLUMNS: [(&str, &str, &str); 8] = [
    ("table_name", "STRING", "The table, and its view."),
    ("day", "DATE", "The day of the rows that are there."),
    ("snapshot_at", "TIMESTAMP", "When the snapshot was taken that the rows come from."),
    ("published_at", "TIMESTAMP", "When the rows were proven."),
    ("row_count", "INT64", "The number of rows."),
    (
        "state",
        "STRING",
        "How the newest day of the table ended: published, held, skipped or superseded.",
    ),
    (
        "state_day",
        "DATE",
        "The newest day. If it is later than `day`, the table keeps the rows of `day`.",
    ),
    ("hours_old", "INT64", "Full hours since the snapshot, at the time of the query."),
];

/// The view for these tables, in the order of their names.
pub fn freshness_view(tables: &[FreshTable]) -> View {
    let fields: Vec<String> =
        COLUMNS[..7].iter().map(|(name, ty, _)| format!("{name} {ty}")).collect();
    let struct_type = format!("STRUCT<{}>", fields.join(", "));
    let mut tables: Vec<&FreshTable> = tables.iter().collect();
    tables.sort_by(|one, other| one.name.cmp(&other.name));
    let rows: Vec<String> =
        tables.iter().map(|table| format!("    ({})", values(table).join(", "))).collect();
    let rows = if rows.is_empty() { String::new() } else { format!("\n{}\n  ", rows.join(",\n")) };
    let names: Vec<&str> = COLUMNS[..7].iter().map(|(name, ..)| *name).collect();
    let query = format!(
        "SELECT\n  {},\n  TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), snapshot_at, HOUR) AS hours_old\nFROM UNNEST(ARRAY<{struct_type}>[{rows}])",
        names.join(",\n  ")
    );
    let column = |(name, _, description): &(&str, &str, &str)| ViewColumn {
        name: (*name).to_owned(),
        description: (*description).to_owned(),
    };
    View {
        name: FRESHNESS.to_owned(),
        query,
        description: "How fresh each table is: the day of its rows, and how its newest day ended. Landbridge writes it after each load.".to_owned(),
        columns: COLUMNS.iter().map(column).collect(),
    }
}

fn values(table: &FreshTable) -> Vec<String> {
    let or_null = |value: Option<String>| value.unwrap_or_else(|| "NULL".to_owned());
    let date = |day: Day| format!("DATE {}", text(&day.to_string()));
    let instant = |at: Timestamp| format!("TIMESTAMP {}", text(&at.to_string()));
    vec![
        text(&table.name),
        or_null(table.day.map(date)),
        or_null(table.snapshot_at.map(instant)),
        or_null(table.published_at.map(instant)),
        or_null(table.rows.map(|rows| rows.to_string())),
        or_null(table.newest.map(|(_, state)| text(state.name()))),
        or_null(table.newest.map(|(day, _)| date(day))),
    ]
}
