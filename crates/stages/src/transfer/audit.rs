//! Audits: what is unusual about a table whose objects are all transferred. `core::audit` decides; here the figures
//! are fetched and the verdicts are recorded, before the load stage may publish the table.
//!
//! The record is written once per plan of a table (`If-None-Match`), so ticks at once and a tick after a crash have the
//! same verdicts. An audit reads records only: no byte of a file, and nothing of BigQuery.
//!
//! What could not be read now is not final. A key that cannot be read for a moment is waited for, until the deadline.
//! While a check of level `block` lacks its figures, there is no record; `unaudited` says why, the load holds the
//! table, and each tick tries again. Checks of level `warn` are recorded as not known.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use jiff::tz::TimeZone;
use landbridge_core::audit::{
    Audited, ColumnFigures, Hidden, Outcome, TableFigures, TrendDay, Unsealed, Verdict, audit,
};
use landbridge_core::calendar::Day;
use landbridge_core::config::AuditLevel;
use landbridge_core::plan::{DayPlan, Problem, SourceColumn, TableEntry, TablePlan};
use landbridge_core::rewrite::{Action, AnnotateAs};
use landbridge_core::types::Annotation;
use landbridge_core::{ErrorKind, Result};
use landbridge_ledger::DayLedger;
use landbridge_ledger::records::{
    self, AUDITS, AuditRecord, FAILURES, ITEMS, ItemRecord, audit_context,
};
use landbridge_parquet::rewrite::AuditKey;

use super::planning::at_once;
use super::proof::Shared;
use crate::audits::not_made;
use crate::plan::read_items;
use crate::unchanged::{self, Decisions};
use crate::{Context, Tick, alert};

/// The time that an audit needs. Without it, the next tick goes on.
const TIME_FOR_ONE: Duration = Duration::from_secs(5);
/// A record that no tick can read, and what to do.
const NO_HISTORY: &str =
    "the earlier days of a table cannot be read, so its audits compare nothing with them";
const NO_HISTORY_REMEDY: &str =
    "delete the named record: the days of the table are then collected again, from the next one on";
/// The part of a context that means a table, not one of its objects.
const OF_TABLE: &str = "table";

/// Audits the tables whose objects are all transferred and that have no record yet. Returns how many are left, for
/// lack of time or of figures.
///
/// # Errors
/// Any ledger error.
pub(super) async fn audit_tables(
    context: &Context,
    ledger: &DayLedger,
    (plan, decisions): (&DayPlan, &Decisions),
    shared: &Shared,
    tick: Tick,
) -> Result<usize> {
    let wanted = |entry: &&TableEntry| {
        !entry.unread && !entry.has_problem && context.config.audits.audits(&entry.source_table)
    };
    let wanted: Vec<&TableEntry> = plan.tables.iter().filter(wanted).collect();
    if wanted.is_empty() {
        return Ok(0);
    }
    let done = ledger.names(AUDITS).await?;
    let open: Vec<&TableEntry> =
        wanted.into_iter().filter(|it| !done.contains_key(&it.record_name())).collect();
    if open.is_empty() {
        return Ok(0);
    }
    let items = ledger.names(ITEMS).await?;
    let failures = ledger.names(FAILURES).await?;
    // A failure is over when all objects are there: its record stays, and the load stage goes by the objects too.
    let is_complete = |it: &&TableEntry| {
        let record = it.record_name();
        decisions.is_unchanged(&record) || items.get(&record).map_or(0, Vec::len) >= it.items
    };
    // A parent that fails again and again must not keep its children: after the deadline, they are audited without
    // the reference, which is then not visible.
    let ready = |it: &&TableEntry| {
        is_complete(it)
            && parents(context, plan, it).all(|(_, parent)| {
                shared.is_late
                    || is_complete(&parent)
                    || parent.has_problem
                    || failures.contains_key(&parent.record_name())
            })
    };
    let ready: Vec<&TableEntry> = open.into_iter().filter(ready).collect();
    let run = Run { context, ledger, plan, shared, tick };
    let done: Vec<bool> = futures::stream::iter(&ready)
        .map(|entry| async {
            if !tick.has_for_more(TIME_FOR_ONE) {
                return Ok(false);
            }
            Box::pin(run.audit_table(entry)).await
        })
        .buffer_unordered(at_once(context))
        .try_collect()
        .await?;
    Ok(done.iter().filter(|done| !**done).count())
}

/// The columns that a table refers to, `schema.table.column`, each with the table in the day's plan.
fn parents<'a>(
    context: &'a Context,
    plan: &'a DayPlan,
    entry: &TableEntry,
) -> impl Iterator<Item = (&'a str, &'a TableEntry)> {
    let declared = context.config.audits.table(&entry.source_table);
    let references = declared.into_iter().flat_map(|declared| declared.references.values());
    references.filter_map(|parent| {
        let (table, _) = parent.rsplit_once('.')?;
        let table = plan.tables.iter().find(|it| it.source_table == table)?;
        Some((parent.as_str(), table))
    })
}

/// What the audits of one tick have in common.
struct Run<'a> {
    context: &'a Context,
    ledger: &'a DayLedger,
    plan: &'a DayPlan,
    shared: &'a Shared,
    tick: Tick,
}

impl Run<'_> {
    /// Audits one table and records the verdicts. Idempotent: the first record counts. Returns whether they are
    /// recorded: not while figures are missing that the table waits for.
    async fn audit_table(&self, entry: &TableEntry) -> Result<bool> {
        let Self { context, ledger, shared, .. } = *self;
        let Some(table) = ledger.table_plan(entry).await? else { return Ok(true) };
        let key = match shared.audit_key_of(context, &table).await {
            Ok(key) => key,
            Err(error) if error.kind().is_transient() => return Ok(false),
            Err(error) if error.kind().holds_table() => {
                return self.hold(&table, &Problem::from(&error)).await;
            }
            Err(error) => return Err(error),
        };
        let is_unreadable = key.is_err();
        let key = key.unwrap_or_default();
        let (figures, is_unsealed) = self.figures(&table, key.as_ref()).await?;
        let unsealed = match &key {
            None if is_unreadable => Some(Unsealed::Unreadable),
            None => Some(Unsealed::NoKey),
            Some(_) => is_unsealed.then_some(Unsealed::NotRecorded),
        };
        let verdicts = self.verdicts((entry, &table), &figures, key.as_ref(), unsealed).await?;
        let level = |it: &Verdict| context.config.audits.level(&table.source_table, it.check);
        let is_missing =
            |it: &&Verdict| it.outcome == Outcome::NotKnown && level(it) == AuditLevel::Block;
        let missing: Vec<&Verdict> = verdicts.iter().filter(is_missing).collect();
        if !missing.is_empty() && !context.redo.accepts_audits(table.redo) {
            return self.hold(&table, &not_made(self.plan.day, &table, &missing)).await;
        }
        let record = AuditRecord {
            figures: self.sealed(&table, figures, key.as_ref()),
            verdicts,
            audited_at: self.tick.now,
        };
        ledger.create(&records::audit(&table), &record).await?;
        Ok(true)
    }

    /// Records why the table cannot be audited, for the load stage. Idempotent.
    async fn hold(&self, table: &TablePlan, problem: &Problem) -> Result<bool> {
        let name = records::unaudited(table);
        if self.ledger.value(&name).await?.as_ref() != Some(problem) {
            self.ledger.set(&name, problem).await?;
        }
        Ok(false)
    }

    /// The verdicts of all checks of a table.
    async fn verdicts(
        &self,
        (entry, table): (&TableEntry, &TablePlan),
        figures: &TableFigures,
        key: Option<&AuditKey>,
        unsealed: Option<Unsealed>,
    ) -> Result<Vec<Verdict>> {
        let context = self.context;
        let history = self.history(table, key).await?;
        let parents = self.parent_figures(entry, key).await?;
        let export = self.ledger.value(&records::EXPORT).await?;
        Ok(audit(&Audited {
            today: figures,
            history: &history,
            declared: context.config.audits.table(&table.source_table),
            parents: &parents,
            text: &text_columns(table),
            snapshot_at: export.and_then(|export| export.snapshot_at),
            zone: &zone(context),
            unsealed,
        }))
    }

    /// The figures of a table whose objects are all transferred, and whether the figures of one object could
    /// not be sealed.
    async fn figures(
        &self,
        table: &TablePlan,
        key: Option<&AuditKey>,
    ) -> Result<(TableFigures, bool)> {
        // An unchanged table has the objects of an earlier day.
        let origin = unchanged::origin(self.context, self.ledger, table, self.tick.now).await?;
        let (table, of, ledger) = match &origin {
            Some(origin) => (&origin.plan, origin.day(), &origin.ledger),
            None => (table, self.plan.day, self.ledger),
        };
        let items = read_items(ledger, table).await?;
        let mut columns: BTreeMap<String, ColumnFigures> = BTreeMap::new();
        let mut hidden: BTreeMap<&str, Option<Hidden>> = BTreeMap::new();
        for (item, record) in table.items.iter().zip(&items) {
            for (name, stats) in &record.columns {
                let column = columns.entry(name.clone()).or_insert_with(|| ColumnFigures {
                    nulls: Some(0),
                    damaged: Some(0),
                    unlisted: Some(0),
                    hidden: None,
                });
                let add = |sum: Option<u64>, part: Option<u64>| sum.zip(part).map(|(a, b)| a + b);
                column.nulls = add(column.nulls, stats.nulls);
                // An object without rows has no page that could be read.
                if record.rows > 0 {
                    column.damaged = add(column.damaged, stats.damaged);
                    column.unlisted = add(column.unlisted, stats.unlisted);
                }
                // A part without a value has no bounds, and changes none.
                if stats.nulls == Some(record.rows) {
                    continue;
                }
                let part = key
                    .and_then(|key| open_part(key, (of, table, item.number), name, record))
                    .unwrap_or_default();
                let so_far = hidden.entry(name).or_default();
                *so_far = Some(so_far.map_or(part, |it| it.merged(part)));
            }
        }
        for (name, hidden) in hidden {
            if let Some(column) = columns.get_mut(name) {
                column.hidden = hidden.filter(|it| !it.is_empty());
            }
        }
        let figures = TableFigures {
            day: self.plan.day,
            rows: table.rows,
            content: key.map(|key| key.digest(&content(table, &items))),
            columns,
        };
        Ok((figures, items.iter().any(|it| it.unsealed)))
    }

    /// The figures of the table's earlier days. Those that were sealed with another key are unknown.
    async fn history(
        &self,
        table: &TablePlan,
        key: Option<&AuditKey>,
    ) -> Result<Vec<TableFigures>> {
        let (ledger, name) = (self.ledger.source(), records::trend(&table.table));
        let trend = match ledger.value(&name).await {
            Ok(trend) => trend.unwrap_or_default(),
            // The table must not wait for a person, but a person must know: nothing is compared until then.
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                let problem = Problem::notice(NO_HISTORY, name.to_string(), NO_HISTORY_REMEDY);
                alert::notice(&ledger, &problem, &table.table, self.plan.day).await?;
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        let opened = |day: &TrendDay| {
            let mut figures = day.figures.clone();
            for (name, column) in &mut figures.columns {
                let of_table = audit_context(figures.day, &day.record, OF_TABLE, name);
                column.hidden = key.and_then(|key| {
                    key.open(&of_table.each_ref().map(String::as_str), day.sealed.get(name)?)
                });
            }
            figures
        };
        Ok(trend.before(self.plan.day).map(opened).collect())
    }

    /// The figures of the columns that a table refers to; `None` where they are not known yet.
    async fn parent_figures(
        &self,
        entry: &TableEntry,
        key: Option<&AuditKey>,
    ) -> Result<BTreeMap<String, Option<ColumnFigures>>> {
        let mut found = BTreeMap::new();
        for (parent, table) in parents(self.context, self.plan, entry) {
            let Some((_, column)) = parent.rsplit_once('.') else { continue };
            let not_yet = |found: &mut BTreeMap<_, _>| found.insert(parent.to_owned(), None);
            let Some(table) = self.ledger.table_plan(table).await? else {
                not_yet(&mut found);
                continue;
            };
            let (figures, is_unsealed) = match self.figures(&table, key).await {
                Ok(figures) => figures,
                // An object of it is not transferred.
                Err(error) if error.kind() == ErrorKind::Corrupt => {
                    not_yet(&mut found);
                    continue;
                }
                Err(error) => return Err(error),
            };
            if let Some(column) = figures.columns.get(column) {
                let known = column.hidden.is_some() || !is_unsealed;
                found.insert(parent.to_owned(), known.then(|| column.clone()));
            }
        }
        Ok(found)
    }

    /// The figures as they are recorded.
    fn sealed(&self, table: &TablePlan, figures: TableFigures, key: Option<&AuditKey>) -> TrendDay {
        let record = table.record_name();
        let seal = |(name, column): (&String, &ColumnFigures)| {
            let context = audit_context(figures.day, &record, OF_TABLE, name);
            let hidden = column.hidden.as_ref()?;
            let sealed = key?.seal(&context.each_ref().map(String::as_str), hidden);
            Some((name.clone(), sealed))
        };
        let sealed = figures.columns.iter().filter_map(seal).collect();
        TrendDay { figures, record, sealed }
    }
}

/// The bounds and the sum of a column of one object.
fn open_part(
    key: &AuditKey,
    (day, table, number): (Day, &TablePlan, usize),
    column: &str,
    record: &ItemRecord,
) -> Option<Hidden> {
    let sealed = record.audit.get(column)?;
    let (record, number) = (table.record_name(), number.to_string());
    let context = audit_context(day, &record, &number, column);
    key.open(&context.each_ref().map(String::as_str), sealed)
}

/// The content of a table's objects, for a keyed digest.
fn content(table: &TablePlan, items: &[ItemRecord]) -> String {
    let mut text = table.source_table.clone();
    for item in items {
        let _ = write!(text, "\n{} {} {}", item.rows, item.bytes, item.crc32c);
    }
    text
}

/// The columns that land as text.
fn text_columns(table: &TablePlan) -> BTreeSet<String> {
    let is_text = |column: &&SourceColumn| match &column.action {
        Action::Keep => matches!(column.parquet.annotation, Annotation::String | Annotation::Json),
        Action::Annotate(to) => matches!(to, AnnotateAs::String | AnnotateAs::Json),
        _ => false,
    };
    table.columns.iter().filter(is_text).map(|it| it.parquet.name.clone()).collect()
}

/// The zone of times without one.
fn zone(context: &Context) -> TimeZone {
    let own = context.config.source.zone.as_ref().and_then(|zone| TimeZone::get(zone).ok());
    own.unwrap_or_else(|| context.calendar.zone().clone())
}
