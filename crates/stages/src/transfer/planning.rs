//! Footers and manifests become the day's plan.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt};
use landbridge_core::calendar::Day;
use landbridge_core::contract;
use landbridge_core::manifest::TableStatus;
use landbridge_core::plan::objects::{
    Folder, ObjectMeta, SourceTable, assign, group, parse_source_table,
};
use landbridge_core::plan::partitions::{Shape, partitions};
use landbridge_core::plan::table::{File, Input, Part, plan as plan_table};
use landbridge_core::plan::{DayPlan, Problem, Skipped, TableEntry, TablePlan};
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_parquet::Footer;
use landbridge_parquet::rewrite::{Cut, cut_row_groups};

use super::carry::S3Object;
use super::transfer_fingerprint;
use crate::ledger::Recorded;
use crate::records::{self, ExportRecord, MANIFEST, ManifestRecord, PLAN};
use crate::{Context, Ledger, Tick, alert};

/// Footers read at once per configured transfer: they are small, and the wait is the network's.
const FOOTERS_PER_TRANSFER: usize = 8;

/// One table on its way into the plan.
struct Candidate<'a> {
    source_table: String,
    table: String,
    status: &'a TableStatus,
    contract: Option<&'a contract::Table>,
    files: Vec<File>,
    /// A file of this table cannot be used; the other tables go on.
    broken: Option<Error>,
}

/// An earlier plan of the day.
pub struct Before {
    /// The plan.
    pub plan: Recorded<DayPlan>,
    /// The tables whose day is over: they stay as they are.
    pub settled: BTreeSet<String>,
}

/// Makes and records the plan of a day whose export is complete. Idempotent:
/// made again, it is the same plan, because the export does not change, unless
/// somebody mended what a table waits for, or changed how the contract lets it cross: then the
/// table has a new revision.
///
/// # Errors
/// [`ErrorKind::Corrupt`] when manifests and objects contradict each other; those of S3.
pub async fn plan(
    context: &Context,
    ledger: &Ledger,
    export: &ExportRecord,
    day: Day,
    before: Option<Before>,
    tick: Tick,
) -> Result<DayPlan> {
    let manifest = ledger.get::<ManifestRecord>(MANIFEST).await?;
    let manifest = manifest
        .ok_or_else(|| {
            Error::new(
                ErrorKind::Corrupt,
                "the ledger lacks the manifests of a complete export",
                export.export.clone(),
            )
        })?
        .value;
    let listed = context.aws.s3.list(&context.config.export.bucket, &manifest.root).await?;
    let assigned = assign(export.engine, &manifest.tables, group(&manifest.root, listed))?;

    let mut skipped = Vec::new();
    let mut candidates = Vec::new();
    for (source_table, status, folder) in assigned {
        match left_out(status, &folder) {
            Some(reason) => {
                skipped.push(Skipped { source_table: source_table.name, reason, alert: true })
            }
            None => candidates.push(candidate(context, source_table, status, folder).await?),
        }
    }
    drop_partitions(&mut candidates, &mut skipped);
    let mut entries = Vec::new();
    for candidate in &candidates {
        let plan = table(context, export, day, candidate, &candidates);
        entries.push(write(context, ledger, plan, before.as_ref()).await?);
    }
    let plan = DayPlan {
        source: context.config.source.name.clone(),
        day,
        snapshot: export.snapshot.clone(),
        export: export.export.clone(),
        planned_at: before.as_ref().map_or(tick.now, |before| before.plan.value.planned_at),
        tables: entries,
        skipped,
        warnings: database_warnings(export, &manifest.tables)
            .into_iter()
            .chain(export.warning.iter().map(|warning| format!("{}: {warning}", export.export)))
            .collect(),
    };
    if before.as_ref().is_some_and(|before| before.plan.value == plan) {
        return Ok(plan);
    }
    for warning in database_warnings(export, &manifest.tables) {
        let problem = Problem::notice(
            "the export warns of something",
            warning.clone(),
            "see which tables it names in the day's receipts; what is not in the export keeps its older rows",
        );
        alert::notice(ledger, &problem, &warning, day).await?;
    }
    match before {
        Some(before) => ledger.replace(PLAN, &before.plan.etag, &plan).await?,
        None => ledger.create(PLAN, &plan).await?,
    };
    let rows: u64 = plan.tables.iter().map(|table| table.rows).sum();
    tracing::info!(day = %day, tables = plan.tables.len(), skipped = plan.skipped.len(), rows, "day planned");
    // Another tick may have planned with another contract in between: what is recorded counts.
    let recorded = ledger.get::<DayPlan>(PLAN).await?;
    recorded.map(|plan| plan.value).ok_or_else(|| {
        Error::new(ErrorKind::Corrupt, "the plan of the day vanished", day.to_string())
    })
}

/// Records a table's plan and returns its line in the day's plan. A plan that differs from the
/// recorded one is its next revision, whose objects have names of their own.
async fn write(
    context: &Context,
    ledger: &Ledger,
    plan: TablePlan,
    before: Option<&Before>,
) -> Result<TableEntry> {
    let settled = before.filter(|before| before.settled.contains(&plan.table));
    let entries = settled.map(|before| &before.plan.value.tables);
    if let Some(entry) = entries.into_iter().flatten().find(|entry| entry.table == plan.table) {
        return Ok(entry.clone());
    }
    let name = records::table_plan(&plan.table);
    match ledger.get::<TablePlan>(&name).await? {
        None => {
            ledger.create(&name, &plan).await?;
        }
        Some(Recorded { value, etag }) => {
            if plan.clone().at_revision(value.revision) != value {
                // Where nothing can have been carried there is nothing to tell apart.
                let next = value.revision + u32::from(!value.items.is_empty());
                ledger.replace(&name, &etag, &plan.at_revision(next)).await?;
            }
        }
    }
    // Another tick may have been faster: what is recorded counts.
    let recorded = ledger
        .get::<TablePlan>(&name)
        .await?
        .ok_or_else(|| Error::new(ErrorKind::Corrupt, "the plan of a table vanished", name))?;
    Ok(entry(context, &recorded.value))
}

/// Why a table of the manifests is not in the export; `None` when it is.
fn left_out(status: &TableStatus, folder: &Folder) -> Option<String> {
    let present = !folder.data.is_empty() || folder.success;
    if present && !status.is_skipped() {
        return None;
    }
    let reason = status.warning.clone().unwrap_or_else(|| match status.status.as_str() {
        "" | "COMPLETE" => {
            "the export names the table and holds neither a file nor a `_SUCCESS` for it".to_owned()
        }
        status => format!("its status in the export is {status}"),
    });
    Some(reason)
}

async fn candidate<'a>(
    context: &'a Context,
    source_table: SourceTable,
    status: &'a TableStatus,
    folder: Folder,
) -> Result<Candidate<'a>> {
    let contract = context.contract.tables.get(&source_table.name);
    let (schema, name) = source_table.name.split_once('.').unwrap_or((&source_table.name, ""));
    let table = contract
        .and_then(|contract| contract.table.clone())
        .unwrap_or_else(|| contract::table_name(&source_table.database, schema, name));
    let bucket = context.config.export.bucket.as_str();
    let concurrency = usize::from(context.config.transfer.concurrency) * FOOTERS_PER_TRANSFER;
    let read = futures::stream::iter(folder.data)
        .map(|object| footer(context, bucket, object))
        .buffered(concurrency)
        .try_collect::<Vec<File>>()
        .await;
    let (files, broken) = match read {
        Ok(files) => (files, None),
        Err(error) if error.kind().holds_table() => (Vec::new(), Some(error)),
        Err(error) => return Err(error),
    };
    Ok(Candidate { source_table: source_table.name, table, status, contract, files, broken })
}

async fn footer(context: &Context, bucket: &str, object: ObjectMeta) -> Result<File> {
    let from =
        S3Object { s3: context.aws.s3.clone(), bucket: bucket.to_owned(), object: object.clone() };
    let name = format!("s3://{bucket}/{}", object.key);
    let footer = Footer::read(&from, object.bytes, &name).await?;
    let limit = u64::from(context.config.transfer.cut_above_mib) * 1024 * 1024;
    let parts = if object.bytes > limit { parts(&footer, limit / 2) } else { Vec::new() };
    Ok(File { rows: footer.rows(), columns: footer.columns(), object, parts })
}

/// Row groups of about `bytes` together, with their rows.
fn parts(footer: &Footer, bytes: u64) -> Vec<Part> {
    let part = |groups: Vec<usize>| {
        let (from, to) = (groups.first()?, groups.last()?);
        let rows = |group: &usize| {
            u64::try_from(footer.metadata.row_group(*group).num_rows()).unwrap_or(0)
        };
        Some(Part { row_groups: *from..to + 1, rows: groups.iter().map(rows).sum() })
    };
    cut_row_groups(footer, Cut::PartBytes(bytes)).into_iter().filter_map(part).collect()
}

/// Takes partitions out: their rows are in their parent's files as well.
fn drop_partitions(candidates: &mut Vec<Candidate<'_>>, skipped: &mut Vec<Skipped>) {
    let shape = |candidate: &Candidate<'_>| {
        let columns = candidate.files.first().map(|file| &file.columns);
        Shape {
            source_table: candidate.source_table.clone(),
            columns: columns
                .into_iter()
                .flatten()
                .map(|column| format!("{} {column}", column.name))
                .collect(),
            rows: candidate.files.iter().map(|file| file.rows).sum(),
            declared: candidate.contract.is_some(),
        }
    };
    let shapes: Vec<Shape> =
        candidates.iter().filter(|candidate| candidate.broken.is_none()).map(shape).collect();
    let found = partitions(&shapes);
    candidates.retain(|candidate| {
        let Some(parent) = found.get(&candidate.source_table) else { return true };
        let reason = format!("its rows are in `{parent}`, of which it is a partition");
        skipped.push(Skipped {
            source_table: candidate.source_table.clone(),
            reason,
            alert: false,
        });
        false
    });
}

fn table(
    context: &Context,
    export: &ExportRecord,
    day: Day,
    candidate: &Candidate<'_>,
    all: &[Candidate<'_>],
) -> TablePlan {
    let source = &context.config.source.name;
    let name = format!("{source}/{day}/{}/{}", export.export, candidate.table);
    let prefix = records::below(&context.config.transfer.prefix, &name);
    let mut plan = plan_table(&Input {
        source_table: &candidate.source_table,
        table: &candidate.table,
        engine: export.engine,
        status: candidate.status,
        files: &candidate.files,
        contract: candidate.contract,
        prefix: &prefix,
    });
    if let Some(error) = &candidate.broken {
        plan.items.clear();
        plan.problem = Some(Problem::from(error));
    }
    let twins: Vec<&str> = all
        .iter()
        .filter(|other| {
            other.source_table != candidate.source_table
                && other.table.eq_ignore_ascii_case(&candidate.table)
        })
        .map(|other| other.source_table.as_str())
        .collect();
    if !twins.is_empty() {
        // Two plans under one name would overwrite each other: each gets a name of its own, and waits.
        plan.table = format!(
            "{}__{}",
            plan.table,
            landbridge_core::ids::short_hash(&candidate.source_table)
        );
        plan.items.clear();
        plan.problem = Some(Problem::new(
            ErrorKind::Config,
            "two tables of the source would land in one BigQuery table; give one another name in contract.yaml (`table:`)",
            format!("{} and {}", candidate.source_table, twins.join(", ")),
        ));
    }
    plan
}

fn entry(context: &Context, plan: &TablePlan) -> TableEntry {
    TableEntry {
        revision: plan.revision,
        transfer_fingerprint: transfer_fingerprint(context, &plan.source_table),
        source_table: plan.source_table.clone(),
        table: plan.table.clone(),
        items: plan.items.len(),
        rows: plan.rows,
        bytes: plan.bytes,
        broken: plan.problem.is_some(),
    }
}

/// What the manifests warn of beyond single tables, each text once.
fn database_warnings(export: &ExportRecord, statuses: &[TableStatus]) -> BTreeSet<String> {
    let databases = statuses
        .iter()
        .filter(|status| parse_source_table(export.engine, &status.target).is_none());
    databases
        .filter_map(|status| Some(format!("{}: {}", status.target, status.warning.as_ref()?)))
        .collect()
}
