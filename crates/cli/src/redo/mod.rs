//! `landbridge redo`: requests that the functions do a day again.
//!
//! | module | responsibility |
//! |---|---|
//! | here | the command: shows the plan, asks, writes the request |
//! | [`open`] | the requests that have not ended, for `landbridge status` |
//! | [`plan`] | what is done again, what is refused and why |
//! | [`show`] | the plan as text |

pub(crate) mod open;
mod plan;
mod show;

use std::io::IsTerminal;

use clap::Args;
use landbridge_cli_support::args::{ConfigArgs, Output, OutputArgs};
use landbridge_core::calendar::Day;
use landbridge_core::redo::RedoRequest;
use landbridge_ledger::records::redo;
use landbridge_ledger::{Ledger, Written};

use self::plan::{Plan, Wanted};
use crate::clock::Clock;
use crate::failure::{Failure, Result};
use crate::render;
use crate::requests::Place;
use crate::restore::confirm;

/// Do a day again: transfer and load its tables from the same export, or from another one
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge redo 2026-11-21
  landbridge redo 2026-11-21 --table orders --yes
  landbridge redo 2026-11-21 --export
  landbridge redo 2026-11-21 --table orders --accept-audits
  landbridge redo 2026-11-21 --output json

The command shows what is done again and what it costs, asks, and writes one request into the ledger.
The functions carry it out: objects get new names, each table keeps its rows until the new ones replace
them, and receipts are written again. Nothing is deleted. A table that has the rows of a newer day keeps
those.

If the objects of the export are gone, or with --export, the snapshot of the day is exported again, which
AWS charges.

Without --yes, the command asks if it runs in a terminal; otherwise it only shows the plan. Credentials
and region come from the environment, as for any AWS client. For the local cloud:
  . .landbridge/local.env")]
pub(crate) struct RedoArgs {
    /// The day in the configured time zone, for example 2026-11-21
    day: Day,
    /// Only this table: its name in BigQuery or in the source; repeat it for several
    #[arg(long = "table", value_name = "TABLE")]
    tables: Vec<String>,
    /// Export the snapshot of the day again
    #[arg(long)]
    export: bool,
    /// Publish the rows although an audit blocks them; receipt and ledger keep what it found
    #[arg(long)]
    accept_audits: bool,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl RedoArgs {
    fn wanted(&self) -> Wanted {
        Wanted { export: self.export, accept_audits: self.accept_audits }
    }
}

/// Runs the command.
pub(crate) async fn run(args: RedoArgs) -> Result {
    let config = args.config.read()?;
    let aws = crate::aws::clients(&config.source.region, config.source.kind).await?;
    let now = Clock::from_env()?.now();
    let ledger = Ledger::for_operator(aws.s3.clone(), &config);
    let place = Place { config: &config, aws: &aws, ledger: &ledger, now };
    let mut plan = Plan::make(&place, args.day, &args.tables, args.wanted()).await?;
    let is_text = args.output.format == Output::Text;
    if is_text {
        render::print(&show::text(&plan))?;
    }
    if plan.requested_before.is_some() {
        return if is_text { Ok(()) } else { render::json(&plan) };
    }
    if !args.yes && (!is_text || !std::io::stdin().is_terminal()) {
        eprintln!("Nothing was requested: add --yes to request it.");
        return if is_text { Ok(()) } else { render::json(&plan) };
    }
    confirm(&format!("Do {} again?", plan.day), args.yes)?;
    plan.refuse_forgotten(&place).await?;
    let request = RedoRequest {
        number: plan.number,
        tables: plan.requested_tables(),
        export: plan.export.is_some(),
        accept_audits: plan.accept_audits,
        backfill: false,
        requested_at: now,
    };
    let written = ledger.source().create(&redo(plan.day, plan.number), &request).await?;
    if written == Written::Overtaken {
        return Err(Failure::Failed(format!(
            "another request for {} was written at the same time, so this one was not; run the command again: it takes the other into account",
            plan.day
        )));
    }
    plan.requested = true;
    if is_text { render::print(&show::requested(&plan)) } else { render::json(&plan) }
}
