//! `landbridge cost`: estimates the cost of a month and shows the measured cost of past days.
//!
//! | module | responsibility |
//! |---|---|
//! | here | the command; takes sizes from options, else from receipts or RDS |
//! | `ledger` | reads a day's usage from receipts and item records |
//! | `show` | the estimate and the days as text |

mod ledger;
mod show;

pub(crate) use show::{money, short_number};

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Span;
use landbridge_aws::Aws;
use landbridge_core::calendar::Day;
use landbridge_core::config::Config;
use landbridge_core::cost::{
    Comparison, DayCost, DayUsage, EarlierEstimate, Estimate, Prices, Workload, day, estimate,
};
use serde::Serialize;

use crate::failure::{Failure, Result};
use crate::{files, render};
use landbridge_cli_support::args::{DatabaseArgs, Output};

/// Maximum number of days in `--actual`: more would need thousands of reads.
const MAX_DAYS: usize = 92;

/// Estimate what a month costs, item by item, and name the largest item
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge cost --database-gib 20 --parquet-gib-per-day 3
  landbridge cost --database-gib 20 --parquet-gib-per-day 3 --change-percent-per-day 1
  landbridge cost --actual 2026-11-01..2026-11-07
  landbridge cost --database-gib 20 --parquet-gib-per-day 3 --region us-east-1 --output json
  landbridge cost --database-gib 20 --parquet-gib-per-day 3 --compare before.json

The prices are list prices of the month shown, without taxes and discounts; `?` marks prices that
are not confirmed. With --actual, sizes that no option gives come from the receipts of past days and
from RDS; credentials and region come from the environment, as for any AWS client.
All assumptions: docs/costs.md")]
pub(crate) struct CostArgs {
    /// Size of the database's storage, in GiB
    #[arg(long, value_name = "GIB", value_parser = parse_size)]
    database_gib: Option<f64>,
    /// Size of one day's Parquet export, in GiB
    #[arg(long, value_name = "GIB", value_parser = parse_size)]
    parquet_gib_per_day: Option<f64>,
    /// Share of the database's blocks that change in a day
    #[arg(long, value_name = "PERCENT", default_value_t = Workload::CHANGE_PERCENT_PER_DAY, value_parser = parse_percent)]
    change_percent_per_day: f64,
    /// Number of files in one day's export [default: from --actual, else files of 5 MiB]
    #[arg(long, value_name = "N", value_parser = parse_size)]
    files_per_day: Option<f64>,
    /// Number of tables [default: from --actual, else 20]
    #[arg(long, value_name = "N", value_parser = parse_size)]
    tables: Option<f64>,
    /// Size of the tables in BigQuery, in GiB [default: three times the Parquet]
    #[arg(long, value_name = "GIB", value_parser = parse_size)]
    table_gib: Option<f64>,
    /// Size of one day of the GA4 export in BigQuery, in GiB; used if the export lies in another location than
    /// the warehouse (`warehouse.ga4.location`) and must be copied
    #[arg(long, value_name = "GIB", value_parser = parse_size)]
    ga4_gib_per_day: Option<f64>,
    /// Size of one day of the tables with a history in BigQuery, in GiB (`tables.<table>.history`); the days come
    /// from the configuration
    #[arg(long, value_name = "GIB", value_parser = parse_size)]
    history_gib: Option<f64>,
    /// Show what these days transferred, from their receipts: 2026-11-01 or 2026-11-01..2026-11-07
    #[arg(long, value_name = "DAY[..DAY]", value_parser = parse_days)]
    actual: Option<DaySpan>,
    /// The AWS region whose prices to use [default: source.region]
    #[arg(long)]
    region: Option<String>,
    /// A price file in the form of crates/core/src/cost/prices.json
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// Show what changed since an earlier estimate, item by item: a file that `--output json` wrote, also of
    /// another version, region or configuration
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    /// The configuration [default: $LANDBRIDGE_CONFIG, else landbridge.yaml, else the demo's]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    one: DatabaseArgs,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// All days of a span, including the first and the last.
#[derive(Clone, Debug)]
pub(crate) struct DaySpan(Vec<Day>);

/// The estimate and the past days; its fields are the keys of `--output json`.
#[derive(Serialize)]
struct Report {
    estimate: Estimate,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    actual: Vec<DayCost>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compared: Option<Comparison>,
}

/// Runs the command.
pub(crate) async fn run(args: CostArgs) -> Result {
    // Days that ran have a configuration; a first estimate may have none.
    let config = match args.actual {
        Some(_) => files::config(&files::config_path(args.config.as_deref()), &args.one)?,
        None => files::config_for_estimate(args.config.as_deref(), &args.one)?,
    };
    let prices = prices(args.prices.as_deref())?;
    let earlier = args.compare.as_deref().map(earlier).transpose()?;
    let region = args.region.as_deref().unwrap_or(&config.source.region);
    let region_prices = prices.aws(region).map_err(price_failure)?;
    let (usage, storage) = match &args.actual {
        Some(days) => usage(&config, days, args.database_gib.is_none()).await?,
        None => (Vec::new(), None),
    };
    let database_gib = args.database_gib.or(storage);
    let workload = workload(&args, database_gib, &usage)?;
    let actual: Vec<DayCost> =
        usage.into_iter().map(|day| day.cost(region_prices, Some(workload.database_gib))).collect();
    let estimate = estimate(&prices, &config, region, &workload)?;
    let compared = earlier.map(|it| it.compare(&estimate));
    let report = Report { estimate, actual, compared };
    match args.output {
        Output::Json => render::json(&report),
        Output::Text => render::print(&show::text(&report)),
    }
}

/// The earlier estimate of `--compare`.
fn earlier(path: &Path) -> Result<EarlierEstimate> {
    EarlierEstimate::parse(&path.display().to_string(), &files::read(path, "--compare")?).map_err(
        |error| {
            Failure::Usage(format!(
                "{error}; write one with `landbridge cost … --output json > before.json`"
            ))
        },
    )
}

/// The price list of `--prices`, else the one that is part of the program.
///
/// # Errors
/// `Usage` if the file is not a price list.
pub(crate) fn prices(file: Option<&Path>) -> Result<Prices> {
    match file {
        Some(path) => Prices::parse(&path.display().to_string(), &files::read(path, "--prices")?)
            .map_err(price_failure),
        None => Ok(Prices::shipped()?),
    }
}

/// The usage of past days, from the ledger, and the size of the database's storage in GiB, if `storage` asks for it
/// and RDS says it.
///
/// # Errors
/// `Failed` if no day has receipts; any error of the ledger or of RDS.
pub(crate) async fn usage(
    config: &Config,
    DaySpan(days): &DaySpan,
    storage: bool,
) -> Result<(Vec<DayUsage>, Option<f64>)> {
    let aws = crate::aws::clients(&config.source.region, config.source.kind).await?;
    let usage = ledger::usage_of_days(&aws.s3, config, days).await?;
    let storage = if storage { storage_gib(&aws, config).await? } else { None };
    Ok((usage, storage))
}

/// The mean of past days; `None` without days.
pub(crate) fn mean(usage: &[DayUsage], value: fn(&DayUsage) -> f64) -> Option<f64> {
    let sum: f64 = usage.iter().map(value).sum();
    #[allow(clippy::cast_precision_loss)] // a mean of sizes
    let count = usage.len() as f64;
    (!usage.is_empty()).then(|| sum / count)
}

/// The mean of what past days transferred, in GiB; `None` if a day has no record of it.
pub(crate) fn mean_transferred(usage: &[DayUsage]) -> Option<f64> {
    let known = usage.iter().all(|day| day.transferred_bytes.is_some());
    known.then(|| mean(usage, |day| day::gib(day.transferred_bytes.unwrap_or_default()))).flatten()
}

/// Missing or invalid prices: the operator can give a price file.
pub(crate) fn price_failure(error: landbridge_core::Error) -> Failure {
    Failure::Usage(format!(
        "{error}; use --prices FILE with a file in the form of crates/core/src/cost/prices.json"
    ))
}

/// The sizes to estimate with: options, else the means of the past days.
fn workload(args: &CostArgs, database_gib: Option<f64>, usage: &[DayUsage]) -> Result<Workload> {
    let parquet =
        args.parquet_gib_per_day.or_else(|| mean(usage, |day| day::gib(day.exported_bytes)));
    #[allow(clippy::cast_precision_loss)] // means of counts
    let (files, tables) =
        (mean(usage, |day| day.files as f64), mean(usage, |day| day.tables as f64));
    // An option replaces what past days exported, and so what they transferred.
    let transferred = args.parquet_gib_per_day.map_or_else(|| mean_transferred(usage), |_| None);
    let missing: Vec<&str> =
        [("--database-gib", database_gib.is_none()), ("--parquet-gib-per-day", parquet.is_none())]
            .into_iter()
            .filter_map(|(option, missing)| missing.then_some(option))
            .collect();
    let (Some(database_gib), Some(parquet_gib_per_day)) = (database_gib, parquet) else {
        return Err(Failure::Usage(format!(
            "sizes are missing: give {}, or let past days supply them with --actual DAY..DAY",
            missing.join(" and ")
        )));
    };
    Ok(Workload {
        database_gib,
        parquet_gib_per_day,
        change_percent_per_day: args.change_percent_per_day,
        transferred_gib_per_day: transferred,
        tables: args.tables.or(tables),
        files_per_day: args.files_per_day.or(files),
        table_gib: args.table_gib,
        ga4_gib_per_day: args.ga4_gib_per_day,
        history_gib: args.history_gib,
    })
}

/// The storage of the source in GiB, if RDS reports it.
pub(crate) async fn storage_gib(aws: &Aws, config: &Config) -> Result<Option<f64>> {
    let source = &config.source;
    let all = aws.rds.source_candidates().await?;
    let found = all.into_iter().find(|it| it.kind == source.kind && it.id == source.id);
    Ok(found.and_then(|it| it.storage_gib).map(f64::from))
}

fn parse_size(text: &str) -> Result<f64, String> {
    parse_number(text, 1e9)
}

fn parse_percent(text: &str) -> Result<f64, String> {
    parse_number(text, 100.0)
}

fn parse_number(text: &str, max: f64) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number| (0.0..=max).contains(number))
        .ok_or_else(|| format!("must be a number from 0 to {max}"))
}

pub(crate) fn parse_days(text: &str) -> Result<DaySpan, String> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let day = |text: &str| {
        text.parse::<jiff::civil::Date>()
            .map_err(|_| format!("`{text}` must be a date, for example 2026-11-21"))
    };
    let (first, last) = (day(first)?, day(last)?);
    let days: Vec<Day> = first
        .series(Span::new().days(1))
        .take_while(|day| *day <= last)
        .take(MAX_DAYS + 1)
        .map(Day::new)
        .collect();
    match days.len() {
        0 => Err("the last day is before the first day".to_owned()),
        n if n > MAX_DAYS => Err(format!("must be at most {MAX_DAYS} days")),
        _ => Ok(DaySpan(days)),
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use landbridge_core::cost::workload::DailyInvocations;
    use landbridge_core::schedule::{self, ScheduleFile};

    use super::*;

    #[test]
    fn a_span_of_days_is_parsed() {
        let count = |text: &str| parse_days(text).map(|days| days.0.len());
        assert_eq!(count("2026-11-21"), Ok(1));
        assert_eq!(count("2026-10-30..2026-11-02"), Ok(4));
        for wrong in ["", "yesterday", "2026-11-02..2026-11-01", "2025-01-01..2026-01-01"] {
            assert!(count(wrong).is_err(), "{wrong}");
        }
    }

    /// The model derives the number of invocations from the configured hours; the schedules decide it.
    #[test]
    fn the_model_counts_the_invocations_that_the_schedules_start() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let config =
            files::config(&root.join("examples/demo/landbridge.yaml"), &DatabaseArgs::default())
                .expect("good");
        for (export, transfer, deadline) in [(1, 2, 4), (0, 5, 23)] {
            let mut config = config.clone();
            config.schedule.export_hour = export;
            config.schedule.transfer_from_hour = transfer;
            config.schedule.deadline_hour = deadline;
            let variables = schedule::variables(&config);
            let midnight: Timestamp = "2026-11-20T15:00:00Z".parse().expect("a time");
            let invocations = |function| {
                let path = root.join(format!("infra/schedules/{function}.json"));
                let text = std::fs::read_to_string(path).expect("the schedule exists");
                let file = ScheduleFile::parse(&text, &variables).expect("a valid schedule");
                let minutes =
                    (0..24 * 60).map(|minute| midnight + SignedDuration::from_mins(minute));
                f64::from(
                    u32::try_from(minutes.filter(|at| file.fires_at(*at)).count()).expect("few"),
                )
            };
            let expected = DailyInvocations {
                snapshot: invocations("snapshot"),
                export: invocations("export"),
                transfer: invocations("transfer"),
                load: invocations("load"),
                protect: invocations("protect"),
                views: if config.warehouse.views.is_some() { invocations("views") } else { 0.0 },
                notify: if config.alerts.is_some() { invocations("notify") } else { 0.0 },
            };
            assert_eq!(DailyInvocations::from_config(&config), expected);
        }
    }
}
