//! The records of audits.

use jiff::Timestamp;
use landbridge_core::audit::{Trend, TrendDay, Verdict};
use landbridge_core::calendar::Day;
use landbridge_core::plan::{Problem, TablePlan};
use serde::{Deserialize, Serialize};

use crate::name::{DayName, SourceName};

/// The folder of [`audit`].
pub const AUDITS: &str = "audits";

/// What audits say of a table, before it is loaded.
pub fn audit(table: &TablePlan) -> DayName<AuditRecord> {
    audit_named(&table.record_name())
}

/// The same by the name of the plan's records, as [`AUDITS`] lists them.
pub fn audit_named(record: &str) -> DayName<AuditRecord> {
    DayName::new(format!("{AUDITS}/{record}.json"))
}

/// Why a table that an audit may block cannot be audited yet. The load holds the table with it until the audits are
/// recorded: then it no longer counts.
pub fn unaudited(table: &TablePlan) -> DayName<Problem> {
    DayName::new(format!("unaudited/{}.json", table.record_name()))
}

/// The figures of a table's newest published days.
pub fn trend(table: &str) -> SourceName<Trend> {
    SourceName::new(format!("trends/{table}.json"))
}

/// The context in which the figures of a column are sealed for audits: of one object (`part` is its number), or of a
/// table (`part` is `table`).
pub fn audit_context(day: Day, record: &str, part: &str, column: &str) -> [String; 4] {
    [day.to_string(), record.to_owned(), part.to_owned(), column.to_owned()]
}

/// What audits say of a table. Written once, by the transfer; which findings hold the table is decided by the load
/// with the configuration of then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// The figures of the day. The load adds them to the [`trend`] when the table is published.
    pub figures: TrendDay,
    /// The verdicts of all checks.
    pub verdicts: Vec<Verdict>,
    /// The tick that made them.
    pub audited_at: Timestamp,
}
