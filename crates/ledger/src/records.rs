//! The records of the ledger: their names and their values. `docs/ledger.md` has the same list.
//! They are read and written by [`crate::Records`], whose conditional writes keep two ticks from
//! overwriting each other's record.

mod audits;
mod claim;
mod delta;
mod drills;
mod fan_out;
mod history;
mod items;
mod ops;
mod summary;
mod unchanged;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use landbridge_core::calendar::Day;
use landbridge_core::chain::{Link, LinkSignature};
use landbridge_core::forget::Forgotten;
use landbridge_core::ids::short_hash;
use landbridge_core::incident::{Closure, Incident, IncidentState};
use landbridge_core::manifest::TableStatus;
use landbridge_core::plan::table::FilePart;
use landbridge_core::plan::{DayPlan, Problem, TableEntry, TablePlan};
use landbridge_core::receipt::{Note, Receipt};
use landbridge_core::redo::{RedoDone, RedoRequest};
use landbridge_core::restore::SettingsRecord;
use landbridge_core::types::{Engine, ParquetColumn};
use serde::{Deserialize, Serialize};

use crate::name::{DayName, SourceName};

pub use audits::{AUDITS, AuditRecord, audit, audit_context, audit_named, trend, unaudited};
pub use claim::Claim;
pub use delta::{DELTAS, DeltaObject, DeltaRecord, delta};
pub use drills::{DRILLS, Drill, drill};
pub use fan_out::HANDED;
pub use history::HistoryRecord;
pub use items::{ItemRecord, Recompressed, proof_context, row_proof_context};
pub use ops::{Batch, BatchDone, OPS, OpsRecord, SentIncidents, WrittenViews, batch, batch_done};
pub use summary::{IndexEntry, IndexRecord, ReceiptSummaries, ReceiptSummary};
pub use unchanged::{
    CARRIED, CarriedRecord, EqualBy, UNCHANGED, UnchangedRecord, carried, unchanged,
};

/// The day's export task.
pub static EXPORT: DayName<ExportRecord> = DayName::fixed("export.json");
/// The content of the export's manifests.
pub static MANIFEST: DayName<ManifestRecord> = DayName::fixed("manifest.json");
/// The plan of the day.
pub static PLAN: DayName<DayPlan> = DayName::fixed("plan.json");
/// The key that the day's tokens are made with.
pub static TOKEN_KEY: DayName<TokenKeyRecord> = DayName::fixed("token-key.json");
/// What a tick has planned that had no time to plan the day. It only saves reads.
pub static PLANNED: DayName<PlannedRecord> = DayName::fixed("planned.json");
/// The index of the day's receipts. It only saves reads: see `index`.
pub static INDEX: DayName<IndexRecord> = DayName::fixed("index.json");
/// How the day ended.
pub static DAY: DayName<DayRecord> = DayName::fixed("day.json");

/// The newest contract that was deployed.
pub static CONTRACT: SourceName<ContractRecord> = SourceName::fixed("contract.json");

/// Since when the functions run without a pause.
pub static RUNNING: SourceName<RunningRecord> = SourceName::fixed("running.json");

/// What the friendly views were last written from.
pub static VIEWS: SourceName<ViewsRecord> = SourceName::fixed("views.json");

/// The incidents that have not ended, and the messages on their way.
pub static INCIDENT_STATE: SourceName<IncidentState> = SourceName::fixed("incidents.json");

/// The folder of [`incident`], below the source.
pub const INCIDENTS: &str = "incidents";
/// The folder of [`closure`], below the source: the operator may write there.
pub const CLOSURES: &str = "closures";
/// The folder of [`alert`].
pub const ALERTS: &str = "alerts";
/// The folder of [`notice`], below the source.
pub const NOTICES: &str = "notices";

/// The folder of [`item`].
pub const ITEMS: &str = "items";
/// The folder of [`failure`].
pub const FAILURES: &str = "failures";
/// The folder of [`table_plan`].
pub const PLANS: &str = "plan";
/// The folder of [`footers`].
pub const FOOTERS: &str = "footers";
/// The folder of [`receipt`].
pub const RECEIPTS: &str = "receipts";
/// The folder of [`claim`], below the source.
pub const CLAIMS: &str = "claims";
/// The folder of [`history_claim`], below the source, and of [`history`], below a day.
pub const HISTORY: &str = "history";
/// The folder of [`link`], below the source.
pub const CHAIN: &str = "chain";
/// The folder of [`link_signature`], below the source.
pub const SIGNATURES: &str = "signatures";
/// The folder of the reasons for which rows were recovered in plain, below the source: the operator may write there.
pub const RECOVERIES: &str = "recoveries";
/// The folder of [`forgotten`], below the source: the operator who forgets writes there.
pub const FORGOTTEN: &str = "forgotten";
/// The folder of [`redo`], below the source: the operator may write there, and nowhere in a day.
pub const REDO: &str = "redo";

/// A key or an object name below a configured prefix, which may be empty.
pub fn below(prefix: &str, name: &str) -> String {
    match prefix.trim_matches('/') {
        "" => name.to_owned(),
        prefix => format!("{prefix}/{name}"),
    }
}

/// Rows that an operator forgot, by the number from 1.
pub fn forgotten(number: u32) -> SourceName<Forgotten> {
    SourceName::new(format!("{FORGOTTEN}/{number:08}.json"))
}

/// A link of the chain of published days, by its number from 1.
pub fn link(number: u32) -> SourceName<Link> {
    SourceName::new(format!("{CHAIN}/{number:08}.json"))
}

/// The signature of a link.
pub fn link_signature(number: u32) -> SourceName<LinkSignature> {
    SourceName::new(format!("{SIGNATURES}/{number:08}.json"))
}

/// The plan of one table.
pub fn table_plan(table: &str) -> DayName<TablePlan> {
    DayName::new(format!("{PLANS}/{table}.json"))
}

/// Footers that a planning tick has read, the `number`-th such record of the day, from 1.
pub fn footers(number: usize) -> DayName<FootersRecord> {
    DayName::new(format!("{FOOTERS}/{number:05}.json"))
}

/// The record of one transferred object.
pub fn item(table: &TablePlan, number: usize) -> DayName<ItemRecord> {
    DayName::new(format!("{ITEMS}/{}/{number:05}.json", table.record_name()))
}

/// What was counted in one object before its transfer.
pub fn scan(table: &TablePlan, number: usize) -> DayName<ScanRecord> {
    DayName::new(format!("scans/{}/{number:05}.json", table.record_name()))
}

/// The columns of a table that stay text.
pub fn text_columns(table: &TablePlan) -> DayName<TextColumnsRecord> {
    DayName::new(format!("text-columns/{}.json", table.record_name()))
}

/// Why an object of a table cannot be transferred.
pub fn failure(table: &TablePlan) -> DayName<Problem> {
    DayName::new(format!("{FAILURES}/{}.json", table.record_name()))
}

/// What was found before the load stage changed a table. A request to do the day again has its own.
pub fn intent(table: &str, redo: u32) -> DayName<Intent> {
    DayName::new(match redo {
        0 => format!("intents/{table}.json"),
        // Table names contain no hyphen.
        number => format!("intents/{table}-redo{number}.json"),
    })
}

/// The load attempts of a table that failed.
pub fn attempts(table: &str) -> DayName<LoadAttempts> {
    DayName::new(format!("attempts/{table}.json"))
}

/// The receipt of one table.
pub fn receipt(table: &str) -> DayName<Receipt> {
    DayName::new(format!("{RECEIPTS}/{table}.json"))
}

/// An alert that was raised today.
pub fn alert(fingerprint: &str) -> DayName<Alert> {
    DayName::new(format!("{ALERTS}/{fingerprint}.json"))
}

/// A notice that was reported, on whatever day.
pub fn notice(fingerprint: &str) -> SourceName<Notice> {
    SourceName::new(format!("{NOTICES}/{fingerprint}.json"))
}

/// An incident that has ended and whose messages are delivered.
pub fn incident(number: u32) -> SourceName<Incident> {
    SourceName::new(format!("{INCIDENTS}/{number:05}.json"))
}

/// A person's request to close an incident.
pub fn closure(number: u32) -> SourceName<Closure> {
    SourceName::new(format!("{CLOSURES}/{number:05}.json"))
}

/// What a table's rows are, and which day may write them.
pub fn claim(table: &str) -> SourceName<Claim> {
    SourceName::new(format!("{CLAIMS}/{table}.json"))
}

/// What a history table's rows are, day by day, and which load may replace one of them.
pub fn history_claim(table: &str) -> SourceName<Claim> {
    SourceName::new(format!("{HISTORY}/{table}.json"))
}

/// How the history of a table of the source has the rows of a day.
pub fn history(source_table: &str) -> DayName<HistoryRecord> {
    DayName::new(format!("{HISTORY}/{}.json", short_hash(source_table)))
}

/// The `number`-th request to do a day again, from 1.
pub fn redo(day: Day, number: u32) -> SourceName<RedoRequest> {
    SourceName::new(format!("{REDO}/{day}/{number:03}.json"))
}

/// How this request ended.
pub fn redo_done(day: Day, number: u32) -> SourceName<RedoDone> {
    SourceName::new(format!("{REDO}/{day}/{number:03}-done.json"))
}

/// The source's settings with this digest.
pub fn settings(digest: &str) -> SourceName<SettingsRecord> {
    SourceName::new(SettingsRecord::ledger_name(digest))
}

/// The export task of a day. It is recorded before the task is started: every tick exports the
/// snapshot that was recorded first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportRecord {
    /// The attempt, from 1.
    pub attempt: u32,
    /// The export task's id.
    pub export: String,
    /// The snapshot's id.
    pub snapshot: String,
    /// When the snapshot was taken, as RDS reports it.
    pub snapshot_at: Option<Timestamp>,
    /// The engine of the source.
    pub engine: Engine,
    /// Whether the task is COMPLETE and its manifests are recorded.
    pub complete: bool,
    /// The task's warning, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// When the task started, as RDS reports it.
    pub started_at: Option<Timestamp>,
    /// When the task ended, as RDS reports it.
    pub ended_at: Option<Timestamp>,
    /// Why earlier attempts failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<String>,
    /// The first tick that could not start the task, because RDS refused it for now or because other databases of the
    /// deployment have waited longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_since: Option<Timestamp>,
    /// The databases that were before this one in the queue at the last look, the first one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<String>,
    /// The newest request for another export that this one answers; 0 without any.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub redo: u32,
    /// The attempt from which the limit of attempts counts: a request begins with all of them.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub first_attempt: u32,
    /// While a requested export is made: the complete one that the day had. It counts again if the request cannot be
    /// carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Box<ExportRecord>>,
    /// The newest request for another export that could not be carried out, so that this export counts again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusedExport>,
}

/// A request for another export that could not be carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedExport {
    /// The number of the request.
    pub redo: u32,
    /// Its last attempt: the next request begins with the one after it.
    pub attempt: u32,
    /// Why it could not be carried out.
    pub why: String,
}

const fn first() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_first(attempt: &u32) -> bool {
    *attempt == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The content of the export's manifests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestRecord {
    /// `<prefix>/<export-id>/`: the tables are below it.
    pub root: String,
    /// One entry per table or database.
    pub tables: Vec<TableStatus>,
}

/// The tables whose plans a tick has recorded, without time for the others. The plans are the truth: an entry
/// counts only for the plan with its ETag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedRecord {
    /// By the tables' names in BigQuery.
    pub tables: BTreeMap<String, PlannedTable>,
}

/// A table of a [`PlannedRecord`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedTable {
    /// The version of the recorded plan.
    pub etag: String,
    /// The digest of the plan that was made; another one is compared with the recorded one.
    pub plan: String,
    /// The entry of the table in the plan of the day.
    pub entry: TableEntry,
}

/// What the footers of some files of the export say. A file is identified by its key and ETag, so
/// nothing of it is out of date. Not needed by anything but planning: without it, the files are read
/// again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FootersRecord {
    /// The different schemas of the files.
    pub schemas: Vec<Vec<ParquetColumn>>,
    /// The files.
    pub files: Vec<FileFooter>,
}

/// A file of a [`FootersRecord`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFooter {
    /// Its key in S3.
    pub key: String,
    /// Its ETag.
    pub etag: String,
    /// Rows.
    pub rows: u64,
    /// The position of its columns in [`FootersRecord::schemas`].
    pub schema: usize,
    /// How it is cut into parts; none if it is not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<FilePart>,
}

/// What was counted in one object before its transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanRecord {
    /// Rows.
    pub rows: u64,
    /// The columns that contain a value that does not fit their type.
    pub misfits: BTreeSet<String>,
}

/// The columns of a table that stay text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextColumnsRecord {
    /// Their names.
    pub columns: BTreeSet<String>,
}

/// The key that a day's tokens are made with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenKeyRecord {
    /// `landbridge_parquet::rewrite::TokenKey::id`: it distinguishes keys and is not secret.
    pub id: String,
}

/// What was found before a table was changed today. It is written before the first change, so
/// that a tick after a crash still knows what the change was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The table's rows; `None` when it did not exist.
    pub rows_before: Option<u64>,
    /// The schema change.
    pub changes: Vec<Note>,
    /// The last day whose tokens of this table were made with another key than today's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_key: Option<Day>,
}

/// The ticks that failed to load a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadAttempts {
    /// [`TableRows::digest`] of what was to be loaded: other content is another load.
    pub digest: String,
    /// The number of the deployment that tried it.
    pub deployment: i64,
    /// How many ticks have failed.
    pub ticks: u32,
    /// The last of them.
    pub tried_at: Timestamp,
}

/// Since when the functions run without a pause: what a day's absence is measured from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningRecord {
    /// The first tick after the deployment or after a pause.
    pub since: Timestamp,
    /// A recent tick: the record is written once an hour.
    pub seen: Timestamp,
}

/// The newest contract that was deployed, and whether its protection is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractRecord {
    /// The number of the deployment; a higher one is newer.
    pub number: i64,
    /// The digest of contract, classes and policy tags.
    pub digest: String,
    /// The tick that recorded this number first.
    pub recorded_at: Timestamp,
    /// Whether the tags of every table follow this contract.
    pub applied: bool,
    /// The newest day on which every table was compared with it.
    #[serde(default)]
    pub checked_on: Option<Day>,
}

/// What the friendly views were last written from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewsRecord {
    /// Digest of the deployment, the claims and the newest receipts.
    pub digest: String,
    /// The day of the tick; views are compared once a day in any case.
    pub day: Day,
    /// The tick that wrote them.
    pub written_at: Timestamp,
    /// How many views there are, `_freshness` included.
    pub views: usize,
}

/// How a day ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayRecord {
    /// Whether every table of the plan is published, and the plan has one.
    pub published: bool,
    /// Tables published.
    pub tables: usize,
    /// Rows published.
    pub rows: u64,
    /// The tables that are held.
    pub held: Vec<String>,
    /// The tables that were not loaded.
    pub skipped: Vec<String>,
    /// The tables that readers may expect and that have no rows of this day: RDS skipped them, or they
    /// are not in the export. A held table is not among them.
    #[serde(default)]
    pub gaps: Vec<String>,
    /// The tick that finished the day.
    pub finished_at: Timestamp,
    /// The newest request to do the day again that the record answers; 0 without any.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub redo: u32,
}

/// The state of a finished day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayState {
    /// Every table of the source is published.
    Published,
    /// Every table of the plan is published; others are not in the export.
    PublishedWithGaps,
    /// A table is held, or there is none.
    Held,
}

impl DayRecord {
    /// The state of the day.
    pub fn state(&self) -> DayState {
        match (self.published, self.gaps.is_empty()) {
            (false, _) => DayState::Held,
            (true, true) => DayState::Published,
            (true, false) => DayState::PublishedWithGaps,
        }
    }
}

/// An alert that was raised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The problem.
    pub problem: Problem,
    /// The table, or empty.
    pub table: String,
    /// The request to do the day again that met the problem; empty without one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub redo: String,
    /// The tick that raised it.
    pub raised_at: Timestamp,
}

/// A notice that was reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What it reports.
    pub problem: Problem,
    /// The day on which it was reported.
    pub reported: Day,
    /// The newest day on which it still held.
    pub last: Day,
}
