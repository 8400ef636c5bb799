//! What is said of a recovery, and the record of why values were written in plain.

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use landbridge_core::calendar::Day;
use landbridge_core::types::Engine;
use landbridge_ledger::Written;
use landbridge_ledger::name::SourceName;
use landbridge_ledger::records::RECOVERIES;
use serde::Serialize;

use super::columns::LeftOut;
use super::{Command, Prepared};
use crate::failure::{Failure, Result};
use crate::render::{self, grouped};

/// The record of a use of `--plain`, in the ledger. It has no value, and not the condition, which can have one.
#[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
struct RecoveryRecord {
    at: Timestamp,
    source_table: String,
    day: Day,
    /// The columns that have a class.
    columns: Vec<String>,
    reason: String,
    /// `a file`, or host, port and database.
    #[serde(default)]
    to: String,
}

/// What was written; its fields are keys of `--output json`.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) source_table: String,
    pub(super) day: Option<Day>,
    /// The export task; none if a snapshot was restored.
    pub(super) export: Option<String>,
    /// The snapshot that was restored.
    pub(super) snapshot: Option<String>,
    /// The new table; none for a file of Parquet.
    pub(super) creates: Option<String>,
    /// The file; none for a database.
    pub(super) file: Option<String>,
    /// Host, port and database; none for a file.
    pub(super) database: Option<String>,
    /// Rows of the export; none if a snapshot was restored.
    pub(super) rows_exported: Option<u64>,
    /// Rows that the file or the new table has.
    pub(super) rows_written: u64,
    pub(super) columns: Vec<String>,
    pub(super) left_out: Vec<LeftOut>,
    /// What the operator should know of the new table's types.
    pub(super) notes: Vec<String>,
    /// The record of the reason in the ledger, with `--plain`.
    pub(super) record: Option<String>,
}

impl Report {
    /// What is known before the first row is read.
    pub(super) fn of(prepared: &Prepared, day: Day) -> Self {
        Self {
            source_table: prepared.source_table.clone(),
            day: Some(day),
            export: prepared.export.clone(),
            snapshot: prepared.snapshot.clone(),
            rows_exported: prepared.rows,
            columns: prepared.chosen.kept.iter().map(|it| it.name.clone()).collect(),
            ..Self::default()
        }
    }
}

/// Records who asked for what in plain; the record has no value. Two commands in one second are two records.
///
/// # Errors
/// If it cannot be recorded; then nothing may be read.
pub(super) async fn log(
    command: &Command,
    prepared: &Prepared,
    to: &str,
) -> Result<Option<String>> {
    let Some(reason) = &command.args.reason else { return Ok(None) };
    let record = RecoveryRecord {
        at: command.now,
        source_table: prepared.source_table.clone(),
        day: command.day,
        columns: prepared.chosen.in_plain(),
        reason: reason.clone(),
        to: to.to_owned(),
    };
    let ledger = command.ledger.source();
    for number in 1..=9 {
        let time = command.now.strftime("%Y%m%dT%H%M%SZ");
        let name = format!("{RECOVERIES}/{time}-{number}.json");
        let written = ledger.create(&SourceName::new(name.clone()), &record).await?;
        if written == Written::Yes {
            return Ok(Some(ledger.location(&name)));
        }
    }
    Err(Failure::Failed(
        "the reason cannot be recorded: other commands record theirs at this moment; run the command again"
            .to_owned(),
    ))
}

/// The progress of so many rows; hidden by itself if standard error is not a terminal.
pub(super) fn progress(rows: Option<u64>, is_text: bool) -> ProgressBar {
    if !is_text {
        return ProgressBar::hidden();
    }
    let (bar, template) = match rows {
        Some(rows) => {
            (ProgressBar::new(rows), "{bar:30} {human_pos} of {human_len} rows, {eta} left")
        }
        None => (ProgressBar::new_spinner(), "{spinner} {human_pos} rows"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// The report as text.
pub(super) fn show(report: &Report, engine: Engine) -> Result {
    let written = report.rows_written;
    let rows = match report.rows_exported {
        Some(exported) if written != exported => {
            format!("{} of {} rows", grouped(written), grouped(exported))
        }
        Some(_) => format!("all {} rows", grouped(written)),
        None => render::counted(usize::try_from(written).unwrap_or(usize::MAX), "row"),
    };
    let place = match (&report.file, &report.database, &report.creates) {
        (Some(file), ..) => file.clone(),
        (_, Some(database), Some(table)) => format!("{table} in {database}"),
        _ => String::new(),
    };
    let columns = render::counted(report.columns.len(), "column");
    render::print(&format!("{place}: {rows}, {columns}"))?;
    for column in &report.left_out {
        render::print(&format!("  left out: {}, {}", column.column, column.reason))?;
    }
    for note in &report.notes {
        render::print(&format!("  note    {note}"))?;
    }
    if let Some(record) = &report.record {
        render::print(&format!("  the reason is recorded in {record}"))?;
    }
    let (Some(file), Some(creates)) = (&report.file, &report.creates) else {
        return match report.database {
            Some(_) => render::print("No existing table is changed."),
            None => Ok(()),
        };
    };
    let command = match engine {
        Engine::Postgres => format!("psql \"$URL\" -v ON_ERROR_STOP=1 -f {file}"),
        Engine::Mysql => format!("mysql DATABASE < {file}"),
    };
    render::print(&format!("The live table is unchanged. To create {creates} beside it: {command}"))
}
