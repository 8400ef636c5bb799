//! `landbridge recover`: the rows of one table as an export has them, in a file.
//!
//! | module | responsibility |
//! |---|---|
//! | here | the command: finds the export, asks nothing of the database, writes one file |
//! | [`columns`] | which columns are written, and why the others are not |
//! | [`condition`] | `--where`, evaluated on the rows of the export |
//! | [`read`] | the rows of the Parquet files |
//! | [`value`] | how cells are written by the reader |
//! | [`sql`] | the file of SQL statements |
//! | [`output`] | the file: its rights, its place, and what becomes of it if the command fails |
//!
//! The live table is never changed: the statements create a table beside it. No message has a cell.

mod columns;
mod condition;
mod output;
mod read;
mod sql;
mod value;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use landbridge_cli_support::args::{FileArgs, Output, OutputArgs};
use landbridge_core::calendar::{Calendar, Day};
use landbridge_core::config::Config;
use landbridge_core::plan::TablePlan;
use landbridge_core::types::Engine;
use landbridge_ledger::name::SourceName;
use landbridge_ledger::records::{self, EXPORT, PLAN, RECOVERIES};
use landbridge_ledger::{DayLedger, Ledger, Written};
use serde::Serialize;

use self::columns::{Choice, LeftOut};
use self::condition::Condition;
use self::output::OutputFile;
use self::read::Exported;
use crate::clock::Clock;
use crate::failure::{Failure, Result};
use crate::files;
use crate::render::{self, bytes, grouped};

/// Write the rows of one table, as a day's export has them, into a file
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge recover public.orders --at yesterday --to orders.sql
  landbridge recover public.orders --at 2026-11-21 --where \"id BETWEEN 100 AND 200\" --to orders.sql
  landbridge recover public.members --at yesterday --plain --reason 'ticket 4211' --to members.sql

The file has statements that create a table beside the live one and fill it: `orders_recovered_20261121`.
Nothing is changed in the database until you run them, and the live table is never changed:
  psql \"$SHOP_URL\" -v ON_ERROR_STOP=1 -f orders.sql      (MySQL, MariaDB: mysql shop < orders.sql)

Columns with a class are left out. `--plain` writes them too: it needs the managed policy operator-recover,
like any use of this command, and a reason, which is recorded in the ledger. A column with
`transform: drop` is never written.

The rows are from the export that is kept in S3, for seven days by default. For an older day, or a type
that an export does not contain exactly, restore the snapshot: `landbridge restore --from-receipt DAY`.
docs/runbooks/recover.md says more.

Exit codes: 0 the file is written; 1 failed, and no file is left; 2 invalid usage; 3 access denied.")]
pub(crate) struct RecoverArgs {
    /// The table: its name in the source (`public.orders`), or in BigQuery
    table: String,
    /// The day of the export: `yesterday`, `today`, or a date such as 2026-11-21
    #[arg(long = "at", value_name = "DAY", value_parser = at)]
    at: At,
    /// The file to write. Its directory must exist, and must not be in a git work tree
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Only rows for which this is true: comparisons, AND, OR, NOT, IN, BETWEEN, LIKE, IS NULL
    #[arg(long = "where", value_name = "CONDITION")]
    condition: Option<String>,
    /// The name of the new table [default: TABLE_recovered_YYYYMMDD]
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
    /// Where the types of the new table come from
    #[arg(long, value_name = "FROM", value_enum, default_value_t)]
    types: Types,
    /// Write the columns that have a class too
    #[arg(long, requires = "reason")]
    plain: bool,
    /// Why: recorded in the ledger
    #[arg(long, value_name = "TEXT", requires = "plain", value_parser = reason)]
    reason: Option<String>,
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Where the types of the new table's columns come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Types {
    /// The live table: exactly its types
    #[default]
    Live,
    /// The export: for a table that is gone. Lengths and user-defined types are not in it
    Export,
}

/// `--at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Today,
    Yesterday,
    Day(Day),
}

fn at(text: &str) -> Result<At, String> {
    match text {
        "today" => Ok(At::Today),
        "yesterday" => Ok(At::Yesterday),
        day => day
            .parse()
            .map(At::Day)
            .map_err(|_| "must be `yesterday`, `today`, or a date such as 2026-11-21".to_owned()),
    }
}

fn reason(text: &str) -> Result<String, String> {
    let reason = text.trim();
    match reason.chars().count() {
        1..=200 => Ok(reason.to_owned()),
        _ => Err("must have 1 to 200 characters".to_owned()),
    }
}

/// The record of a use of `--plain`, in the ledger. It has no value, and not the condition, which can have one.
#[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
struct RecoveryRecord {
    at: Timestamp,
    source_table: String,
    day: Day,
    /// The columns that have a class.
    columns: Vec<String>,
    reason: String,
}

/// What was written; its fields are keys of `--output json`.
#[derive(Debug, Serialize)]
struct Report<'a> {
    source_table: &'a str,
    day: Day,
    /// The export task.
    export: &'a str,
    /// The table that the statements create.
    creates: String,
    file: String,
    /// Rows of the export.
    rows_exported: u64,
    /// Rows that the file has.
    rows_written: u64,
    columns: Vec<&'a str>,
    left_out: &'a [LeftOut],
    /// The record of the reason in the ledger, with `--plain`.
    record: Option<String>,
}

/// Runs the command.
pub(crate) async fn run(args: RecoverArgs) -> Result {
    let config = files::config(&files::config_path(args.files.config.as_deref()))?;
    let contract = files::contract(&files::contract_path(&args.files), &config)?;
    let aws = crate::aws::clients(&config.source.region, config.source.kind).await?;
    let now = Clock::from_env()?.now();
    let day = resolve(args.at, now, &config)?;
    let ledger = Ledger::for_operator(aws.s3.clone(), &config);
    let records = ledger.day(day);
    let (plan, export) = planned(&records, day, &args.table).await?;
    let receipt = match plan.table.as_str() {
        "" => None,
        table => records.value(&records::receipt(table)).await?,
    };
    let chosen = columns::choose(&plan, &contract, receipt.as_ref(), args.plain)?;
    let condition = match &args.condition {
        Some(text) => Some(Condition::parse(text, &plan.source_table, &chosen)?),
        None => None,
    };
    let engine = export_engine(&records, day).await?;
    let statements =
        sql::Statements::new(&plan, day, engine, &chosen, args.name.as_deref(), args.types)?;
    let exported = Exported::of(&aws.s3, &config.export.bucket, &plan, day);
    let mut file = OutputFile::create(&args.to)?;
    // Before the first row is read: without the record, nothing is read in plain.
    let record = match &args.reason {
        Some(reason) => Some(log(&ledger, &plan, day, &chosen, reason, now).await?),
        None => None,
    };
    let is_text = args.output.format == Output::Text;
    if is_text {
        render::print(&format!(
            "{} of {day}: {} in {} ({}), export {export}",
            plan.source_table,
            render::counted(usize::try_from(plan.rows).unwrap_or(usize::MAX), "row"),
            render::counted(exported.files(), "file"),
            bytes(exported.bytes()),
        ))?;
    }
    let progress = progress(plan.rows, is_text);
    let job = Job { exported, chosen, condition, statements };
    let (job, written) = tokio::task::spawn_blocking(move || {
        let written = job.write(&mut file, &progress).and_then(|rows| file.finish().map(|()| rows));
        progress.finish_and_clear();
        (job, written)
    })
    .await
    .map_err(|error| Failure::Failed(format!("the file is not written: {error}")))?;
    let report = Report {
        source_table: &plan.source_table,
        day,
        export: &export,
        creates: job.statements.table().to_owned(),
        file: args.to.display().to_string(),
        rows_exported: plan.rows,
        rows_written: written?,
        columns: job.chosen.kept.iter().map(|column| column.name.as_str()).collect(),
        left_out: &job.chosen.left_out,
        record,
    };
    if is_text { show(&report, engine) } else { render::json(&report) }
}

/// All that writing needs; it runs on a thread of its own, because Parquet is read with blocking calls.
struct Job {
    exported: Exported,
    chosen: Choice,
    condition: Option<Condition>,
    statements: sql::Statements,
}

impl Job {
    /// Writes the file, and returns how many rows it has.
    fn write(&self, file: &mut OutputFile, progress: &ProgressBar) -> Result<u64> {
        let mut rows = 0;
        let mut out = self.statements.begin(file)?;
        self.exported.rows(&self.chosen, &mut |cells| {
            progress.inc(1);
            let is_wanted = match &self.condition {
                Some(condition) => condition.is_true(cells)?,
                None => true,
            };
            if is_wanted {
                rows += 1;
                out.row(file, cells)?;
            }
            Ok(())
        })?;
        out.end(file, rows)?;
        Ok(rows)
    }
}

fn resolve(at: At, now: Timestamp, config: &Config) -> Result<Day> {
    let schedule = &config.schedule;
    let today = Calendar::new(&schedule.zone, schedule.export_hour)?.day_of(now);
    Ok(match at {
        At::Today => today,
        At::Yesterday => today.before().unwrap_or(today),
        At::Day(day) => day,
    })
}

/// The engine of the exported snapshot.
async fn export_engine(records: &DayLedger, day: Day) -> Result<Engine> {
    let export = records.value(&EXPORT).await?;
    export.map(|export| export.engine).ok_or_else(|| {
        Failure::Failed(format!(
            "the ledger has no record of the export of {day}; see `landbridge days`"
        ))
    })
}

/// The plan of the table on that day, and the export task.
async fn planned(records: &DayLedger, day: Day, table: &str) -> Result<(TablePlan, String)> {
    let Some(plan) = records.value(&PLAN).await? else {
        return Err(Failure::Failed(format!(
            "no export of {day} is planned, so there are no rows of that day in S3; `landbridge days` lists the days, and `landbridge snapshots` the snapshots that can be restored"
        )));
    };
    let is_it =
        |it: &&landbridge_core::plan::TableEntry| it.source_table == table || it.table == table;
    let Some(entry) = plan.tables.iter().find(is_it) else {
        let skipped = plan.skipped.iter().find(|it| it.source_table == table);
        return Err(match skipped {
            Some(skipped) => Failure::Failed(format!(
                "{table} of {day} is not in the export's plan: {}. Restore the snapshot instead: `landbridge restore --from-receipt {day} --as NAME`",
                skipped.reason
            )),
            None => Failure::Usage(format!(
                "the export of {day} has no table `{table}`. There are: {}",
                plan.tables
                    .iter()
                    .map(|it| it.source_table.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            )),
        });
    };
    let table_plan = records.table_plan(entry).await?.ok_or_else(|| {
        Failure::Failed(format!(
            "{} is being planned again at this moment; run the command again",
            entry.source_table
        ))
    })?;
    if let Some(problem) = &table_plan.problem {
        return Err(Failure::Failed(format!(
            "{} of {day} was held, so its files are not listed: {}. Restore the snapshot instead: `landbridge restore --from-receipt {day} --as NAME`",
            entry.source_table, problem.what
        )));
    }
    Ok((table_plan, plan.export))
}

/// Records who asked for what in plain; the record has no value. Two commands in one second are two records.
async fn log(
    ledger: &Ledger,
    plan: &TablePlan,
    day: Day,
    chosen: &Choice,
    reason: &str,
    now: Timestamp,
) -> Result<String> {
    let record = RecoveryRecord {
        at: now,
        source_table: plan.source_table.clone(),
        day,
        columns: chosen.in_plain(),
        reason: reason.to_owned(),
    };
    for number in 1..=9 {
        let time = now.strftime("%Y%m%dT%H%M%SZ");
        let name = format!("{RECOVERIES}/{time}-{number}.json");
        let written = ledger.source().create(&SourceName::new(name.clone()), &record).await?;
        if written == Written::Yes {
            return Ok(ledger.source().location(&name));
        }
    }
    Err(Failure::Failed(
        "the reason cannot be recorded: other commands record theirs at this moment; run the command again"
            .to_owned(),
    ))
}

fn progress(rows: u64, is_text: bool) -> ProgressBar {
    if !is_text {
        return ProgressBar::hidden();
    }
    // Hidden by itself if standard error is not a terminal.
    let bar = ProgressBar::new(rows);
    let style =
        ProgressStyle::with_template("{bar:30} {human_pos} of {human_len} rows, {eta} left");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}

fn show(report: &Report<'_>, engine: Engine) -> Result {
    let rows = match report.rows_written == report.rows_exported {
        true => format!("all {} rows", grouped(report.rows_written)),
        false => {
            format!("{} of {} rows", grouped(report.rows_written), grouped(report.rows_exported))
        }
    };
    render::print(&format!(
        "{}: {rows}, {}",
        report.file,
        render::counted(report.columns.len(), "column")
    ))?;
    for column in report.left_out {
        render::print(&format!("  left out: {}, {}", column.column, column.reason))?;
    }
    if let Some(record) = &report.record {
        render::print(&format!("  the reason is recorded in {record}"))?;
    }
    let command = match engine {
        Engine::Postgres => format!("psql \"$URL\" -v ON_ERROR_STOP=1 -f {}", report.file),
        Engine::Mysql => format!("mysql DATABASE < {}", report.file),
    };
    render::print(&format!(
        "The live table is unchanged. To create {} beside it: {command}",
        report.creates
    ))
}
