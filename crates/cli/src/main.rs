//! `landbridge`: the operator's command.
//!
//! Each command produces one value and prints it, as text for people or as JSON for programs. The
//! rules are in `landbridge-core`, and the local cloud is `landbridge-local`; neither is repeated here.
//!
//! | module | responsibility |
//! |---|---|
//! | [`access`] | `landbridge access`: who sees which class, by the live policies |
//! | [`args`] | the command line: all commands |
//! | [`aws`] | AWS clients with the caller's credentials |
//! | [`check`] | `landbridge check`: validates both files and reports all faults |
//! | [`consumers`] | `landbridge consumers`: who and which dashboards read each table |
//! | [`contract`] | `landbridge contract show`, `propose`, `check`, `diff`, `export`, `import` |
//! | [`local`] | `landbridge demo`, `local`, `query`, `models run`: starts `landbridge-local` |
//! | [`retype`] | `landbridge retype`: loads a column whose type changed beside the old one |
//! | [`schema`] | `landbridge schema`: the JSON Schema of a file |
//! | [`receipt`] | `landbridge receipt`: shows the receipts of a day |
//! | [`ledger`] | `landbridge ledger remove-bounds`: removes recorded values of columns |
//! | [`key`] | `landbridge key create`: creates the key for tokens |
//! | [`databases`] | runs a command for each database of the configuration |
//! | [`days`] | `landbridge days`: how each day ended |
//! | [`incident`] | `landbridge incident`: lists, shows and closes incidents |
//! | [`forget`] | `landbridge forget`: removes the rows of one key from kept exports and BigQuery |
//! | [`recover`] | `landbridge recover`: the rows of a table from a kept export or a restored copy, into a file or a new table |
//! | [`backfill`] | `landbridge backfill`: requests that past days of a table are kept in its history |
//! | [`redo`] | `landbridge redo`: requests that a day is done again |
//! | [`verify`] | `landbridge verify`: proves the values in BigQuery |
//! | [`restore`] | `landbridge snapshots`, `pin`, `unpin`, `restore`, `drill`, `status` |
//! | [`console`] | `landbridge console`: pages for a browser |
//! | [`cost`] | `landbridge cost`: estimates the cost of a month |
//! | [`handover`] | `landbridge handover`: says when another way to BigQuery is better |
//! | [`init`] | `landbridge init`: writes the first files |
//! | [`doctor`] | `landbridge doctor`: checks both clouds |
//! | [`export_file`] | a file of an export, read from S3 in blocks, for `recover` and `verify` |
//! | [`probe`] | `landbridge probe google`, `aws`, `clean`: shows what is assumed of the clouds |
//! | [`source_advice`] | what snapshots do to the source, for `init` and `doctor` |
//! | [`dashboard`] | `landbridge dashboard`: links to reports, LookML views |
//! | [`models`] | `landbridge models sources`, `check`: the tables for analysts' models, and whether models launder |
//! | [`reference`] | `landbridge completions`, `man`: generated from the command line |
//! | [`parquet`] | `landbridge parquet rewrite`: rewrites one file according to a plan |

mod access;
mod args;
mod aws;
mod backfill;
mod check;
mod console;
mod consumers;
mod contract;
mod cost;
mod dashboard;
mod databases;
mod days;
mod doctor;
mod export_file;
mod forget;
mod handover;
mod incident;
mod init;
mod key;
mod ledger;
mod local;
mod models;
mod parquet;
mod probe;
mod receipt;
mod receipt_chain;
mod recover;
mod redo;
mod reference;
mod requests;
mod restore;
mod retype;
mod schema;
mod source_advice;
mod verify;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use landbridge_cli_support as support;
use support::{clock, failure, files, paint, render};

use args::{Cli, Command};
use contract::ContractCommand;
use failure::{Failure, Result};
use key::KeyCommand;
use ledger::LedgerCommand;
use models::ModelsCommand;
use parquet::ParquetCommand;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Command::Demo(_)
    | Command::Local(_)
    | Command::Query(_)
    | Command::Models { command: ModelsCommand::Run(_) } = cli.command
    {
        return local::start().report();
    }
    support::start_log();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::Failed(format!("cannot start: {error}")).report(),
    };
    let command = async {
        match cli.command {
            // They delete what they created before they end.
            Command::Probe { command } => Box::pin(probe::run(command)).await,
            Command::Recover(args) => Box::pin(recover::run(*args)).await,
            Command::Drill(args) => Box::pin(restore::drill::run(args)).await,
            command => {
                // Ctrl-C is how a server ends.
                let is_server = matches!(&command, Command::Console(args) if args.is_server());
                tokio::select! {
                    result = run(command) => result,
                    _ = tokio::signal::ctrl_c() => match is_server {
                        true => Ok(()),
                        false => Err(Failure::Interrupted),
                    },
                }
            }
        }
    };
    match runtime.block_on(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

async fn run(command: Command) -> Result {
    match command {
        Command::Demo(_)
        | Command::Local(_)
        | Command::Query(_)
        | Command::Models { command: ModelsCommand::Run(_) } => Err(local::start()),
        Command::Probe { command } => Box::pin(probe::run(command)).await,
        Command::Check(args) => check::run(&args),
        Command::Contract { command: ContractCommand::Show(args) } => contract::show(&args),
        Command::Contract { command: ContractCommand::Propose(args) } => {
            contract::propose(args).await
        }
        Command::Contract { command: ContractCommand::Check(args) } => {
            contract::check::run(args).await
        }
        Command::Contract { command: ContractCommand::Diff(args) } => contract::diff::run(&args),
        Command::Contract { command: ContractCommand::Export(args) } => {
            contract::exchange::export(&args)
        }
        Command::Contract { command: ContractCommand::Import(args) } => {
            contract::exchange::import(&args)
        }
        Command::Retype(args) => retype::run(args).await,
        Command::Schema { file } => schema::run(file),
        Command::Receipt(args) => receipt::run(args).await,
        Command::Verify(args) => Box::pin(verify::run(args)).await,
        Command::Days(args) => days::run(args).await,
        Command::Incident(args) => Box::pin(incident::run(*args)).await,
        Command::Recover(args) => Box::pin(recover::run(*args)).await,
        Command::Forget(args) => Box::pin(forget::run(*args)).await,
        Command::Backfill(args) => Box::pin(backfill::run(*args)).await,
        Command::Redo(args) => Box::pin(redo::run(args)).await,
        Command::Key { command: KeyCommand::Create(args) } => key::create(args).await,
        Command::Ledger { command: LedgerCommand::RemoveBounds(args) } => {
            ledger::remove_bounds(args).await
        }
        Command::Snapshots(args) => restore::points::list(args).await,
        Command::Pin(args) => restore::points::pin(args).await,
        Command::Unpin(args) => restore::points::unpin(args).await,
        Command::Restore(args) => restore::run::run(args).await,
        Command::Drill(args) => restore::drill::run(args).await,
        Command::Status(args) => restore::status::run(args).await,
        Command::Console(args) => Box::pin(console::run(*args)).await,
        Command::Init(args) => init::run(*args).await,
        Command::Doctor(args) => doctor::run(args).await,
        Command::Consumers(args) => Box::pin(consumers::run(args)).await,
        Command::Access(args) => Box::pin(access::run(*args)).await,
        Command::Cost(args) => cost::run(*args).await,
        Command::Handover(args) => handover::run(*args).await,
        Command::Dashboard(args) => dashboard::run(&args),
        Command::Models { command: ModelsCommand::Sources(args) } => models::sources(&args),
        Command::Models { command: ModelsCommand::Check(args) } => models::check(&args),
        Command::Models { command: ModelsCommand::Cost(args) } => models::cost(args).await,
        Command::Parquet { command: ParquetCommand::Rewrite(args) } => parquet::rewrite(args).await,
        Command::Completions(args) => reference::completions(&args, Cli::command()),
        Command::Man(args) => reference::man(&args, Cli::command()),
    }
}
