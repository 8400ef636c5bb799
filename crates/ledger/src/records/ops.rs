//! The records of rows on their way to the tables of `warehouse.ops_dataset`.

use std::collections::{BTreeMap, BTreeSet};

use landbridge_core::calendar::Day;
use serde::{Deserialize, Serialize};

use crate::name::{DayName, SourceName};

/// What is not in the dataset yet, and what of the incidents is.
pub static OPS: SourceName<OpsRecord> = SourceName::fixed("ops.json");

/// The `number`-th batch of receipts for BigQuery, from 1.
pub fn batch(number: usize) -> DayName<Batch> {
    DayName::new(format!("batches/{number:03}.json"))
}

/// That the receipts of this batch are in BigQuery.
pub fn batch_done(number: usize) -> DayName<BatchDone> {
    DayName::new(format!("batches/{number:03}-done.json"))
}

/// Receipts on their way to BigQuery, with the rows of the other tables that belong to them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Its number within the day, from 1.
    pub number: usize,
    /// The fingerprints of the receipts it contains: `table@state`.
    pub receipts: Vec<String>,
    /// The JSON lines, as sent.
    pub lines: String,
    /// The lines of the table `columns`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub columns: String,
    /// The lines of the table `audits`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub audits: String,
}

impl Batch {
    /// The bytes of all its lines.
    pub fn bytes(&self) -> usize {
        self.lines.len() + self.columns.len() + self.audits.len()
    }
}

/// A batch whose receipts are in BigQuery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchDone {
    /// The load job that appended it.
    pub job: String,
    /// The fingerprints of its receipts, so that no tick reads the batch again. Empty in records of
    /// earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receipts: Vec<String>,
}

/// The state of the tables beside `receipts`, and of the views. Replaced under the condition that no other tick
/// replaced it meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OpsRecord {
    /// The batches of each day whose rows of `columns` and `audits` are not known to be in BigQuery. A batch is
    /// named here before its receipts are appended.
    pub waiting: BTreeMap<Day, BTreeSet<usize>>,
    /// The incidents.
    pub incidents: SentIncidents,
    /// The views that were written last.
    pub views: Option<WrittenViews>,
}

/// What of the incidents is in BigQuery.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SentIncidents {
    /// The number of the newest batch.
    pub batches: usize,
    /// The newest incident that was looked at.
    pub through: u32,
    /// The incidents up to `through` that had not ended, with a digest of what was sent.
    pub open: BTreeMap<u32, String>,
    /// The lines of the newest batch, until they are known to be in BigQuery.
    pub pending: Option<String>,
}

/// The views that were written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenViews {
    /// Digest of their texts.
    pub digest: String,
    /// The day on which they were compared; once a day in any case.
    pub day: Day,
}
