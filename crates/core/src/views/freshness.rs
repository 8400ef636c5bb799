//! The view `_freshness`: one row per table, with the day of its rows and how the newest day ended.
//!
//! The rows are literals in the view's query, so the view reads no table, and every reader of the
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
const COLUMNS: [(&str, &str, &str); 7] = [
    ("table_name", "STRING", "The table, and its view."),
    ("day", "DATE", "The day of the rows that are there."),
    ("snapshot_at", "TIMESTAMP", "When the snapshot was taken that the rows come from."),
    ("published_at", "TIMESTAMP", "When the rows were proven."),
    ("row_count", "INT64", "The number of rows."),
    (
        "state",
        "STRING",
        "How the newest day of the table ended: published, held, missing, skipped or superseded.",
    ),
    (
        "state_day",
        "DATE",
        "The newest day. If it is later than `day`, the table keeps the rows of `day`.",
    ),
];

/// The view for these tables, in the order of their names.
pub fn freshness_view(tables: &[FreshTable]) -> View {
    let mut tables: Vec<&FreshTable> = tables.iter().collect();
    tables.sort_by(|one, other| one.name.cmp(&other.name));
    let rows: Vec<String> = tables
        .iter()
        .map(|table| format!("  SELECT {}", named(values(table)).join(", ")))
        .collect();
    let rows = match rows.is_empty() {
        true => format!("  SELECT {} LIMIT 0", named(Default::default()).join(", ")),
        false => rows.join("\n  UNION ALL\n"),
    };
    let names: Vec<&str> = COLUMNS.iter().map(|(name, ..)| *name).collect();
    let query = format!("SELECT {}\nFROM (\n{rows}\n)", names.join(", "));
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

/// Values with the names and types of the columns.
fn named(values: [Option<String>; COLUMNS.len()]) -> Vec<String> {
    let column = |((name, ty, _), value): (&(&str, &str, &str), Option<String>)| {
        let value = value.unwrap_or_else(|| "NULL".to_owned());
        format!("CAST({value} AS {ty}) AS {name}")
    };
    COLUMNS.iter().zip(values).map(column).collect()
}

fn values(table: &FreshTable) -> [Option<String>; COLUMNS.len()] {
    let literal = |value: String| text(&value);
    let instant = |at: Timestamp| text(&at.strftime("%Y-%m-%d %H:%M:%S+00:00").to_string());
    [
        Some(text(&table.name)),
        table.day.map(|day| literal(day.to_string())),
        table.snapshot_at.map(instant),
        table.published_at.map(instant),
        table.rows.map(|rows| rows.to_string()),
        table.newest.map(|(_, state)| text(state.name())),
        table.newest.map(|(day, _)| literal(day.to_string())),
    ]
}
