//! `landbridge days`: one line per day; and the grid of days and tables that `landbridge status` shows.

use std::collections::BTreeSet;

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use landbridge_cli_support::args::{ConfigArgs, Output, OutputArgs};
use landbridge_core::calendar::Calendar;
use landbridge_core::config::Config;
use landbridge_ledger::read::days::DayLine;
use landbridge_ledger::{Ledger, read};

use crate::clock::Clock;
use crate::failure::Result;
use crate::paint::Paint;
use crate::render::{self, grouped, left, right};
use crate::{databases, receipt};

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

/// Runs the command.
pub(crate) async fn run(args: DaysArgs) -> Result {
    databases::each(&args.config, args.output.format, async |of| show(&args, of).await).await
}

async fn show(args: &DaysArgs, of: &ConfigArgs) -> Result {
    let config = of.read()?;
    let aws = crate::aws::clients(&config.source.region, config.source.kind).await?;
    let ledger = Ledger::for_operator(aws.s3.clone(), &config);
    let now = Clock::from_env()?.now();
    let days = self::read(&config, &ledger, now, args.days, false).await?;
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
    Ok(read::days::read(ledger, &calendar, now, count, of_tables).await?)
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
