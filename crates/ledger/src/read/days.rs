//! How each day ended.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use landbridge_core::Result;
use landbridge_core::calendar::{Calendar, Day};
use landbridge_core::receipt::ReceiptState;
use serde::Serialize;

use crate::records::{DAY, DayRecord, DayState, EXPORT, PLAN};
use crate::{Ledger, ReceiptSummary};

/// Receipts, or days, read at once.
const AT_ONCE: usize = 16;

/// One day; its fields are keys of the JSON of `landbridge days`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DayLine {
    /// The day.
    pub day: Day,
    /// `published`, `published_with_gaps`, `held`, `loading`, `transferring`, `exporting`, `nothing`.
    pub state: &'static str,
    /// Tables published.
    pub tables: usize,
    /// Rows published.
    pub rows: u64,
    /// The tables that are held.
    pub held: Vec<String>,
    /// Tables that are not in the export.
    pub gaps: Vec<String>,
    /// The tick that finished the day.
    pub finished_at: Option<Timestamp>,
    /// The state of each table of the day's receipts, by its name in the source.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub of_tables: BTreeMap<String, &'static str>,
}

/// The newest days, today first; with the state of each table if `of_tables`.
///
/// # Errors
/// Any ledger error.
pub async fn read(
    ledger: &Ledger,
    calendar: &Calendar,
    now: Timestamp,
    count: u16,
    of_tables: bool,
) -> Result<Vec<DayLine>> {
    let days = newest(calendar, now, count);
    // At once: a command at a terminal waits for the latency of one day, not of all.
    futures::stream::iter(days)
        .map(|day| async move {
            let mut line = line(ledger, day).await?;
            if of_tables && line.state != "nothing" {
                line.of_tables = of_tables_on(ledger, day).await?;
            }
            Ok(line)
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

/// The newest `count` days, today first.
pub fn newest(calendar: &Calendar, now: Timestamp, count: u16) -> Vec<Day> {
    std::iter::successors(Some(calendar.day_of(now)), |day| day.before())
        .take(count.into())
        .collect()
}

/// The states of the tables of a day.
async fn of_tables_on(ledger: &Ledger, day: Day) -> Result<BTreeMap<String, &'static str>> {
    let receipts = ledger.day(day).receipt_summaries_read_only(AT_ONCE).await?;
    let shown = receipts.into_values().filter(is_shown);
    Ok(shown.map(|it| (it.source_table, it.state.name())).collect())
}

/// Whether a receipt is of a table that readers know: partitions, and tables that the contract leaves in AWS, are not.
pub fn is_shown(receipt: &ReceiptSummary) -> bool {
    receipt.state != ReceiptState::Skipped || receipt.has_problem
}

/// One day, without the states of its tables.
///
/// # Errors
/// Any ledger error.
pub async fn line(ledger: &Ledger, day: Day) -> Result<DayLine> {
    let ledger = ledger.day(day);
    let mut line = DayLine {
        day,
        state: "nothing",
        tables: 0,
        rows: 0,
        held: Vec::new(),
        gaps: Vec::new(),
        finished_at: None,
        of_tables: BTreeMap::new(),
    };
    if let Some(record) = ledger.value(&DAY).await? {
        line.state = match record.state() {
            DayState::Published => "published",
            DayState::PublishedWithGaps => "published_with_gaps",
            DayState::Held => "held",
        };
        let DayRecord { tables, rows, held, gaps, finished_at, .. } = record;
        return Ok(DayLine { tables, rows, held, gaps, finished_at: Some(finished_at), ..line });
    }
    if ledger.value(&PLAN).await?.is_some() {
        line.state = "loading";
    } else if let Some(export) = ledger.value(&EXPORT).await? {
        line.state = if export.complete { "transferring" } else { "exporting" };
    }
    Ok(line)
}
