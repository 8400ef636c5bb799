//! `landbridge demo`: simulates days on this machine with the functions and clients that are
//! deployed.
//!
//! | module | responsibility |
//! |---|---|
//! | this one | simulates the days and collects their reports |
//! | [`deploy`] | contracts that are deployed in the course of a day |
//! | [`incident`] | a table that is held for half an hour, and the messages about it |
//! | [`sample`] | runs the same queries as different users |
//! | [`report`] | the report of one day |
//! | [`summary`] | the texts before the first day and after the last day |

mod deploy;
mod incident;
mod report;
mod sample;
mod summary;

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use landbridge_cli_support::args::{Output, OutputArgs};
use landbridge_cli_support::paint::Paint;
use landbridge_cli_support::render;
use landbridge_core::receipt::{Receipt, ReceiptState};
use landbridge_local::Ports;
use serde::Serialize;

use crate::bigquery::BigQuery;
use crate::environment::{ContractSource, EnvironmentArgs, GoogleSide, LocalEnvironment};
use crate::failure::{Failure, Result};
use crate::progress::Progress;

use report::{DayReport, DayStats};
use sample::Sample;
use summary::Summary;

/// The default number of days. A new column appears on the third day.
const DEFAULT_DAYS: u16 = 3;
/// The default number of days of a real database, of which only the current state exists.
const DEFAULT_DAYS_OF_REAL_DATABASE: u16 = 1;

/// Simulate days on this machine: snapshot, export, transfer, load, masked query
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge demo
  landbridge demo --days 1 --scale 0.1
  landbridge demo --source postgres://me@localhost/shop
  landbridge demo --source mysql://me:password@localhost/shop
  landbridge demo --output json > demo.json")]
pub(crate) struct DemoArgs {
    /// The number of days to simulate [default: 3; with --source 1]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=60))]
    pub(crate) days: Option<u16>,
    #[command(flatten)]
    pub(crate) environment: EnvironmentArgs,
    /// The directory for the files and logs of the run; they are kept until the next run
    #[arg(long, value_name = "DIR", default_value = ".landbridge/demo")]
    pub(crate) data_dir: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// The output of the command as JSON.
#[derive(Serialize)]
struct DemoReport {
    days: Vec<DayReport>,
    /// A question answered from the business and the GA4 export together.
    #[serde(skip_serializing_if = "Option::is_none")]
    web: Option<Sample>,
    summary: Summary,
}

/// Runs the command.
pub(crate) async fn run(args: DemoArgs) -> Result {
    let days = args.days.unwrap_or(match args.environment.source.is_empty() {
        false => DEFAULT_DAYS_OF_REAL_DATABASE,
        true => DEFAULT_DAYS,
    });
    let environment = LocalEnvironment::start(
        &args.environment,
        &args.data_dir,
        Ports::default(),
        GoogleSide::default(),
        ContractSource::Copy,
    )
    .await?;
    let as_text = args.output.format == Output::Text;
    if as_text {
        render::print(&summary::introduction(&environment, days))?;
    }
    let mut progress = Progress::new(days);
    let mut reports = Vec::new();
    for number in 0..days {
        let report = simulate_day(&environment, number, days, &mut progress).await?;
        if as_text {
            progress.with_bar_hidden(|| render::print(&report.text(Paint::stdout())))?;
        }
        reports.push(report);
    }
    drop(progress);
    let web = answer_web_question(&environment).await?;
    let summary = Summary::new(&environment, &reports, &args.data_dir);
    let mut faults: Vec<String> =
        reports.iter().flat_map(|report| report.faults(environment.uses_real_database())).collect();
    faults.extend(web.as_ref().and_then(report::fault_of_web_question).map(str::to_owned));
    if as_text {
        if let Some(web) = &web {
            render::print(&report::web_question_text(web, Paint::stdout()))?;
        }
        render::print(&summary.text(Paint::stdout()))?;
    } else {
        render::json(&DemoReport { days: reports, web, summary })?;
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(Failure::Failed(format!(
        "the demo found problems: {}\nthe logs of the functions are in {}",
        faults.join("; "),
        args.data_dir.join("logs").display()
    )))
}

/// Simulates one day, and collects its receipts and the results of its queries.
async fn simulate_day(
    environment: &LocalEnvironment,
    number: u16,
    days: u16,
    progress: &mut Progress,
) -> Result<DayReport> {
    let day = environment.day(number)?;
    let real_start = Instant::now();
    progress.start_day(day, environment.calendar.zone());
    let warehouse = BigQuery::new(environment.warehouse())?;
    // On the second day; on the first, the tables do not exist before 02:00.
    let deploys = !environment.uses_real_database() && number == days.min(2) - 1;
    let messages_before = environment.cloud.aws().published().len();
    let (incident, mut summary) = match deploys && number > 0 {
        true => incident::run(environment, day, &warehouse, progress).await?,
        false => Default::default(),
    };
    let deployments = match deploys {
        true => {
            let (deployments, part) = deploy::run(environment, day, &warehouse, progress).await?;
            deploy::add(&mut summary, part);
            deployments
        }
        false => Vec::new(),
    };
    deploy::add(&mut summary, environment.simulate_day(day, progress).await?);
    let failed_ticks = progress.end_day();
    let stats = DayStats {
        ticks: summary.ticks,
        invocations: summary.invocations,
        given_up: summary.given_up.len(),
        seconds: real_start.elapsed().as_secs_f64(),
        snapshots: environment.cloud.aws().snapshots().len(),
    };
    let receipts = environment.receipts(day).await?;
    let unlisted = report::unlisted_columns(&receipts, &environment.contract);
    let mut report = DayReport {
        day,
        number: number + 1,
        of_days: days,
        stats,
        times: report::times(&receipts, environment.calendar.zone()),
        samples: Vec::new(),
        unlisted_columns: Vec::new(),
        deployments,
        incident: incident.map(|it| it.with_messages(environment, messages_before)),
        failed_ticks,
        receipts,
    };
    let queries = sample::queries(environment.uses_real_database(), &report.receipts, &unlisted);
    for query in queries {
        report.samples.push(sample::run(&warehouse, query).await?);
    }
    for column in unlisted {
        report.unlisted_columns.push(sample::count_visible_values(&warehouse, column).await?);
    }
    Ok(report)
}

/// Asks the last question as each user. A real database has no GA4 export here, nor has a configuration
/// without `warehouse.ga4`.
async fn answer_web_question(environment: &LocalEnvironment) -> Result<Option<Sample>> {
    let Some(ga4) = &environment.config().warehouse.ga4 else { return Ok(None) };
    if environment.uses_real_database() {
        return Ok(None);
    }
    let warehouse = BigQuery::new(environment.warehouse())?;
    sample::run(&warehouse, sample::web_question(&ga4.dataset())).await.map(Some)
}

/// The receipts of the published tables.
fn published(receipts: &[Receipt]) -> impl Iterator<Item = &Receipt> {
    receipts.iter().filter(|receipt| receipt.state == ReceiptState::Published)
}
