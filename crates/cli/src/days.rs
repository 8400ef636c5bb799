//! `landbridge days`: one line per day; and the grid of days and tables that `landbridge status` shows.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use landbridge_cli_support::args::{ConfigArgs, Output, OutputArgs};
use landbridge_core::calendar::{Calendar, Day};
use landbridge_core::config::Config;
use landbridge_core::receipt::ReceiptState;
use landbridge_ledger::Ledger;
use landbridge_ledger::records::{DAY, DayRecord, DayState, EXPORT, PLAN};
use serde::Serialize;

use crate::clock::Clock;
use crate::failure::Result;
use crate::paint::Paint;
use crate::render::{self, grouped, left, right};
use crate::{files, receipt};

/// Receipts read at once.
const AT_ONCE: usize = 16;
/// Rows of the grid; the JSON has every table.
const MAX_ROWS: usize = 20;
/// Names in a line.
const MAX_NAMES: usize = 3;

/// Show how each day ended, one line per day, the newest first
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge days
  landbridge days --days 60
  landbridge days --output json

A day is published, published with gaps (a table is not in the export), held (a table needs a person), or
still in work. `landbridge receipt DAY` says what happened to each table.

Credentials and region come from the environment, as for any AWS client. For the local cloud:
  . .landbridge/local.env")]
pub(crate) struct DaysArgs {
    /// How many days to show, today included
    #[arg(long, value_name = "N", default_value_t = 14, value_parser = clap::value_parser!(u16).range(1..=400))]
    days: u16,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// One day; its fields are keys of the JSON.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DayLine {
    pub(crate) day: Day,
    /// `published`, `published_with_gaps`, `held`, `loading`, `transferring`, `exporting`, `nothing`.
    pub(crate) state: &'static str,
    /// Tables published.
    pub(crate) tables: usize,
    /// Rows published.
    pub(crate) rows: u64,
    pub(crate) held: Vec<String>,
    /// Tables that are not in the export.
    pub(crate) gaps: Vec<String>,
    pub(crate) finished_at: Option<Timestamp>,
    /// The state of each table of the day's receipts, by its name in the source.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) of_tables: BTreeMap<String, &'static str>,
}

/// Runs the command.
pub(crate) async fn run(args: DaysArgs) -> Result {
    let config = files::config(&files::config_path(args.config.config.as_deref()))?;
    let aws = crate::aws::clients(&config.source.region, config.source.kind).await?;
    let ledger = Ledger::for_operator(aws.s3.clone(), &config);
    let now = Clock::from_env()?.now();
    let days = read(&config, &ledger, now, args.days, false).await?;
    match args.output.format {
        Output::Json => render::json(&days),
        Output::Text => render::print(&lines(&days, &receipt::zone(&config)?)),
    }
}

/// The newest days, today first; with the state of each table if `of_tables`.
///
/// # Errors
/// Any ledger error.
pub(crate) async fn read(
    config: &Config,
    ledger: &Ledger,
    now: Timestamp,
    count: u16,
    of_tables: bool,
) -> Result<Vec<DayLine>> {
    let calendar = Calendar::new(&config.schedule.zone, config.schedule.export_hour)?;
    let today = calendar.day_of(now);
    let days = std::iter::successors(Some(today), |day| day.before()).take(count.into());
    // At once: a command at a terminal waits for the latency of one day, not of all.
    futures::stream::iter(days)
        .map(|day| async move {
            let mut line = line(ledger, day).await?;
            if of_tables && line.state != "nothing" {
                line.of_tables = of_tables_on(ledger, day).await?;
            }
            Ok(line)
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

/// The states of the tables of a day; without partitions and tables that the contract leaves in AWS.
async fn of_tables_on(ledger: &Ledger, day: Day) -> Result<BTreeMap<String, &'static str>> {
    let receipts = ledger.day(day).receipt_summaries_read_only(AT_ONCE).await?;
    let shown =
        receipts.into_values().filter(|it| it.state != ReceiptState::Skipped || it.has_problem);
    Ok(shown.map(|it| (it.source_table, it.state.name())).collect())
}

async fn line(ledger: &Ledger, day: Day) -> Result<DayLine> {
    let ledger = ledger.day(day);
    let mut line = DayLine {
        day,
        state: "nothing",
        tables: 0,
        rows: 0,
        held: Vec::new(),
        gaps: Vec::new(),
        finished_at: None,
        of_tables: BTreeMap::new(),
    };
    if let Some(record) = ledger.value(&DAY).await? {
        line.state = match record.state() {
            DayState::Published => "published",
            DayState::PublishedWithGaps => "published_with_gaps",
            DayState::Held => "held",
        };
        let DayRecord { tables, rows, held, gaps, finished_at, .. } = record;
        return Ok(DayLine { tables, rows, held, gaps, finished_at: Some(finished_at), ..line });
    }
    if ledger.value(&PLAN).await?.is_some() {
        line.state = "loading";
    } else if let Some(export) = ledger.value(&EXPORT).await? {
        line.state = if export.complete { "transferring" } else { "exporting" };
    }
    Ok(line)
}

fn lines(days: &[DayLine], zone: &TimeZone) -> String {
    let columns =
        [left("day"), left("state"), right("tables"), right("rows"), left("by"), left("")];
    let row = |line: &DayLine| {
        let by = line.finished_at.map(|at| at.to_zoned(zone.clone()).strftime("%H:%M").to_string());
        let mut notes = Vec::new();
        for (what, names) in [("held", &line.held), ("not in export", &line.gaps)] {
            if !names.is_empty() {
                notes.push(format!("{what}: {}", some_of(names)));
            }
        }
        // Colour would count as width in a table; the word is enough.
        vec![
            line.day.to_string(),
            line.state.replace('_', " "),
            line.tables.to_string(),
            grouped(line.rows),
            by.unwrap_or_default(),
            notes.join("; "),
        ]
    };
    render::table(&columns, days.iter().map(row).collect(), 0)
}

fn some_of(names: &[String]) -> String {
    let first = names[..names.len().min(MAX_NAMES)].join(", ");
    match names.len().saturating_sub(MAX_NAMES) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// Days × tables: one column per day, the oldest first; one row for all tables that were published on each
/// day, and one for every other table.
pub(crate) fn grid(days: &[DayLine], paint: Paint) -> String {
    let tables: BTreeSet<&String> = days.iter().flat_map(|day| day.of_tables.keys()).collect();
    if tables.is_empty() {
        return String::new();
    }
    let mark = |day: &DayLine, table: &str| match day.of_tables.get(table) {
        Some(&"published" | &"superseded") => '+',
        Some(&"held") => 'H',
        Some(&"missing") => 'M',
        Some(_) => 'S',
        None => '.',
    };
    let marks = |table: &str| days.iter().rev().map(|day| mark(day, table)).collect::<Vec<char>>();
    let (good, other): (Vec<_>, Vec<_>) =
        tables.into_iter().partition(|table| marks(table).iter().all(|it| matches!(it, '+' | '.')));
    let mut rows: Vec<(String, Vec<char>)> = Vec::new();
    if !good.is_empty() {
        // A day on which one of them has no receipt is not complete.
        let all = (0..days.len()).map(|place| {
            let has_all = good.iter().all(|table| marks(table)[place] == '+');
            if has_all { '+' } else { '.' }
        });
        rows.push((render::counted(good.len(), "table"), all.collect()));
    }
    let more = other.len().saturating_sub(MAX_ROWS);
    rows.extend(other.iter().take(MAX_ROWS).map(|table| (render::printable(table), marks(table))));
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default().max(14);
    let dates = days.iter().rev().map(|day| day.day.date().strftime(" %m-%d").to_string());
    let mut text = format!("  {:width$}{}\n", "", dates.collect::<String>());
    for (name, marks) in rows {
        let pad = " ".repeat(width - name.chars().count());
        let cells = marks.into_iter().map(|mark| {
            let shown = mark.to_string();
            let painted = match mark {
                '+' => paint.green(&shown),
                '.' => paint.dim(&shown),
                'H' => paint.red(&shown),
                _ => paint.yellow(&shown),
            };
            format!("   {painted}  ")
        });
        text += format!("  {name}{pad}{}", cells.collect::<String>()).trim_end();
        text.push('\n');
    }
    if more > 0 {
        text += &format!("  and {more} more tables: --output json\n");
    }
    text + "  + published   H held   M not in the export   S skipped   . no receipt\n"
}

/// The states of the newest day that a person should look at; empty if all is well.
pub(crate) fn problems(days: &[DayLine]) -> Vec<String> {
    let finished = days.iter().find(|day| day.finished_at.is_some());
    match finished {
        None => vec!["no day was finished".to_owned()],
        Some(day) if day.state == "published" => Vec::new(),
        Some(day) => vec![format!("{} is {}", day.day, day.state.replace('_', " "))],
    }
}
