//! `landbridge cost`: what a month costs, and what days did.
//!
//! | module | what it holds |
//! |---|---|
//! | here | the command: what is measured, from options, receipts or RDS |
//! | `ledger` | what receipts and items counted of a day |
//! | `show` | the tables |

mod ledger;
mod show;

use std::path::PathBuf;

use clap::Args;
use jiff::Span;
use landbridge_aws::Aws;
use landbridge_core::calendar::Day;
use landbridge_core::config::Config;
use landbridge_core::cost::{DayCost, DayUsage, Estimate, Prices, Workload, day, estimate};
use serde::Serialize;

use crate::failure::{Failure, Result};
use crate::{files, render};
use landbridge_cli_support::args::Output;

/// The longest span of days that is looked at: more would be thousands of reads.
const MOST_DAYS: usize = 92;

/// Estimate what a month costs, item by item, and name the largest item
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge cost --database-gib 20 --parquet-gib-per-day 3
  landbridge cost --database-gib 20 --parquet-gib-per-day 3 --change-percent-per-day 1
  landbridge cost --actual 2026-11-01..2026-11-07
  landbridge cost --database-gib 20 --parquet-gib-per-day 3 --region us-east-1 --output json

Prices come with the program and are of the month it names; `?` marks those that are not confirmed.
They are list prices, without taxes and discounts. With --actual, receipts of past days
say what is carried, and RDS how large the database is, where options don't; credentials and region
come from the environment, as for any AWS client. All assumptions: docs/costs.md")]
pub(crate) struct CostArgs {
    /// Size of the database's storage, in GiB
    #[arg(long, value_name = "GIB", value_parser = size)]
    database_gib: Option<f64>,
    /// Parquet of one day's export, in GiB
    #[arg(long, value_name = "GIB", value_parser = size)]
    parquet_gib_per_day: Option<f64>,
    /// Share of the database's blocks that change in a day
    #[arg(long, value_name = "PERCENT", default_value_t = Workload::CHANGE_PERCENT_PER_DAY, value_parser = percent)]
    change_percent_per_day: f64,
    /// Files of one day's export [default: those of --actual, else files of 5 MiB]
    #[arg(long, value_name = "N", value_parser = size)]
    files_per_day: Option<f64>,
    /// What the tables take in BigQuery, in GiB [default: three times the Parquet]
    #[arg(long, value_name = "GIB", value_parser = size)]
    table_gib: Option<f64>,
    /// What these days carried, from their receipts: 2026-11-01 or 2026-11-01..2026-11-07
    #[arg(long, value_name = "DAY[..DAY]", value_parser = days)]
    actual: Option<Days>,
    /// The AWS region whose prices count [default: source.region]
    #[arg(long)]
    region: Option<String>,
    /// Other prices, in the form of crates/core/src/cost/prices.json
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// The configuration [default: $LANDBRIDGE_CONFIG, else landbridge.yaml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How the estimate is shown
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// The days of a span, the first and the last included.
#[derive(Clone, Debug)]
struct Days(Vec<Day>);

/// The estimate, and the days it was made from.
#[derive(Serialize)]
struct Answer {
    estimate: Estimate,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    actual: Vec<DayCost>,
}

/// Runs the command.
pub(crate) async fn run(args: CostArgs) -> Result {
    let config = files::config(&files::config_path(args.config.as_deref()))?;
    let prices = match &args.prices {
        Some(path) => Prices::parse(&path.display().to_string(), &files::read(path, "--prices")?)
            .map_err(unusable)?,
        None => Prices::shipped()?,
    };
    let region = args.region.as_deref().unwrap_or(&config.source.region);
    let region_prices = prices.aws(region).map_err(unusable)?;
    let mut counted = Vec::new();
    let mut database_gib = args.database_gib;
    if let Some(Days(days)) = &args.actual {
        let aws = crate::aws::clients(&config.source.region, config.source.kind).await?;
        counted = ledger::counted(&aws.s3, &config, days).await?;
        if database_gib.is_none() {
            database_gib = storage_of(&aws, &config).await?;
        }
    }
    let workload = workload(&args, database_gib, &counted)?;
    let actual: Vec<DayCost> = counted
        .into_iter()
        .map(|day| day.cost(region_prices, Some(workload.database_gib)))
        .collect();
    let answer = Answer { estimate: estimate(&prices, &config, region, &workload)?, actual };
    match args.output {
        Output::Json => render::json(&answer),
        Output::Text => render::print(&show::text(&answer.estimate, &answer.actual)),
    }
}

/// Prices that are not there are the person's to bring, and nothing that is deployed.
fn unusable(error: landbridge_core::Error) -> Failure {
    Failure::Usage(format!(
        "{error}; --prices takes a file of your own, in the form of the shipped one"
    ))
}

/// The measured sizes: options before what was counted.
fn workload(args: &CostArgs, database_gib: Option<f64>, counted: &[DayUsage]) -> Result<Workload> {
    #[allow(clippy::cast_precision_loss)] // a mean of sizes
    let mean = |of: fn(&DayUsage) -> f64| {
        let sum: f64 = counted.iter().map(of).sum();
        (!counted.is_empty()).then(|| sum / counted.len() as f64)
    };
    let parquet = args.parquet_gib_per_day.or_else(|| mean(|day| day::gib(day.exported_bytes)));
    #[allow(clippy::cast_precision_loss)] // a mean of counts
    let files = args.files_per_day.or_else(|| mean(|day| day.files as f64));
    let missing: Vec<&str> =
        [("--database-gib", database_gib.is_none()), ("--parquet-gib-per-day", parquet.is_none())]
            .into_iter()
            .filter_map(|(option, missing)| missing.then_some(option))
            .collect();
    let (Some(database_gib), Some(parquet_gib_per_day)) = (database_gib, parquet) else {
        return Err(Failure::Usage(format!(
            "sizes are missing: say {}, or have past days looked at with --actual DAY..DAY",
            missing.join(" and ")
        )));
    };
    Ok(Workload {
        database_gib,
        parquet_gib_per_day,
        change_percent_per_day: args.change_percent_per_day,
        files_per_day: files,
        table_gib: args.table_gib,
    })
}

/// The storage of the source, where RDS tells it.
async fn storage_of(aws: &Aws, config: &Config) -> Result<Option<f64>> {
    let source = &config.source;
    let all = aws.rds.source_candidates().await?;
    let found = all.into_iter().find(|it| it.kind == source.kind && it.id == source.id);
    Ok(found.and_then(|it| it.storage_gib).map(f64::from))
}

fn size(text: &str) -> Result<f64, String> {
    number(text, 1e9)
}

fn percent(text: &str) -> Result<f64, String> {
    number(text, 100.0)
}

fn number(text: &str, most: f64) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number| (0.0..=most).contains(number))
        .ok_or_else(|| format!("a number from 0 to {most}"))
}

fn days(text: &str) -> Result<Days, String> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let day = |text: &str| {
        text.parse::<jiff::civil::Date>().map_err(|_| format!("`{text}` is no day: 2026-11-21"))
    };
    let (first, last) = (day(first)?, day(last)?);
    let days: Vec<Day> = first
        .series(Span::new().days(1))
        .take_while(|day| *day <= last)
        .take(MOST_DAYS + 1)
        .map(Day::new)
        .collect();
    match days.len() {
        0 => Err("the last day is before the first".to_owned()),
        n if n > MOST_DAYS => Err(format!("at most {MOST_DAYS} days")),
        _ => Ok(Days(days)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use jiff::{SignedDuration, Timestamp};
    use landbridge_core::cost::workload::DailyInvocations;
    use landbridge_core::schedule::{self, ScheduleFile};

    use super::*;

    #[test]
    fn spans_of_days() {
        let count = |text: &str| days(text).map(|days| days.0.len());
        assert_eq!(count("2026-11-21"), Ok(1));
        assert_eq!(count("2026-10-30..2026-11-02"), Ok(4));
        for wrong in ["", "yesterday", "2026-11-02..2026-11-01", "2025-01-01..2026-01-01"] {
            assert!(count(wrong).is_err(), "{wrong}");
        }
    }

    /// The model counts starts from the hours alone; what starts is decided by the schedules.
    #[test]
    fn the_model_counts_as_many_starts_as_the_schedules_make() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let config = files::config(&root.join("examples/demo/landbridge.yaml")).expect("good");
        for (export, transfer, deadline) in [(1, 2, 4), (0, 5, 23)] {
            let mut config = config.clone();
            config.schedule.export_hour = export;
            config.schedule.transfer_from_hour = transfer;
            config.schedule.deadline_hour = deadline;
            let variables = schedule::variables(&config);
            let midnight: Timestamp = "2026-11-20T15:00:00Z".parse().expect("a time");
            let of = |function| {
                let path = root.join(format!("infra/schedules/{function}.json"));
                let text = std::fs::read_to_string(path).expect("the schedule exists");
                let file = ScheduleFile::parse(&text, &variables).expect("a valid schedule");
                let minutes =
                    (0..24 * 60).map(|minute| midnight + SignedDuration::from_mins(minute));
                f64::from(
                    u32::try_from(minutes.filter(|at| file.fires_at(*at)).count()).expect("few"),
                )
            };
            let starts = DailyInvocations {
                snapshot: of("snapshot"),
                export: of("export"),
                transfer: of("transfer"),
                load: of("load"),
            };
            assert_eq!(DailyInvocations::from_config(&config), starts);
        }
    }
}
