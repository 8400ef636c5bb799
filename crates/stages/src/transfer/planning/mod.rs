//! Planning: the day's plan from the manifests, the Parquet footers and the contract.
//!
//! Tables are planned many at once. A tick that has no time left has recorded what it read and the plans
//! that it made, and writes no plan of the day: what a table is and what it is called depends on the others.
//!
//! | module | responsibility |
//! |---|---|
//! | here | the plan of the day, and the plans of its tables |
//! | [`find`] | the tables of the export |
//! | [`footers`] | the footers of their files |

mod find;
mod footers;

use std::collections::BTreeSet;
use std::fmt;

use futures::{StreamExt, TryStreamExt};
use landbridge_core::calendar::Day;
use landbridge_core::ids::table_slug;
use landbridge_core::manifest::TableStatus;
use landbridge_core::names::tables::NamedTable;
use landbridge_core::note::{Note, NoteCode};
use landbridge_core::plan::objects::parse_source_table;
use landbridge_core::plan::table::{TableInput, plan_table};
use landbridge_core::plan::{DayPlan, Problem, SkippedTable, TableEntry, TablePlan};
use landbridge_core::types::TimeRules;
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_ledger::records::{self, ExportRecord, MANIFEST, PLAN, PLANS};
use landbridge_ledger::{DayLedger, Recorded};

use self::find::{Candidate, Found, find_tables};
pub(super) use self::footers::at_once;
use self::footers::{Footers, has_time};
use super::landed::Landed;
use super::{OpenTable, open_tables, transfer_fingerprint};
use crate::{Context, Tick, alert};

/// How far the plan of the day is.
pub(super) enum Planning {
    /// The day is planned.
    Planned {
        /// The tables that have objects to transfer.
        open: Vec<OpenTable>,
        /// The first error that left a table unplanned. The other tables continue.
        unread: Option<Error>,
    },
    /// The tick had no time to plan all tables; the next one goes on.
    Stopped(Stopped),
}

/// How far a tick came that had no time for all tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stopped {
    /// What it did with them.
    what: &'static str,
    /// The tables that it, or a tick before it, was finished with.
    done: usize,
    tables: usize,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, done, tables } = self;
        write!(f, "{done} of {tables} tables are {what}; the next tick goes on")
    }
}

/// A plan that was made: the plan, and the first error that left a table unplanned.
type Made = Result<(DayPlan, Option<Error>), Stopped>;

/// An earlier plan of the day.
pub(super) struct EarlierPlan {
    /// The plan.
    plan: Recorded<DayPlan>,
    /// The tables whose day is over: their entries do not change.
    finished: BTreeSet<String>,
}

/// The tables of the day that have objects to transfer. Plans the day if it is not planned, and
/// plans it again if the contract changed, or a table of the plan has a problem that may have
/// been corrected.
///
/// # Errors
/// The errors of [`make_plan`]; [`ErrorKind::Transient`] while another tick is planning.
pub(super) async fn plan_day(
    context: &Context,
    ledger: &DayLedger,
    export: &ExportRecord,
    day: Day,
    tick: Tick,
) -> Result<Planning> {
    let made = match ledger.get(&PLAN).await? {
        None => make_plan(context, ledger, export, day, None, tick).await?,
        Some(plan) => {
            let finished = finished_tables(context, ledger, &plan.value, export).await?;
            if is_current(context, &plan.value, &finished) {
                Ok((plan.value, None))
            } else {
                let earlier = Some(EarlierPlan { plan, finished });
                make_plan(context, ledger, export, day, earlier, tick).await?
            }
        }
    };
    let (plan, unread) = match made {
        Ok(made) => made,
        Err(stopped) => return Ok(Planning::Stopped(stopped)),
    };
    if let Some(open) = open_tables(context, ledger, &plan).await? {
        return Ok(Planning::Planned { open, unread });
    }
    // A tick with another contract planned a table after the day's plan was made.
    let earlier = ledger.get(&PLAN).await?;
    let earlier = earlier.map(|plan| EarlierPlan { plan, finished: BTreeSet::new() });
    let made = make_plan(context, ledger, export, day, earlier, tick).await?;
    let (plan, unread) = match made {
        Ok(made) => made,
        Err(stopped) => return Ok(Planning::Stopped(stopped)),
    };
    let open = open_tables(context, ledger, &plan).await?.ok_or_else(|| {
        Error::new(ErrorKind::Transient, "another tick is planning the day", day.to_string())
    })?;
    Ok(Planning::Planned { open, unread })
}

/// Whether the plan matches today's contract, apart from the tables whose day is over, and no table of it
/// has a problem or is unread.
fn is_current(context: &Context, plan: &DayPlan, finished: &BTreeSet<String>) -> bool {
    plan.tables.iter().all(|entry| {
        !entry.has_problem
            && !entry.unread
            && (entry.transfer_fingerprint == transfer_fingerprint(context, &entry.source_table)
                || finished.contains(&entry.table))
    })
}

/// The tables whose day is over: a change of the contract applies to them from the next day, and neither
/// another export nor a request for other tables changes their plans. Without any of these, none is named.
async fn finished_tables(
    context: &Context,
    ledger: &DayLedger,
    plan: &DayPlan,
    export: &ExportRecord,
) -> Result<BTreeSet<String>> {
    let is_redone = plan.export != export.export || !context.redo.is_empty();
    let may_differ = |entry: &&TableEntry| {
        is_redone
            || entry.transfer_fingerprint != transfer_fingerprint(context, &entry.source_table)
    };
    let changed: Vec<&TableEntry> = plan.tables.iter().filter(may_differ).collect();
    if changed.is_empty() {
        return Ok(BTreeSet::new());
    }
    let receipts = ledger.receipt_summaries(at_once(context)).await?;
    let is_finished = |entry: &&TableEntry| {
        receipts.get(&entry.table).is_some_and(|receipt| {
            receipt.is_final() && context.redo.is_current(&receipt.source_table, receipt.redo)
        })
    };
    Ok(changed.into_iter().filter(is_finished).map(|entry| entry.table.clone()).collect())
}

/// Makes and records the plan of a day whose export is complete.
///
/// Idempotent: the export does not change, so neither does the plan, unless a problem was
/// corrected or the contract now asks for another transfer of a table. Such a table gets a new
/// revision.
///
/// A table whose files cannot be read now is in the plan all the same, so that the day waits for it; the
/// first such error is returned beside the plan. Without time for all tables, the plan of the day is not
/// written.
///
/// # Errors
/// [`ErrorKind::Corrupt`] when manifests and objects contradict each other; any error of the ledger or
/// of listing the export.
async fn make_plan(
    context: &Context,
    ledger: &DayLedger,
    export: &ExportRecord,
    day: Day,
    earlier: Option<EarlierPlan>,
    tick: Tick,
) -> Result<Made> {
    let manifest = ledger.value(&MANIFEST).await?;
    let manifest = manifest.ok_or_else(|| {
        Error::new(
            ErrorKind::Corrupt,
            "the ledger lacks the manifests of a complete export",
            export.export.clone(),
        )
    })?;
    let landed = Landed::read(&ledger.source()).await?;
    let footers = Footers::recorded(context, ledger, tick).await?;
    let found = find_tables(context, &footers, export, &manifest, &landed).await?;
    let Found { candidates, mut skipped, unread } = match found {
        Ok(found) => found,
        Err(stopped) => return Ok(Err(stopped)),
    };
    let planner = Planner { context, ledger, export, day, landed: &landed, tick };
    let mut entries = match planner.plan_tables(&candidates, earlier.as_ref()).await? {
        Ok(entries) => entries,
        Err(stopped) => {
            footers.record().await?;
            return Ok(Err(stopped));
        }
    };
    keep_finished(&mut entries, &mut skipped, earlier.as_ref());
    let warnings = database_warnings(export, &manifest.tables);
    let plan = DayPlan {
        source: context.config.source.name.clone(),
        day,
        snapshot: export.snapshot.clone(),
        export: export.export.clone(),
        planned_at: earlier.as_ref().map_or(tick.now, |earlier| earlier.plan.value.planned_at),
        tables: entries,
        skipped,
        warnings: warnings
            .iter()
            .cloned()
            .chain(export.warning.iter().map(|warning| format!("{}: {warning}", export.export)))
            .collect(),
    };
    if earlier.as_ref().is_some_and(|earlier| earlier.plan.value == plan) {
        return Ok(Ok((plan, unread)));
    }
    for warning in &warnings {
        let problem = Problem::notice(
            "the export has a warning",
            warning,
            "see the day's receipts for the tables it names; a table that is not in the export keeps its older rows",
        );
        alert::notice(&ledger.source(), &problem, warning, day).await?;
    }
    match earlier {
        Some(earlier) => ledger.replace(&PLAN, &earlier.plan.etag, &plan).await?,
        None => ledger.create(&PLAN, &plan).await?,
    };
    let rows: u64 = plan.tables.iter().map(|table| table.rows).sum();
    tracing::info!(day = %day, tables = plan.tables.len(), skipped = plan.skipped.len(), rows, "day planned");
    // Another tick may have planned with another contract meanwhile: the recorded plan counts.
    let recorded = ledger.value(&PLAN).await?;
    let recorded = recorded.ok_or_else(|| {
        Error::new(ErrorKind::Corrupt, "the plan of the day disappeared", day.to_string())
    })?;
    Ok(Ok((recorded, unread)))
}

/// Keeps the entries of the tables whose day is over, also if the export that is planned now does not
/// contain their files.
fn keep_finished(
    entries: &mut Vec<TableEntry>,
    skipped: &mut Vec<SkippedTable>,
    earlier: Option<&EarlierPlan>,
) {
    let Some(EarlierPlan { plan, finished }) = earlier else { return };
    let planned: BTreeSet<&str> = entries.iter().map(|it| it.source_table.as_str()).collect();
    let is_lost = |it: &&TableEntry| {
        finished.contains(&it.table) && !planned.contains(it.source_table.as_str())
    };
    let lost: Vec<TableEntry> = plan.value.tables.iter().filter(is_lost).cloned().collect();
    skipped.retain(|it| lost.iter().all(|entry| entry.source_table != it.source_table));
    entries.extend(lost);
    entries.sort_by(|one, other| one.source_table.cmp(&other.source_table));
}

/// The entry of a table whose files cannot be read now: that of the earlier plan, if it was planned.
fn unread_entry(
    context: &Context,
    candidate: &Candidate<'_>,
    earlier: Option<&EarlierPlan>,
) -> TableEntry {
    let fingerprint = transfer_fingerprint(context, &candidate.source_table);
    let planned = earlier.and_then(|earlier| {
        earlier.plan.value.tables.iter().find(|entry| {
            let is_current = !entry.has_problem && entry.transfer_fingerprint == fingerprint;
            entry.source_table == candidate.source_table
                && (is_current || earlier.finished.contains(&entry.table))
        })
    });
    planned.cloned().unwrap_or_else(|| TableEntry {
        source_table: candidate.source_table.clone(),
        table: candidate.named.table.clone(),
        items: 0,
        rows: 0,
        bytes: 0,
        revision: 1,
        digest: String::new(),
        transfer_fingerprint: fingerprint,
        has_problem: false,
        unread: true,
    })
}

/// What the plans of all tables are made from.
#[derive(Clone, Copy)]
struct Planner<'a> {
    context: &'a Context,
    ledger: &'a DayLedger,
    export: &'a ExportRecord,
    day: Day,
    landed: &'a Landed,
    tick: Tick,
}

impl Planner<'_> {
    /// Plans the tables and records their plans, many at once. If the tick has no time for all of them,
    /// the plans that it recorded stay. Tables without a recorded plan come first, so that each tick
    /// records some; the last one reads the others back.
    async fn plan_tables(
        &self,
        candidates: &[Candidate<'_>],
        earlier: Option<&EarlierPlan>,
    ) -> Result<Result<Vec<TableEntry>, Stopped>> {
        let recorded = &self.ledger.names(PLANS).await?;
        let mut order: Vec<usize> = (0..candidates.len()).collect();
        order.sort_by_key(|at| recorded.contains_key(&candidates[*at].named.table));
        let mut planned = futures::stream::iter(order)
            .map(|at| async move {
                let candidate = &candidates[at];
                if candidate.unread {
                    return Ok(Some((at, unread_entry(self.context, candidate, earlier))));
                }
                if !has_time(self.tick) {
                    return Ok(None);
                }
                let plan =
                    make_table_plan(self.context, self.export, self.day, candidate, self.landed);
                let is_recorded = recorded.contains_key(&plan.table);
                let entry =
                    record_table_plan(self.context, self.ledger, plan, is_recorded, earlier);
                Ok(Some((at, entry.await?)))
            })
            .buffered(at_once(self.context));
        let (mut entries, tables) = (Vec::with_capacity(candidates.len()), candidates.len());
        while let Some(entry) = planned.try_next().await? {
            entries.extend(entry);
        }
        if entries.len() < tables {
            return Ok(Err(Stopped { what: "planned", done: entries.len(), tables }));
        }
        entries.sort_by_key(|(at, _)| *at);
        Ok(Ok(entries.into_iter().map(|(_, entry)| entry).collect()))
    }
}

/// Records a table's plan and returns its entry in the day's plan. A plan that differs from the
/// recorded one becomes the next revision, whose objects have different names.
async fn record_table_plan(
    context: &Context,
    ledger: &DayLedger,
    plan: TablePlan,
    is_recorded: bool,
    earlier: Option<&EarlierPlan>,
) -> Result<TableEntry> {
    let finished = earlier.filter(|earlier| earlier.finished.contains(&plan.table));
    let entries = finished.map(|earlier| &earlier.plan.value.tables);
    if let Some(entry) = entries.into_iter().flatten().find(|entry| entry.table == plan.table) {
        return Ok(entry.clone());
    }
    let name = records::table_plan(&plan.table);
    let mut plan = plan;
    let found = if is_recorded { ledger.get(&name).await? } else { None };
    let mut recorded = match found {
        Some(found) => found,
        None => ledger.create_or_get(&name, &plan).await?,
    };
    plan.keep_listing(&recorded.value);
    if plan.clone().with_revision(recorded.value.revision) != recorded.value {
        // A plan without items has no objects that the new ones must differ from.
        let next = recorded.value.revision + u32::from(!recorded.value.items.is_empty());
        ledger.replace(&name, &recorded.etag, &plan.with_revision(next)).await?;
        // Another tick may have been faster: the recorded plan counts.
        recorded = ledger.get(&name).await?.ok_or_else(|| {
            Error::new(ErrorKind::Corrupt, "the plan of a table disappeared", name.to_string())
        })?;
    }
    Ok(table_entry(context, &recorded.value))
}

/// Gives a table the next revision, because an object of this one has other content than was sent, and
/// an object is never replaced.
///
/// Idempotent: of two ticks that ask, one writes the revision. The next tick transfers all objects of
/// the table under their new names; no load job reads the former ones.
///
/// # Errors
/// Any ledger error.
pub(super) async fn renew(ledger: &DayLedger, table: &TablePlan) -> Result<()> {
    let name = records::table_plan(&table.table);
    let Some(recorded) = ledger.get(&name).await? else { return Ok(()) };
    if recorded.value == *table {
        let next = table.clone().with_revision(table.revision + 1);
        ledger.replace(&name, &recorded.etag, &next).await?;
    }
    Ok(())
}

/// The plan of one table.
fn make_table_plan(
    context: &Context,
    export: &ExportRecord,
    day: Day,
    candidate: &Candidate<'_>,
    landed: &Landed,
) -> TablePlan {
    let source = &context.config.source.name;
    let NamedTable { table, default_table, wanted } = &candidate.named;
    let name = format!("{source}/{day}/{}/{}", export.export, table_slug(table));
    let prefix = records::below(&context.config.transfer.prefix, &name);
    let mut plan = plan_table(&TableInput {
        source_table: &candidate.source_table,
        table,
        default_table,
        engine: export.engine,
        status: candidate.status,
        files: &candidate.files,
        contract: candidate.contract,
        others: context.contract.others_of(&candidate.source_table),
        dropped: &landed.dropped(table, &candidate.source_table),
        landed: &landed.columns(table, &candidate.source_table),
        column_names: context.config.warehouse.column_names,
        times: &TimeRules::of(&context.config, candidate.contract),
        landed_types: &landed.types(table, &candidate.source_table),
        prefix: &prefix,
    });
    if let Some(error) = &candidate.broken {
        plan.items.clear();
        plan.listing.clear();
        plan.problem = Some(Problem::from(error));
    }
    plan.notes.extend(wanted.as_ref().map(|wanted| name_note(candidate, wanted)));
    plan.redo = context.redo.of_table(&candidate.source_table);
    plan.export_redo = export.redo;
    plan
}

/// Notes that a table has another name because the one that it wants belongs to another table.
fn name_note(candidate: &Candidate<'_>, wanted: &str) -> Note {
    let table = &candidate.named.table;
    let text = match candidate.contract.and_then(|contract| contract.table.as_ref()) {
        None => format!(
            "the table is loaded as `{table}`, because another table has the name `{wanted}`; `table:` in contract.yaml sets another name"
        ),
        // The contract describes the rows of a table with another name.
        Some(_) => format!(
            "the table is loaded as `{table}` and is masked for everyone, because another table has the name `{wanted}`; set another `table:` in contract.yaml"
        ),
    };
    Note::new(NoteCode::NameDiffers, text)
}

/// The entry of a table in the day's plan.
fn table_entry(context: &Context, plan: &TablePlan) -> TableEntry {
    TableEntry {
        revision: plan.revision,
        digest: plan.digest(),
        transfer_fingerprint: transfer_fingerprint(context, &plan.source_table),
        source_table: plan.source_table.clone(),
        table: plan.table.clone(),
        items: plan.items.len(),
        rows: plan.rows,
        bytes: plan.bytes,
        has_problem: plan.problem.is_some(),
        unread: false,
    }
}

/// The warnings of the manifests that do not concern a single table, each text once.
fn database_warnings(export: &ExportRecord, statuses: &[TableStatus]) -> BTreeSet<String> {
    let databases = statuses
        .iter()
        .filter(|status| parse_source_table(export.engine, &status.target).is_none());
    databases
        .filter_map(|status| Some(format!("{}: {}", status.target, status.warning.as_ref()?)))
        .collect()
}
