//! The transfer stage: the day's plan, and every object of it from S3 to Cloud Storage.
//!
//! | module | what |
//! |---|---|
//! | [`planning`] | footers and manifests become the day's plan |
//! | [`text`] | which columns stay text because a value does not fit |
//! | [`carry`] | one object on its way |
//! | [`key`] | the key of tokens, the same for all that a day carries |

pub mod carry;
pub mod key;
pub mod planning;
pub mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use landbridge_core::config;
use landbridge_core::plan::{DayPlan, Problem, TableEntry, TablePlan, TransferItem};
use landbridge_core::receipt::Receipt;
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_gcp::storage::UPLOAD_BUFFER;

use self::key::DayKey;
use self::text::Decision;
use crate::ledger::Recorded;
use crate::load::is_final;
use crate::records::{self, EXPORT, ExportRecord, PLAN, revised};
use crate::{Context, Ledger, Progress, Tick, TickOutcome};

/// Time that a tick keeps for an object it begins: at the 50 MB/s that one
/// invocation can count on, some 3 GB.
const TIME_FOR_ONE: Duration = Duration::from_secs(60);
/// What an object under way takes: the upload's buffer and its last piece, two windows of the
/// source, and the pages that are being converted.
const MEMORY_PER_OBJECT: usize = 2 * UPLOAD_BUFFER + 16 * 1024 * 1024;
/// After so many failed objects a tick stops trying: the trouble is not theirs.
const MAX_FAILURES: usize = 5;

/// One object to carry, or to look through before.
struct Work {
    table: Arc<TablePlan>,
    item: TransferItem,
    /// The columns that stay text; `None` while that is what must be found out.
    text: Option<Arc<BTreeSet<String>>>,
}

/// One tick. Repeating it carries nothing twice: objects are named for their
/// day, revision and number and are created only if they are not there.
///
/// # Errors
/// The first trouble met that is not one table's own, after the other objects had their chance.
pub async fn tick(context: &Context, tick: Tick) -> Result<TickOutcome> {
    let day = context.calendar.day_of(tick.now);
    let ledger = context.ledger(day);
    let Some(export) =
        ledger.get::<ExportRecord>(EXPORT).await?.filter(|record| record.value.complete)
    else {
        return Ok(TickOutcome::new(
            Progress::Waiting,
            format!("the export of {day} is not complete"),
        ));
    };
    let plan = match ledger.get::<DayPlan>(PLAN).await? {
        None => planning::plan(context, &ledger, &export.value, day, None, tick).await?,
        Some(plan) if is_current(context, &plan.value) => plan.value,
        // Somebody mended the file or the contract that a table waits for, or may have.
        Some(plan) => {
            let settled = settled(context, &ledger, &plan.value).await?;
            let before = Some(planning::Before { plan, settled });
            planning::plan(context, &ledger, &export.value, day, before, tick).await?
        }
    };
    let open = match open(&ledger, &plan).await? {
        Some(open) => open,
        // A tick of another contract planned a table after the day's plan was made.
        None => {
            let recorded = ledger.get::<DayPlan>(PLAN).await?;
            let before = recorded.map(|plan| planning::Before { plan, settled: BTreeSet::new() });
            let plan = planning::plan(context, &ledger, &export.value, day, before, tick).await?;
            open(&ledger, &plan).await?.ok_or_else(|| {
                Error::new(
                    ErrorKind::Transient,
                    "another tick is planning the day",
                    day.to_string(),
                )
            })?
        }
    };
    let mut scans = Vec::new();
    for (table, _) in &open {
        if let Decision::Missing(items) = text::decide(&ledger, table).await? {
            let scan = |item| Work { table: table.clone(), item, text: None };
            scans.extend(items.into_iter().map(scan));
        }
    }
    let counted = run(context, &ledger, tick, scans).await?;
    let mut work = Vec::new();
    for (table, done) in &open {
        let Decision::Made(text) = text::decide(&ledger, table).await? else { continue };
        let text = Arc::new(text);
        let left = table.items.iter().filter(|item| !done.contains(&format!("{:05}", item.number)));
        work.extend(left.map(|item| Work {
            table: table.clone(),
            item: item.clone(),
            text: Some(text.clone()),
        }));
    }
    if work.is_empty() && counted.left == 0 && counted.troubled == 0 {
        return Ok(TickOutcome::new(
            Progress::Done,
            format!("every object of {day} is in Cloud Storage"),
        ));
    }
    let total = work.len();
    let Carried { sent, left, troubled } = run(context, &ledger, tick, work).await?;
    let (left, troubled) = (left + counted.left, troubled + counted.troubled);
    tracing::info!(day = %day, sent, left, troubled, total, "objects carried");
    let progress = if left == 0 && troubled == 0 { Progress::Done } else { Progress::Partial };
    let waits = match troubled {
        0 => String::new(),
        _ => format!(", {troubled} wait for a person: see the receipts of their tables"),
    };
    Ok(TickOutcome::new(progress, format!("{sent} of {total} objects carried{waits}")))
}

/// What the contract makes of a table's transfer, as the day's plan notes it.
pub(crate) fn transfer_fingerprint(context: &Context, source_table: &str) -> String {
    let table = context.contract.tables.get(source_table);
    table.map_or_else(String::new, landbridge_core::contract::Table::transfer_fingerprint)
}

/// Whether the plan is of today's contract, with no table that waits for the export to be mended.
fn is_current(context: &Context, plan: &DayPlan) -> bool {
    plan.tables.iter().all(|entry| {
        !entry.broken
            && entry.transfer_fingerprint == transfer_fingerprint(context, &entry.source_table)
    })
}

/// The tables whose day is over: what changes in the contract counts for them from tomorrow.
async fn settled(context: &Context, ledger: &Ledger, plan: &DayPlan) -> Result<BTreeSet<String>> {
    let mut settled = BTreeSet::new();
    for entry in &plan.tables {
        if entry.transfer_fingerprint != transfer_fingerprint(context, &entry.source_table)
            && let Some(receipt) = ledger.get::<Receipt>(&records::receipt(&entry.table)).await?
            && is_final(&receipt.value)
        {
            settled.insert(entry.table.clone());
        }
    }
    Ok(settled)
}

/// A table with objects to carry, and the numbers of those that are carried.
type Open = (Arc<TablePlan>, BTreeSet<String>);

/// The tables with objects to carry; `None` when a table's plan is of another revision than the
/// day's plan says.
async fn open(ledger: &Ledger, plan: &DayPlan) -> Result<Option<Vec<Open>>> {
    let mut carried = ledger.names("items").await?;
    let mut open = Vec::new();
    for entry in &plan.tables {
        let done = carried.remove(&revised(&entry.table, entry.revision)).unwrap_or_default();
        if done.len() < entry.items {
            let Some(table) = table_plan(ledger, entry).await? else { return Ok(None) };
            open.push((Arc::new(table), done.into_iter().collect()));
        }
    }
    Ok(Some(open))
}

/// Reads the plan of a table that the day's plan names; `None` when it is of another revision:
/// another tick is planning.
///
/// # Errors
/// [`ErrorKind::Corrupt`] when it is not there.
pub async fn table_plan(ledger: &Ledger, entry: &TableEntry) -> Result<Option<TablePlan>> {
    let plan = ledger.get::<TablePlan>(&records::table_plan(&entry.table)).await?;
    let plan = plan.map(|plan| plan.value).ok_or_else(|| {
        Error::new(ErrorKind::Corrupt, "the ledger lacks the plan of a table", entry.table.clone())
    })?;
    Ok((plan.revision == entry.revision).then_some(plan))
}

/// Objects under way at once: as many as configured, fewer where memory would not do.
fn at_once(settings: &config::Transfer) -> usize {
    let memory = settings.memory_mib as usize * 1024 * 1024;
    usize::from(settings.concurrency).min(memory / MEMORY_PER_OBJECT).max(1)
}

/// What became of some work.
#[derive(Clone, Copy, Debug, Default)]
struct Carried {
    sent: usize,
    /// What time did not suffice for.
    left: usize,
    /// What waits for a person.
    troubled: usize,
}

async fn run(context: &Context, ledger: &Ledger, tick: Tick, work: Vec<Work>) -> Result<Carried> {
    let total = work.len();
    let concurrency = at_once(&context.config.transfer);
    let mut carried = Carried::default();
    let key = &DayKey::default();
    let mut failures = 0;
    let mut first = None;
    let mut failed_tables: BTreeMap<String, Error> = BTreeMap::new();
    let mut results = futures::stream::iter(work)
        .map(|work| async move {
            if !tick.has(TIME_FOR_ONE) {
                return (work.table, Ok(false));
            }
            let Work { table, item, text } = work;
            let done = match &text {
                Some(text) => {
                    Box::pin(carry::carry(context, ledger, &table, &item, text, key)).await
                }
                None => Box::pin(carry::scan(context, ledger, &table, &item)).await,
            };
            (table, done.map(|()| true))
        })
        .buffer_unordered(concurrency);
    while let Some((table, result)) = results.next().await {
        match result {
            Ok(done) => carried.sent += usize::from(done),
            Err(error) if error.kind().holds_table() => {
                carried.troubled += 1;
                failed_tables.entry(records::failure(&table)).or_insert(error);
            }
            Err(error) => {
                tracing::warn!(kind = error.kind().name(), %error, "an object was not carried");
                failures += 1;
                first.get_or_insert(error);
                if failures >= MAX_FAILURES {
                    break;
                }
            }
        }
    }
    drop(results);
    for (name, error) in failed_tables {
        note(ledger, &name, &Problem::from(&error)).await?;
    }
    carried.left = total - carried.sent - carried.troubled;
    first.map_or(Ok(carried), Err)
}

/// Records why a table's objects cannot be carried, for the load to say so in its receipt.
async fn note(ledger: &Ledger, name: &str, problem: &Problem) -> Result<()> {
    match ledger.get::<Problem>(name).await? {
        Some(Recorded { value, .. }) if value == *problem => Ok(()),
        Some(there) => ledger.replace(name, &there.etag, problem).await.map(|_| ()),
        None => ledger.create(name, problem).await.map(|_| ()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_bounds_what_is_under_way() {
        let settings = |concurrency, memory_mib| config::Transfer {
            bucket: String::new(),
            prefix: String::new(),
            concurrency,
            memory_mib,
            token_key: None,
            cut_above_mib: config::Transfer::CUT_ABOVE_MIB,
        };
        for (concurrency, memory_mib, objects) in
            [(4, 128, 4), (64, 128, 4), (64, 32, 1), (1, 9216, 1), (64, 1024, 32)]
        {
            assert_eq!(at_once(&settings(concurrency, memory_mib)), objects);
        }
    }
}
