//! Planning: the day's plan from the manifests, the Parquet footers and the contract.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt};
use landbridge_core::calendar::Day;
use landbridge_core::contract::{self, Others};
use landbridge_core::ids::table_slug;
use landbridge_core::manifest::TableStatus;
use landbridge_core::names::tables::{NamedTable, name_tables};
use landbridge_core::note::{Note, NoteCode};
use landbridge_core::plan::objects::{
    AssignedTable, ObjectMeta, TableFolder, assign_folders, group_by_table, parse_source_table,
};
use landbridge_core::plan::partitions::{Partition, TableShape, find_partitions};
use landbridge_core::plan::table::{DataFile, FilePart, TableInput, plan_table};
use landbridge_core::plan::{DayPlan, Problem, SkippedTable, TableEntry, TablePlan};
use landbridge_core::receipt::Receipt;
use landbridge_core::types::{Engine, TimeRules};
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_ledger::records::{self, ExportRecord, MANIFEST, ManifestRecord, PLAN};
use landbridge_ledger::{DayLedger, Recorded};
use landbridge_parquet::Footer;
use landbridge_parquet::rewrite::{Cut, cut_row_groups};

use super::item::S3Object;
use super::landed::Landed;
use super::{OpenTable, open_tables, transfer_fingerprint};
use crate::{Context, Tick, alert};

/// Footers read at once per configured transfer: they are small, and latency dominates.
const FOOTERS_PER_TRANSFER: usize = 8;

/// Receipts read at once: they are small, and latency dominates.
const RECEIPTS_AT_ONCE: usize = 16;

/// A table of the manifests, with its footers.
struct Candidate<'a> {
    source_table: String,
    named: NamedTable,
    status: &'a TableStatus,
    contract: Option<&'a contract::TableContract>,
    files: Vec<DataFile>,
    /// Why a file of this table cannot be used; the other tables continue.
    broken: Option<Error>,
    /// Whether its files could not be read this time, or the files of a table that decides what it is.
    unread: bool,
}

/// The tables of the export.
struct Found<'a> {
    candidates: Vec<Candidate<'a>>,
    skipped: Vec<SkippedTable>,
    /// Why files of a table could not be read, for a reason that may pass.
    unread: Option<Error>,
}

/// The tables of the day that have objects to transfer.
pub(super) struct Planned {
    pub(super) open: Vec<OpenTable>,
    /// The first error that left a table unplanned. The other tables continue.
    pub(super) unread: Option<Error>,
}

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
) -> Result<Planned> {
    let (plan, unread) = match ledger.get(&PLAN).await? {
        None => make_plan(context, ledger, export, day, None, tick).await?,
        Some(plan) if is_current(context, &plan.value) => (plan.value, None),
        Some(plan) => {
            let finished = finished_tables(context, ledger, &plan.value, export).await?;
            let earlier = Some(EarlierPlan { plan, finished });
            make_plan(context, ledger, export, day, earlier, tick).await?
        }
    };
    if let Some(open) = open_tables(ledger, &plan).await? {
        return Ok(Planned { open, unread });
    }
    // A tick with another contract planned a table after the day's plan was made.
    let earlier = ledger.get(&PLAN).await?;
    let earlier = earlier.map(|plan| EarlierPlan { plan, finished: BTreeSet::new() });
    let (plan, unread) = make_plan(context, ledger, export, day, earlier, tick).await?;
    let open = open_tables(ledger, &plan).await?.ok_or_else(|| {
        Error::new(ErrorKind::Transient, "another tick is planning the day", day.to_string())
    })?;
    Ok(Planned { open, unread })
}

/// Whether the plan matches today's contract, and no table of it has a problem or is unread.
fn is_current(context: &Context, plan: &DayPlan) -> bool {
    plan.tables.iter().all(|entry| {
        !entry.has_problem
            && !entry.unread
            && entry.transfer_fingerprint == transfer_fingerprint(context, &entry.source_table)
    })
}

/// The tables whose day is over: a change of the contract applies to them from the next day, and neither
/// another export nor a request for other tables changes their plans.
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
    let tables = plan.tables.iter().filter(may_differ).map(|entry| entry.table.clone());
    let finished = futures::stream::iter(tables)
        .map(|table| async move {
            let receipt = ledger.value(&records::receipt(&table)).await?;
            let is_finished =
                |it: Receipt| it.is_final() && context.redo.is_current(&it.source_table, it.redo);
            Result::Ok(receipt.is_some_and(is_finished).then_some(table))
        })
        .buffered(RECEIPTS_AT_ONCE)
        .try_collect::<Vec<_>>()
        .await?;
    Ok(finished.into_iter().flatten().collect())
}

/// Makes and records the plan of a day whose export is complete.
///
/// Idempotent: the export does not change, so neither does the plan, unless a problem was
/// corrected or the contract now asks for another transfer of a table. Such a table gets a new
/// revision.
///
/// A table whose files cannot be read now is in the plan all the same, so that the day waits for it; the
/// first such error is returned beside the plan.
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
) -> Result<(DayPlan, Option<Error>)> {
    let manifest = ledger.value(&MANIFEST).await?;
    let manifest = manifest.ok_or_else(|| {
        Error::new(
            ErrorKind::Corrupt,
            "the ledger lacks the manifests of a complete export",
            export.export.clone(),
        )
    })?;
    let landed = Landed::read(&ledger.source()).await?;
    let Found { candidates, mut skipped, unread } =
        find_tables(context, export, &manifest, &landed).await?;
    let mut entries = Vec::new();
    for candidate in &candidates {
        if candidate.unread {
            entries.push(unread_entry(context, candidate, earlier.as_ref()));
            continue;
        }
        let plan = make_table_plan(context, export, day, candidate, &landed);
        entries.push(record_table_plan(context, ledger, plan, earlier.as_ref()).await?);
    }
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
        return Ok((plan, unread));
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
    Ok((recorded, unread))
}

/// The tables of the export with their footers, and the tables that are not loaded.
async fn find_tables<'a>(
    context: &'a Context,
    export: &ExportRecord,
    manifest: &'a ManifestRecord,
    landed: &Landed,
) -> Result<Found<'a>> {
    let listed = context.aws.s3.list(&context.config.export.bucket, &manifest.root).await?;
    let folders = group_by_table(&manifest.root, listed);
    let needs_markers = context.config.checks.require_success_markers
        && folders.values().any(|folder| folder.success);
    let assigned = assign_folders(export.engine, &manifest.tables, folders);
    let unknown = assigned.unknown_folders.into_iter();
    let mut skipped: Vec<SkippedTable> = unknown
        .map(|source_table| SkippedTable {
            source_table,
            reason: "the export contains its files, but no manifest names it".to_owned(),
            alert: true,
            note: None,
        })
        .collect();
    let sources: Vec<_> = assigned.tables.iter().map(|table| &table.source).collect();
    // Also those that are not loaded today: nothing else may take their names.
    let names = name_tables(&sources, &context.contract, &landed.tables);
    let mut candidates = Vec::new();
    let mut unread = None;
    for (table, named) in assigned.tables.into_iter().zip(names) {
        let is_shared = !table.shares_folder_with.is_empty();
        match why_not_exported(table.status, &table.folder).filter(|_| !is_shared) {
            Some(reason) => {
                let source_table = table.source.name;
                skipped.push(SkippedTable { source_table, reason, alert: true, note: None })
            }
            None if stays_in_aws(context, &table.source.name) => {
                skipped.push(left_out(table.source.name));
            }
            None => {
                let (candidate, error) = read_candidate(context, table, named, needs_markers).await;
                candidates.push(candidate);
                unread = unread.or(error);
            }
        }
    }
    leave_related_unread(&mut candidates);
    // Only PostgreSQL's partitions are tables.
    if export.engine == Engine::Postgres {
        drop_partitions(&mut candidates, &mut skipped, landed);
    }
    Ok(Found { candidates, skipped, unread })
}

/// Leaves tables unread whose names say that they could be partitions like, or of, a table that is:
/// whether a table is a partition is found by the rows of all of them.
fn leave_related_unread(candidates: &mut [Candidate<'_>]) {
    let is_below = |name: &str, parent: &str| {
        name.strip_prefix(parent).is_some_and(|rest| rest.starts_with('_'))
    };
    let names: Vec<String> = candidates.iter().map(|it| it.source_table.clone()).collect();
    let unread = candidates.iter().filter(|it| it.unread).map(|it| it.source_table.clone());
    let parents: BTreeSet<String> = unread
        .flat_map(|unread| {
            let above = names.iter().filter(|name| is_below(&unread, name)).cloned();
            above.chain([unread.clone()]).collect::<Vec<_>>()
        })
        .collect();
    for candidate in candidates.iter_mut() {
        candidate.unread |= parents.iter().any(|parent| is_below(&candidate.source_table, parent));
    }
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

/// Whether the contract leaves the whole table in AWS.
fn stays_in_aws(context: &Context, source_table: &str) -> bool {
    !context.contract.tables.contains_key(source_table) && context.contract.others == Others::Drop
}

fn left_out(source_table: String) -> SkippedTable {
    SkippedTable {
        source_table,
        reason: "contract.yaml does not name it, and its `others: drop` leaves it in AWS"
            .to_owned(),
        alert: false,
        note: Some(NoteCode::TableStaysInAws),
    }
}

/// Records a table's plan and returns its entry in the day's plan. A plan that differs from the
/// recorded one becomes the next revision, whose objects have different names.
async fn record_table_plan(
    context: &Context,
    ledger: &DayLedger,
    plan: TablePlan,
    earlier: Option<&EarlierPlan>,
) -> Result<TableEntry> {
    let finished = earlier.filter(|earlier| earlier.finished.contains(&plan.table));
    let entries = finished.map(|earlier| &earlier.plan.value.tables);
    if let Some(entry) = entries.into_iter().flatten().find(|entry| entry.table == plan.table) {
        return Ok(entry.clone());
    }
    let name = records::table_plan(&plan.table);
    let mut plan = plan;
    let mut recorded = ledger.create_or_get(&name, &plan).await?;
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

/// Why a table of the manifests is not in the export; `None` when it is.
fn why_not_exported(status: &TableStatus, folder: &TableFolder) -> Option<String> {
    let present = !folder.data.is_empty() || folder.success;
    if present && !status.is_skipped() {
        return None;
    }
    let reason = status.warning.clone().unwrap_or_else(|| match status.status.as_str() {
        "" | "COMPLETE" => {
            "the manifest lists the table, but the export contains neither a file nor a `_SUCCESS` for it".to_owned()
        }
        status => format!("its status in the export is {status}"),
    });
    Some(reason)
}

/// Reads the footers of one table. The error is one that may pass, or that concerns more than the table.
async fn read_candidate<'a>(
    context: &'a Context,
    table: AssignedTable<'a>,
    named: NamedTable,
    needs_markers: bool,
) -> (Candidate<'a>, Option<Error>) {
    let AssignedTable { source, status, folder, shares_folder_with } = table;
    let source_table = source.name;
    let contract = context.contract.tables.get(&source_table);
    let bucket = context.config.export.bucket.as_str();
    let unmarked = folder.unmarked.first().filter(|_| needs_markers);
    let unmarked = unmarked.map(|folder| unmarked_error(bucket, folder));
    let concurrency = usize::from(context.config.transfer.concurrency) * FOOTERS_PER_TRANSFER;
    let read = futures::stream::iter(folder.data)
        .map(|object| read_footer(context, bucket, object))
        .buffered(concurrency)
        .try_collect::<Vec<DataFile>>()
        .await;
    let shared = (!shares_folder_with.is_empty()).then(|| {
        Error::new(
            ErrorKind::Held,
            "tables share one folder of the export, so their rows cannot be separated; rename all but one of them in the source",
            format!("{source_table} and {}", shares_folder_with.join(", ")),
        )
    });
    let (files, broken, unread) = match read {
        Ok(files) => (files, shared.or(unmarked), None),
        Err(error) if error.kind().holds_table() => (Vec::new(), Some(error), None),
        Err(error) => (Vec::new(), None, Some(error)),
    };
    let is_unread = unread.is_some();
    (Candidate { source_table, named, status, contract, files, broken, unread: is_unread }, unread)
}

fn unmarked_error(bucket: &str, folder: &str) -> Error {
    Error::new(
        ErrorKind::Corrupt,
        "a folder of the export contains files and no `_SUCCESS`, which other folders have, so files may be missing; run `landbridge redo` with `--export` for the day, or set `checks.require_success_markers: false` in landbridge.yaml",
        format!("s3://{bucket}/{folder}"),
    )
}

/// Reads the footer of one object, and decides whether the object is cut into parts.
async fn read_footer(context: &Context, bucket: &str, object: ObjectMeta) -> Result<DataFile> {
    let from =
        S3Object { s3: context.aws.s3.clone(), bucket: bucket.to_owned(), object: object.clone() };
    let name = format!("s3://{bucket}/{}", object.key);
    let footer = Footer::read(&from, object.bytes, &name).await?;
    let limit = u64::from(context.config.transfer.cut_above_mib) * 1024 * 1024;
    let parts = if object.bytes > limit { file_parts(&footer, limit / 2) } else { Vec::new() };
    Ok(DataFile { rows: footer.rows(), columns: footer.columns(), object, parts })
}

/// Parts of about `bytes` each: consecutive row groups, with their rows.
fn file_parts(footer: &Footer, bytes: u64) -> Vec<FilePart> {
    let part = |groups: Vec<usize>| {
        let (from, to) = (groups.first()?, groups.last()?);
        let rows = |group: &usize| {
            u64::try_from(footer.metadata.row_group(*group).num_rows()).unwrap_or(0)
        };
        Some(FilePart { row_groups: *from..to + 1, rows: groups.iter().map(rows).sum() })
    };
    cut_row_groups(footer, Cut::PartBytes(bytes)).into_iter().filter_map(part).collect()
}

/// Skips partitions: their rows are also in the files of their parent table.
fn drop_partitions(
    candidates: &mut Vec<Candidate<'_>>,
    skipped: &mut Vec<SkippedTable>,
    landed: &Landed,
) {
    let has_landed: BTreeSet<&str> =
        landed.tables.values().map(|table| table.source_table.as_str()).collect();
    let shape = |candidate: &Candidate<'_>| {
        let columns = candidate.files.first().map(|file| &file.columns);
        TableShape {
            source_table: candidate.source_table.clone(),
            columns: columns
                .into_iter()
                .flatten()
                .map(|column| format!("{} {column}", column.name))
                .collect(),
            rows: candidate.files.iter().map(|file| file.rows).sum(),
            declared: candidate.contract.is_some(),
            landed: has_landed.contains(candidate.source_table.as_str()),
        }
    };
    let shapes: Vec<TableShape> = candidates
        .iter()
        .filter(|candidate| candidate.broken.is_none() && !candidate.unread)
        .map(shape)
        .collect();
    let found = find_partitions(&shapes);
    candidates.retain(|candidate| {
        let Some(parent) = found.get(&candidate.source_table) else { return true };
        let reason = match parent {
            Partition::Of(parent) => {
                format!("its rows are in `{parent}`, of which it is a partition")
            }
            Partition::EmptyOf(parent) => format!(
                "it has no rows and looks like a partition of `{parent}`; it is loaded as a table when it has rows of its own, or when contract.yaml names it"
            ),
        };
        skipped.push(SkippedTable {
            source_table: candidate.source_table.clone(),
            reason,
            alert: false,
            note: Some(NoteCode::Partition),
        });
        false
    });
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
