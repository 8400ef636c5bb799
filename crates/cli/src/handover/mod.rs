//! `landbridge handover`: says when another way to BigQuery is better, and what each costs and lacks.
//!
//! | module | responsibility |
//! |---|---|
//! | here | the command; takes sizes from options, else from receipts and RDS |
//! | `show` | the comparison as text |

mod show;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use landbridge_cli_support::args::{DatabaseArgs, Output};
use landbridge_core::cost::{DayUsage, Workload, day};
use landbridge_core::handover::{self, Freshness, Need, Ways};

use crate::cost::{self, DaySpan};
use crate::failure::{Failure, Result};
use crate::{files, render};

/// Parquet of a day by the size of the storage, if nothing was measured: 3 GiB of 20 in the write-up of docs/costs.md.
const PARQUET_BY_STORAGE: f64 = 0.15;

/// Compare a month of Landbridge with other ways to BigQuery, and say first when another one is better
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge handover --size 10TB --tables 10000 --change 1%
  landbridge handover --size 20GB --tables 20 --change 5% --every minutes
  landbridge handover --actual 2026-11-01..2026-11-07
  landbridge handover --size 10TB --change 1% --output json

With --actual, sizes that no option gives come from the receipts of past days and from RDS. GB and TB are
GiB and TiB, as both clouds charge. `?` marks what is not confirmed; what has no price is named and not
counted. The command changes nothing and sends nothing.
What each way lacks, with sources: docs/handover.md")]
pub(crate) struct HandoverArgs {
    /// Size of the database's storage, such as 20GB or 10TB
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    size: Option<f64>,
    /// Number of tables [default: from --actual, else 20]
    #[arg(long, value_name = "N")]
    tables: Option<u32>,
    /// Share of the database that changes in a day, such as 1%
    #[arg(long, value_name = "PERCENT", default_value_t = Workload::CHANGE_PERCENT_PER_DAY, value_parser = parse_percent)]
    change: f64,
    /// Size of one day's Parquet export [default: from --actual, else 15 % of the storage]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    parquet_per_day: Option<f64>,
    /// How old the newest rows may be
    #[arg(long, value_enum, default_value_t = Every::Day)]
    every: Every,
    /// Take sizes from the receipts of these days: 2026-11-01 or 2026-11-01..2026-11-07
    #[arg(long, value_name = "DAY[..DAY]", value_parser = cost::parse_days)]
    actual: Option<DaySpan>,
    /// The AWS region whose prices to use [default: source.region]
    #[arg(long)]
    region: Option<String>,
    /// A price file in the form of crates/core/src/cost/prices.json
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// The configuration [default: $LANDBRIDGE_CONFIG, else landbridge.yaml, else the demo's]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    one: DatabaseArgs,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Every {
    Minutes,
    Hour,
    Day,
}

impl From<Every> for Freshness {
    fn from(every: Every) -> Self {
        match every {
            Every::Minutes => Self::Minutes,
            Every::Hour => Self::Hour,
            Every::Day => Self::Day,
        }
    }
}

/// Runs the command.
pub(crate) async fn run(args: HandoverArgs) -> Result {
    // Days that ran have a configuration; a first estimate may have none.
    let config = match args.actual {
        Some(_) => files::config(&files::config_path(args.config.as_deref()), &args.one)?,
        None => files::config_for_estimate(args.config.as_deref(), &args.one)?,
    };
    let prices = cost::prices(args.prices.as_deref())?;
    let region = args.region.as_deref().unwrap_or(&config.source.region);
    prices.aws(region).map_err(cost::price_failure)?;
    let (usage, storage) = match &args.actual {
        Some(days) => cost::usage(&config, days, args.size.is_none()).await?,
        None => (Vec::new(), None),
    };
    let workload = workload(&args, storage, &usage)?;
    let need = Need { every: args.every.into() };
    let ways = Ways::shipped()?;
    let compared = handover::compare(&prices, &ways, &config, region, &workload, need)?;
    match args.output {
        Output::Json => render::json(&compared),
        Output::Text => render::print(&show::text(&compared, measured(&usage))),
    }
}

/// Which days were measured, for the text.
fn measured(usage: &[DayUsage]) -> Option<String> {
    match usage {
        [] => None,
        [one] => Some(one.day.to_string()),
        [first, .., last] => Some(format!("{} to {}", first.day, last.day)),
    }
}

/// The sizes to compare with: options, else the means of the past days, else documented ratios.
fn workload(args: &HandoverArgs, storage: Option<f64>, usage: &[DayUsage]) -> Result<Workload> {
    let Some(database_gib) = args.size.or(storage) else {
        return Err(Failure::Usage(
            "the size of the database is missing: give --size, for example --size 20GB, or let RDS say it with \
             --actual DAY..DAY"
                .to_owned(),
        ));
    };
    let parquet =
        args.parquet_per_day.or_else(|| cost::mean(usage, |it| day::gib(it.exported_bytes)));
    #[allow(clippy::cast_precision_loss)] // means of counts
    let (tables, files) =
        (cost::mean(usage, |it| it.tables as f64), cost::mean(usage, |it| it.files as f64));
    Ok(Workload {
        database_gib,
        parquet_gib_per_day: parquet.unwrap_or(database_gib * PARQUET_BY_STORAGE),
        change_percent_per_day: args.change,
        transferred_gib_per_day: args
            .parquet_per_day
            .map_or_else(|| cost::mean_transferred(usage), |_| None),
        tables: args.tables.map(f64::from).or(tables),
        files_per_day: files,
        table_gib: None,
        ga4_gib_per_day: None,
        history_gib: None,
    })
}

/// A size in GiB: `20GB`, `512GiB`, `10TB`.
fn parse_size(text: &str) -> Result<f64, String> {
    let wrong = || format!("`{text}` must be a size, for example 20GB or 10TB");
    let end = text.find(|it: char| !it.is_ascii_digit() && it != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let gib = match unit.trim().to_ascii_lowercase().as_str() {
        "mb" | "mib" => number / 1024.0,
        "gb" | "gib" => number,
        "tb" | "tib" => number * 1024.0,
        _ => return Err(wrong()),
    };
    (gib > 0.0 && gib <= 1e9).then_some(gib).ok_or_else(wrong)
}

/// A percentage, with or without its sign.
fn parse_percent(text: &str) -> Result<f64, String> {
    text.strip_suffix('%')
        .unwrap_or(text)
        .trim()
        .parse()
        .ok()
        .filter(|number| (0.0..=100.0).contains(number))
        .ok_or_else(|| format!("`{text}` must be a percentage, for example 1%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_percentages_have_units() {
        for (text, gib) in [
            ("20GB", 20.0),
            ("512 GiB", 512.0),
            ("10TB", 10_240.0),
            ("1.5tib", 1536.0),
            ("512mb", 0.5),
        ] {
            assert_eq!(parse_size(text), Ok(gib), "{text}");
        }
        for wrong in ["", "10", "TB", "-1GB", "0GB", "1e3GB", "10PB!"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_percent("0.5%"), Ok(0.5));
        assert_eq!(parse_percent("5"), Ok(5.0));
        for wrong in ["", "%", "101%", "-1%", "NaN"] {
            assert!(parse_percent(wrong).is_err(), "{wrong}");
        }
    }
}
