//! The requests that have not ended, and what each waits for. `landbridge status` shows them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use landbridge_core::calendar::Day;
use landbridge_core::plan::{DayPlan, TableEntry};
use landbridge_core::redo::{Redo, RedoRequest, RedoStage, redo_of};
use landbridge_ledger::records::{EXPORT, FAILURES, ITEMS, PLAN};
use landbridge_ledger::{DayLedger, Ledger, ReceiptSummaries};
use serde::Serialize;

use crate::failure::Result;

/// Records read at once: they are small, and latency dominates.
const AT_ONCE: usize = 16;

/// A request that has not ended; its fields are keys of `landbridge status --output json`.
#[derive(Debug, Serialize)]
pub(crate) struct OpenRedo {
    pub(crate) day: Day,
    /// The number of the request within the day.
    pub(crate) number: u32,
    /// The source tables; `None`: all of the day.
    pub(crate) tables: Option<BTreeSet<String>>,
    /// Whether the snapshot is exported again.
    pub(crate) export: bool,
    pub(crate) requested_at: Timestamp,
    /// The function that has to go on.
    pub(crate) waits_for: RedoStage,
    /// The tables that have their new receipts.
    pub(crate) done: usize,
    /// The tables of the request; `None` if the day, or its other export, is not planned yet.
    pub(crate) of: Option<usize>,
}

/// The requests that have not ended, the newest day first. Reads the records of these days only.
///
/// # Errors
/// Any ledger error.
pub(crate) async fn open(ledger: &Ledger) -> Result<Vec<OpenRedo>> {
    let requests = ledger.source();
    let days = requests.redo_days().await?;
    let mut open = Vec::new();
    for (day, numbers) in days.iter().rev() {
        if numbers.values().all(|has_ended| *has_ended) {
            continue;
        }
        let all = requests.redo_requests(*day, &days).await?;
        let redo = Redo::of(all.iter().cloned());
        let records = DayRecords::read(&ledger.day(*day), &redo).await?;
        let of_day = all.into_iter().filter(|(_, done)| done.is_none());
        open.extend(of_day.map(|(request, _)| records.describe(*day, request)));
    }
    Ok(open)
}

/// What a day's records say of its requests.
struct DayRecords {
    /// Whether the newest requested export is complete.
    is_exported: bool,
    /// The plan of that export.
    plan: Option<DayPlan>,
    /// The tables whose objects are all transferred, or cannot be.
    transferred: BTreeSet<String>,
    receipts: ReceiptSummaries,
}

impl DayRecords {
    async fn read(ledger: &DayLedger, redo: &Redo) -> Result<Self> {
        let export = ledger.value(&EXPORT).await?;
        let export = export.filter(|it| it.complete && it.redo >= redo.export());
        let plan = ledger.value(&PLAN).await?;
        let is_of_export = |plan: &DayPlan| {
            redo.export() == 0 || export.as_ref().is_some_and(|it| it.export == plan.export)
        };
        let plan = plan.filter(is_of_export);
        let items = ledger.names(ITEMS).await?;
        let failures = ledger.names(FAILURES).await?;
        let is_transferred = |entry: &&TableEntry| {
            let name = entry.record_name();
            let done = items.get(&name).map_or(0, Vec::len);
            !entry.unread && (done >= entry.items || failures.contains_key(&name))
        };
        let entries = plan.iter().flat_map(|plan| &plan.tables);
        let transferred =
            entries.filter(is_transferred).map(|entry| entry.source_table.clone()).collect();
        let receipts = ledger.receipt_summaries_read_only(AT_ONCE).await?;
        Ok(Self { is_exported: export.is_some(), plan, transferred, receipts })
    }

    fn describe(&self, day: Day, request: RedoRequest) -> OpenRedo {
        let RedoRequest { number, tables, export, requested_at, .. } = request;
        let is_wanted = |name: &str| tables.as_ref().is_none_or(|it| it.contains(name));
        let answers = self.receipts.values().filter(|it| it.redo >= number);
        let answered: BTreeSet<&str> = answers.map(|it| it.source_table.as_str()).collect();
        let entries = self.plan.iter().flat_map(|plan| &plan.tables);
        let wanted: Vec<&TableEntry> =
            entries.filter(|entry| is_wanted(&entry.source_table)).collect();
        let is_done = |entry: &&&TableEntry| answered.contains(entry.source_table.as_str());
        let is_at_load = |entry: &&TableEntry| {
            redo_of(&entry.transfer_fingerprint) >= number
                && self.transferred.contains(&entry.source_table)
        };
        let left: Vec<&&TableEntry> = wanted.iter().filter(|entry| !is_done(entry)).collect();
        let waits_for = match &self.plan {
            _ if !self.is_exported => RedoStage::Export,
            None => RedoStage::Transfer,
            Some(_) if left.is_empty() => RedoStage::End,
            Some(_) if left.iter().all(|entry| is_at_load(entry)) => RedoStage::Load,
            Some(_) => RedoStage::Transfer,
        };
        OpenRedo {
            day,
            number,
            done: wanted.iter().filter(is_done).count(),
            of: self.plan.is_some().then_some(wanted.len()),
            tables,
            export,
            requested_at,
            waits_for,
        }
    }
}
