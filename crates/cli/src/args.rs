//! The command line.

pub(crate) mod restore;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::civil::Date;
use landbridge_core::calendar::Day;
use landbridge_local::{Ports, Principal};

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    the thing asked for failed
  2    wrong usage, or a file that is not as it should be
  3    refused: somebody lacks a right
  4    done, but not whole: a restored database does not answer, or a setting could not be set
  130  interrupted";

const ABOUT: &str = "\
Carries a database from RDS to BigQuery every day, with its personal data masked

New here? Run `landbridge demo`: three days pass on this machine, nothing else needed.";

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "landbridge",
    version,
    about = ABOUT,
    after_help = EXIT_CODES,
    max_term_width = 100,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(DemoArgs),
    /// The cloud on this machine
    #[command(arg_required_else_help = true)]
    Local {
        #[command(subcommand)]
        command: LocalCommand,
    },
    Query(QueryArgs),
    Check(CheckArgs),
    /// What each column is, and who may read it
    #[command(arg_required_else_help = true)]
    Contract {
        #[command(subcommand)]
        command: ContractCommand,
    },
    /// Print the JSON Schema of a file, for editors
    #[command(after_help = "Examples:\n  landbridge schema contract > contract.schema.json")]
    Schema {
        /// Which file's
        file: SchemaFile,
    },
    Receipt(ReceiptArgs),
    /// The key that tokens are made with
    #[command(arg_required_else_help = true)]
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    Snapshots(restore::SnapshotsArgs),
    Pin(restore::PinArgs),
    Unpin(restore::UnpinArgs),
    Restore(restore::RestoreArgs),
    Drill(restore::DrillArgs),
    Status(restore::StatusArgs),
    Init(Box<crate::init::InitArgs>),
    Doctor(crate::doctor::DoctorArgs),
    Cost(crate::cost::CostArgs),
    /// Parquet files by themselves, without a cloud
    #[command(arg_required_else_help = true)]
    Parquet {
        #[command(subcommand)]
        command: ParquetCommand,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ParquetCommand {
    Rewrite(ParquetRewriteArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    Create(KeyCreateArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum LocalCommand {
    Up(LocalUpArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ContractCommand {
    Show(ContractShowArgs),
    Propose(ContractProposeArgs),
}

/// How a value is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// How rows are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowsOutput {
    /// A table
    #[default]
    Text,
    /// One object with `columns` and `rows`
    Json,
    /// Lines as of RFC 4180, with a header; NULL is nothing between the commas
    Csv,
}

/// A file that has a schema.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SchemaFile {
    /// landbridge.yaml
    Landbridge,
    /// contract.yaml
    Contract,
}

/// Where the two files are.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct FileArgs {
    /// The configuration [default: $LANDBRIDGE_CONFIG, else landbridge.yaml]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The contract [default: $LANDBRIDGE_CONTRACT, else contract.yaml beside the configuration]
    #[arg(long, value_name = "FILE")]
    pub(crate) contract: Option<PathBuf>,
}

/// What a local cloud runs on.
#[derive(Clone, Debug, Args)]
pub(crate) struct WorldArgs {
    /// A real PostgreSQL, MySQL or MariaDB database in place of the invented one:
    /// postgres://user:password@host/db or mysql://user:password@host/db
    #[arg(long, value_name = "URL")]
    pub(crate) source: Option<String>,
    /// The DB instance that the database plays [default: `source.id` of the configuration]
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) instance: Option<String>,
    /// The configuration [default: examples/demo/landbridge.yaml]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The contract [default: contract.yaml beside the configuration; with --source a proposed one]
    #[arg(long, value_name = "FILE")]
    pub(crate) contract: Option<PathBuf>,
    /// How large the invented database is; 1.0 has about 300,000 rows
    #[arg(long, default_value_t = 1.0, value_parser = scale)]
    pub(crate) scale: f64,
    /// The first day of virtual time
    #[arg(long, value_name = "DATE", default_value = "2026-11-21")]
    pub(crate) start: Date,
}

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
    pub(crate) world: WorldArgs,
    /// Where files and logs of the run lie, and stay
    #[arg(long, value_name = "DIR", default_value = ".landbridge/demo")]
    pub(crate) data_dir: PathBuf,
    /// How the outcome is shown
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

/// Keep a local cloud running, for any client of AWS or Google, until Ctrl-C
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge local up
  landbridge local up --days 3
  landbridge local up --source postgres://me@localhost/shop --as shop
  landbridge local up --speed 60 --ports 9001,9002,9003,9004

In another terminal:
  . .landbridge/local.env
  landbridge query --as analyst 'SELECT name, email FROM creators LIMIT 3'
  aws s3 ls s3://shop-exports/")]
pub(crate) struct LocalUpArgs {
    /// Days that pass before it is yours; then virtual time goes on from there
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(0..=60))]
    pub(crate) days: u16,
    /// Virtual seconds per second
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    pub(crate) speed: f64,
    #[command(flatten)]
    pub(crate) world: WorldArgs,
    /// Four to six ports on 127.0.0.1, 0 for any
    #[arg(
        long,
        value_name = "RDS,S3,GCS,BIGQUERY[,SECRETS[,STS]]",
        default_value = "0,0,0,0",
        value_parser = ports
    )]
    pub(crate) ports: Ports,
    /// Another emulation of AWS, such as moto, that Google's side asks who signed a federated
    /// request, in place of the one that comes with this: http://127.0.0.1:5000
    #[arg(long, value_name = "URL")]
    pub(crate) aws_sts: Option<String>,
    /// Where local.env, local.json and all data lie
    #[arg(long, value_name = "DIR", default_value = crate::local::DIR)]
    pub(crate) data_dir: PathBuf,
    /// How the variables are shown
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

/// Ask the warehouse of the running local cloud
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge query --as analyst 'SELECT name, email FROM creators ORDER BY id LIMIT 3'
  landbridge query --as pii-reader 'SELECT name, email FROM creators ORDER BY id LIMIT 3'
  landbridge query --as stranger 'SELECT id, tier, active FROM creators LIMIT 3'
  landbridge query --as analyst --output csv 'SELECT * FROM landbridge_ops.receipts'

Who there is:
  analyst     sees every class of personal data masked
  pii-reader  sees every class plain, but no unclassified column
  stranger    may read the dataset, but no tagged column in any form
  loader      the functions themselves: write everything, read nothing that is tagged

Tables without a dataset are those of `warehouse.dataset`. A refusal ends with exit code 3.")]
pub(crate) struct QueryArgs {
    /// As whom
    #[arg(long = "as", value_name = "WHO", value_parser = principal)]
    pub(crate) who: Principal,
    /// GoogleSQL
    pub(crate) sql: String,
    /// How the rows are shown
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: RowsOutput,
    /// Where `landbridge local up` keeps its data
    #[arg(long, value_name = "DIR", default_value = crate::local::DIR)]
    pub(crate) data_dir: PathBuf,
}

/// Check landbridge.yaml and contract.yaml, and tell all their faults at once
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge check
  landbridge check --config examples/demo/landbridge.yaml")]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) files: FileArgs,
    /// How the outcome is shown
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

/// Show the contract: tables, columns, types, classes and their masks
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge contract show
  landbridge contract show public.creators --config examples/demo/landbridge.yaml")]
pub(crate) struct ContractShowArgs {
    /// Only this table of the source
    #[arg(value_name = "SCHEMA.TABLE")]
    pub(crate) table: Option<String>,
    #[command(flatten)]
    pub(crate) files: FileArgs,
    /// How the contract is shown
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

/// Propose a contract from a database's catalogue, for people to correct
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge contract propose --source postgres://me@localhost/shop > contract.yaml
  landbridge contract propose --source mysql://me@localhost/shop --extend contract.yaml

Classes are guessed from names and types, values are not looked at. What cannot be guessed is
`unclassified`: NULL for everyone until somebody decides.")]
pub(crate) struct ContractProposeArgs {
    /// The database: postgres://user:password@host/db or mysql://user:password@host/db
    #[arg(long, value_name = "URL")]
    pub(crate) source: String,
    /// The configuration, for its classes
    /// [default: $LANDBRIDGE_CONFIG, else landbridge.yaml, else the demo's]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Keep what this contract says, and add what it does not name
    #[arg(long, value_name = "FILE")]
    pub(crate) extend: Option<PathBuf>,
    /// YAML (text) or JSON
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

/// Show the receipts of a day, from the ledger in S3
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge receipt 2026-11-21
  landbridge receipt 2026-11-21 --table creators
  landbridge receipt 2026-11-21 --output json

Credentials and region come from the environment, as for any AWS client. For the local cloud:
  . .landbridge/local.env")]
pub(crate) struct ReceiptArgs {
    /// The day, in the zone of the configuration: 2026-11-21
    pub(crate) day: Day,
    /// Only this table, in full: its name in BigQuery or in the source
    #[arg(long)]
    pub(crate) table: Option<String>,
    /// The configuration [default: $LANDBRIDGE_CONFIG, else landbridge.yaml]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// How the receipts are shown
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

/// Make the secret `transfer.token_key` in Secrets Manager, if there is none: 32 random bytes
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge key create
  landbridge key create --config examples/demo/landbridge.yaml

The key is never shown. One that is there already is looked at and left alone, so the command can be
repeated. Keep the secret: with another key, every token changes and old ones join no longer.

Credentials come from the environment, as for any AWS client. For the local cloud:
  . .landbridge/local.env")]
pub(crate) struct KeyCreateArgs {
    /// The configuration [default: $LANDBRIDGE_CONFIG, else landbridge.yaml]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// How the outcome is shown
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

/// Drop, retype, annotate, tokenise columns of a Parquet file; copy all others as bytes
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge parquet rewrite people.parquet out.parquet --plan plan.yaml
  landbridge parquet rewrite people.parquet out.parquet --plan plan.yaml --cut 8

A plan names columns; what it does not name is kept:
  columns:
    born: { retype: { to: date } }
    amount: { retype: { to: { numeric: { precision: 12, scale: 2 } } } }
    account: { tokenise: { domain: account } }
    notes: drop

Values that do not fit become NULL and are counted; beyond max_misfit_share (0.001) nothing is
written. All of it: docs/parquet-rewrite.md")]
pub(crate) struct ParquetRewriteArgs {
    /// The file to read
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,
    /// The file to write; with --cut or --part-mib, OUT.parquet becomes OUT-00000.parquet and so on
    pub(crate) out: PathBuf,
    /// What happens to each column
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: PathBuf,
    /// The key of tokens: as a secret holds it (landbridge-token-key-v1:…), or 32 bytes or more;
    /// white space at the end is left out
    #[arg(long, value_name = "FILE")]
    pub(crate) token_key: Option<PathBuf>,
    /// Cut into so many files at most, at row groups, on all cores
    #[arg(long, value_name = "N", value_parser = parts)]
    pub(crate) cut: Option<usize>,
    /// Cut into files of about so many MiB of IN, 16 or more, at row groups, on all cores
    #[arg(long, value_name = "N", conflicts_with = "cut", value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    pub(crate) part_mib: Option<u64>,
    /// How the outcome is shown
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

fn parts(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|number| (1..=10_000).contains(number))
        .ok_or_else(|| "a number from 1 to 10000".to_owned())
}

fn principal(name: &str) -> Result<Principal, String> {
    Principal::parse(name).ok_or_else(|| {
        let names: Vec<&str> = Principal::ALL.iter().map(|principal| principal.name()).collect();
        format!("nobody of that name: {}", names.join(", "))
    })
}

fn scale(text: &str) -> Result<f64, String> {
    number_between(text, 0.001, 100.0)
}

fn speed(text: &str) -> Result<f64, String> {
    number_between(text, 0.001, 3_600.0)
}

fn number_between(text: &str, least: f64, most: f64) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("a number from {least} to {most}"))
}

fn ports(text: &str) -> Result<Ports, String> {
    let all: Option<Vec<u16>> = text.split(',').map(|port| port.trim().parse().ok()).collect();
    match all.as_deref() {
        Some([rds, s3, storage, bigquery, more @ ..]) if more.len() <= 2 => Ok(Ports {
            rds: *rds,
            s3: *s3,
            storage: *storage,
            bigquery: *bigquery,
            secrets: more.first().copied().unwrap_or_default(),
            sts: more.get(1).copied().unwrap_or_default(),
        }),
        _ => {
            Err("four to six numbers with commas between them, such as 9001,9002,9003,9004"
                .to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn four_to_six_ports_or_a_reason() {
        let four = ports("9001, 9002,9003,0").unwrap();
        assert_eq!((four.rds, four.s3, four.storage, four.bigquery), (9001, 9002, 9003, 0));
        assert_eq!((four.secrets, four.sts), (0, 0));
        let six = ports("1,2,3,4,9005,9006").unwrap();
        assert_eq!((six.secrets, six.sts), (9005, 9006));
        for wrong in ["", "9001", "1,2,3,70000", "1,2,3,4,5,6,7"] {
            assert!(ports(wrong).is_err(), "{wrong}");
        }
    }
}
