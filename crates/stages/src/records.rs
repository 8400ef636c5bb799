//! What the records of the ledger hold, and what they are called.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use landbridge_core::calendar::Day;
use landbridge_core::manifest::TableStatus;
use landbridge_core::plan::TablePlan;
use landbridge_core::rewrite::ColumnStats;
use landbridge_core::types::Engine;
use serde::{Deserialize, Serialize};

/// The export task of the day: [`ExportRecord`].
pub const EXPORT: &str = "export.json";
/// What its manifests say: [`ManifestRecord`].
pub const MANIFEST: &str = "manifest.json";
/// The plan's index: `landbridge_core::plan::DayPlan`.
pub const PLAN: &str = "plan.json";
/// Which key the day's tokens are made with: [`KeyRecord`].
pub const TOKEN_KEY: &str = "token-key.json";
/// How the day ended: [`DayRecord`].
pub const DAY: &str = "day.json";

/// A key or object name below a configured prefix, which may be empty.
pub fn below(prefix: &str, name: &str) -> String {
    match prefix.trim_matches('/') {
        "" => name.to_owned(),
        prefix => format!("{prefix}/{name}"),
    }
}

/// The plan of one table: `landbridge_core::plan::TablePlan`.
pub fn table_plan(table: &str) -> String {
    format!("plan/{table}.json")
}

/// What stands for one revision of a table's plan in the names of records: names of tables
/// hold no `@`.
pub fn revised(table: &str, revision: u32) -> String {
    if revision == 1 { table.to_owned() } else { format!("{table}@{revision}") }
}

/// The receipt of one carried object: [`ItemRecord`].
pub fn item(table: &TablePlan, number: usize) -> String {
    format!("items/{}/{number:05}.json", revised(&table.table, table.revision))
}

/// What was counted in one object before it was carried: [`ScanRecord`].
pub fn scan(table: &TablePlan, number: usize) -> String {
    format!("scans/{}/{number:05}.json", revised(&table.table, table.revision))
}

/// Which columns of a table stay text: [`TextRecord`].
pub fn text(table: &TablePlan) -> String {
    format!("text-columns/{}.json", revised(&table.table, table.revision))
}

/// Why an object of a table cannot be transferred: `landbridge_core::plan::Problem`.
pub fn failure(table: &TablePlan) -> String {
    format!("failures/{}.json", revised(&table.table, table.revision))
}

/// What was found before a table was touched: [`Intent`].
pub fn intent(table: &str) -> String {
    format!("intents/{table}.json")
}

/// The receipt of one table: `landbridge_core::receipt::Receipt`.
pub fn receipt(table: &str) -> String {
    format!("receipts/{table}.json")
}

/// Which day a table belongs to, beyond days: [`Claim`].
pub fn claim(table: &str) -> String {
    format!("claims/{table}.json")
}

/// The export task of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportRecord {
    /// The attempt, from 1.
    pub attempt: u32,
    /// The export task's id.
    pub export: String,
    /// The snapshot's id.
    pub snapshot: String,
    /// When the snapshot was taken, as RDS says.
    pub snapshot_at: Option<Timestamp>,
    /// Which engine wrote it.
    pub engine: Engine,
    /// Whether the task is COMPLETE and its manifests are recorded.
    pub complete: bool,
    /// What RDS warned of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// When the task started, as RDS says.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Why earlier attempts failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<String>,
}

/// What the manifests of the export say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestRecord {
    /// `<prefix>/<export-id>/`: below it lie the tables.
    pub root: String,
    /// One entry per table or database.
    pub tables: Vec<TableStatus>,
}

/// The receipt of one carried object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ItemRecord {
    /// Its name in Cloud Storage.
    pub object: String,
    /// Its generation.
    pub generation: i64,
    /// Its length there.
    pub bytes: u64,
    /// The CRC32C of its bytes, equal on both sides.
    pub crc32c: u32,
    /// Rows by its footer.
    pub rows: u64,
    /// What is known of its columns, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, ColumnStats>,
}

/// What was counted in one object before it was carried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanRecord {
    /// Rows.
    pub rows: u64,
    /// Columns of which a value does not fit its type.
    pub misfits: BTreeSet<String>,
}

/// Which columns of a table stay text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextRecord {
    /// Their names.
    pub columns: BTreeSet<String>,
}

/// Which key the tokens of a day are made with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// `landbridge_parquet::rewrite::TokenKey::id`: it tells keys apart and is no secret.
    pub id: String,
}

/// What was found before a table was touched today. Written before the first
/// change, so that a tick after a crash still knows what the change was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Rows that the table had; `None` when it did not exist.
    pub rows_before: Option<u64>,
    /// What the schema change was.
    pub changes: Vec<String>,
    /// The last day whose tokens of this table were made with another key than today's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_key: Option<Day>,
}

/// The newest day that may write a table, and the job it does it with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The day.
    pub day: Day,
    /// The job that may be running.
    pub job: String,
    /// Columns that stay text because a value did not fit their type: they stay so on later
    /// days, since BigQuery cannot change the type of a column.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub text: BTreeSet<String>,
    /// The id of the key that the table's tokens are made with, if it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_key: Option<String>,
}

/// How a day ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayRecord {
    /// Whether every table of the plan is published.
    pub published: bool,
    /// Tables published.
    pub tables: usize,
    /// Rows published.
    pub rows: u64,
    /// Tables that wait for a person.
    pub held: Vec<String>,
    /// Tables that were not loaded.
    pub skipped: Vec<String>,
    /// The tick that settled it.
    pub finished_at: Timestamp,
}

/// Receipts on their way into the warehouse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Its number within the day, from 1.
    pub number: usize,
    /// `table@state` of the receipts it holds.
    pub receipts: Vec<String>,
    /// The lines themselves, as sent.
    pub lines: String,
}
