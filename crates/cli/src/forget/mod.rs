//! `landbridge forget`: removes the rows of one key, of a person for example, from what Landbridge keeps.
//!
//! | module | responsibility |
//! |---|---|
//! | here | the command: shows the plan, asks, removes, records |
//! | [`figures`] | the sealed figures of older days |
//! | [`others`] | the rows of past days, and of tables with a former name |
//! | [`plan`] | where the rows are, and why the command is refused |
//! | [`landing`] | the table's objects in Cloud Storage |
//! | [`remove`] | deletes files of exports, objects of Cloud Storage, and rows of BigQuery |
//! | [`record`] | the records in the ledger, and who asks for them before older rows come back |
//!
//! It can be repeated: it looks again for what is left. No message and no record has the value of the key.

mod figures;
mod landing;
mod others;
mod plan;
pub(crate) mod record;
mod remove;
mod warehouse;

use std::io::IsTerminal;

use clap::Args;
use jiff::Timestamp;
use landbridge_aws::Aws;
use landbridge_cli_support::args::{FileArgs, Output, OutputArgs, reason};
use landbridge_core::config::Config;
use landbridge_core::contract::Contract;
use landbridge_core::forget::Forgotten;
use landbridge_gcp::Gcp;
use landbridge_gcp::bigquery::BigQuery;
use landbridge_gcp::raw::Raw;
use landbridge_ledger::Ledger;

use self::plan::Plan;
use crate::clock::Clock;
use crate::failure::{Failure, Result};
use crate::render;
use crate::restore::confirm;

/// Remove the rows of one key from kept exports and BigQuery, and list what remains until when
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge forget public.members id=4711 --reason 'ticket 4211'
  landbridge forget public.members id=4711 --reason 'ticket 4211' --yes
  landbridge forget public.orders member_id=4711 --reason 'ticket 4211' --output json

First delete the rows in the source. The command is refused while the newest export has them, because the next day
would bring them back. It then shows where the rows are, asks, deletes the files of older exports that have them, the
table's objects of older days in Cloud Storage, the sealed figures of older days in the ledger and the rows in BigQuery, on every day
of a history too, and records what remains, and until when: snapshots, backups, time travel. The record has no value. A file of an export is deleted as a whole, so `landbridge recover` of that day and table is no longer possible.

Without --yes, the command asks if it runs in a terminal; otherwise it only shows the plan. It can be repeated, and
goes on after an interruption. It needs the managed policy operator-forget, in BigQuery the right to delete rows of the
table, and on the bucket of Cloud Storage the right to list and delete objects. docs/forget.md says more.

Exit codes: 0 done, or only shown; 1 refused or failed; 2 invalid usage; 3 access denied.")]
pub(crate) struct ForgetArgs {
    /// The table: its name in the source (`public.members`)
    table: String,
    /// The rows: a column of class `none`, and its value
    #[arg(value_name = "COLUMN=VALUE", value_parser = key)]
    key: Key,
    /// Why: recorded in the ledger. Do not write personal data here
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: String,
    /// Leave the table's objects in Cloud Storage until the bucket deletes them
    #[arg(long)]
    keep_landed: bool,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// A column and a value. It has no `Debug` that shows the value.
#[derive(Clone)]
pub(crate) struct Key {
    column: String,
    value: String,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}=…", self.column)
    }
}

fn key(text: &str) -> Result<Key, String> {
    match text.split_once('=') {
        Some((column, value)) if !column.is_empty() && !value.is_empty() => {
            Ok(Key { column: column.to_owned(), value: value.to_owned() })
        }
        _ => Err("must be a column and a value, for example id=4711".to_owned()),
    }
}

/// What all parts of the command use.
struct Command {
    args: ForgetArgs,
    config: Config,
    contract: Contract,
    aws: Aws,
    bigquery: BigQuery,
    storage: Raw,
    ledger: Ledger,
    now: Timestamp,
}

/// Runs the command.
pub(crate) async fn run(args: ForgetArgs) -> Result {
    let config = args.files.read()?;
    let contract = args.files.read_contract(&config)?;
    let aws = crate::aws::clients(&config.source.region, config.source.kind).await?;
    let now = Clock::from_env()?.now();
    let ledger = Ledger::for_operator(aws.s3.clone(), &config);
    let warehouse = &config.warehouse;
    let bigquery = Gcp::from_env(&warehouse.project, &warehouse.location).await?.bigquery;
    let storage = Raw::from_env(&warehouse.project)?;
    let command = Command { args, config, contract, aws, bigquery, storage, ledger, now };
    let is_text = command.args.output.format == Output::Text;
    let plan = Plan::make(&command).await?;
    if is_text {
        render::print(&plan.text())?;
    }
    if !command.args.yes && (!is_text || !std::io::stdin().is_terminal()) {
        eprintln!("Nothing was removed: add --yes to remove it.");
        return if is_text { Ok(()) } else { render::json(&plan) };
    }
    confirm("Remove these rows for good?", command.args.yes)?;
    let forgotten = remove::run(&command, &plan).await?;
    let place = record::place(&command.ledger, forgotten.number);
    if is_text { render::print(&text(&forgotten, &place)) } else { render::json(&forgotten) }
}

fn text(forgotten: &Forgotten, place: &str) -> String {
    let mut text = format!(
        "removed: {} of exports, {} in Cloud Storage, the sealed figures of {}, {} in BigQuery\nwhat remains:\n",
        render::counted(forgotten.files.len(), "file"),
        render::counted(usize::try_from(forgotten.landed).unwrap_or(usize::MAX), "object"),
        render::counted(usize::try_from(forgotten.figures).unwrap_or(usize::MAX), "record"),
        render::counted(usize::try_from(forgotten.warehouse_rows).unwrap_or(usize::MAX), "row"),
    );
    for it in &forgotten.remains {
        text += &format!("  {}: {}\n", it.what, it.until);
    }
    text + &format!("recorded in {place}")
}

/// A refusal that names a right.
fn with_rights(error: landbridge_core::Error) -> Failure {
    match error.kind() {
        landbridge_core::ErrorKind::Denied => Failure::Refused(format!(
            "{} — this command needs the managed policy operator-forget, in BigQuery the role dataEditor on the dataset, and the role storage.legacyBucketWriter on the bucket of transfer.bucket, or --keep-landed; see docs/forget.md",
            error.sentence()
        )),
        _ => error.into(),
    }
}
