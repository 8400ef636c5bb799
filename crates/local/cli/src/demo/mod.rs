//! `landbridge demo`: days on this machine, through the very functions and clients that run
//! in production.
//!
//! | module | what it holds |
//! |---|---|
//! | here | the run itself: days pass, each is looked at |
//! | [`sample`] | the same `SELECT` as one and another |
//! | [`report`] | what is told of a day |
//! | [`summary`] | what is told at the end |

mod report;
mod sample;
mod summary;

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use landbridge_cli_support::args::{Output, OutputArgs};
use landbridge_cli_support::paint::Paint;
use landbridge_cli_support::render::{self, counted};
use landbridge_core::receipt::{Receipt, ReceiptState};
use landbridge_local::Ports;
use serde::Serialize;

use crate::bigquery::BigQuery;
use crate::environment::{EnvironmentArgs, LocalEnvironment};
use crate::failure::{Failure, Result};
use crate::progress::Progress;

use report::{DayReport, Passed};
use summary::Summary;

/// Days when nothing else is asked for: on the third one a column appears.
const DAYS: u16 = 3;
/// Days of a real database, which has only a present.
const DAYS_OF_A_REAL_ONE: u16 = 1;

/// Run days on this machine: snapshot, export, transfer, load, masked query
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge demo
  landbridge demo --days 1 --scale 0.1
  landbridge demo --source postgres://me@localhost/shop
  landbridge demo --source mysql://me:password@localhost/shop
  landbridge demo --output json > demo.json")]
pub(crate) struct DemoArgs {
    /// How many days pass [default: 3; with --source 1]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=60))]
    pub(crate) days: Option<u16>,
    #[command(flatten)]
    pub(crate) environment: EnvironmentArgs,
    /// Where files and logs of the run lie, and stay
    #[arg(long, value_name = "DIR", default_value = ".landbridge/demo")]
    pub(crate) data_dir: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// What the command makes.
#[derive(Serialize)]
struct Outcome {
    days: Vec<DayReport>,
    summary: Summary,
}

/// Runs the command.
pub(crate) async fn run(args: DemoArgs) -> Result {
    let days = args.days.unwrap_or(match args.environment.source {
        Some(_) => DAYS_OF_A_REAL_ONE,
        None => DAYS,
    });
    let world =
        LocalEnvironment::start(&args.environment, &args.data_dir, Ports::default(), None).await?;
    let talks = args.output.format == Output::Text;
    if talks {
        render::print(&summary::opening(&world, days))?;
    }
    let mut progress = Progress::new(days);
    let mut reports = Vec::new();
    for number in 0..days {
        let report = one_day(&world, number, days, &mut progress).await?;
        if talks {
            progress.aside(|| render::print(&report.text(Paint::stdout())))?;
        }
        reports.push(report);
    }
    drop(progress);
    let summary = Summary::of(&world, &reports, &args.data_dir);
    let faults: Vec<String> =
        reports.iter().flat_map(|report| report.faults(world.real())).collect();
    if talks {
        render::print(&summary.text(Paint::stdout()))?;
    } else {
        render::json(&Outcome { days: reports, summary })?;
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(Failure::Failed(format!(
        "not all went as it should: {}\nthe functions' logs are in {}",
        faults.join("; "),
        args.data_dir.join("logs").display()
    )))
}

/// Lets one day pass and looks at what came of it.
async fn one_day(
    world: &LocalEnvironment,
    number: u16,
    days: u16,
    progress: &mut Progress,
) -> Result<DayReport> {
    let day = world.day(number)?;
    let begun = Instant::now();
    progress.day(day, world.calendar.zone());
    let summary = world.pass(day, progress).await?;
    let troubles = progress.day_over();
    let passed = Passed {
        ticks: summary.ticks,
        invocations: summary.invocations,
        given_up: summary.given_up.len(),
        seconds: begun.elapsed().as_secs_f64(),
        snapshots: world.cloud.aws().snapshots().len(),
    };
    let receipts = world.receipts(day).await?;
    let unnamed = report::unnamed(&receipts, &world.contract);
    let warehouse = BigQuery::new(world.warehouse())?;
    let mut report = DayReport {
        day,
        number: number + 1,
        of: days,
        passed,
        times: report::times(&receipts, world.calendar.zone()),
        samples: Vec::new(),
        unnamed: Vec::new(),
        troubles,
        receipts,
    };
    for select in sample::selects(world.real(), &report.receipts, &unnamed) {
        report.samples.push(sample::ask(&warehouse, select).await?);
    }
    for column in unnamed {
        report.unnamed.push(sample::prove(&warehouse, column).await?);
    }
    Ok(report)
}

/// Tables that landed.
fn published(receipts: &[Receipt]) -> impl Iterator<Item = &Receipt> {
    receipts.iter().filter(|receipt| receipt.state == ReceiptState::Published)
}

/// `7 tables`.
fn tables(count: usize) -> String {
    counted(count, "table")
}
