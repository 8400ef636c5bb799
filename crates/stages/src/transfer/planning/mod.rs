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

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use futures::{StreamExt, TryStreamExt};
use landbridge_core::calendar::Day;
use landbridge_core::ids::{short_hash, table_slug};
use landbridge_core::manifest::TableStatus;
use landbridge_core::names::tables::NamedTable;
use landbridge_core::note::{Note, NoteCode};
use landbridge_core::plan::objects::parse_source_table;
use landbridge_core::plan::table::{TableInput, plan_table};
use landbridge_core::plan::{DayPlan, Problem, SkippedTable, TableEntry, TablePlan};
use landbridge_core::types::TimeRules;
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_ledger::records::{
    self, ExportRecord, MANIFEST, PLAN, PLANNED, PLANS, PlannedRecord, PlannedTable,
};
use landbridge_ledger::{DayLedger, Recorded};

use self::find::{Candidate, Found, find_tables};
pub(super) use self::footers::at_once;
use self::footers::{Footers, has_time};
use super::landed::Landed;
use super::{OpenTable, open_tables};
use crate::plan::transfer_fingerprint;
use crate::unchanged::Decisions;
use crate::{Context, Tick, alert};

/// How far the plan of the day is.
pub(super) enum Planning {
    /// The day is planned.
    Planned {
        /// The tables that have objects to transfer.
        open: Vec<OpenTable>,
        /// The first error that left a table unplanned. The other tables continue.
        unread: Option<Error>,
        /// The plan. It is large.
        plan: Box<DayPlan>,
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

impl EarlierPlan {
    /// The entry of a table whose day is over.
    fn finished_entry(&self, table: &String) -> Option<&TableEntry> {
        let is_finished = self.finished.contains(table);
        is_finished.then(|| self.plan.value.tables.iter().find(|it| it.table == *table)).flatten()
    }
}

/// The tables of the day that have objects to transfer. Plans the day if it is not planned, and
/// plans it again if the contract changed, or a table of the plan has a problem that may have
/// been corrected.
///
/// # Errors
/// The errors of [`make_plan`]; [`ErrorKind::Transient`] while another tick is planning.
pub(super) async fn plan_day(
    context: &Context,
    (ledger, decisions): (&DayLedger, &Decisions),
    export: &ExportRecord,
    day: Day,
    tick: Tick,
) -> Result<Planning> {
    let made = match ledger.get(&PLAN).await? {
        // On the heap, as below: a plan and the state of making it are large, and a thread has a stack of 2 MiB.
        None => Box::pin(make_plan(context, ledger, export, day, None, tick)).await?,
        Some(plan) => {
            let finished = finished_tables(context, ledger, &plan.value, export).await?;
            if is_current(context, export, &plan.value, &finished) {
                Ok((plan.value, None))
            } else {
                let earlier = Some(EarlierPlan { plan, finished });
                Box::pin(make_plan(context, ledger, export, day, earlier, tick)).await?
            }
        }
    };
    let (plan, unread) = match made {
        Ok(made) => made,
        Err(stopped) => return Ok(Planning::Stopped(stopped)),
    };
    if let Some(open) = open_tables(context, (ledger, decisions), &plan).await? {
        return Ok(Planning::Planned { open, unread, plan: Box::new(plan) });
    }
    // A tick with another contract planned a table after the day's plan was made.
    let earlier = ledger.get(&PLAN).await?;
    let earlier = earlier.map(|plan| EarlierPlan { plan, finished: BTreeSet::new() });
    let made = Box::pin(make_plan(context, ledger, export, day, earlier, tick)).await?;
    let (plan, unread) = match made {
        Ok(made) => made,
        Err(stopped) => return Ok(Planning::Stopped(stopped)),
    };
    let open = open_tables(context, (ledger, decisions), &plan).await?.ok_or_else(|| {
        Error::new(ErrorKind::Transient, "another tick is planning the day", day.to_string())
    })?;
    Ok(Planning::Planned { open, unread, plan: Box::new(plan) })
}

/// Whether the plan is that of this export and matches today's contract, apart from the tables whose day is
/// over, and no table of it has a problem or is unread.
fn is_current(
    context: &Context,
    export: &ExportRecord,
    plan: &DayPlan,
    finished: &BTreeSet<String>,
) -> bool {
    // Another export may contain tables that the plan lacks.
    plan.export == export.export
        && plan.tables.iter().all(|entry| {
            !entry.has_problem
                && !entry.unread
                && (entry.transfer_fingerprint
                    == transfer_fingerprint(context, &entry.source_table)
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
    let lacks = "the ledger lacks the manifests of a complete export";
    let manifest = ledger.value(&MANIFEST).await?;
    let manifest =
        manifest.ok_or_else(|| Error::new(ErrorKind::Corrupt, lacks, export.export.clone()))?;
    let landed = Landed::read(&ledger.source()).await?;
    let footers = Footers::recorded(context, ledger, tick).await?;
    let found = Box::pin(find_tables(context, &footers, export, &manifest, &landed)).await?;
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
    say_warnings(ledger, &warnings, day).await?;
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

/// Says the warnings of an export, each once.
async fn say_warnings(ledger: &DayLedger, warnings: &BTreeSet<String>, day: Day) -> Result<()> {
    for warning in warnings {
        let problem = Problem::notice(
            "the export has a warning",
            warning,
            "see the day's receipts for the tables it names; a table that is not in the export keeps its older rows",
        );
        alert::notice(&ledger.source(), &problem, warning, day).await?;
    }
    Ok(())
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
    /// the plans that it recorded stay.
    async fn plan_tables(
        &self,
        candidates: &[Candidate<'_>],
        earlier: Option<&EarlierPlan>,
    ) -> Result<Result<Vec<TableEntry>, Stopped>> {
        let (listed, known) = &self.recorded_plans().await?;
        let mut planned = futures::stream::iter(candidates)
            .map(|candidate| async move {
                if candidate.unread {
                    let entry = unread_entry(self.context, candidate, earlier);
                    return Ok(Some((entry, None)));
                }
                let plan =
                    make_table_plan(self.context, self.export, self.day, candidate, self.landed);
                if let Some(entry) = earlier.and_then(|it| it.finished_entry(&plan.table)) {
                    return Ok(Some((entry.clone(), None)));
                }
                let etag = listed.get(&plan.table);
                let is_of = |known: &&PlannedTable| etag == Some(&known.etag);
                if let Some(known) = known.tables.get(&plan.table).filter(is_of)
                    && known.plan == digest_of(&plan)
                {
                    let fingerprint = transfer_fingerprint(self.context, &plan.source_table);
                    let entry =
                        TableEntry { transfer_fingerprint: fingerprint, ..known.entry.clone() };
                    return Ok(Some((entry, Some(known.clone()))));
                }
                if !has_time(self.tick) {
                    return Ok(None);
                }
                record_table_plan(self.context, self.ledger, plan, etag.is_some()).await.map(Some)
            })
            .buffered(at_once(self.context));
        let (mut entries, tables) = (Vec::with_capacity(candidates.len()), candidates.len());
        let mut record = PlannedRecord::default();
        while let Some(planned) = planned.try_next().await? {
            let Some((entry, recorded)) = planned else { continue };
            record.tables.extend(recorded.map(|recorded| (entry.table.clone(), recorded)));
            entries.push(entry);
        }
        if entries.len() == tables {
            return Ok(Ok(entries));
        }
        self.ledger.set(&PLANNED, &record).await?;
        Ok(Err(Stopped { what: "planned", done: entries.len(), tables }))
    }

    /// The ETags of the plans that are recorded, by table, and what a tick without time for all of them
    /// has recorded of them. Without the second, the next tick would read the same plans again until its
    /// time ends.
    async fn recorded_plans(&self) -> Result<(BTreeMap<String, String>, PlannedRecord)> {
        let listed = self.ledger.etags(PLANS).await?;
        let known = if listed.is_empty() { None } else { self.ledger.value(&PLANNED).await? };
        Ok((listed, known.unwrap_or_default()))
    }
}

/// The digest of a plan as it is made, before the recorded one is compared with it.
fn digest_of(plan: &TablePlan) -> String {
    short_hash(&serde_json::to_string(plan).expect("names and numbers are JSON"))
}

/// Records a table's plan and returns its entry in the day's plan. A plan that differs from the
/// recorded one becomes the next revision, whose objects have different names. Beside the entry, what the
/// next tick needs to know of a recorded plan that is this one.
async fn record_table_plan(
    context: &Context,
    ledger: &DayLedger,
    plan: TablePlan,
    is_recorded: bool,
) -> Result<(TableEntry, Option<PlannedTable>)> {
    let name = records::table_plan(&plan.table);
    let digest = digest_of(&plan);
    let mut plan = plan;
    let found = if is_recorded { ledger.get(&name).await? } else { None };
    let mut recorded = match found {
        Some(found) => found,
        None => ledger.create_or_get(&name, &plan).await?,
    };
    plan.keep_listing(&recorded.value);
    let is_same = |recorded: &TablePlan| plan.clone().with_revision(recorded.revision) == *recorded;
    if !is_same(&recorded.value) {
        // A plan without items has no objects that the new ones must differ from.
        let next = recorded.value.revision + u32::from(!recorded.value.items.is_empty());
        ledger.replace(&name, &recorded.etag, &plan.clone().with_revision(next)).await?;
        // Another tick may have been faster: the recorded plan counts.
        recorded = ledger.get(&name).await?.ok_or_else(|| {
            Error::new(ErrorKind::Corrupt, "the plan of a table disappeared", name.to_string())
        })?;
    }
    let entry = table_entry(context, &recorded.value);
    let etag = recorded.etag;
    let planned =
        is_same(&recorded.value).then(|| PlannedTable { etag, plan: digest, entry: entry.clone() });
    Ok((entry, planned))
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
        max_load_uris: context.max_load_uris,
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
