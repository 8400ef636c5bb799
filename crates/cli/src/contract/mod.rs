//! `landbridge contract show`, `propose`, `check`, `diff`, `export` and `import`.
//!
//! | module | contents |
//! |---|---|
//! | here | `contract show` and `contract propose` |
//! | `check` | `contract check`: what a change of the source's schema means |
//! | `diff` | `contract diff`: who will see what |
//! | `exchange` | `contract export` and `import`: the Open Data Contract Standard |
//! | `inputs` | the files of SQL that it reads |
//! | `report` | its outputs: text, annotations, SARIF |

pub(crate) mod check;
pub(crate) mod diff;
pub(crate) mod exchange;
mod finding;
mod inputs;
mod report;

use clap::{Args, Subcommand};
use landbridge_cli_support::args::{DatabaseArgs, FileArgs, Output, OutputArgs};
use landbridge_core::config::{self, CLASS_UNCLASSIFIED, Config};
use landbridge_core::contract::{
    ColumnOrder, Contract, Reason, TableContract, Transform, column_order,
};
use landbridge_core::plan::columns::describe_transform;
use landbridge_core::types::{Engine, TimeRules};
use landbridge_source::proposal::{self, Proposal};
use landbridge_source::{Database, SampleLimits, Tls};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::failure::{Failure, Result};
use crate::paint::Paint;
use crate::render::{self, counted, left, printable};
use landbridge_cli_support::{files, receipts::classes_of};

#[derive(Debug, Subcommand)]
pub(crate) enum ContractCommand {
    Show(ContractShowArgs),
    Propose(ContractProposeArgs),
    Check(check::ContractCheckArgs),
    Diff(diff::ContractDiffArgs),
    Export(exchange::ContractExportArgs),
    Import(exchange::ContractImportArgs),
}

/// Show the contract: tables, columns, types, classes and their masks
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge contract show
  landbridge contract show public.creators --config examples/demo/landbridge.yaml")]
pub(crate) struct ContractShowArgs {
    /// Show only this source table
    #[arg(value_name = "SCHEMA.TABLE")]
    pub(crate) table: Option<String>,
    #[command(flatten)]
    pub(crate) files: FileArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Propose a contract from a database, for you to correct
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge contract propose --source postgres://me@localhost/shop > contract.yaml
  landbridge contract propose --source mysql://me@localhost/shop --extend contract.yaml
  landbridge contract propose --source postgres://me@db.example.com/shop --ca global-bundle.pem
  landbridge contract propose --source postgres://me@localhost/shop --explain

Classes are guessed from names, types and a sample of rows. The values of the sample stay in the
memory of this command: it prints how many of them look like e-mail addresses, never one of them.
A column without a clear guess is `unclassified`: NULL for everyone until you give it a class.
Resident registration numbers are proposed with `transform: drop`; passport, licence, foreigner
registration, card and account numbers with `transform: tokenise`.")]
pub(crate) struct ContractProposeArgs {
    /// The database: postgres://user:password@host/db or mysql://user:password@host/db
    #[arg(long, value_name = "URL")]
    pub(crate) source: String,
    /// Encrypt the connection and trust only the CA certificates in this PEM file; for RDS, AWS's
    /// global-bundle.pem
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// The configuration, for its classes
    /// [default: $LANDBRIDGE_CONFIG, else landbridge.yaml, else the demo's]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) one: DatabaseArgs,
    /// Keep the entries of this contract and add what it does not name
    #[arg(long, value_name = "FILE")]
    pub(crate) extend: Option<PathBuf>,
    /// How many rows of each table are read to see what its values look like; 0 reads the catalogue
    /// alone
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) sample_rows: u32,
    /// Print why each new column has its class, instead of the contract
    #[arg(long)]
    pub(crate) explain: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Why a column has its class; its fields are the keys of `--explain --output json`.
#[derive(Serialize)]
struct ReasonRow<'a> {
    table: &'a str,
    column: &'a str,
    class: &'a str,
    /// What the transfer does to the column, because of its kind.
    transform: Option<&'static str>,
    /// What the column seems to contain; `None` if nothing personal or if it is not known.
    kind: Option<&'static str>,
    confidence: &'static str,
    reason: &'a str,
}

/// One column of the contract; its fields are the keys of `--output json`.
#[derive(Serialize)]
struct ColumnRow<'a> {
    table: &'a str,
    /// `None` if it depends on the engine, which only an export shows.
    bigquery_table: Option<String>,
    column: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    ty: String,
    /// What the transfer does to the column; empty if it is copied. Whether text is retyped depends on
    /// the exported file; this is what happens if it contains text.
    transform: String,
    class: &'a str,
    mask: Option<&'static str>,
    description: Option<&'a str>,
}

/// Runs `landbridge contract show`.
pub(crate) fn show(args: &ContractShowArgs) -> Result {
    let config = args.files.read()?;
    let contract = args.files.read_contract(&config)?;
    let tables: Vec<(&str, &TableContract)> = contract
        .tables
        .iter()
        .filter(|(name, _)| args.table.as_ref().is_none_or(|table| table == *name))
        .map(|(name, table)| (name.as_str(), table))
        .collect();
    if let (Some(table), true) = (&args.table, tables.is_empty()) {
        let known: Vec<&str> = contract.tables.keys().map(String::as_str).collect();
        return Err(Failure::Usage(format!(
            "the contract has no table `{table}`. It has: {}",
            known.join(", ")
        )));
    }
    if args.output.format == Output::Json {
        let rows: Vec<ColumnRow> = tables
            .iter()
            .flat_map(|(name, table)| column_rows(name, table, &contract, &config))
            .collect();
        return render::json(&rows);
    }
    let paint = Paint::stdout();
    let mut text = String::new();
    for (name, table) in tables {
        let rows = column_rows(name, table, &contract, &config);
        let bigquery_table = rows.first().and_then(|row| row.bigquery_table.as_deref());
        let destination = bigquery_table
            .map(|table| format!(" → {}.{table}", config.warehouse.dataset))
            .unwrap_or_default();
        let about = table.description.as_deref().unwrap_or_default();
        let heading = format!("{}{destination}  {about}", paint.bold(name));
        text.push_str(heading.trim_end());
        text.push('\n');
        let columns = [
            left("column"),
            left("source type"),
            left("type"),
            left("transform"),
            left("class"),
            left("mask"),
        ];
        let cells = rows.iter().map(|row| {
            [row.column, row.source, &row.ty, &row.transform, row.class, row.mask.unwrap_or("")]
                .map(str::to_owned)
                .to_vec()
        });
        text.push_str(&render::table(&columns, cells.collect(), 2));
        text.push('\n');
    }
    render::print(text.trim_end())
}

fn column_rows<'a>(
    name: &'a str,
    table: &'a TableContract,
    contract: &Contract,
    config: &Config,
) -> Vec<ColumnRow<'a>> {
    // Without `table:`, the BigQuery name depends on whether the schema is the database: always in
    // MySQL, rarely in PostgreSQL.
    let (schema, short) = name.split_once('.').unwrap_or(("", name));
    let in_postgres = contract.bigquery_table_name("", schema, short);
    let in_mysql = contract.bigquery_table_name(schema, schema, short);
    let bigquery_table = (in_postgres == in_mysql).then_some(in_postgres);
    // Neither file names the engine; only PostgreSQL has a schema `public`.
    let engine = match contract.tables.keys().any(|name| name.starts_with("public.")) {
        true => Engine::Postgres,
        false => Engine::Mysql,
    };
    let times = TimeRules::of(config, Some(table));
    let row =
        |(column, contract_column): (&'a String, &'a landbridge_core::contract::ColumnContract)| {
            ColumnRow {
                table: name,
                bigquery_table: bigquery_table.clone(),
                column,
                source: &contract_column.source,
                ty: match contract_column.transform {
                    Some(Transform::Drop) => "–".to_owned(),
                    _ => contract_column.column_type().to_string(),
                },
                transform: describe_transform(engine, contract_column, &times),
                class: &contract_column.class,
                mask: contract_column
                    .tagged_class()
                    .and_then(|class| config.class(class))
                    .map(|class| class.mask.as_str()),
                description: contract_column.description.as_deref(),
            }
        };
    table.columns.iter().map(row).collect()
}

/// Runs `landbridge contract propose`.
pub(crate) async fn propose(args: ContractProposeArgs) -> Result {
    let (config, example) = if files::no_config(args.config.as_deref()) {
        let (name, config) = files::example_config()?;
        (config, Some(name))
    } else {
        (files::config(&files::config_path(args.config.as_deref()), &args.one)?, None)
    };
    let (base, order) = match &args.extend {
        Some(path) => {
            (files::contract(path, &config)?, column_order(&files::read(path, "--extend")?))
        }
        None => (Contract::propose(&[], &config), ColumnOrder::new()),
    };
    let tls = args.ca.as_deref().map(Tls::trust_file).transpose()?;
    let database = Database::connect(&args.source, tls).await?;
    let limits = (args.sample_rows > 0).then(|| SampleLimits::rows(args.sample_rows));
    let proposal = proposal::propose(&database, base, &config, limits).await?;
    match (args.explain, args.output.format) {
        (true, format) => explain(&proposal.reasons, format)?,
        (false, Output::Text) => render::print(&proposal.render(order))?,
        (false, Output::Json) => render::json(&proposal.contract)?,
    }
    let Proposal { contract, left_out, reasons, not_sampled, .. } = proposal;
    let columns = || contract.tables.values().flat_map(|table| table.columns.values());
    if let Some(name) = example {
        eprintln!("note: there is no {} here; the classes of {name} are used", config::FILE_NAME);
    }
    let unclassified = columns().filter(|column| column.class == CLASS_UNCLASSIFIED).count();
    eprintln!(
        "{}, {}: {}",
        counted(contract.tables.len(), "table"),
        counted(columns().count(), "column"),
        classes_of(columns().map(|column| column.class.as_str()))
    );
    for left_out in &left_out {
        eprintln!("left out: {}", printable(left_out));
    }
    for table in &not_sampled {
        eprintln!("no sample of {}", printable(table));
    }
    for (kind, columns) in kinds_without_class(&reasons) {
        eprintln!(
            "{} may contain {kind}, and {} has no class for them that hides such values: add one, or correct the columns",
            counted(columns, "column"),
            config::FILE_NAME
        );
    }
    let without_key = reasons.iter().filter(|it| it.token_key_is_missing).count();
    if without_key > 0 {
        eprintln!(
            "{} would be tokenised, and stays in AWS (`transform: set_null`) because `transfer.token_key` is not set: set it, run `landbridge key create`, and propose again",
            counted(without_key, "column")
        );
    }
    if unclassified > 0 {
        eprintln!(
            "{} unclassified: NULL for everyone until you give each a class, or `none`",
            counted(unclassified, "column")
        );
    }
    Ok(())
}

/// Prints why each column has its class.
fn explain(reasons: &[Reason], format: Output) -> Result {
    let rows: Vec<ReasonRow<'_>> = reasons
        .iter()
        .map(|reason| ReasonRow {
            table: &reason.table,
            column: &reason.column,
            class: &reason.class,
            transform: reason.transform.map(Transform::name),
            kind: reason.kind,
            confidence: reason.confidence.name(),
            reason: &reason.reason,
        })
        .collect();
    if format == Output::Json {
        return render::json(&rows);
    }
    let columns =
        ["table", "column", "class", "transform", "may contain", "confidence", "reason"].map(left);
    let cells = |row: &ReasonRow<'_>| {
        let kind = row.kind.unwrap_or("–");
        let transform = row.transform.unwrap_or("–");
        [row.table, row.column, row.class, transform, kind, row.confidence, row.reason]
            .map(printable)
            .to_vec()
    };
    render::print(&render::table(&columns, rows.iter().map(cells).collect(), 0))
}

/// The kinds of personal data for which the configuration has no class, each with its number of
/// columns.
fn kinds_without_class(reasons: &[Reason]) -> BTreeMap<&'static str, usize> {
    let mut kinds = BTreeMap::new();
    for kind in reasons.iter().filter(|it| it.class_is_missing).filter_map(|it| it.kind) {
        *kinds.entry(kind).or_default() += 1;
    }
    kinds
}
