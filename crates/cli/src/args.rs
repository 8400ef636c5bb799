//! The command line: all commands. The options of a command are in its own module.

use clap::{Parser, Subcommand};

use landbridge_cli_support::EXIT_CODES;

use crate::local::LocalArgs;
use crate::{
    access, backfill, check, console, consumers, contract, cost, dashboard, days, doctor, forget,
    handover, incident, init, key, ledger, models, parquet, probe, receipt, recover, redo,
    reference, restore, retype, schema, verify,
};

const ABOUT: &str = "\
Transfer an RDS database to BigQuery every day, with personal data masked

New here? Run `landbridge demo`: it simulates three days on this machine, without a cloud account.";

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
    /// Simulate days on this machine: snapshot, export, transfer, load, masked query
    #[command(disable_help_flag = true)]
    Demo(LocalArgs),
    /// Run an emulated cloud on this machine
    #[command(disable_help_flag = true)]
    Local(LocalArgs),
    /// Query the warehouse of the running local cloud
    #[command(disable_help_flag = true)]
    Query(LocalArgs),
    Check(check::CheckArgs),
    /// Show, propose or check the contract: the type and class of every column
    #[command(arg_required_else_help = true)]
    Contract {
        #[command(subcommand)]
        command: contract::ContractCommand,
    },
    Retype(retype::RetypeArgs),
    /// Print the JSON Schema of a file, for editors
    #[command(after_help = "Examples:\n  landbridge schema contract > contract.schema.json")]
    Schema {
        /// The file that the schema describes
        file: schema::SchemaFile,
    },
    Receipt(receipt::ReceiptArgs),
    Days(days::DaysArgs),
    Incident(Box<incident::IncidentArgs>),
    Redo(redo::RedoArgs),
    Backfill(Box<backfill::BackfillArgs>),
    Verify(verify::VerifyArgs),
    /// Create the key for tokens
    #[command(arg_required_else_help = true)]
    Key {
        #[command(subcommand)]
        command: key::KeyCommand,
    },
    /// Remove recorded values of columns from the ledger
    #[command(arg_required_else_help = true)]
    Ledger {
        #[command(subcommand)]
        command: ledger::LedgerCommand,
    },
    Snapshots(restore::args::SnapshotsArgs),
    Pin(restore::args::PinArgs),
    Unpin(restore::args::UnpinArgs),
    Restore(restore::args::RestoreArgs),
    Recover(Box<recover::RecoverArgs>),
    Forget(Box<forget::ForgetArgs>),
    Drill(restore::args::DrillArgs),
    Status(restore::args::StatusArgs),
    Console(Box<console::ConsoleArgs>),
    Init(Box<init::InitArgs>),
    Doctor(doctor::DoctorArgs),
    Access(Box<access::AccessArgs>),
    Consumers(consumers::ConsumersArgs),
    /// Show on real accounts what Landbridge assumes of the clouds
    #[command(arg_required_else_help = true)]
    Probe {
        #[command(subcommand)]
        command: probe::ProbeCommand,
    },
    Cost(Box<cost::CostArgs>),
    Handover(Box<handover::HandoverArgs>),
    Dashboard(dashboard::DashboardArgs),
    /// Generate files for analysts' models, and check what the models show
    #[command(arg_required_else_help = true)]
    Models {
        #[command(subcommand)]
        command: models::ModelsCommand,
    },
    /// Rewrite a Parquet file, without a cloud
    #[command(arg_required_else_help = true)]
    Parquet {
        #[command(subcommand)]
        command: parquet::ParquetCommand,
    },
    Completions(reference::CompletionsArgs),
    Man(reference::ManArgs),
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
