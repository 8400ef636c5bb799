//! Audits: what is unusual about a table whose objects are all transferred. `core::audit` decides; here the figures
//! are fetched and the verdicts are recorded, before the load stage may publish the table.
//!
//! The record is written once per plan of a table (`If-None-Match`), so ticks at once and a tick after a crash have the
//! same verdicts. An audit reads records only: no byte of a file, and nothing of BigQuery.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use jiff::tz::TimeZone;
use landbridge_core::audit::{Audited, ColumnFigures, Hidden, TableFigures, TrendDay, audit};
use landbridge_core::plan::{DayPlan, SourceColumn, TableEntry, TablePlan};
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
use crate::load::{deadline, read_items};
use crate::{Context, Tick};

/// The time that an audit needs. Without it, the next tick goes on.
const TIME_FOR_ONE: Duration = Duration::from_secs(5);
/// The part of a context that means a table, not one of its objects.
const OF_TABLE: &str = "table";

/// Audits the tables whose objects are all transferred and that have no record yet. Returns how many are left for
/// lack of time.
///
/// # Errors
/// Any ledger error.
pub(super) async fn audit_tables(
    context: &Context,
    ledger: &DayLedger,
    plan: &DayPlan,
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
    let is_complete =
        |it: &&TableEntry| items.get(&it.record_name()).map_or(0, Vec::len) >= it.items;
    // A parent that fails again and again must not keep its children: after the deadline, they are audited without
    // the reference, which is then not visible.
    let deadline = deadline(&context.calendar, context.config.schedule.deadline_hour, plan.day);
    let is_late = deadline.is_some_and(|deadline| tick.now >= deadline);
    let ready = |it: &&TableEntry| {
        is_complete(it)
            && parents(context, plan, it).all(|(_, parent)| {
                is_late
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
            Box::pin(run.audit_table(entry)).await?;
            Ok::<bool, landbridge_core::Error>(true)
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
    /// Audits one table and records the verdicts. Idempotent: the first record counts.
    async fn audit_table(&self, entry: &TableEntry) -> Result<()> {
        let Self { context, ledger, shared, .. } = *self;
        let Some(table) = ledger.table_plan(entry).await? else { return Ok(()) };
        let key = shared.audit_key(context).await;
        let figures = self.figures(&table, key.as_ref()).await?;
        let history = self.history(&table, key.as_ref()).await?;
        let parents = self.parent_figures(entry, key.as_ref()).await?;
        let unsealed = match (&key, &context.config.transfer.token_key) {
            (Some(_), _) => None,
            (None, None) => {
                Some("`transfer.token_key` is not set, so bounds and sums cannot be kept")
            }
            (None, Some(_)) => Some("the token key could not be read"),
        };
        let export = ledger.value(&records::EXPORT).await?;
        let declared = context.config.audits.table(&table.source_table);
        let verdicts = audit(&Audited {
            today: &figures,
            history: &history,
            declared,
            parents: &parents,
            text: &text_columns(&table),
            snapshot_at: export.and_then(|export| export.snapshot_at),
            zone: &zone(context),
            unsealed,
        });
        let record = AuditRecord {
            figures: self.sealed(&table, figures, key.as_ref()),
            verdicts,
            audited_at: self.tick.now,
        };
        ledger.create(&records::audit(&table), &record).await?;
        Ok(())
    }

    /// The figures of a table whose objects are all transferred.
    async fn figures(&self, table: &TablePlan, key: Option<&AuditKey>) -> Result<TableFigures> {
        let items = read_items(self.ledger, table).await?;
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
                    .and_then(|key| self.open_part(key, table, item.number, name, record))
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
        Ok(TableFigures {
            day: self.plan.day,
            rows: table.rows,
            content: key.map(|key| key.digest(&content(table, &items))),
            columns,
        })
    }

    fn open_part(
        &self,
        key: &AuditKey,
        table: &TablePlan,
        number: usize,
        column: &str,
        record: &ItemRecord,
    ) -> Option<Hidden> {
        let sealed = record.audit.get(column)?;
        let (record, number) = (table.record_name(), number.to_string());
        let context = audit_context(self.plan.day, &record, &number, column);
        key.open(&context.each_ref().map(String::as_str), sealed)
    }

    /// The figures of the table's earlier days. Those that were sealed with another key are unknown.
    async fn history(
        &self,
        table: &TablePlan,
        key: Option<&AuditKey>,
    ) -> Result<Vec<TableFigures>> {
        let trend = match self.ledger.source().value(&records::trend(&table.table)).await {
            Ok(trend) => trend.unwrap_or_default(),
            // The table must not wait for a person: without the record, its days begin again.
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                tracing::warn!(table = table.table, %error, "the earlier days of a table cannot be read");
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

    /// The figures of the columns that a table refers to.
    async fn parent_figures(
        &self,
        entry: &TableEntry,
        key: Option<&AuditKey>,
    ) -> Result<BTreeMap<String, ColumnFigures>> {
        let mut found = BTreeMap::new();
        for (parent, table) in parents(self.context, self.plan, entry) {
            let Some((_, column)) = parent.rsplit_once('.') else { continue };
            let Some(table) = self.ledger.table_plan(table).await? else { continue };
            let figures = match self.figures(&table, key).await {
                Ok(figures) => figures,
                // An object of it is not transferred: the reference is not visible.
                Err(error) if error.kind() == ErrorKind::Corrupt => continue,
                Err(error) => return Err(error),
            };
            if let Some(column) = figures.columns.get(column) {
                found.insert(parent.to_owned(), column.clone());
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
