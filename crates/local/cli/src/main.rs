//! `landbridge-local`: the local cloud's command. `landbridge demo`, `local`, `query` and `models run` start
//! it.
//!
//! | module | responsibility |
//! |---|---|
//! | [`demo`] | `landbridge demo`: simulates days on this machine |
//! | [`up`] | `landbridge local up`: a local cloud that keeps running |
//! | [`query`] | `landbridge query`: queries that cloud's warehouse |
//! | [`environment`] | starts a local cloud: configuration, contract, source database, functions |
//! | [`databases`], [`copies`] | several databases of one configuration; changed copies of a configuration |
//! | [`bigquery`] | the REST client for queries and load jobs |
//! | [`ga4`] | writes the sample's GA4 export |
//! | [`models`] | `landbridge models run`: runs compiled models there |
//! | [`progress`] | progress of the simulation on standard error |

mod bigquery;
mod copies;
mod data_dir;
mod databases;
mod demo;
mod environment;
mod ga4;
mod models;
mod progress;
mod query;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use landbridge_cli_support as support;
use support::failure::{self, Failure, Result};

/// Runs Landbridge on an emulated cloud on this machine. `landbridge demo`, `local`, `query` and
/// `models run` start this program.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = support::EXIT_CODES,
    max_term_width = 100,
    arg_required_else_help = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::DemoArgs),
    /// Run an emulated cloud on this machine
    #[command(arg_required_else_help = true)]
    Local {
        #[command(subcommand)]
        command: LocalCommand,
    },
    Query(query::QueryArgs),
    /// Run compiled models in the running local cloud
    #[command(arg_required_else_help = true)]
    Models {
        #[command(subcommand)]
        command: ModelsCommand,
    },
}

#[derive(Debug, Subcommand)]
enum ModelsCommand {
    Run(models::ModelsRunArgs),
}

#[derive(Debug, Subcommand)]
enum LocalCommand {
    Up(up::UpArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    support::start_log();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::Failed(format!("cannot start: {error}")).report(),
    };
    match runtime.block_on(run(cli.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

async fn run(command: Command) -> Result {
    match command {
        Command::Demo(args) => until_interrupted(demo::run(args)).await,
        // Ctrl-C is how this command normally ends, so it handles the signal itself.
        Command::Local { command: LocalCommand::Up(args) } => up::run(args).await,
        Command::Query(args) => until_interrupted(query::run(args)).await,
        Command::Models { command: ModelsCommand::Run(args) } => {
            until_interrupted(models::run(args)).await
        }
    }
}

/// Runs a command until it ends or Ctrl-C interrupts it. Interrupting drops the command, so that
/// its local cloud kills the functions and removes its files.
async fn until_interrupted(command: impl Future<Output = Result>) -> Result {
    tokio::select! {
        result = command => result,
        _ = tokio::signal::ctrl_c() => Err(Failure::Interrupted),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
