//! The tables of the export: which there are, what their footers say, and which are not loaded.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt};
use landbridge_core::contract::{self, Others};
use landbridge_core::manifest::TableStatus;
use landbridge_core::names::tables::{NamedTable, name_tables};
use landbridge_core::note::NoteCode;
use landbridge_core::plan::SkippedTable;
use landbridge_core::plan::objects::{AssignedTable, TableFolder, assign_folders, group_by_table};
use landbridge_core::plan::partitions::{Partition, TableShape, find_partitions, names_above};
use landbridge_core::plan::table::DataFile;
use landbridge_core::types::Engine;
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_ledger::records::{ExportRecord, ManifestRecord};

use super::Stopped;
use super::footers::{self, Footers};
use crate::Context;
use crate::transfer::landed::Landed;

/// A table of the manifests, with its footers.
pub(super) struct Candidate<'a> {
    pub(super) source_table: String,
    pub(super) named: NamedTable,
    pub(super) status: &'a TableStatus,
    pub(super) contract: Option<&'a contract::TableContract>,
    pub(super) files: Vec<DataFile>,
    /// Why a file of this table cannot be used; the other tables continue.
    pub(super) broken: Option<Error>,
    /// Whether its files could not be read this time, or the files of a table that decides what it is.
    pub(super) unread: bool,
}

/// The tables of the export.
pub(super) struct Found<'a> {
    pub(super) candidates: Vec<Candidate<'a>>,
    pub(super) skipped: Vec<SkippedTable>,
    /// Why files of a table could not be read, for a reason that may pass.
    pub(super) unread: Option<Error>,
}

/// The tables of the export with their footers, and the tables that are not loaded. If the tick has no
/// time to read all footers, those that it read are recorded.
///
/// # Errors
/// Any error of the ledger or of listing the export.
pub(super) async fn find_tables<'a>(
    context: &'a Context,
    footers: &Footers<'_>,
    export: &ExportRecord,
    manifest: &'a ManifestRecord,
    landed: &Landed,
) -> Result<Result<Found<'a>, Stopped>> {
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
    let mut exported = Vec::new();
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
            None => exported.push((table, named)),
        }
    }
    let tables = exported.len();
    let mut read = futures::stream::iter(exported)
        .map(|(table, named)| read_candidate(context, footers, table, named, needs_markers))
        .buffered(footers::at_once(context));
    let (mut candidates, mut unread) = (Vec::with_capacity(tables), None);
    while let Some(result) = read.try_next().await? {
        // After the first table without time, those that are being read end and are kept.
        let Some((candidate, error)) = result else { continue };
        candidates.push(candidate);
        unread = unread.or(error);
    }
    drop(read);
    if candidates.len() < tables {
        footers.record().await?;
        return Ok(Err(Stopped { what: "read", done: candidates.len(), tables }));
    }
    leave_related_unread(&mut candidates);
    // Only PostgreSQL's partitions are tables.
    if export.engine == Engine::Postgres {
        drop_partitions(&mut candidates, &mut skipped, landed);
    }
    Ok(Ok(Found { candidates, skipped, unread }))
}

/// Leaves tables unread whose names say that they could be partitions like, or of, a table that is:
/// whether a table is a partition is found by the rows of all of them.
fn leave_related_unread(candidates: &mut [Candidate<'_>]) {
    let names: BTreeSet<&str> = candidates.iter().map(|it| it.source_table.as_str()).collect();
    let unread = candidates.iter().filter(|it| it.unread).map(|it| it.source_table.as_str());
    let parents: BTreeSet<String> = unread
        .flat_map(|unread| names_above(unread).filter(|name| names.contains(name)).chain([unread]))
        .map(str::to_owned)
        .collect();
    for candidate in candidates.iter_mut() {
        candidate.unread |= names_above(&candidate.source_table).any(|it| parents.contains(it));
    }
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

/// Reads the footers of one table; `None` when the tick has no time. The error beside the table is one that
/// may pass, or that concerns more than the table.
///
/// # Errors
/// Any ledger error.
async fn read_candidate<'a>(
    context: &'a Context,
    footers: &Footers<'_>,
    table: AssignedTable<'a>,
    named: NamedTable,
    needs_markers: bool,
) -> Result<Option<(Candidate<'a>, Option<Error>)>> {
    let AssignedTable { source, status, folder, shares_folder_with } = table;
    let source_table = source.name;
    let contract = context.contract.tables.get(&source_table);
    let bucket = context.config.export.bucket.as_str();
    let unmarked = folder.unmarked.first().filter(|_| needs_markers);
    let unmarked = unmarked.map(|folder| unmarked_error(bucket, folder));
    let shared = (!shares_folder_with.is_empty()).then(|| {
        Error::new(
            ErrorKind::Held,
            "tables share one folder of the export, so their rows cannot be separated; rename all but one of them in the source",
            format!("{source_table} and {}", shares_folder_with.join(", ")),
        )
    });
    let (files, broken, error) = match footers.read(folder.data).await {
        Ok(None) => return Ok(None),
        Ok(Some(files)) => (files, shared.or(unmarked), None),
        Err(error) if error.kind().holds_table() => (Vec::new(), Some(error), None),
        Err(error) => (Vec::new(), None, Some(error)),
    };
    let unread = error.is_some();
    Ok(Some((Candidate { source_table, named, status, contract, files, broken, unread }, error)))
}

fn unmarked_error(bucket: &str, folder: &str) -> Error {
    Error::new(
        ErrorKind::Corrupt,
        "a folder of the export contains files and no `_SUCCESS`, which other folders have, so files may be missing; run `landbridge redo` with `--export` for the day, or set `checks.require_success_markers: false` in landbridge.yaml",
        format!("s3://{bucket}/{folder}"),
    )
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
        let columns = candidate.files.first().map(|file| &*file.columns);
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
