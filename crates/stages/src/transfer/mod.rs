//! The transfer stage: the day's plan, and every object of it from S3 to Cloud Storage.
//!
//! | module | responsibility |
//! |---|---|
//! | [`planning`] | the day's plan from footers and manifests |
//! | [`text_columns`] | which columns stay text because a value does not fit |
//! | [`landed`] | the names of what has landed so far |
//! | [`item`] | the transfer of one object |
//! | `s3_object` | an object of S3 as the source of the rewriting engine |
//! | `audit` | compares a table with its earlier days when all its objects are transferred |
//! | [`judge`] | judges columns of text by a sample of their values |
//! | [`budget`] | which objects a tick may start |
//! | [`fan_out`] | hands the objects of a large day to workers |
//! | [`worker`] | carries the objects that messages name |
//! | [`fairness`] | the order of objects, and what failures of one table mean for the others |
//! | [`slots`] | how many objects are in transfer at once |
//! | `proof` | the figures of columns that an object's transfer computes |
//! | `unchanged` | which tables need not be transferred, because their content is the same |
//! | `delta` | the rows of a table that changed |
//! | [`token_key`] | the token key, the same for the whole day |

mod audit;
mod budget;
mod delta;
mod fairness;
mod fan_out;
mod item;
mod judge;
mod landed;
mod planning;
mod proof;
mod s3_object;
mod slots;
pub(crate) mod text_columns;
pub(crate) mod token_key;
mod unchanged;
pub mod worker;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use landbridge_core::calendar::Day;
use landbridge_core::config::KeptColumns;
use landbridge_core::plan::{DayPlan, ItemSource, Problem, TablePlan, TransferItem};
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_ledger::DayLedger;
use landbridge_ledger::records::{self, EXPORT, ExportRecord, ITEMS};

use self::budget::{Budget, Start};
use self::fairness::{Failures, in_turns};
use self::item::ItemOutcome;
use self::planning::{Planning, at_once};
use self::proof::Shared;
use self::slots::Slots;
use self::text_columns::{Decision, Reads};
use crate::alert::{self, Subject};
use crate::plan::renew;
use crate::redo::{self, Requests};
use crate::unchanged::Decisions;
use crate::{Context, Progress, Tick, TickOutcome};

/// The revision of a table's plan at which an object with other content holds the table: the cause is
/// not a single upload. The revisions that an operator requested do not count.
const MAX_REVISIONS: u32 = 5;

/// One object to transfer, or to scan before.
struct Work {
    /// The bytes of the source to read.
    bytes: u64,
    table: Arc<TablePlan>,
    item: TransferItem,
    /// The columns that stay text; `None` for a scan that finds them.
    text: Option<Arc<BTreeSet<String>>>,
    /// Whether the object is only measured: the changes of its table are transferred alone.
    measure: bool,
}

/// The bytes of the source to read for each item of a plan, in the order of the items. Of a file that
/// is cut, each part has its share of the rows. One pass: a table can have tens of thousands of items.
fn source_bytes(plan: &TablePlan) -> Vec<u64> {
    let mut rows_of_file: HashMap<&str, u64> = HashMap::new();
    for item in &plan.items {
        if let ItemSource::Object { key, .. } = &item.from {
            *rows_of_file.entry(key).or_default() += item.rows;
        }
    }
    let bytes_of = |item: &TransferItem| match &item.from {
        ItemSource::NoRows { .. } => 0,
        ItemSource::Object { key, bytes, .. } => {
            let rows = rows_of_file[key.as_str()].max(1);
            match item.row_groups {
                None => *bytes,
                Some(_) => {
                    let share = u128::from(*bytes) * u128::from(item.rows) / u128::from(rows);
                    u64::try_from(share).unwrap_or(*bytes)
                }
            }
        }
    };
    plan.items.iter().map(bytes_of).collect()
}

/// A table with objects to transfer.
struct OpenTable {
    plan: Arc<TablePlan>,
    /// The numbers of the objects that are transferred.
    done: BTreeSet<String>,
}

/// Runs one tick. Idempotent: an object is named after its day, revision and number and is
/// created only if it does not exist.
///
/// # Errors
/// The first error that does not hold one table, after the other objects were tried.
pub async fn tick(context: &Context, tick: Tick) -> Result<TickOutcome> {
    // On the heap: the state of a day is large, and a thread has a stack of 2 MiB.
    let own = async |requests: &Requests, (_, day)| {
        Box::pin(transfer_day(context, requests, day, tick)).await
    };
    let again =
        async |requests: &Requests, day| Box::pin(transfer_day(context, requests, day, tick)).await;
    redo::run_days(context, tick, own, again).await
}

/// Plans one day and transfers what this tick has time for.
async fn transfer_day(
    context: &Context,
    requests: &Requests,
    day: Day,
    tick: Tick,
) -> Result<TickOutcome> {
    let context = &*requests.context_of(context, day).await?;
    let ledger = context.ledger(day);
    let Some(export) = complete_export(context, &ledger).await? else {
        return Ok(TickOutcome::new(
            Progress::Waiting,
            format!("the export of {day} is not complete"),
        ));
    };
    let mut decisions = Decisions::read(context, &ledger).await?;
    let planned = planning::plan_day(context, (&ledger, &decisions), &export, day, tick);
    let (open, unread, plan) = match Box::pin(planned).await? {
        Planning::Planned { open, unread, plan } => (open, unread, plan),
        Planning::Stopped(stopped) => {
            return Ok(TickOutcome::new(Progress::Partial, format!("{day}: {stopped}")));
        }
    };
    let budget = &Budget::new(tick, context.config.transfer.recompress);
    let is_late = tick.now >= context.deadline(day).start();
    let shared = &Shared::new(day, is_late);
    let (parts, time) = ((&ledger, shared), (budget, tick));
    let compared = unchanged::leave_out(context, parts, &mut decisions, open, time);
    let (open, not_compared) = Box::pin(compared).await?;
    let mut text_columns = decide(context, &ledger, &open).await?;
    let scans = scans(&open, &text_columns);
    let has_scans = !scans.is_empty();
    let (scanned, not_scanned) =
        Box::pin(run(context, (&ledger, shared), tick, budget, scans)).await?;
    let mut first_error = unread.or(not_scanned);
    if has_scans {
        text_columns = decide(context, &ledger, &open).await?;
    }
    let work = objects_left(&open, text_columns, &decisions);
    if work.is_empty() && scanned.left + scanned.held + not_compared == 0 && first_error.is_none() {
        return end_day(context, &ledger, (&plan, &decisions), shared, tick).await;
    }
    let (work, over) = Box::pin(fan_out::hand_over(context, (&ledger, day), work, tick)).await?;
    let total = work.len();
    let (Counts { done, left, held }, failed) =
        Box::pin(run(context, (&ledger, shared), tick, budget, work)).await?;
    first_error = first_error.or(failed);
    let (left, held) = (left + scanned.left + not_compared, held + scanned.held);
    tracing::info!(day = %day, done, left, held, total, "objects transferred");
    // Also beside an error of another table: the load stage waits for the audits of complete ones.
    let not_audited =
        audit::audit_tables(context, &ledger, (&plan, &decisions), shared, tick).await;
    shared.report(context).await?;
    if let Some(error) = first_error {
        return Err(error);
    }
    let is_done = not_audited? + left + held + over.all() == 0;
    let progress = if is_done { Progress::Done } else { Progress::Partial };
    Ok(TickOutcome::new(progress, counted(done, total, held, over.all())))
}

/// The export of the day, if it is complete and not older than a request to do the day again.
async fn complete_export(context: &Context, ledger: &DayLedger) -> Result<Option<ExportRecord>> {
    let export = ledger.value(&EXPORT).await?;
    Ok(export.filter(|it| it.complete && it.redo >= context.redo.export()))
}

/// Ends a day of which every object is transferred: the queue of the workers, and the audits.
async fn end_day(
    context: &Context,
    ledger: &DayLedger,
    (plan, decisions): (&DayPlan, &Decisions),
    shared: &Shared,
    tick: Tick,
) -> Result<TickOutcome> {
    fan_out::finish(context, ledger, tick).await?;
    let not_audited = audit::audit_tables(context, ledger, (plan, decisions), shared, tick).await?;
    shared.report(context).await?;
    let all = format!("every object of {} is in Cloud Storage", plan.day);
    Ok(match not_audited {
        0 => TickOutcome::new(Progress::Done, all),
        _ => {
            let message = format!("{all}; {not_audited} tables are not audited yet");
            TickOutcome::new(Progress::Partial, message)
        }
    })
}

/// What a tick did: objects transferred of all, held ones, and those that workers have.
fn counted(done: usize, total: usize, held: usize, over: usize) -> String {
    let waiting = match held {
        0 => String::new(),
        _ => format!(", {held} cannot be transferred: see the receipts of their tables"),
    };
    let over = match over {
        0 => String::new(),
        all => format!("; workers have {all}"),
    };
    format!("{done} of {total} objects transferred{waiting}{over}")
}

/// The objects whose misfits are counted before it is decided which columns stay text.
fn scans(open: &[OpenTable], decisions: &[Decision]) -> Vec<Work> {
    let mut scans = Vec::new();
    for (table, decision) in open.iter().zip(decisions) {
        let Decision::NeedsScan(items) = decision else { continue };
        let bytes = source_bytes(&table.plan);
        scans.extend(items.iter().map(|item| Work {
            bytes: bytes[item.number],
            table: table.plan.clone(),
            item: item.clone(),
            text: None,
            measure: false,
        }));
    }
    scans
}

/// The objects of these tables that are not transferred yet, where it is decided which columns stay text.
fn objects_left(
    open: &[OpenTable],
    text_columns: Vec<Decision>,
    decisions: &Decisions,
) -> Vec<Work> {
    let mut work = Vec::new();
    for (OpenTable { plan, done }, decision) in open.iter().zip(text_columns) {
        let Decision::Decided(text) = decision else { continue };
        let (text, measure) = (Arc::new(text), decisions.is_delta(&plan.record_name()));
        let left = plan.items.iter().filter(|item| !done.contains(&format!("{:05}", item.number)));
        let bytes = source_bytes(plan);
        work.extend(left.map(|item| Work {
            bytes: bytes[item.number],
            table: plan.clone(),
            item: item.clone(),
            text: Some(text.clone()),
            measure,
        }));
    }
    work
}

/// What is known of the columns of each table that may stay text.
async fn decide(
    context: &Context,
    ledger: &DayLedger,
    open: &[OpenTable],
) -> Result<Vec<Decision>> {
    let reads = &Reads::new(at_once(context));
    futures::stream::iter(open)
        .map(|table| text_columns::decide(ledger, &table.plan, reads))
        .buffered(at_once(context))
        .try_collect()
        .await
}

/// The tables with objects to transfer, without the unchanged ones; `None` when a table's plan has another revision than the
/// day's plan says, because another tick is planning.
async fn open_tables(
    context: &Context,
    (ledger, decisions): (&DayLedger, &Decisions),
    plan: &DayPlan,
) -> Result<Option<Vec<OpenTable>>> {
    let mut transferred = ledger.names(ITEMS).await?;
    let carried = plan.tables.iter().filter(|it| !decisions.is_unchanged(&it.record_name()));
    let open = carried.filter_map(|entry| {
        let record = entry.record_name();
        let done = transferred.remove(&record).unwrap_or_default();
        // Of changes that were given up, all records exist, and the table's plan has another revision.
        let is_open = done.len() < entry.items || decisions.is_given_up(&record);
        is_open.then_some((entry, done))
    });
    let mut plans = futures::stream::iter(open.collect::<Vec<_>>())
        .map(|(entry, done)| async move { Ok((ledger.table_plan(entry).await?, done)) })
        .buffered(at_once(context));
    let mut open = Vec::new();
    while let Some((table, done)) = plans.try_next().await? {
        let Some(table) = table else { return Ok(None) };
        open.push(OpenTable { plan: Arc::new(table), done: done.into_iter().collect() });
    }
    Ok(Some(open))
}

/// What became of some work.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    done: usize,
    /// Not done for lack of time.
    left: usize,
    /// Not possible until a person acts.
    held: usize,
}

/// Does the work as far as time allows. An error that holds its table is recorded in the ledger
/// for the load stage, and the other tables continue; so they do after any other error, the first of
/// which is returned beside the counts.
///
/// # Errors
/// Any ledger error.
async fn run(
    context: &Context,
    (ledger, shared): (&DayLedger, &Shared),
    tick: Tick,
    budget: &Budget,
    work: Vec<Work>,
) -> Result<(Counts, Option<Error>)> {
    let total = work.len();
    let work = in_turns(work);
    let failures = &Failures::default();
    let mut found = Results::default();
    let proof = context.config.proof.as_ref();
    let figures = proof.is_some_and(|proof| proof.kept != KeptColumns::Never);
    let slots = &Slots::new(&context.config.transfer, figures);
    let mut results = futures::stream::iter(work)
        .map(|work| async move {
            let bytes = work.bytes;
            let _slot = slots.take(bytes).await;
            let start = match failures.allow(&work.table.table) {
                true => budget.start_in_turn(bytes).await,
                false => None,
            };
            let done = match start {
                Some(start) => {
                    let done =
                        do_in_time(context, ledger, tick, budget, (&work, start), shared).await;
                    budget.end(bytes, matches!(done, Ok(Some(ItemOutcome::Recorded))));
                    done
                }
                None => Ok(None),
            };
            (work.table, done)
        })
        .buffer_unordered(slots.in_flight());
    while let Some((table, result)) = results.next().await {
        found.add(table, result, failures);
    }
    drop(results);
    found.end(ledger, tick, total).await
}

/// What became of the objects so far.
#[derive(Default)]
struct Results {
    counts: Counts,
    first_error: Option<Error>,
    /// The first error of each table that waits for a person.
    held: BTreeMap<String, (Arc<TablePlan>, Error)>,
    /// The tables of which an object exists with other content, with the difference.
    other_content: BTreeMap<String, (Arc<TablePlan>, String)>,
}

impl Results {
    fn add(
        &mut self,
        table: Arc<TablePlan>,
        result: Result<Option<ItemOutcome>>,
        failures: &Failures,
    ) {
        match result {
            Ok(None) => {}
            Ok(Some(ItemOutcome::Recorded)) => {
                self.counts.done += 1;
                failures.succeeded();
            }
            Ok(Some(ItemOutcome::OtherContent(difference))) => {
                self.other_content.entry(table.table.clone()).or_insert((table, difference));
            }
            Err(error) if error.kind().holds_table() => {
                self.counts.held += 1;
                self.held.entry(table.table.clone()).or_insert((table, error));
            }
            Err(error) => {
                tracing::warn!(kind = error.kind().name(), %error, "an object was not transferred");
                failures.add(&table.table);
                self.first_error.get_or_insert(error);
            }
        }
    }

    /// Records which tables wait for a person, and plans the others with other content again. `total` is how many objects there were.
    async fn end(
        mut self,
        ledger: &DayLedger,
        tick: Tick,
        total: usize,
    ) -> Result<(Counts, Option<Error>)> {
        for (name, (table, difference)) in self.other_content {
            if let Some(error) = transfer_again(ledger, tick, &table, difference).await? {
                self.counts.held += 1;
                self.held.insert(name, (table, error));
            }
        }
        for (table, error) in self.held.values() {
            ledger.set(&records::failure(table), &Problem::from(error)).await?;
        }
        self.counts.left = total - self.counts.done - self.counts.held;
        Ok((self.counts, self.first_error))
    }
}

/// Plans the transfer of a table under new names, and reports the object that has other content. Returns
/// an error if the table had too many of them.
async fn transfer_again(
    ledger: &DayLedger,
    tick: Tick,
    table: &TablePlan,
    difference: String,
) -> Result<Option<Error>> {
    const WHAT: &str = "an object exists in Cloud Storage with different content than was sent";
    if table.revision >= MAX_REVISIONS + table.redo {
        return Ok(Some(Error::new(ErrorKind::Conflict, WHAT, difference)));
    }
    let problem = Problem::notice(
        WHAT,
        &difference,
        "nothing: the table is transferred again under new names, and no load job reads this object; the bucket's lifecycle deletes it",
    );
    // Before the next revision: a crash in between repeats the alert rather than losing it.
    let subject = Subject::of_redo(&table.table, table.redo);
    alert::raise(ledger, &problem, &subject, tick.now).await?;
    renew(ledger, table).await?;
    Ok(None)
}

/// Does the work, or stops at the end of the tick: `None`. Lambda would end the process a little later.
async fn do_in_time(
    context: &Context,
    ledger: &DayLedger,
    tick: Tick,
    budget: &Budget,
    (work, start): (&Work, Start),
    shared: &Shared,
) -> Result<Option<ItemOutcome>> {
    let in_time =
        tokio::time::timeout_at(budget.until().into(), do_work(context, ledger, work, shared));
    if let Ok(result) = in_time.await {
        return result.map(Some);
    }
    let object = &work.item.object;
    tracing::warn!(object, bytes = work.bytes, "an object was not transferred within the tick");
    if start == Start::WholeTick {
        let problem = Problem::from(&Error::new(
            ErrorKind::Config,
            "an object takes longer than a whole tick, so it is never transferred; raise memory_mb and timeout_seconds of transfer (with workers, of transfer-item) in Terraform's module aws",
            format!("{object}, {} bytes", work.bytes),
        ));
        let subject = Subject::of_redo(&work.table.table, work.table.redo);
        alert::raise(ledger, &problem, &subject, tick.now).await?;
    }
    Ok(None)
}

async fn do_work(
    context: &Context,
    ledger: &DayLedger,
    work: &Work,
    shared: &Shared,
) -> Result<ItemOutcome> {
    let Work { table, item, text, .. } = work;
    match text {
        Some(text) => {
            let proof = shared.figures_of(context, table, work.bytes).await?;
            let parts = (&**table, item, &**text);
            if work.measure {
                Box::pin(item::measure_item(context, ledger, parts, shared, proof)).await?;
                return Ok(ItemOutcome::Recorded);
            }
            Box::pin(item::transfer_item(context, ledger, parts, shared, proof)).await
        }
        None => {
            Box::pin(item::scan_item(context, ledger, table, item)).await?;
            Ok(ItemOutcome::Recorded)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_file_has_its_share_of_the_bytes() {
        let item = |number, key: &str, rows, row_groups| TransferItem {
            number,
            from: ItemSource::Object { key: key.to_owned(), etag: "e".to_owned(), bytes: 1000 },
            object: String::new(),
            rows,
            row_groups,
        };
        let plan: TablePlan = serde_json::from_value(serde_json::json!({
            "source_table": "public.t", "table": "t", "columns": [], "rows": 0, "bytes": 0,
            "notes": [], "items": [
                item(0, "cut", 30, Some(0..1)), item(1, "cut", 10, Some(1..2)), item(2, "whole", 7, None),
                // A file of empty row groups.
                item(3, "empty", 0, Some(0..1)), item(4, "empty", 0, Some(1..2)),
            ],
        }))
        .unwrap();
        assert_eq!(source_bytes(&plan), [750, 250, 1000, 0, 0]);
    }
}
