//! The command line.

pub(crate) mod restore;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use landbridge_cli_support::EXIT_CODES;
use landbridge_cli_support::args::FileArgs;
pub(crate) use landbridge_cli_support::args::Output;
use landbridge_core::calendar::Day;

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
    /// Run days on this machine: snapshot, export, transfer, load, masked query
    #[command(disable_help_flag = true)]
    Demo(LocalArgs),
    /// Run an emulated cloud on this machine
    #[command(disable_help_flag = true)]
    Local(LocalArgs),
    /// Query the warehouse of the running local cloud
    #[command(disable_help_flag = true)]
    Query(LocalArgs),
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

/// The arguments of a command of `landbridge-local`, which parses them.
#[derive(Debug, Args)]
pub(crate) struct LocalArgs {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _arguments: Vec<OsString>,
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
pub(crate) enum ContractCommand {
    Show(ContractShowArgs),
    Propose(ContractProposeArgs),
}

/// A file that has a schema.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SchemaFile {
    /// landbridge.yaml
    Landbridge,
    /// contract.yaml
    Contract,
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
  landbridge contract propose --source postgres://me@db.example.com/shop --ca global-bundle.pem

Classes are guessed from names and types, values are not looked at. What cannot be guessed is
`unclassified`: NULL for everyone until somebody decides.")]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
