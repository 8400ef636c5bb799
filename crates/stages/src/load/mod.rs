//! The load stage: tables, tags, rows, receipts.
//!
//! | module | what |
//! |---|---|
//! | [`table`] | one table: diff, tags before data, load job, proof, receipt |
//! | [`facts`] | what is known of a table's columns: NULLs, bounds, what did not fit |
//! | [`settle`] | the end of the day: skipped tables, the day's record, the deadline |
//! | [`receipts`] | receipts as rows of the warehouse |

pub mod facts;
pub mod receipts;
pub mod settle;
pub mod table;

use futures::StreamExt;
use landbridge_core::Result;
use landbridge_core::plan::{DayPlan, Problem, TableEntry};
use landbridge_core::receipt::{Receipt, ReceiptState};

use crate::records::{self, PLAN, revised};
use crate::{Context, Ledger, Progress, Tick, TickOutcome, transfer};

/// One tick. Repeating it loads nothing twice: load jobs are named for their
/// day, table and attempt, and BigQuery runs an id once.
///
/// # Errors
/// The first trouble that no receipt can hold, after the other tables had their chance.
pub async fn tick(context: &Context, tick: Tick) -> Result<TickOutcome> {
    let day = context.calendar.day_of(tick.now);
    let ledger = context.ledger(day);
    let Some(plan) = ledger.get::<DayPlan>(PLAN).await? else {
        settle::overdue(context, &ledger, day, tick).await?;
        return Ok(TickOutcome::new(Progress::Waiting, format!("{day} is not planned yet")));
    };
    let plan = plan.value;
    settle::skipped(&ledger, &plan, tick).await?;
    let mut receipts = settle::read(&ledger, &plan).await?;
    let carried = ledger.names("items").await?;
    let failures = ledger.names("failures").await?;
    let ready = plan.tables.iter().filter(|entry| {
        // A contract of another way for the table: the transfer plans and carries it anew first.
        entry.transfer_fingerprint == transfer::transfer_fingerprint(context, &entry.source_table)
            && receipts.get(&entry.table).is_none_or(|receipt| !is_final(receipt))
    });
    let ready = ready.filter_map(|entry| {
        let name = revised(&entry.table, entry.revision);
        let whole = carried.get(&name).map_or(0, Vec::len) >= entry.items;
        (whole || failures.contains_key(&name)).then_some((entry, whole))
    });
    let ready: Vec<(&TableEntry, bool)> = ready.collect();

    let (ledger_ref, plan_ref) = (&ledger, &plan);
    let mut results = futures::stream::iter(ready)
        .map(|(entry, whole)| async move {
            let name = entry.table.as_str();
            (name, one(context, ledger_ref, plan_ref, entry, whole, tick).await)
        })
        .buffer_unordered(usize::from(context.config.transfer.concurrency));
    let mut first = None;
    while let Some((name, result)) = results.next().await {
        match result {
            Ok(Some(receipt)) => {
                receipts.insert(name.to_owned(), receipt);
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(table = name, kind = error.kind().name(), %error, "a table was not loaded");
                first.get_or_insert(error);
            }
        }
    }
    drop(results);
    if let Some(error) = first {
        settle::overdue(context, &ledger, day, tick).await?;
        return Err(error);
    }
    settle::settle(context, &ledger, &plan, &receipts, tick).await
}

/// Whether a receipt needs no further look: a held table may yet be mended today.
pub(crate) fn is_final(receipt: &Receipt) -> bool {
    matches!(receipt.state, ReceiptState::Published | ReceiptState::Superseded)
}

/// Loads one table, of which the `whole` is carried or something cannot be. A trouble that waits for a person becomes a receipt; any other is returned.
async fn one(
    context: &Context,
    ledger: &Ledger,
    plan: &DayPlan,
    entry: &TableEntry,
    whole: bool,
    tick: Tick,
) -> Result<Option<Receipt>> {
    let Some(table) = transfer::table_plan(ledger, entry).await? else { return Ok(None) };
    if !whole {
        let problem = ledger.get::<Problem>(&records::failure(&table)).await?;
        return match problem {
            Some(problem) => {
                table::held_as(ledger, plan, &table, problem.value, tick).await.map(Some)
            }
            None => Ok(None),
        };
    }
    match table::load(context, ledger, plan, &table, tick).await {
        Ok(receipt) => Ok(receipt),
        Err(error) if error.kind().holds_table() => {
            let receipt = table::held(ledger, plan, &table, &error, tick).await?;
            Ok(Some(receipt))
        }
        Err(error) => Err(error),
    }
}

/// The name of a table's receipt.
fn receipt_name(table: &str) -> String {
    records::receipt(table)
}
