//! The records of drills.

use jiff::Timestamp;
use landbridge_core::calendar::Day;
use serde::{Deserialize, Serialize};

use crate::name::SourceName;

/// The folder of [`drill`], below the source: the operator may write there.
pub const DRILLS: &str = "drills";

/// A drill, named for the time at which it started: `20261121t010000z`.
pub fn drill(time: &str) -> SourceName<Drill> {
    SourceName::new(format!("{DRILLS}/{time}.json"))
}

/// A drill: a restore that was checked, timed and deleted again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drill {
    /// When the drill started.
    pub at: Timestamp,
    /// The restored snapshot.
    pub snapshot: String,
    /// Seconds from the restore request until the database answered: the recovery time.
    pub seconds: i64,
    /// The day of the receipts that the rows were compared with, if any.
    pub day: Option<Day>,
    /// Tables whose rows were counted.
    pub tables: usize,
    /// Whether there was no problem.
    pub good: bool,
    /// What went wrong, one sentence per problem.
    pub problems: Vec<String>,
}
