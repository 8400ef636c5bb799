//! What the index of a day contains of each receipt.

use std::collections::BTreeMap;
use std::fmt::Write;

use landbridge_core::ids::short_hash;
use landbridge_core::receipt::{Receipt, ReceiptState};
use serde::{Deserialize, Serialize};

/// What ticks need of a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptSummary {
    /// `schema.table` in the source.
    pub source_table: String,
    /// The BigQuery table; empty when it has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub table: String,
    /// How the table's day ended.
    pub state: ReceiptState,
    /// The request to do the table again that the receipt answers; 0 without any.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub redo: u32,
    /// Rows of the table, read back after the load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_table: Option<u64>,
    /// Whether the receipt has a problem.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_problem: bool,
    /// What distinguishes the receipt from an earlier one of the same table: its state, its problem, and
    /// which request it answers.
    pub fingerprint: String,
}

impl ReceiptSummary {
    /// The summary of a receipt.
    pub fn of(receipt: &Receipt) -> Self {
        Self {
            source_table: receipt.source_table.clone(),
            table: receipt.table.clone(),
            state: receipt.state,
            redo: receipt.redo,
            rows_table: receipt.rows_table,
            has_problem: receipt.problem.is_some(),
            fingerprint: fingerprint(receipt),
        }
    }

    /// See [`Receipt::is_final`].
    pub fn is_final(&self) -> bool {
        matches!(self.state, ReceiptState::Published | ReceiptState::Superseded)
    }
}

/// See [`ReceiptSummary::fingerprint`].
fn fingerprint(receipt: &Receipt) -> String {
    let mut fingerprint = format!("{}@{}", receipt.source_table, receipt.state.name());
    if let Some(problem) = &receipt.problem {
        let _ = write!(fingerprint, "-{}", short_hash(&problem.to_string()));
    }
    if receipt.redo > 0 {
        let _ = write!(fingerprint, "-redo{}", receipt.redo);
    }
    fingerprint
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The receipts of a day, by the names of their records.
pub type ReceiptSummaries = BTreeMap<String, ReceiptSummary>;

/// The record of the index.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexRecord {
    /// By the names of the receipts.
    pub(crate) receipts: BTreeMap<String, IndexEntry>,
}

impl IndexRecord {
    pub(crate) fn summaries(self) -> ReceiptSummaries {
        self.receipts.into_iter().map(|(name, entry)| (name, entry.summary)).collect()
    }
}

/// A receipt in the index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexEntry {
    /// The version of the receipt.
    pub(crate) etag: String,
    /// What ticks need of it.
    #[serde(flatten)]
    pub(crate) summary: ReceiptSummary,
}
