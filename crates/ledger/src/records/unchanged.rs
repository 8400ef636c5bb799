//! Which tables of a day keep the rows of an earlier day, because the export has the same content.
//!
//! Both records are created once and never changed, so a tick at the same time or after a crash decides the same.
//! A table keeps its rows if it has the first record and not the second.

use jiff::Timestamp;
use landbridge_core::calendar::Day;
use landbridge_core::plan::TablePlan;
use serde::{Deserialize, Serialize};

use crate::name::DayName;

/// The folder of [`unchanged`].
pub const UNCHANGED: &str = "unchanged";
/// The folder of [`carried`].
pub const CARRIED: &str = "carried";

/// That the export of a table has the same content as the rows that the table has.
pub fn unchanged(table: &TablePlan) -> DayName<UnchangedRecord> {
    DayName::new(format!("{UNCHANGED}/{}.json", table.record_name()))
}

/// That a table is transferred and loaded, whatever [`unchanged`] says.
pub fn carried(table: &TablePlan) -> DayName<CarriedRecord> {
    DayName::new(format!("{CARRIED}/{}.json", table.record_name()))
}

/// By what the exports of two days are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EqualBy {
    /// All bytes of their files.
    Bytes,
    /// The checksums that S3 has of their files (`transfer.unchanged: checksums`).
    Checksums,
    /// The figures of all columns and of the rows, which do not depend on the order of rows.
    Figures,
    /// All values of all rows that are loaded, found by their key.
    Rows,
}

/// The comparison of a table's export with that of an earlier day. It has no digest of the content: a
/// digest of personal data would be an oracle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnchangedRecord {
    /// The day that was loaded: the table has its rows.
    pub since: Day,
    /// The name of that day's plan of the table in the names of records.
    pub record: String,
    /// The load job that wrote the rows.
    pub job: String,
    /// The sequence of the table's claim. Another one means that other rows were loaded since.
    pub sequence: u32,
    /// The day whose export was compared: `since`, or a later one that was unchanged itself.
    pub compared_with: Day,
    /// By what the two are equal.
    pub by: EqualBy,
    /// The bytes of this day's files.
    pub bytes: u64,
    /// The tick that compared.
    pub compared_at: Timestamp,
}

/// Why a table is transferred and loaded after all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedRecord {
    /// The reason, for people.
    pub why: String,
    /// The tick that decided it.
    pub at: Timestamp,
}
