//! `landbridge`: the operator's command.
//!
//! Every command makes one value and shows it, as text for people or as JSON for
//! programs. What it decides, it asks of `landbridge-core`; what runs locally is
//! `landbridge-local`. Nothing of either is repeated here.
//!
//! | module | what it holds |
//! |---|---|
//! | [`args`] | the command line: commands, options, help, exit codes |
//! | [`check`] | `landbridge check`: both files, with all their faults |
//! | [`contract`] | `landbridge contract show`, `landbridge contract propose` |
//! | [`demo`] | `landbridge demo`: three days on this machine |
//! | [`local`] | `landbridge local up`: a local cloud that stays |
//! | [`query`] | `landbridge query`: asking that cloud's warehouse |
//! | [`receipt`] | `landbridge receipt`: what proves a day |
//! | [`key`] | `landbridge key create`: the key of tokens |
//! | [`restore`] | `landbridge snapshots`, `pin`, `unpin`, `restore`, `drill`, `status` |
//! | [`clock`] | what time it is, here or in a local cloud |
//! | [`cost`] | `landbridge cost`: what a month costs |
//! | [`init`] | `landbridge init`: the first files |
//! | [`doctor`] | `landbridge doctor`: both clouds, line by line |
//! | [`parquet`] | `landbridge parquet rewrite`: one file by a plan |
//! | [`bigquery`] | the few REST calls of a query |
//! | [`proposal`] | a contract from a database's catalogue |
//! | [`world`] | a local cloud with its files, database and first day |
//! | [`files`] | finding and reading `landbridge.yaml` and `contract.yaml` |
//! | [`render`] | tables, JSON, colour |
//! | [`failure`] | errors of the command and their exit codes |

mod args;
mod bigquery;
mod check;
mod clock;
mod contract;
mod cost;
mod demo;
mod doctor;
mod failure;
mod files;
mod init;
mod key;
mod local;
mod parquet;
mod query;
mod receipt;
mod render;
mod restore;
mod world;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command, ContractCommand, KeyCommand, LocalCommand, ParquetCommand, SchemaFile};
use failure::{Failure, Result};

fn main() -> ExitCode {
    let cli = Cli::parse();
    start_log();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::Failed(format!("cannot start: {error}")).report(),
    };
    match runtime.block_on(until_interrupted(cli.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Runs the command unless the person at the keyboard stops it first. Ending it here,
/// by dropping it, lets a local cloud kill its functions and remove its files.
async fn until_interrupted(command: Command) -> Result {
    // Stopping is how this one ends, and no failure.
    if let Command::Local { command: LocalCommand::Up(args) } = command {
        return local::up(args).await;
    }
    tokio::select! {
        outcome = run(command) => outcome,
        _ = tokio::signal::ctrl_c() => Err(Failure::Interrupted),
    }
}

async fn run(command: Command) -> Result {
    match command {
        Command::Demo(args) => demo::run(args).await,
        Command::Local { command: LocalCommand::Up(args) } => local::up(args).await,
        Command::Query(args) => query::run(args).await,
        Command::Check(args) => check::run(&args),
        Command::Contract { command: ContractCommand::Show(args) } => contract::show(&args),
        Command::Contract { command: ContractCommand::Propose(args) } => {
            contract::propose(args).await
        }
        Command::Schema { file } => render::json(&match file {
            SchemaFile::Landbridge => landbridge_core::config::schema(),
            SchemaFile::Contract => landbridge_core::contract::schema(),
        }),
        Command::Receipt(args) => receipt::run(args).await,
        Command::Key { command: KeyCommand::Create(args) } => key::create(args).await,
        Command::Snapshots(args) => restore::points::list(args).await,
        Command::Pin(args) => restore::points::pin(args).await,
        Command::Unpin(args) => restore::points::unpin(args).await,
        Command::Restore(args) => restore::run::run(args).await,
        Command::Drill(args) => restore::drill::run(args).await,
        Command::Status(args) => restore::status::run(args).await,
        Command::Init(args) => init::run(*args).await,
        Command::Doctor(args) => doctor::run(args).await,
        Command::Cost(args) => cost::run(args).await,
        Command::Parquet { command: ParquetCommand::Rewrite(args) } => parquet::rewrite(args).await,
    }
}

/// This program as it was called, for hints that can be copied.
fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "landbridge".to_owned())
}

/// Logs of libraries go to standard error, from `warn` on or as `LANDBRIDGE_LOG` says.
fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("LANDBRIDGE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(render::Paint::stderr().is_on())
        .init();
}
