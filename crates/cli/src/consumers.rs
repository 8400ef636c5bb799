//! `landbridge consumers`: who and which dashboards read each table and column.

use std::collections::BTreeSet;
use std::fmt::Write;

use clap::Args;
use landbridge_cli_support::args::{FileArgs, Output, OutputArgs};
use landbridge_core::access::{NotKnown, Readable, Reader, Usage, Use};
use landbridge_core::contract::Contract;
use landbridge_gcp::Inspector;
use serde::Serialize;

use crate::access::jobs;
use crate::failure::{Failure, Result};
use crate::render::{self, counted, left, printable, right};

/// Columns of a reader in a line; JSON has all of them.
const MAX_COLUMNS: usize = 8;

/// Show who and which dashboards read each table and column
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge consumers
  landbridge consumers --table public.members
  landbridge consumers --table public.members --column phone --days 180 --people
  landbridge consumers --output json

The query jobs of the project are listed with the credentials of this shell, which need
bigquery.jobs.listAll (docs/access.md). The texts of queries are read in memory, and never stored or shown.
Tables are exact; columns are a best effort: a name that occurs in a query of a table counts as its column.
People are counted, not named, without --people. Results from BigQuery's cache name no tables and are
not seen. For the local cloud:
  . .landbridge/local.env; LANDBRIDGE_GCP_TOKEN=$LANDBRIDGE_TOKEN_REVIEWER landbridge consumers

Exit codes: 0 shown; 2 invalid usage, or an invalid file; 3 access denied.")]
pub(crate) struct ConsumersArgs {
    /// Only this table of the contract
    #[arg(long, value_name = "TABLE")]
    table: Option<String>,
    /// Only readers of this column, by its name in BigQuery; needs --table
    #[arg(long, value_name = "COLUMN", requires = "table")]
    column: Option<String>,
    /// Days of jobs to look at
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = jobs::parse_days)]
    days: u16,
    /// Name people by their addresses
    #[arg(long)]
    people: bool,
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// The result; its fields are the keys of `--output json`.
#[derive(Serialize)]
struct ConsumersReport {
    days: u16,
    /// Jobs that read a table of the contract.
    jobs: u64,
    tables: Vec<TableConsumers>,
}

#[derive(Serialize)]
struct TableConsumers {
    table: String,
    /// Declared in the contract.
    owners: Vec<String>,
    /// Declared in the contract.
    consumers: Vec<String>,
    readers: Vec<Use>,
}

/// Runs the command.
pub(crate) async fn run(args: ConsumersArgs) -> Result {
    let config = args.files.read()?;
    let contract = args.files.read_contract(&config)?;
    check(&args, &contract)?;
    let inspector = Inspector::from_env(&config.warehouse.project)?;
    inspector.check_credentials().await?;
    let mut usage = Usage::new(Readable::new(&config, &contract));
    let range = jobs::last_days(args.days)?;
    let unread = jobs::jobs(&inspector, &config, range, |page| usage.add(&page)).await;
    if let Some(NotKnown { why, next, .. }) = unread {
        return Err(Failure::Refused(format!("{why}; {next}")));
    }
    let report = report(&args, &contract, &usage);
    match args.output.format {
        Output::Json => render::json(&report),
        Output::Text => render::print(&text(&report, &args)),
    }
}

fn check(args: &ConsumersArgs, contract: &Contract) -> Result {
    match &args.table {
        Some(table) if !contract.tables.contains_key(table) => Err(Failure::Usage(format!(
            "the contract has no table `{table}`; name one as contract.yaml does, for example {}",
            contract.tables.keys().next().map_or("public.members", String::as_str)
        ))),
        _ => Ok(()),
    }
}

fn report(args: &ConsumersArgs, contract: &Contract, usage: &Usage<'_>) -> ConsumersReport {
    let wanted = |table: &&String| args.table.as_ref().is_none_or(|it| it == *table);
    let of = |table: &String| {
        let entry = &contract.tables[table];
        let found = usage.of_table(table, args.column.as_deref()).into_iter().cloned().collect();
        TableConsumers {
            table: table.clone(),
            owners: entry.owners.clone(),
            consumers: entry.consumers.clone(),
            readers: if args.people { found } else { without_names(found) },
        }
    };
    let tables = contract.tables.keys().filter(wanted).map(of).collect();
    ConsumersReport { days: args.days, jobs: usage.jobs(), tables }
}

/// The same with all people as one reader, named by their number.
pub(crate) fn without_names(uses: Vec<Use>) -> Vec<Use> {
    let (people, mut others): (Vec<Use>, Vec<Use>) =
        uses.into_iter().partition(|it| matches!(it.reader, Reader::Person { .. }));
    if let Some(first) = people.first() {
        let columns: BTreeSet<String> = people.iter().flat_map(|it| it.columns.clone()).collect();
        others.push(Use {
            reader: Reader::Person {
                name: counted(people.len(), "person").replace("persons", "people"),
            },
            columns,
            understood: people.iter().all(|it| it.understood),
            jobs: people.iter().map(|it| it.jobs).sum(),
            last: people
                .iter()
                .map(|it| it.last.clone())
                .max()
                .unwrap_or_else(|| first.last.clone()),
        });
    }
    others
}

fn name(reader: &Reader) -> String {
    match reader {
        Reader::Dashboard { url } => format!("dashboard {url}"),
        Reader::ServiceAccount { name } => format!("service account {}", printable(name)),
        Reader::Federated { name } | Reader::Person { name } => printable(name),
    }
}

/// Writing to a String cannot fail.
fn text(report: &ConsumersReport, args: &ConsumersArgs) -> String {
    let mut out = String::new();
    let mut unread = Vec::new();
    for it in &report.tables {
        let declared = !it.owners.is_empty() || !it.consumers.is_empty();
        if it.readers.is_empty() && !declared && args.table.is_none() {
            unread.push(printable(&it.table));
            continue;
        }
        let _ = writeln!(out, "{}", printable(&it.table));
        for (what, names) in [("owners", &it.owners), ("consumers", &it.consumers)] {
            if !names.is_empty() {
                let _ = writeln!(out, "  {what} by the contract: {}", printable(&names.join(", ")));
            }
        }
        if it.readers.is_empty() {
            let _ = writeln!(out, "  no query of the last {} days reads it", report.days);
            continue;
        }
        let columns =
            [left("reader"), right("queries"), left("last"), left("columns (best effort)")];
        let row =
            |it: &Use| vec![name(&it.reader), it.jobs.to_string(), it.last.clone(), shown(it)];
        out += &render::table(&columns, it.readers.iter().map(row).collect(), 2);
    }
    if !unread.is_empty() {
        let _ =
            writeln!(out, "no query of the last {} days reads: {}", report.days, unread.join(", "));
    }
    let _ = write!(
        out,
        "{} of the last {} days read these tables",
        counted_queries(report.jobs),
        report.days
    );
    out
}

fn counted_queries(jobs: u64) -> String {
    if jobs == 1 { "1 query".to_owned() } else { format!("{} queries", render::grouped(jobs)) }
}

fn shown(it: &Use) -> String {
    let mut names: Vec<String> =
        it.columns.iter().take(MAX_COLUMNS).map(|of| printable(of)).collect();
    if it.columns.len() > MAX_COLUMNS {
        names.push(format!("{} more", it.columns.len() - MAX_COLUMNS));
    }
    let text = if names.is_empty() { "none by name".to_owned() } else { names.join(", ") };
    if it.understood { text } else { format!("{text} (a query was not understood)") }
}
