//! The protection pass: policy tags follow the deployed contract, at any hour.
//!
//! The load stage sets the tags of a table when it loads the table. A contract that is deployed at
//! 10:10 must not wait for that, and a table that is held, skipped or gone from the source is not
//! loaded at all. So this stage runs every five minutes, compares one record with the contract of
//! its process, and stops if they are equal. Otherwise it goes through every table of the source in
//! the dataset. Once a day it does so anyway and finds tags that someone else has changed.
//!
//! | module | responsibility |
//! |---|---|
//! | here | one tick |
//! | [`table`] | the tags of one table |
//! | [`closed`] | notices about columns of class `none` that stay closed |
//! | [`day_age`] | how old the newest published day is, for the alarms |
//! | [`report`] | notices about columns that were opened or closed |

mod closed;
mod day_age;
mod report;
mod table;

pub(crate) use report::{opened, removed, report_opened, report_removed};

use std::time::Duration;

use futures::StreamExt;
use jiff::SignedDuration;
use landbridge_core::calendar::Day;
use landbridge_core::ids::short_hash;
use landbridge_core::incident;
use landbridge_core::plan::Problem;
use landbridge_core::{ErrorKind, Result};
use landbridge_ledger::records::{CONTRACT, ContractRecord};
use landbridge_ledger::{Recorded, SourceLedger, Written};

use self::closed::Closed;
use self::report::TagChange;
use self::table::TableTags;
pub(crate) use self::table::with_tag;
use crate::alert::{self, Subject};
use crate::deployment::{self, Order};
use crate::{Context, Progress, Tick, TickOutcome};

/// How long a tick with an older contract may still be running after a newer one is recorded:
/// twice the longest running time of a Lambda function.
const OLDER_FOR: SignedDuration = SignedDuration::from_mins(30);
/// Tables at once, at most; `load.concurrency` may be less. BigQuery allows 100 requests a second and
/// user.
const AT_ONCE: usize = 8;
/// No table is begun later than this before the end of the tick.
const STOP_BEFORE: Duration = Duration::from_secs(5);

/// Runs one tick: the pass, then the age of the newest published day. Neither waits for the other's success.
/// Idempotent: tags are computed from the records of the tables' rows, and each
/// change is conditional on the version of the table that was read.
///
/// # Errors
/// The first error, after the other tables were tried; the next tick tries again.
pub async fn tick(context: &Context, tick: Tick) -> Result<TickOutcome> {
    let outcome = run_pass(context, tick).await;
    let reported = day_age::report(context, tick).await;
    outcome.and_then(|outcome| reported.map(|()| outcome))
}

async fn run_pass(context: &Context, tick: Tick) -> Result<TickOutcome> {
    let day = context.calendar.day_of(tick.now);
    let recorded = match deployment::register(context, tick).await? {
        Order::Newest(recorded) => recorded,
        Order::Older(newest) => return older(context, &newest, day, tick).await,
    };
    if recorded.value.applied && recorded.value.checked_on.is_some_and(|checked| checked >= day) {
        let message = format!("contract {} is in force", recorded.value.digest);
        return Ok(TickOutcome::new(Progress::Idle, message));
    }
    let new = !recorded.value.applied;
    let changes = protect_tables(context, new, tick).await;
    report::report(context, &changes.done, new, day).await?;
    if new {
        closed::report(context, &changes.closed, day).await?;
    }
    if let Some(error) = changes.error {
        return Err(error);
    }
    let Pass { tables, left, unchecked, .. } = changes;
    let digest = &context.deployment.digest;
    if left > 0 || unchecked > 0 && !new {
        let state = if new { "not in force yet" } else { "in force" };
        let compared = tables - left - unchecked;
        let message = format!(
            "contract {digest} is {state}: {compared} of {tables} tables are compared, the next tick goes on"
        );
        return Ok(TickOutcome::new(Progress::Partial, message));
    }
    // Without time for every table, those that have the tags of this contract are checked by the next tick.
    let checked_on = if unchecked == 0 { Some(day) } else { recorded.value.checked_on };
    if !record_applied(&context.ledger.source(), recorded, checked_on).await? {
        let message = format!(
            "contract {digest} is not in force: a newer one is recorded, and its tick applies it"
        );
        return Ok(TickOutcome::new(Progress::Waiting, message));
    }
    let message = format!(
        "contract {digest} is in force: {tables} tables, {} tags changed",
        changes.done.len()
    );
    tracing::info!(digest, tables, "{message}");
    Ok(TickOutcome::new(Progress::Done, message))
}

/// What a pass has done.
#[derive(Default)]
struct Pass {
    tables: usize,
    /// Tables with the tags of another contract for which the tick had no time.
    left: usize,
    /// Tables with the tags of this contract for which it had none.
    unchecked: usize,
    done: Vec<TagChange>,
    /// The tables with columns of class `none` that stay closed.
    closed: Vec<Closed>,
    error: Option<landbridge_core::Error>,
}

/// Sets the tags of every table of the source in the dataset, as far as time allows: first of those that have
/// the tags of another contract, then of the others, in another order at every tick. `new`: the contract is not applied yet.
async fn protect_tables(context: &Context, new: bool, tick: Tick) -> Pass {
    let mut pass = Pass::default();
    let warehouse = &context.config.warehouse;
    let bigquery = &context.gcp.bigquery;
    let read = async {
        let source = &context.config.source.name;
        let mut tables = bigquery.contracts_of_tables(&warehouse.dataset, source).await?;
        tables.sort_by_cached_key(|(table, contract)| {
            (*contract == context.deployment.number, short_hash(&format!("{} {table}", tick.now)))
        });
        // A window is needed only for former rows, so an empty dataset need not be read.
        let window = bigquery.time_travel_hours(&warehouse.dataset).await?;
        Ok((tables, window))
    };
    let (tables, window_hours) = match read.await {
        Ok(read) => read,
        Err(error) => return Pass { error: Some(error), ..pass },
    };
    pass.tables = tables.len();
    let mut results = futures::stream::iter(tables)
        .map(|(table, contract)| async move {
            if !tick.has_for_more(STOP_BEFORE) {
                return Err(contract);
            }
            let tags = TableTags { context, table: &table, new, tick, window_hours };
            let result = tags.protect().await;
            Ok((table, result))
        })
        .buffer_unordered(AT_ONCE.min(usize::from(context.config.load.concurrency)));
    while let Some(result) = results.next().await {
        let (table, (mut changes, closed, result)) = match result {
            Ok(result) => result,
            Err(contract) => {
                let is_set = contract == context.deployment.number;
                *(if is_set { &mut pass.unchecked } else { &mut pass.left }) += 1;
                continue;
            }
        };
        pass.done.append(&mut changes);
        pass.closed.extend((!closed.is_empty()).then_some(closed));
        if let Err(error) = result {
            tracing::warn!(table, kind = error.kind().name(), %error, "a table's tags were not set");
            pass.error.get_or_insert(error);
        }
    }
    drop(results);
    pass.done.sort();
    pass
}

/// Records that the tags of every table follow the contract. Returns whether that is recorded, by
/// this tick or by another one: a pass that was overtaken by a newer contract has left tables alone.
async fn record_applied(
    ledger: &SourceLedger,
    recorded: Recorded<ContractRecord>,
    checked_on: Option<Day>,
) -> Result<bool> {
    let (number, digest) = (recorded.value.number, recorded.value.digest.clone());
    let record = ContractRecord { applied: true, checked_on, ..recorded.value };
    if ledger.replace(&CONTRACT, &recorded.etag, &record).await? == Written::Yes {
        return Ok(true);
    }
    tracing::info!("another tick has recorded a contract meanwhile");
    let found = ledger.value(&CONTRACT).await?;
    Ok(found.is_some_and(|it| it.applied && it.number == number && it.digest == digest))
}

/// A tick whose contract is older than the recorded one changes nothing. If that lasts, the deployed
/// contract is older, for example because the clock of the machine that deployed it was wrong.
async fn older(
    context: &Context,
    newest: &ContractRecord,
    day: Day,
    tick: Tick,
) -> Result<TickOutcome> {
    if tick.now.duration_since(newest.recorded_at) > OLDER_FOR {
        let problem = Problem::new(
            ErrorKind::Config,
            incident::what::CONTRACT_OLDER,
            format!(
                "deployed {} at {}, recorded {} at {}",
                context.deployment.digest,
                context.deployment.time(),
                newest.digest,
                deployment::time_of(newest.number)
            ),
        );
        alert::raise(&context.ledger(day), &problem, &Subject::new(""), tick.now).await?;
    }
    let message = format!("contract {} is newer than this tick's", newest.digest);
    Ok(TickOutcome::new(Progress::Waiting, message))
}
