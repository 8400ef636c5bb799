//! The load stage: tables, policy tags, rows, receipts.
//!
//! | module | responsibility |
//! |---|---|
//! | [`table`] | one table: schema and tags before data, load job, proof, receipt |
//! | [`stats`] | the statistics of a table's columns: NULLs, bounds, values that did not fit |
//! | [`misfits`] | the limit for values that did not fit, and what can be done about them |
//! | `chain` | the chain of published days, and its signatures |
//! | [`earlier`] | the names of tables in BigQuery on earlier days |
//! | [`finish`] | the end of the day: skipped tables, the day's record, the deadline |
//! | `history` | the rows of past days in history tables |
//! | [`gone`] | tables that were loaded and are not in today's export |
//! | [`planned`] | the names of the tables that the plan knows |
//! | [`ops`] | receipts, columns, audits and incidents as rows in BigQuery, and views of them |
//! | [`slots`] | how many tables are at work, and how many wait for their jobs |

mod chain;
mod clock_changes;
mod earlier;
mod finish;
mod gone;
mod history;
mod misfits;
mod ops;
mod planned;
mod slots;
mod stats;
mod table;

use std::time::Duration;

use futures::StreamExt;
use landbridge_core::Result;
use landbridge_core::calendar::Day;
use landbridge_core::plan::{DayPlan, Problem, TableEntry};
use landbridge_core::protection::MAX_TIME_TRAVEL_HOURS;
use landbridge_core::receipt::Receipt;
use landbridge_ledger::records::{self, EXPORT, FAILURES, ITEMS, PLAN};
use landbridge_ledger::{DayLedger, ReceiptSummaries, ReceiptSummary};

use self::earlier::EarlierNames;
use self::slots::{Slot, Slots};
use self::table::TableLoad;
use crate::deployment::{self, Order};
use crate::plan::transfer_fingerprint;
use crate::redo::{self, Requests};
use crate::unchanged::Decisions;
use crate::{Context, Progress, Tick, TickOutcome};

/// Receipts by the name of their record: the table's, `skipped-…` or `gone-…`.
type Receipts = ReceiptSummaries;

/// Tables whose load jobs run at the same time, at most: each waits for its job with its plan in memory, and
/// is polled every five seconds. BigQuery allows 100 calls of a method per second and user, and 300 calls at
/// once ("Quotas and limits", section "API request quotas"); 100,000 load jobs per project and day, and
/// 1,500 per table (section "Load jobs").
const IN_FLIGHT: usize = 200;
/// No table is started later than this before the end of the tick. Its job may end after the tick; the next
/// one proves it.
const STOP_BEFORE: Duration = Duration::from_secs(10);

/// A table that can be loaded, or held.
struct ReadyTable<'a> {
    entry: &'a TableEntry,
    /// Whether every object is in Cloud Storage. Otherwise, one of them cannot be transferred, unless the table is
    /// unchanged.
    complete: bool,
    /// Whether the table keeps its rows, because its export is unchanged.
    unchanged: bool,
    /// Whether only the rows that changed are transferred.
    delta: bool,
}

/// Runs one tick. Idempotent: load jobs are named after their day, table and attempt, and
/// BigQuery runs a job id once.
///
/// # Errors
/// The first error that does not hold its table, after the other tables were tried.
pub async fn tick(context: &Context, tick: Tick) -> Result<TickOutcome> {
    let own = async |requests: &Requests, days| load_open_day(context, requests, days, tick).await;
    let again = async |requests: &Requests, day| load_day(context, requests, day, tick).await;
    let outcome = redo::run_days(context, tick, own, again).await;
    Box::pin(history::follow(context, tick)).await;
    Box::pin(ops::follow(context, tick)).await;
    outcome
}

/// Loads what can be loaded of today, or of the day before if today has nothing to load yet.
async fn load_open_day(
    context: &Context,
    requests: &Requests,
    (today, day): (Day, Day),
    tick: Tick,
) -> Result<TickOutcome> {
    if day == today {
        return Box::pin(load_day(context, requests, today, tick)).await;
    }
    // What is missing of today is said at its deadline, also while an older day is loaded.
    finish::check_deadline(context, &context.ledger(today), today, tick).await?;
    let mut outcome = Box::pin(load_day(context, requests, day, tick)).await?;
    if outcome.progress == Progress::Done {
        outcome.progress = Progress::Waiting;
        outcome.message = format!("{}; the export of {today} is not complete", outcome.message);
    }
    Ok(outcome)
}

/// Loads what can be loaded of one day.
async fn load_day(
    context: &Context,
    requests: &Requests,
    day: Day,
    tick: Tick,
) -> Result<TickOutcome> {
    let context = &*requests.context_of(context, day).await?;
    let ledger = context.ledger(day);
    let Some(plan) = ledger.value(&PLAN).await? else {
        finish::check_deadline(context, &ledger, day, tick).await?;
        return Ok(TickOutcome::new(Progress::Waiting, format!("{day} is not planned yet")));
    };
    if !is_of_export(context, &ledger, &plan).await? {
        let message = format!("the other export of {day} is not planned yet");
        return Ok(TickOutcome::new(Progress::Waiting, message));
    }
    let mut receipts = finish::read_receipts(context, &ledger, &plan).await?;
    let mut is_complete = !finish::write_skipped(context, &ledger, &plan, &receipts, tick).await?;
    let ready = ready_tables(context, &ledger, &plan, &receipts).await?;

    let ready =
        if ready.is_empty() || is_newest(context, tick).await? { ready } else { Vec::new() };
    let window_hours = match ready.is_empty() {
        true => MAX_TIME_TRAVEL_HOURS,
        false => context.gcp.bigquery.time_travel_hours(&context.config.warehouse.dataset).await?,
    };

    let (slots, names) = (&Slots::new(context), &EarlierNames::default());
    let run = Run { context, ledger: &ledger, day: &plan, tick, window_hours, slots, names };
    let mut results = futures::stream::iter(ready)
        .map(|ready| async move {
            let receipt = run.load_in_time(&ready).await;
            (ready.entry.table.as_str(), receipt)
        })
        .buffer_unordered(slots.in_flight());
    let mut first_error = None;
    while let Some((name, result)) = results.next().await {
        match result {
            Ok(Some(receipt)) => {
                receipts.insert(name.to_owned(), ReceiptSummary::of(&receipt));
                is_complete = false;
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(table = name, kind = error.kind().name(), %error, "a table was not loaded");
                first_error.get_or_insert(error);
            }
        }
    }
    drop(results);
    if let Some(error) = first_error {
        finish::check_deadline(context, &ledger, day, tick).await?;
        return Err(error);
    }
    finish::finish_day(context, &ledger, &plan, receipts, is_complete, tick).await
}

/// Whether the plan is that of the newest export that an operator requested. A request can name a table that
/// the earlier export lacks, so the tables of the plan do not say that it has ended.
async fn is_of_export(context: &Context, ledger: &DayLedger, plan: &DayPlan) -> Result<bool> {
    let wanted = context.redo.export();
    if wanted == 0 {
        return Ok(true);
    }
    let export = ledger.value(&EXPORT).await?;
    Ok(export.is_some_and(|it| it.complete && it.redo >= wanted && it.export == plan.export))
}

/// The tables without a final receipt whose objects are all transferred, or cannot be.
async fn ready_tables<'a>(
    context: &Context,
    ledger: &DayLedger,
    plan: &'a DayPlan,
    receipts: &Receipts,
) -> Result<Vec<ReadyTable<'a>>> {
    let open = plan.tables.iter().filter(|entry| {
        // If the contract now asks for another transfer, the transfer stage does that first.
        !entry.unread
            && entry.transfer_fingerprint == transfer_fingerprint(context, &entry.source_table)
            && receipts.get(&entry.table).is_none_or(|receipt| !receipt.is_final())
    });
    let open: Vec<&TableEntry> = open.collect();
    if open.is_empty() {
        return Ok(Vec::new());
    }
    // Before the objects: if the table is carried after all, they count.
    let decisions = Decisions::read(context, ledger).await?;
    let transferred = ledger.names(ITEMS).await?;
    let failures = ledger.names(FAILURES).await?;
    let ready = open.into_iter().filter_map(|entry| {
        let name = entry.record_name();
        let complete = transferred.get(&name).map_or(0, Vec::len) >= entry.items;
        let unchanged = !complete && decisions.is_unchanged(&name);
        let delta = complete && decisions.is_delta(&name);
        (complete || unchanged || failures.contains_key(&name)).then_some(ReadyTable {
            entry,
            complete,
            unchanged,
            delta,
        })
    });
    Ok(ready.collect())
}

/// Whether this process has the newest contract. A tick with an older one loads nothing: a newer
/// contract may hide what this one would open.
async fn is_newest(context: &Context, tick: Tick) -> Result<bool> {
    match deployment::register(context, tick).await? {
        Order::Newest(_) => Ok(true),
        Order::Older(newest) => {
            tracing::warn!(
                newest = newest.number,
                "a newer contract is deployed, so this tick loads nothing"
            );
            Ok(false)
        }
    }
}

/// What the tables of one tick have in common.
#[derive(Clone, Copy)]
struct Run<'a> {
    context: &'a Context,
    ledger: &'a DayLedger,
    day: &'a DayPlan,
    tick: Tick,
    window_hours: u32,
    slots: &'a Slots,
    names: &'a EarlierNames,
}

impl Run<'_> {
    /// Loads one table when there is a slot for it, if the tick still has time.
    async fn load_in_time(&self, ready: &ReadyTable<'_>) -> Result<Option<Receipt>> {
        let slot = self.slots.take().await;
        if !self.tick.has_for_more(STOP_BEFORE) {
            return Ok(None);
        }
        self.load_or_hold(ready, slot).await
    }

    /// Loads one table. An error that holds the table becomes its receipt; any other is returned.
    async fn load_or_hold(&self, ready: &ReadyTable<'_>, slot: Slot) -> Result<Option<Receipt>> {
        let Self { context, ledger, day, tick, window_hours, names, .. } = *self;
        let Some(table) = ledger.table_plan(ready.entry).await? else { return Ok(None) };
        let (table, slot) = (&table, &slot);
        let (history, delta) = (None, None);
        let load = TableLoad {
            context,
            ledger,
            day,
            table,
            tick,
            window_hours,
            slot,
            names,
            history,
            delta,
        };
        if !ready.complete && !ready.unchanged {
            return match ledger.value(&records::failure(table)).await? {
                Some(problem) => load.hold(problem).await.map(Some),
                None => Ok(None),
            };
        }
        let run = async {
            match (ready.unchanged, ready.delta) {
                (true, _) => load.run_unchanged().await,
                (false, true) => load.run_delta().await,
                (false, false) => load.run().await,
            }
        };
        match Box::pin(run).await {
            Err(error) if error.kind().holds_table() => {
                load.hold(Problem::from(&error)).await.map(Some)
            }
            result => result,
        }
    }
}
