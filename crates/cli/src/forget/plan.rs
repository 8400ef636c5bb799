//! Where the rows of a key are, and why the command is refused.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use landbridge_core::calendar::{Calendar, Day};
use landbridge_core::config::CLASS_NONE;
use landbridge_core::note::NoteCode;
use landbridge_core::plan::objects::{ObjectMeta, assign_folders, group_by_table};
use landbridge_core::plan::{SourceColumn, TablePlan};
use landbridge_ledger::records::below;
use landbridge_ledger::records::{EXPORT, ExportRecord, MANIFEST, ManifestRecord, PLAN};
use serde::Serialize;

use super::Command;
use super::figures;
use super::landing::{self, Landed};
use super::others::{self, OtherTable};
use super::warehouse::{condition_on, rows_in_warehouse};
use crate::failure::{Failure, Result};
use crate::recover::find::Finder;
use crate::render;

/// How many days back the newest export is searched.
const LOOK_BACK_DAYS: u32 = 14;

/// The plan; its fields are keys of `--output json`.
#[derive(Debug, Serialize)]
pub(super) struct Plan {
    pub(super) source_table: String,
    pub(super) column: String,
    /// The newest export, which does not have the rows.
    pub(super) absent_on: Day,
    pub(super) absent_at: Option<Timestamp>,
    /// The files of older exports that have them.
    pub(super) files: Vec<FileWithRows>,
    /// The table's objects of older days in Cloud Storage, which are deleted whatever rows they have.
    pub(super) landed: Vec<Landed>,
    /// Records of older days in the ledger that have sealed figures of the table, or had them in an older version.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) figures: BTreeSet<String>,
    /// The table in BigQuery; empty if the source table has none.
    pub(super) table: String,
    /// Rows of the key in BigQuery now.
    pub(super) warehouse_rows: u64,
    /// Histories, and tables of former names, with the rows of the key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) other_tables: Vec<OtherTable>,
    /// The condition in BigQuery, which has the value.
    #[serde(skip)]
    pub(super) condition: String,
    /// The plan of the table on the day of the newest export, and the column in it.
    #[serde(skip)]
    pub(super) newest: TablePlan,
    #[serde(skip)]
    pub(super) key: SourceColumn,
    /// Whether PostgreSQL's partitions of the table are in exports as well, with the same rows once more.
    #[serde(skip)]
    pub(super) has_partitions: bool,
}

/// A file of an export that has rows of the key.
#[derive(Debug, Serialize)]
pub(super) struct FileWithRows {
    pub(super) key: String,
    /// Rows of the key.
    pub(super) rows: u64,
}

/// The newest export.
struct Newest {
    day: Day,
    export: ExportRecord,
    manifest: ManifestRecord,
    plan: TablePlan,
    /// Whether the export has partitions of the table, which are not loaded.
    has_partitions: bool,
}

impl Plan {
    /// Looks for the rows. Changes nothing.
    ///
    /// # Errors
    /// `Failed` while the newest export has the rows; `Usage` for a column that may not be compared.
    pub(super) async fn make(command: &Command) -> Result<Self> {
        let newest = newest(command).await?;
        require_no_redo(command, newest.day).await?;
        let column = key_column(command, &newest.plan)?;
        let finder = Finder::new(
            &command.aws.s3,
            &command.config.export.bucket,
            &newest.plan.source_table,
            column,
            &command.args.key.value,
        )?;
        let exports = files(command, &newest).await?;
        require_absent(&newest, &finder, exports.get(newest.manifest.root.as_str())).await?;
        let mut found = Vec::new();
        let older = exports.iter().filter(|(root, _)| **root != newest.manifest.root);
        for object in older.flat_map(|(_, objects)| objects) {
            let rows = finder.rows(object).await?.matching;
            if rows > 0 {
                found.push(FileWithRows { key: object.key.clone(), rows });
            }
        }
        let condition = condition(command, column)?;
        let landed =
            landing::older(command, &newest.plan, newest.day, &newest.export.export).await?;
        let figures = figures::older(command, &newest.plan, newest.day).await?;
        let table = newest.plan.table.clone();
        let warehouse_rows = rows_in_warehouse(command, &table, &condition).await?;
        let other_tables = others::find(command, &newest.plan, column).await?;
        Ok(Self {
            other_tables,
            source_table: newest.plan.source_table.clone(),
            column: command.args.key.column.clone(),
            absent_on: newest.day,
            absent_at: newest.export.snapshot_at,
            files: found,
            landed,
            figures,
            table,
            warehouse_rows,
            condition,
            has_partitions: newest.has_partitions,
            key: column.clone(),
            newest: newest.plan.clone(),
        })
    }

    /// The plan as text.
    pub(super) fn text(&self) -> String {
        let count = |rows: u64| render::counted(usize::try_from(rows).unwrap_or(usize::MAX), "row");
        let mut text = format!(
            "{}, rows of one {}: the newest export, of {}, has none\n",
            self.source_table, self.column, self.absent_on
        );
        for file in &self.files {
            text +=
                &format!("  delete the file {}, which has {} of it\n", file.key, count(file.rows));
        }
        if self.files.is_empty() {
            text += "  no file of a kept export has any\n";
        }
        if !self.landed.is_empty() {
            let objects = render::counted(self.landed.len(), "object");
            text += &format!("  delete {objects} of the table in Cloud Storage, of days before\n");
        }
        if !self.figures.is_empty() {
            let records = render::counted(self.figures.len(), "record");
            text += &format!("  remove the sealed figures from {records} of days before\n");
        }
        match self.table.as_str() {
            "" => text += "  BigQuery has no such table",
            table => {
                text +=
                    &format!("  delete {} in BigQuery's table {table}", count(self.warehouse_rows))
            }
        }
        for other in &self.other_tables {
            text += &others::text(other);
        }
        text
    }
}

/// Refuses while the newest export has rows of the key, or its files are not all there, so that it is not known.
async fn require_absent(
    newest: &Newest,
    finder: &Finder,
    objects: Option<&Vec<ObjectMeta>>,
) -> Result {
    let mut all = 0;
    for object in objects.into_iter().flatten() {
        let found = finder.rows(object).await?;
        if found.matching > 0 {
            return Err(Failure::Failed(format!(
                "the export of {}, the newest one, has rows of this key, so the next days would bring them back. Delete them in the source, wait for the next export (`landbridge status`), then run the command again",
                newest.day
            )));
        }
        all += found.all;
    }
    if all == newest.plan.rows {
        return Ok(());
    }
    Err(Failure::Failed(format!(
        "the export of {}, the newest one, has {all} rows of {} in S3, and the day's plan has {}, so it is not known whether the source still has the rows of this key; wait for the next export, then run the command again",
        newest.day, newest.plan.source_table, newest.plan.rows
    )))
}

/// Refuses while another day reads its export: it would not find a file that is deleted under it, and lose its rows.
async fn require_no_redo(command: &Command, newest: Day) -> Result {
    let days = command.ledger.source().redo_days().await?;
    let is_open = |(day, numbers): &(&Day, &BTreeMap<u32, bool>)| {
        **day != newest && numbers.values().any(|has_ended| !has_ended)
    };
    match days.iter().find(is_open) {
        None => Ok(()),
        Some((day, _)) => Err(Failure::Failed(format!(
            "{day} is being done again, and its export may be read at this moment; run the command again when it has ended (`landbridge status`)"
        ))),
    }
}

/// The newest day with a complete export of the table. A newer export that no day has planned is not known to be without
/// the rows, and its files are still to be read: the command waits for it.
async fn newest(command: &Command) -> Result<Newest> {
    let schedule = &command.config.schedule;
    let mut day = Calendar::new(&schedule.zone, schedule.export_hour)?.day_of(command.now);
    let name = &command.args.table;
    for _ in 0..LOOK_BACK_DAYS {
        let records = command.ledger.day(day);
        let export = records.value(&EXPORT).await?;
        let (manifest, plan) = (records.value(&MANIFEST).await?, records.value(&PLAN).await?);
        let is_on_its_way = export.is_some();
        if let (Some(export), Some(manifest), Some(day_plan)) =
            (export.filter(|it| it.complete), manifest, plan)
        {
            let entry = day_plan.tables.iter().find(|it| it.source_table == *name);
            let Some(entry) = entry else {
                return Err(Failure::Usage(format!(
                    "the export of {day}, the newest one, has no table `{name}`. There are: {}",
                    day_plan
                        .tables
                        .iter()
                        .map(|it| it.source_table.as_str())
                        .collect::<Vec<_>>()
                        .join(", ")
                )));
            };
            let plan = records.table_plan(entry).await?.filter(|it| it.problem.is_none());
            let plan = plan.ok_or_else(|| {
                Failure::Failed(format!(
                    "{name} of {day} is held or being planned, so its files are not known; `landbridge receipt {day}` says why"
                ))
            })?;
            let start = format!("{name}_");
            let has_partitions = day_plan.skipped.iter().any(|it| {
                it.note == Some(NoteCode::Partition) && it.source_table.starts_with(&start)
            });
            return Ok(Newest { day, export, manifest, plan, has_partitions });
        }
        if is_on_its_way {
            return Err(Failure::Failed(format!(
                "the export of {day} is on its way and not planned yet, so it is not known whether it has rows of this key; run the command again when `landbridge status` shows the day transferred"
            )));
        }
        let Some(before) = day.before() else { break };
        day = before;
    }
    Err(Failure::Failed(format!(
        "there is no complete export of the last {LOOK_BACK_DAYS} days, so it is not known whether the source still has the rows; `landbridge status` shows what the days wait for"
    )))
}

/// The column of the key, if its values may be compared and shown to those who read the table.
fn key_column<'a>(command: &Command, plan: &'a TablePlan) -> Result<&'a SourceColumn> {
    let name = &command.args.key.column;
    let Some(column) = plan.columns.iter().find(|it| it.parquet.name == *name) else {
        return Err(Failure::Usage(format!(
            "{} has no column `{name}`. There are: {}",
            plan.source_table,
            plan.columns.iter().map(|it| it.parquet.name.as_str()).collect::<Vec<_>>().join(", ")
        )));
    };
    let key = column.contract_key.as_ref().unwrap_or(name);
    let named = command.contract.tables.get(&plan.source_table);
    let contract = named.and_then(|table| table.columns.get(key));
    match contract {
        Some(it) if it.class == CLASS_NONE && it.transform.is_none() => Ok(column),
        _ => Err(Failure::Usage(format!(
            "{}.{name} has a class or is not in the contract, so rows cannot be chosen by it: its values would be in the text of a query. Use a column of class none, for example the primary key",
            plan.source_table
        ))),
    }
}

/// The objects of the table in all exports that are kept, by the root of the export.
async fn files(command: &Command, newest: &Newest) -> Result<BTreeMap<String, Vec<ObjectMeta>>> {
    let config = &command.config;
    let prefix = below(&config.export.prefix, &format!("landbridge-{}-", config.source.name));
    let listed = command.aws.s3.list(&config.export.bucket, &prefix).await;
    let listed = listed.map_err(super::with_rights)?;
    let mut roots: BTreeMap<String, Vec<ObjectMeta>> = BTreeMap::new();
    let folder = below(&config.export.prefix, "");
    for object in listed {
        let Some(export) = object.key.strip_prefix(&folder).and_then(|it| it.split('/').next())
        else {
            continue;
        };
        roots.entry(format!("{folder}{export}/")).or_default().push(object);
    }
    let mut found = BTreeMap::new();
    for (root, objects) in roots {
        let folders = group_by_table(&root, objects);
        let assigned = assign_folders(newest.export.engine, &newest.manifest.tables, folders);
        let table =
            assigned.tables.into_iter().find(|it| it.source.name == newest.plan.source_table);
        if let Some(table) = table {
            found.insert(root, table.folder.data);
        }
    }
    Ok(found)
}

/// The condition in BigQuery. Only whole numbers and text can be written as constants that mean the same there.
fn condition(command: &Command, column: &SourceColumn) -> Result<String> {
    let name = match column.landed_name.as_str() {
        "" => &command.args.key.column,
        landed => landed,
    };
    condition_on(command, column, name)
}
