//! `landbridge verify`: computes the figures of tables in BigQuery again, and compares them with those that
//! the transfer recorded.
//!
//! | module | responsibility |
//! |---|---|
//! | [`args`] | its arguments |
//! | here | the command: shows what it costs, asks, compares |
//! | [`recorded`] | the figures of a table from the ledger, and why there are none |
//! | [`observed`] | the figures of a table from BigQuery |
//! | [`source`] | `--against`: the figures of a table from the rows of the source or of the export |
//! | [`rows`] | the rows of a table from the source database, or from the files of the export |
//! | [`row_reader`] | keys and hashes of these rows |
//! | [`search`] | finds the rows in which they and BigQuery differ |
//! | [`difference`] | such a row |
//! | [`report`] | the result, as text and JSON |
//!
//! No figure is printed: a verdict says all that the operator needs, and a figure is an oracle. The only values are keys of the
//! class `none`, of rows that differ.

mod args;
mod difference;
mod observed;
mod recorded;
mod report;
mod row_reader;
mod rows;
mod search;
mod source;

use std::io::IsTerminal;

use landbridge_cli_support::args::Output;
use landbridge_core::ErrorKind;
use landbridge_core::config::{Config, WarehouseConfig};
use landbridge_core::proof::source::Against as Side;
use landbridge_gcp::Gcp;
use landbridge_ledger::Ledger;
use landbridge_parquet::rewrite::ProofKey;

pub(crate) use self::args::{PRICE_PER_TIB, VerifyArgs};
use self::observed::Prepared;
use self::recorded::{Place, Recorded};
use self::report::{Report, TableReport};
use self::rows::Other;
use crate::clock::Clock;
use crate::failure::{Failure, Result};
use crate::render;
use crate::restore::confirm;

/// Runs the command.
pub(crate) async fn run(args: VerifyArgs) -> Result {
    let config = args.files.read()?;
    let contract = args.files.read_contract(&config)?;
    let aws = crate::aws::clients(&config.source.region, config.source.kind).await?;
    let ledger = Ledger::for_operator(aws.s3.clone(), &config);
    let other = Other::connect(&args, &config, &aws.s3, &ledger).await?;
    let keys = match (&config.proof, &other) {
        // Columns of the class `none` are compared without figures of the transfer.
        (None, Some(_)) => Vec::new(),
        _ => proof_keys(&config, &aws).await?,
    };
    let warehouse = &config.warehouse;
    let bigquery = Gcp::from_env(&warehouse.project, &warehouse.location).await?.bigquery;
    let now = Clock::from_env()?.now();
    let place = Place {
        config: &config,
        contract: &contract,
        ledger: &ledger,
        keys: &keys,
        now,
        with_source: other.is_some(),
    };
    let recorded = recorded::read(&place, args.day, &args.tables).await?;
    let (tables, not_compared) = prepare(&bigquery, warehouse, recorded).await?;
    let report = Report::planned(
        &tables,
        not_compared,
        args.price_per_tib,
        other.as_ref().map(Other::against),
    );
    let is_text = args.output.format == Output::Text;
    if is_text {
        render::print(&report.plan_text())?;
        if other.is_some() {
            render::print(
                "To compare rows by their keys, it reads the columns of the class `none` of these tables once more, and up to four times if rows differ.",
            )?;
        }
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
        let other = other.as_ref().map(|other| (other, args.rows));
        compared.push(compare(&place, &bigquery, table, other).await?);
    }
    finish(&report.with(compared), is_text)
}

/// Makes the queries, and the reports of tables that cannot be compared. A table that cannot be queried
/// does not stop the others.
///
/// # Errors
/// `Denied` if the caller may query none of the tables; any other BigQuery error.
async fn prepare(
    bigquery: &landbridge_gcp::BigQuery,
    warehouse: &WarehouseConfig,
    recorded: Vec<Recorded>,
) -> Result<(Vec<Prepared>, Vec<TableReport>)> {
    let (mut tables, mut not_compared, mut denied) = (Vec::new(), Vec::new(), None);
    for table in recorded {
        let table = match table {
            Recorded::Figures(table) => table,
            Recorded::Nothing { name, source_table, reason } => {
                not_compared.push(TableReport::not_compared(&name, &source_table, &reason));
                continue;
            }
        };
        let (name, source_table) = (table.name.clone(), table.source_table.clone());
        match observed::prepare(bigquery, warehouse, table).await {
            Ok(table) => tables.push(table),
            Err(error) => {
                let Some(reason) = observed::why_unreadable(&error) else {
                    return Err(error.into());
                };
                not_compared.push(TableReport::not_compared(&name, &source_table, reason));
                denied = denied.or((error.kind() == ErrorKind::Denied).then_some(error));
            }
        }
    }
    match denied.filter(|_| tables.is_empty()) {
        // Most likely the credentials are not valid, and no table is at fault.
        Some(error) => Err(error.into()),
        None => Ok((tables, not_compared)),
    }
}

/// Compares one table. It is not compared if its rows were replaced meanwhile.
async fn compare(
    place: &Place<'_>,
    bigquery: &landbridge_gcp::BigQuery,
    table: Prepared,
    other: Option<(&Other, usize)>,
) -> Result<TableReport> {
    let seen = observed::read(bigquery, &table).await?;
    let mut report = TableReport::compared(&table, &seen);
    if let Some((other, most)) = other {
        let warehouse = &place.config.warehouse;
        let found = source::compare_table(other, most, bigquery, warehouse, &table, &seen).await?;
        report = report.with_source(found, other.against());
    }
    // The claim is written before a load job is inserted: if it is the same as before the query, the query
    // has read the rows that it names.
    Ok(match recorded::has_changed(place, &table.recorded).await? {
        true => TableReport::not_compared(
            &table.recorded.name,
            &table.recorded.source_table,
            "the table was loaded again while it was read; run the command again",
        ),
        false => report,
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
    if let Some((first, day)) = &report.first_source_difference {
        let day = day.map_or("DAY".to_owned(), |day| day.to_string());
        if report.against == Some(Side::Export) {
            return Err(Failure::Failed(format!(
                "BigQuery has what was transferred as far as it is provable, and the export differs: {first}. The transfer read something else than the files have: do the day again with `landbridge redo {day} --yes`, and report the fault"
            )));
        }
        return Err(Failure::Failed(format!(
            "BigQuery has what was transferred as far as it is provable, and the source differs: {first}. Either the source changed since the snapshot of {day}, or the day is wrong: compare with the snapshot itself. Restore it with `landbridge restore --from-receipt {day} --as NAME`, and give its URL"
        )));
    }
    match report.not_proven() {
        0 => Ok(()),
        count => Err(Failure::Partly(format!(
            "no column differs, but nothing is proven of {}; the reasons are above",
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
