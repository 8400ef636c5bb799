//! The transfer stage: the day's plan, and every object of it from S3 to Cloud Storage.
//!
//! | module | what |
//! |---|---|
//! | [`planning`] | footers and manifests become the day's plan |
//! | [`carry`] | one object on its way |

pub mod carry;
pub mod planning;

use std::collections::BTreeSet;
use std::time::Duration;

use futures::StreamExt;
use landbridge_core::config;
use landbridge_core::plan::{DayPlan, Item, TablePlan};
use landbridge_core::{Error, Kind, Result};
use landbridge_gcp::storage::UPLOAD_BUFFER;

use crate::ledger::Recorded;
use crate::records::{self, EXPORT, ExportRecord, PLAN};
use crate::{Context, Ledger, Outcome, Progress, Tick};

/// Time that a tick keeps for an object it begins: at the 50 MB/s that one
/// invocation can count on, some 3 GB.
const TIME_FOR_ONE: Duration = Duration::from_secs(60);
/// What an object under way takes: the upload's buffer, and as much again on its way in and out.
const MEMORY_PER_OBJECT: usize = 2 * UPLOAD_BUFFER;
/// After so many failed objects a tick stops trying: the trouble is not theirs.
const MAX_FAILURES: usize = 5;

/// One tick. Repeating it carries nothing twice: objects are named for their
/// day and number and are created only if they are not there.
///
/// # Errors
/// The first trouble met, after the other objects had their chance.
pub async fn tick(context: &Context, tick: Tick) -> Result<Outcome> {
    let day = context.calendar.day_of(tick.now);
    let ledger = context.ledger(day);
    let Some(export) =
        ledger.get::<ExportRecord>(EXPORT).await?.filter(|record| record.value.complete)
    else {
        return Ok(Outcome::new(Progress::Waiting, format!("the export of {day} is not complete")));
    };
    let plan = match ledger.get::<DayPlan>(PLAN).await? {
        // Somebody may have mended the file or the name that a table waits for.
        Some(plan) if plan.value.tables.iter().any(|table| table.broken) => {
            planning::plan(context, &ledger, &export.value, day, Some(plan), tick).await?
        }
        Some(Recorded { value, .. }) => value,
        None => planning::plan(context, &ledger, &export.value, day, None, tick).await?,
    };
    let mut work: Vec<(TablePlan, Item)> = Vec::new();
    let mut carried = ledger.names("items").await?;
    for entry in &plan.tables {
        let done: BTreeSet<String> =
            carried.remove(&entry.table).unwrap_or_default().into_iter().collect();
        if done.len() >= entry.items {
            continue;
        }
        let table = table_plan(&ledger, &entry.table).await?;
        let left = table.items.iter().filter(|item| !done.contains(&format!("{:05}", item.number)));
        work.extend(left.map(|item| (table.clone(), item.clone())));
    }
    if work.is_empty() {
        return Ok(Outcome::new(
            Progress::Done,
            format!("every object of {day} is in Cloud Storage"),
        ));
    }
    let total = work.len();
    let (sent, left, failure) = carry_all(context, &ledger, tick, work).await;
    if let Some(error) = failure {
        return Err(error);
    }
    tracing::info!(day = %day, sent, left, total, "objects carried");
    let progress = if left == 0 { Progress::Done } else { Progress::Partial };
    Ok(Outcome::new(progress, format!("{sent} of {total} objects carried")))
}

/// Reads the plan of a table that the day's plan names.
///
/// # Errors
/// [`Kind::Corrupt`] when it is not there.
pub async fn table_plan(ledger: &Ledger, table: &str) -> Result<TablePlan> {
    let plan = ledger.get(&records::table_plan(table)).await?;
    plan.map(|plan| plan.value)
        .ok_or_else(|| Error::new(Kind::Corrupt, "the ledger lacks the plan of a table", table))
}

/// Objects under way at once: as many as configured, fewer where memory would not do.
fn at_once(settings: &config::Transfer) -> usize {
    let memory = settings.memory_mib as usize * 1024 * 1024;
    usize::from(settings.concurrency).min(memory / MEMORY_PER_OBJECT).max(1)
}

async fn carry_all(
    context: &Context,
    ledger: &Ledger,
    tick: Tick,
    work: Vec<(TablePlan, Item)>,
) -> (usize, usize, Option<Error>) {
    let total = work.len();
    let concurrency = at_once(&context.config.transfer);
    let mut sent = 0;
    let mut failures = 0;
    let mut first = None;
    let mut results = futures::stream::iter(work)
        .map(|(table, item)| async move {
            if tick.has(TIME_FOR_ONE) {
                Box::pin(carry::carry(context, ledger, &table, &item)).await.map(|()| true)
            } else {
                Ok(false)
            }
        })
        .buffer_unordered(concurrency);
    while let Some(result) = results.next().await {
        match result {
            Ok(done) => sent += usize::from(done),
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
    (sent, total - sent, first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_bounds_what_is_under_way() {
        let settings = |concurrency, memory_mib| config::Transfer {
            token_key: None,
            bucket: String::new(),
            prefix: String::new(),
            concurrency,
            memory_mib,
        };
        for (concurrency, memory_mib, objects) in
            [(4, 128, 4), (64, 128, 8), (64, 32, 2), (1, 9216, 1)]
        {
            assert_eq!(at_once(&settings(concurrency, memory_mib)), objects);
        }
    }
}
