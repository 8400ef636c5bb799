//! The tables that a day's plan knows, by all their names.

use std::collections::BTreeSet;

use landbridge_core::plan::DayPlan;
use landbridge_ledger::ReceiptSummary;

/// The names in a plan. A table that is none of them is missing: see [`super::gone`].
pub(super) struct PlannedNames<'a> {
    /// Of the BigQuery tables that are loaded.
    pub(super) tables: BTreeSet<&'a str>,
    /// Of the source tables that are loaded.
    pub(super) sources: BTreeSet<&'a str>,
    /// Of the source tables that are not loaded, each with a receipt that says why.
    pub(super) skipped: BTreeSet<&'a str>,
}

impl<'a> PlannedNames<'a> {
    pub(super) fn of(plan: &'a DayPlan) -> Self {
        Self {
            tables: plan.tables.iter().map(|entry| entry.table.as_str()).collect(),
            sources: plan.tables.iter().map(|entry| entry.source_table.as_str()).collect(),
            skipped: plan.skipped.iter().map(|skipped| skipped.source_table.as_str()).collect(),
        }
    }

    /// Whether the plan loads the table of a receipt. A table is known by its name in BigQuery if it has
    /// one.
    pub(super) fn loads(&self, receipt: &ReceiptSummary) -> bool {
        match receipt.table.as_str() {
            "" => self.sources.contains(receipt.source_table.as_str()),
            table => self.tables.contains(table),
        }
    }
}
