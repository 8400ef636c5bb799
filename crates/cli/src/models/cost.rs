//! `landbridge models cost`: the bytes that one refresh of the models reads, by dry runs.

use clap::Args;
use landbridge_cli_support::args::{FileArgs, Output, OutputArgs, number_between};
use landbridge_cli_support::assertions;
use landbridge_cli_support::compiled::{self, Compiled, Makes};
use landbridge_core::ErrorKind;
use landbridge_gcp::{BigQuery, Gcp};
use serde::Serialize;

use std::path::PathBuf;

use crate::failure::{Failure, Result};
use crate::render::{self, bytes, counted, left, right};
use crate::verify::PRICE_PER_TIB;

/// BigQuery charges at least this for each table of a query (Google Cloud, "BigQuery pricing", on-demand
/// compute: "minimum 10 MB data processed per table"). With one table it is the least of a query.
const LEAST_BYTES: u64 = 10 << 20;
/// Days of an average month, as in `landbridge cost`.
const DAYS_A_MONTH: f64 = 730.0 / 24.0;
const TIB: f64 = (1_u64 << 40) as f64;

/// Show the bytes that a refresh of the models reads, and what they cost
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dbt compile && landbridge models cost target/manifest.json
  dataform compile --json > compiled.json && landbridge models cost compiled.json --runs-per-day 4
  landbridge models cost target/manifest.json --price-per-tib 7.5 --output json

Each query is sent to BigQuery as a dry run, which checks it and is free. A view costs nothing when it is
made; its readers pay. Tests and assertions are counted, because every run executes them. Incremental
models are counted as they were compiled: compile without --full-refresh for the bytes of a usual run.
Your own credentials are used, as by any Google client. For the local cloud:
  . .landbridge/local.env

Exit codes: 0 everything was estimated; 1 a query could not be estimated, for example because a model that
it reads was never made; 3 access denied.")]
pub(crate) struct ModelsCostArgs {
    /// Compiled models: dbt's manifest.json, the output of `dataform compile --json`, a file of SQL,
    /// or a folder of such files
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// How often the models run
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = runs)]
    runs_per_day: f64,
    /// BigQuery's price on demand in your location, in dollars per TiB
    #[arg(long, value_name = "USD", default_value_t = PRICE_PER_TIB, value_parser = price)]
    price_per_tib: f64,
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    output: OutputArgs,
}

fn runs(text: &str) -> Result<f64, String> {
    number_between(text, 0.0, 1440.0)
}

fn price(text: &str) -> Result<f64, String> {
    number_between(text, 0.0, 1000.0)
}

/// The result; its fields are the keys of `--output json`.
#[derive(Debug, Serialize)]
struct CostReport {
    queries: Vec<QueryCost>,
    /// The sum of one refresh, without what could not be estimated.
    bytes: u64,
    runs_per_day: f64,
    price_per_tib: f64,
    /// US dollars a month, without the free first TiB of each month.
    month: f64,
}

/// What one query of the models reads.
#[derive(Debug, Serialize)]
struct QueryCost {
    name: String,
    kind: &'static str,
    /// Bytes that are charged at each run.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    /// Why there is no number.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// Runs `landbridge models cost`.
pub(crate) async fn cost(args: ModelsCostArgs) -> Result {
    let config = args.files.read()?;
    let mut queries = Vec::new();
    for path in &args.paths {
        for Compiled { model, makes, .. } in compiled::read(path)? {
            let kind = match makes {
                Makes::Table => "table",
                Makes::Incremental => "incremental",
                Makes::View => "view",
                Makes::Other => continue,
            };
            queries.push((model.name, kind, model.sql));
        }
        let (tests, _) = assertions::read(path)?;
        queries.extend(tests.into_iter().map(|test| (test.name, "assertion", test.sql)));
    }
    let warehouse = &config.warehouse;
    let bigquery = Gcp::from_env(&warehouse.project, &warehouse.location).await?.bigquery;
    let mut found = Vec::new();
    for (name, kind, sql) in queries {
        found.push(estimate(&bigquery, name, kind, &sql).await?);
    }
    let report = report(found, &args);
    match args.output.format {
        Output::Json => render::json(&report)?,
        Output::Text => render::print(&text(&report))?,
    }
    let missing = report.queries.iter().filter(|it| it.problem.is_some()).count();
    if missing == 0 {
        return Ok(());
    }
    Err(Failure::Failed(format!(
        "{missing} of {} could not be estimated; run the models once, so that the tables exist that they read, then ask again",
        counted(report.queries.len(), "query").replace("querys", "queries")
    )))
}

/// A dry run of one query. A view is checked as well, but reads nothing when it is made.
///
/// # Errors
/// The caller may not run queries, or BigQuery does not respond.
async fn estimate(
    bigquery: &BigQuery,
    name: String,
    kind: &'static str,
    sql: &str,
) -> Result<QueryCost> {
    match bigquery.query_bytes(&name, sql).await {
        Ok(_) if kind == "view" => Ok(QueryCost { name, kind, bytes: Some(0), problem: None }),
        Ok(bytes) => {
            let bytes = if bytes == 0 { 0 } else { bytes.max(LEAST_BYTES) };
            Ok(QueryCost { name, kind, bytes: Some(bytes), problem: None })
        }
        // The query's own fault, or a table that is not there: the others can still be estimated.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Rejected) => {
            Ok(QueryCost { name, kind, bytes: None, problem: Some(error.sentence()) })
        }
        Err(error) => Err(error.into()),
    }
}

fn report(queries: Vec<QueryCost>, args: &ModelsCostArgs) -> CostReport {
    let bytes: u64 = queries.iter().filter_map(|it| it.bytes).sum();
    #[allow(clippy::cast_precision_loss)] // an estimate
    let month = bytes as f64 / TIB * args.price_per_tib * args.runs_per_day * DAYS_A_MONTH;
    let (runs_per_day, price_per_tib) = (args.runs_per_day, args.price_per_tib);
    CostReport { queries, bytes, runs_per_day, price_per_tib, month }
}

fn text(report: &CostReport) -> String {
    let columns = [left("model or assertion"), left("makes"), right("reads")];
    let row = |it: &QueryCost| {
        let read = it.bytes.map_or_else(|| "not estimated".to_owned(), bytes);
        vec![it.name.clone(), it.kind.to_owned(), read]
    };
    let mut lines = render::table(&columns, report.queries.iter().map(row).collect(), 0);
    for QueryCost { name, problem, .. } in &report.queries {
        lines.extend(problem.iter().map(|problem| format!("\n{name}: {problem}\n")));
    }
    let month = if report.month > 0.0 && report.month < 0.005 {
        "less than 0.01".to_owned()
    } else {
        format!("{:.2}", report.month)
    };
    format!(
        "{lines}\nA refresh reads {}; {} a day cost USD {month} a month at {} per TiB, before the free first TiB.",
        bytes(report.bytes),
        report.runs_per_day,
        report.price_per_tib,
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: ModelsCostArgs,
    }

    #[test]
    fn a_month_is_the_sum_of_its_runs_and_a_gap_is_said() {
        let args = ["models", "manifest.json", "--runs-per-day", "2", "--price-per-tib", "8"];
        let args = Command::parse_from(args).args;
        let query = |name: &str, kind, bytes| QueryCost {
            name: name.to_owned(),
            kind,
            bytes,
            problem: bytes.is_none().then(|| "Not found: table t".to_owned()),
        };
        let queries = vec![
            query("a", "table", Some(1 << 39)),
            query("b", "view", Some(0)),
            query("c", "assertion", None),
        ];
        let report = report(queries, &args);
        assert!((report.month - 0.5 * 8.0 * 2.0 * DAYS_A_MONTH).abs() < 1e-9);
        let text = text(&report);
        assert!(text.contains("c: Not found: table t") && text.contains("not estimated"), "{text}");
        assert!(text.contains("549.8 GB; 2 a day cost USD 243.33 a month"), "{text}");
    }
}
