//! The rows of past days (`tables.<table>.history` of landbridge.yaml): after a table is published, the objects
//! of its day are loaded again into a partition of its history table (`table/history.rs`).
//!
//! No day waits for it: the table is published before, and its receipt is final. What fails is recorded and said
//! in a notice, and every later tick of the next days tries it again as long as the objects exist. Each day has a
//! record per table, `history/<hash>.json`, which says how the history has the day's rows.
//!
//! An unchanged table (`transfer.unchanged: skip`) has no objects of its day: the objects of the day that was
//! loaded are used, and if they are gone, the load has the table carried (`table/unchanged.rs`).

use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use landbridge_core::calendar::Day;
use landbridge_core::config::HistoryConfig;
use landbridge_core::forget::Forgotten;
use landbridge_core::incident::what;
use landbridge_core::names::history_table;
use landbridge_core::plan::{DayPlan, Problem, SourceColumn, TablePlan};
use landbridge_core::protection::has_expired;
use landbridge_core::receipt::{Note, NoteCode, Receipt, ReceiptState};
use landbridge_core::rewrite::Action;
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_ledger::DayLedger;
use landbridge_ledger::records::{self, FORGOTTEN, HistoryRecord, PLAN, TOKEN_KEY};

use super::earlier::EarlierNames;
use super::slots::Slots;
use super::table::{DayKept, History, TableLoad, choose};
use super::{STOP_BEFORE, is_newest};
use crate::plan::read_items;
use crate::redo::Requests;
use crate::transfer::text_columns;
use crate::{Context, Tick, alert, unchanged};

/// Days whose rows are kept if they are not yet: today's, and those whose objects Cloud Storage has by default
/// (`landing_retention_days` of Terraform's module gcp).
const RECENT_DAYS: usize = 3;

/// How long a transient failure lasts before it is said. After the recent days, the day would be missing for good.
const LASTING: SignedDuration = SignedDuration::from_hours(2);

/// Keeps what is published and not kept yet. Idempotent. Nothing fails because of it.
pub(super) async fn follow(context: &Context, tick: Tick) {
    if context.config.histories().next().is_none() || !tick.has_for_more(STOP_BEFORE) {
        return;
    }
    if let Err(error) = keep_days(context, tick).await {
        tracing::warn!(kind = error.kind().name(), %error, "the history of a day is not kept");
    }
}

async fn keep_days(context: &Context, tick: Tick) -> Result<()> {
    let today = context.calendar.day_of(tick.now);
    let recent = std::iter::successors(Some(today), |day| day.before()).take(RECENT_DAYS);
    let requests = Requests::read(context).await?;
    let mut days: Vec<Day> = recent.chain(requests.days()).filter(|day| *day <= today).collect();
    // The oldest first, so that a new history table begins with it.
    days.sort_unstable();
    days.dedup();
    for day in days {
        if !tick.has_for_more(STOP_BEFORE) {
            return Ok(());
        }
        let context = &*requests.context_of(context, day).await?;
        keep_day(context, day, tick).await?;
    }
    Ok(())
}

/// A table whose rows of a day are to be kept.
struct Open {
    plan: TablePlan,
    receipt: Receipt,
    history: HistoryConfig,
    recorded: Option<HistoryRecord>,
}

impl Open {
    /// Since when the rows are not kept because of an error.
    fn failing_since(&self) -> Option<Timestamp> {
        let failed = self.recorded.as_ref().filter(|it| it.problem.is_some());
        failed.filter(|it| it.redo == self.receipt.redo).map(|it| it.recorded_at)
    }
}

/// Keeps the rows of one day. The context knows the requests to do the day again.
async fn keep_day(context: &Context, day: Day, tick: Tick) -> Result<()> {
    let ledger = context.ledger(day);
    let open = open_tables(context, &ledger, day, tick).await?;
    let Some((plan, open)) = open else { return Ok(()) };
    if !is_newest(context, tick).await? {
        return Ok(());
    }
    let window_hours =
        context.gcp.bigquery.time_travel_hours(&context.config.warehouse.dataset).await?;
    let slots = &Slots::new(context);
    let run = Run { context, ledger: &ledger, day: &plan, tick, window_hours, slots };
    let mut results = futures::stream::iter(&open)
        .map(|open| async move { (open, run.keep(open).await) })
        .buffer_unordered(slots.in_flight());
    let mut first_error = None;
    while let Some((open, result)) = results.next().await {
        if let Err(error) = result {
            let table = &open.plan.table;
            tracing::warn!(table, kind = error.kind().name(), %error, "a day is not kept");
            first_error.get_or_insert(error);
        }
    }
    first_error.map_or(Ok(()), Err)
}

/// Whether the day's objects can be there without a request.
fn is_recent(context: &Context, day: Day, tick: Tick) -> bool {
    let today = context.calendar.day_of(tick.now);
    std::iter::successors(Some(today), |day| day.before()).take(RECENT_DAYS).any(|it| it == day)
}

/// The tables that are published and not kept yet, with the plan of the day; `None` if there is none.
async fn open_tables(
    context: &Context,
    ledger: &DayLedger,
    day: Day,
    tick: Tick,
) -> Result<Option<(DayPlan, Vec<Open>)>> {
    let mut candidates = Vec::new();
    for (source_table, history) in context.config.histories() {
        // BigQuery would delete the partition at once.
        if has_expired(day, history.days, tick.now) {
            continue;
        }
        let recorded = ledger.value(&records::history(source_table)).await?;
        let redo = context.redo.of_table(source_table);
        // A day that was done again before there was a history is not asked for.
        let is_wanted =
            is_recent(context, day, tick) || recorded.is_some() || context.redo.is_backfill(redo);
        if is_wanted && !recorded.as_ref().is_some_and(|it| it.is_kept() && it.redo >= redo) {
            candidates.push((source_table, history, recorded));
        }
    }
    if candidates.is_empty() {
        return Ok(None);
    }
    let Some(plan) = ledger.value(&PLAN).await? else { return Ok(None) };
    // The objects of a day from before have the rows that were forgotten since.
    let forgotten: Vec<Forgotten> = context.ledger.source().read_all(FORGOTTEN).await?;
    let mut open = Vec::new();
    for (source_table, history, recorded) in candidates {
        if forgotten.iter().any(|it| it.reaches(source_table, day)) {
            continue;
        }
        let entry = plan.tables.iter().find(|entry| entry.source_table == source_table);
        let Some(entry) = entry else { continue };
        let receipt = ledger.value(&records::receipt(&entry.table)).await?;
        let has_rows = |it: &Receipt| match it.state {
            ReceiptState::Published => true,
            // A day that never had rows in the table: its objects are all there.
            ReceiptState::Superseded => context.redo.is_backfill(it.redo),
            _ => false,
        };
        let Some(receipt) = receipt.filter(has_rows) else { continue };
        if recorded.as_ref().is_some_and(|it| it.is_kept() && it.redo == receipt.redo) {
            continue;
        }
        let Some(plan) = ledger.table_plan(entry).await? else { continue };
        open.push(Open { plan, receipt, history, recorded });
    }
    Ok((!open.is_empty()).then_some((plan, open)))
}

/// What the tables of one day have in common.
#[derive(Clone, Copy)]
struct Run<'a> {
    context: &'a Context,
    ledger: &'a DayLedger,
    day: &'a DayPlan,
    tick: Tick,
    window_hours: u32,
    slots: &'a Slots,
}

impl Run<'_> {
    /// Keeps the rows of one table, and records how. An error is said once, as long as it lasts; a transient one if it lasts.
    async fn keep(&self, open: &Open) -> Result<()> {
        let slot = self.slots.take().await;
        if !self.tick.has_for_more(STOP_BEFORE) {
            return Ok(());
        }
        let mut record = HistoryRecord {
            source_table: open.plan.source_table.clone(),
            of: open.plan.table.clone(),
            table: String::new(),
            partition: self.day.day,
            rows: None,
            job: None,
            objects_of: None,
            redo: open.receipt.redo,
            problem: None,
            notes: Vec::new(),
            recorded_at: self.tick.now,
        };
        match Box::pin(self.load(open, &slot, &mut record)).await {
            Ok(None) => Ok(()),
            Ok(Some(DayKept { rows, job, mut notes })) => {
                (record.rows, record.job) = (Some(rows), Some(job.to_string()));
                record.notes.append(&mut notes);
                self.report_continued(&record).await?;
                self.write(open, record).await
            }
            Err(error) if error.kind().is_transient() => {
                record.problem = Some(Problem::from(&error));
                record.recorded_at = open.failing_since().unwrap_or(self.tick.now);
                if self.tick.now.duration_since(record.recorded_at) >= LASTING {
                    self.report_failed(&record, &error).await?;
                }
                self.write(open, record).await?;
                Err(error)
            }
            // The history was switched on after the objects of this day were deleted.
            Err(error) if error.kind() == ErrorKind::Conflict && self.is_before(open) => {
                tracing::info!(table = open.plan.table, day = %self.day.day, %error, "a day is not kept");
                Ok(())
            }
            Err(error) => {
                record.problem = Some(Problem::from(&error));
                self.report_failed(&record, &error).await?;
                self.write(open, record).await
            }
        }
    }

    /// Whether the history may have been switched on after the day: nothing is recorded of it.
    fn is_before(&self, open: &Open) -> bool {
        let today = self.context.calendar.day_of(self.tick.now);
        self.day.day < today && open.recorded.is_none() && open.plan.redo == 0
    }

    async fn load(
        &self,
        open: &Open,
        slot: &super::slots::Slot,
        record: &mut HistoryRecord,
    ) -> Result<Option<DayKept>> {
        let Self { context, ledger, day, tick, window_hours, .. } = *self;
        // A day that was requested again has objects of its own.
        let since = open.receipt.unchanged_since.filter(|_| open.plan.redo == 0);
        record.objects_of = since;
        let origin = match since {
            None => None,
            Some(since) => Some(
                unchanged::origin(context, ledger, &open.plan, tick.now)
                    .await?
                    .filter(|origin| origin.day() == since)
                    .ok_or_else(|| gone(&open.plan, since))?,
            ),
        };
        let (objects, plan) = match &origin {
            None => (ledger, &open.plan),
            Some(origin) => (&origin.ledger, &origin.plan),
        };
        let text = text_columns::decided(objects, plan).await?;
        let items = read_items(objects, plan).await?;
        let key = token_key(objects, plan).await?;
        let of = &open.plan.table;
        let history = History { of: of.clone(), days: open.history.days };
        // The objects of the day that was loaded, with the numbers of this day.
        let table = TablePlan {
            table: history_table(of, 1),
            default_table: plan.default_table().to_owned(),
            redo: open.receipt.redo,
            ..plan.clone()
        };
        let names = &EarlierNames::default();
        let history = Some(&history);
        let load = |table| TableLoad {
            context,
            ledger,
            day,
            table,
            tick,
            window_hours,
            slot,
            names,
            history,
            delta: None,
        };
        let rows = load(&table).day_rows(&text, items, key.as_deref())?;
        let chosen = choose(context, of, &rows.rows).await?;
        record.table.clone_from(&chosen.table);
        record.notes.extend(chosen.notes);
        let table = TablePlan { table: chosen.table, ..table.clone() };
        load(&table).keep_day(&rows).await
    }

    /// Records how the history has the rows, unless the record says the same already.
    async fn write(&self, open: &Open, record: HistoryRecord) -> Result<()> {
        let same = |earlier: &HistoryRecord| {
            HistoryRecord { recorded_at: record.recorded_at, ..earlier.clone() } == record
        };
        if open.recorded.as_ref().is_some_and(same) {
            return Ok(());
        }
        self.ledger.set(&records::history(&record.source_table), &record).await
    }

    /// Says that a day is not kept: once, as long as it lasts, however many days it concerns.
    async fn report_failed(&self, record: &HistoryRecord, error: &Error) -> Result<()> {
        let name = format!("{}.{}", self.context.config.warehouse.dataset, record.of);
        let problem = Problem::notice(
            what::HISTORY_NOT_KEPT,
            format!("{name}, {}: {}, {}", record.partition, error.what(), error.context()),
            &format!(
                "{}; the table itself is published, and later ticks try again",
                error.kind().policy().operator
            ),
        );
        let day = self.context.calendar.day_of(self.tick.now);
        alert::notice(&self.ledger.source(), &problem, &format!("history\n{name}"), day).await
    }

    /// Says that the history continues in another table.
    async fn report_continued(&self, record: &HistoryRecord) -> Result<()> {
        let is_new = |it: &&Note| it.code == NoteCode::HistoryContinues;
        let Some(note) = record.notes.iter().find(is_new) else { return Ok(()) };
        let name = format!("{}.{}", self.context.config.warehouse.dataset, record.of);
        let problem = Problem::notice(
            what::HISTORY_CONTINUES,
            format!("{name}: {note}"),
            "no action is needed if the change was intended: queries over days from before and after it read both tables (docs/history.md)",
        );
        let day = self.context.calendar.day_of(self.tick.now);
        alert::notice(&self.ledger.source(), &problem, &record.table, day).await
    }
}

/// The id of the key with which the tokens of the objects are made, if there are some.
async fn token_key(objects: &DayLedger, plan: &TablePlan) -> Result<Option<String>> {
    let is_tokenised = |it: &SourceColumn| matches!(it.action, Action::Tokenise { .. });
    if !plan.columns.iter().any(is_tokenised) {
        return Ok(None);
    }
    Ok(objects.value(&TOKEN_KEY).await?.map(|record| record.id))
}

fn gone(plan: &TablePlan, since: Day) -> Error {
    Error::new(
        ErrorKind::NotFound,
        "the objects of the day since which a table is unchanged are not known any more",
        format!("{}, {since}", plan.table),
    )
}
