//! `landbridge verify`: computes the figures of tables in BigQuery again, and compares them with those that
//! the transfer recorded.
//!
//! | module | responsibility |
//! |---|---|
//! | here | the command: shows what it costs, asks, compares |
//! | [`recorded`] | the figures of a table from the ledger, and why there are none |
//! | [`observed`] | the figures of a table from BigQuery |
//! | [`report`] | the result, as text and JSON |
//!
//! No figure and no value is printed: a verdict says all that the operator needs, and a figure is an oracle.

mod observed;
mod recorded;
mod report;

use std::io::IsTerminal;

use clap::Args;
use landbridge_cli_support::args::{FileArgs, Output, OutputArgs, number_between};
use landbridge_core::calendar::Day;
use landbridge_core::config::Config;
use landbridge_gcp::Gcp;
use landbridge_ledger::Ledger;
use landbridge_parquet::rewrite::ProofKey;

use self::observed::Prepared;
use self::recorded::{Place, Recorded};
use self::report::{Report, TableReport};
use crate::clock::Clock;
use crate::failure::{Failure, Result};
use crate::files;
use crate::render;
use crate::restore::confirm;

/// BigQuery's list price on demand in the US, in dollars per TiB. Other locations cost more.
pub(crate) const PRICE_PER_TIB: f64 = 6.25;

/// Prove that BigQuery has the values that were transferred, column by column
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge verify
  landbridge verify --table orders --yes
  landbridge verify --day 2026-11-21 --yes --output json

The command reads the figures that the transfer recorded of each column, computes the same figures in
BigQuery, and names the first column that differs. It first shows how many bytes BigQuery will process
and what they cost, and asks. docs/proof.md says what is compared, and what cannot be.

It queries BigQuery with your own rights. Of a masked column, it compares what you see: through the mask
if you are a masked reader. It needs `proof` in landbridge.yaml, and the right to read the secret
`proof.key`. For the local cloud:
  . .landbridge/local.env

Exit codes: 0 no column differs; 1 a column or a number of rows differs; 3 access denied; 4 no column
differs, but a table could not be compared.")]
pub(crate) struct VerifyArgs {
    /// Compare with this day; a table that has the rows of another day is not compared. Without it, each
    /// table is compared with the day of its rows
    #[arg(long)]
    day: Option<Day>,
    /// Only this table: its name in BigQuery or in the source; repeat it for several
    #[arg(long = "table", value_name = "TABLE")]
    tables: Vec<String>,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
    /// BigQuery's price on demand in your location, in dollars per TiB
    #[arg(long, value_name = "USD", default_value_t = PRICE_PER_TIB, value_parser = price)]
    price_per_tib: f64,
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    output: OutputArgs,
}

fn price(text: &str) -> Result<f64, String> {
    number_between(text, 0.0, 1000.0)
}

/// Runs the command.
pub(crate) async fn run(args: VerifyArgs) -> Result {
    let config = files::config(&files::config_path(args.files.config.as_deref()))?;
    let contract = files::contract(&files::contract_path(&args.files), &config)?;
    let aws = crate::aws::clients(&config.source.region, config.source.kind).await?;
    let keys = proof_keys(&config, &aws).await?;
    let warehouse = &config.warehouse;
    let bigquery = Gcp::from_env(&warehouse.project, &warehouse.location).await?.bigquery;
    let now = Clock::from_env()?.now();
    let ledger = Ledger::for_operator(aws.s3.clone(), &config);
    let place = Place { config: &config, contract: &contract, ledger: &ledger, keys: &keys, now };
    let recorded = recorded::read(&place, args.day, &args.tables).await?;
    let (mut tables, mut not_compared) = (Vec::new(), Vec::new());
    for table in recorded {
        match table {
            Recorded::Figures(table) => {
                tables.push(observed::prepare(&bigquery, warehouse, table).await?);
            }
            Recorded::Nothing(table) => not_compared.push(table),
        }
    }
    let report = Report::planned(&tables, not_compared, args.price_per_tib);
    let is_text = args.output.format == Output::Text;
    if is_text {
        render::print(&report.plan_text())?;
    }
    if tables.is_empty() {
        return finish(&report, is_text);
    }
    if !args.yes && (!is_text || !std::io::stdin().is_terminal()) {
        eprintln!("Nothing was compared: add --yes to run the queries.");
        return if is_text { Ok(()) } else { render::json(&report) };
    }
    confirm("Run the queries?", args.yes)?;
    let mut compared = Vec::new();
    for table in tables {
        compared.push(compare(&place, &bigquery, table).await?);
    }
    finish(&report.with(compared), is_text)
}

/// Compares one table. It is not compared if its rows were replaced meanwhile.
async fn compare(
    place: &Place<'_>,
    bigquery: &landbridge_gcp::BigQuery,
    table: Prepared,
) -> Result<TableReport> {
    let seen = observed::read(bigquery, &table).await?;
    // The claim is written before a load job is inserted: if it is the same as before the query, the query
    // has read the rows that it names.
    Ok(match recorded::has_changed(place, &table.recorded).await? {
        true => TableReport::not_compared(
            &table.recorded.name,
            &table.recorded.source_table,
            "the table was loaded again while it was read; run the command again",
        ),
        false => TableReport::compared(&table, &seen),
    })
}

/// Prints the result. A difference is an error, and so is a table that was not compared.
fn finish(report: &Report, is_text: bool) -> Result {
    if is_text {
        render::print(&report.text())?;
    } else {
        render::json(report)?;
    }
    if let Some(first) = &report.first_difference {
        return Err(Failure::Failed(format!(
            "BigQuery does not have what was transferred: {first}"
        )));
    }
    match report.not_compared() {
        0 => Ok(()),
        count => Err(Failure::Partly(format!(
            "no column differs, but {} could not be compared; the reasons are above",
            render::counted(count, "table")
        ))),
    }
}

/// The keys that open the figures of the ledger: the current one, and the one before the last rotation.
async fn proof_keys(config: &Config, aws: &landbridge_aws::Aws) -> Result<Vec<ProofKey>> {
    let Some(proof) = &config.proof else {
        return Err(Failure::Usage(format!(
            "landbridge.yaml has no `proof`, so the transfer records no figures; add `proof: {{ key: landbridge/{}/proof-key }}`, deploy, run `landbridge key create`, and verify the next day",
            config.source.name
        )));
    };
    let location = format!("secret {}", proof.key);
    let parse = |value: &landbridge_aws::Secret| {
        ProofKey::parse(value.bytes(), &location, &config.source.name)
    };
    let mut keys = vec![parse(&aws.secrets.get(&proof.key).await?)?];
    if let Some(previous) = aws.secrets.get_previous(&proof.key).await? {
        keys.extend(parse(&previous).ok());
    }
    Ok(keys)
}
