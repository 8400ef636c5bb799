//! `landbridge backfill`: fills the history of a table with past days whose exports exist.
//!
//! The command writes one request per day into the ledger; the functions transfer the day's files again, under
//! today's contract, and load them into the partition of the day. The table itself keeps its newer rows.
//!
//! | module | responsibility |
//! |---|---|
//! | here | the command: shows the plan, asks, writes the requests |
//! | [`plan`] | which days can be filled, and why not |

mod plan;

use std::collections::BTreeSet;
use std::io::IsTerminal;

use clap::Args;
use landbridge_cli_support::args::{ConfigArgs, Output, OutputArgs};
use landbridge_core::calendar::Day;
use landbridge_core::redo::RedoRequest;
use landbridge_ledger::records::redo;
use landbridge_ledger::{Ledger, Written};

use self::plan::{DayState, Plan};
use crate::clock::Clock;
use crate::failure::{Failure, Result};
use crate::render;
use crate::requests::Place;
use crate::restore::confirm;

/// Fill the history of a table with past days, from the exports that are kept
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge backfill --table public.orders --from 2026-11-01 --to 2026-11-20 --dry-run
  landbridge backfill --table public.orders --from 2026-11-01 --to 2026-11-20 --yes
  landbridge backfill --table orders --from 2026-11-01 --to 2026-11-20 --output json

landbridge.yaml must keep a history of the table (`tables.<table>.history`). The command lists every day: filled
already, to be filled, or why it cannot be filled. It shows bytes and price, asks, and writes one request per day
into the ledger. The functions carry them out: they transfer the files of the export again, and load them into the
partition of the day. The classes and transforms of today's contract apply, and the table keeps its newer rows.

It can be repeated: days that are filled (unless --again) or requested are left out. Without --yes, the command asks if it runs in a
terminal; otherwise it only shows the plan, as with --dry-run.

Exit codes: 0 requested, or only shown; 1 no day can be filled, or an error; 2 invalid usage; 3 access denied.")]
pub(crate) struct BackfillArgs {
    /// The table: its name in the source or in BigQuery
    #[arg(long)]
    table: String,
    /// The first day, for example 2026-11-01
    #[arg(long, value_name = "DAY")]
    from: Day,
    /// The last day
    #[arg(long, value_name = "DAY")]
    to: Day,
    /// Also fill days that are recorded as filled, for example after a person deleted the history's table
    #[arg(long)]
    again: bool,
    /// Only show what would be filled
    #[arg(long)]
    dry_run: bool,
    /// Do not ask for confirmation
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Runs the command.
pub(crate) async fn run(args: BackfillArgs) -> Result {
    let config = args.config.read()?;
    let aws = crate::aws::clients(&config.source.region, config.source.kind).await?;
    let now = Clock::from_env()?.now();
    let ledger = Ledger::for_operator(aws.s3.clone(), &config);
    let place = Place { config: &config, aws: &aws, ledger: &ledger, now };
    let mut plan = Plan::make(&place, &args.table, (args.from, args.to), args.again).await?;
    let is_text = args.output.format == Output::Text;
    if is_text {
        render::print(&plan.text())?;
    }
    let shows = args.dry_run || !args.yes && (!is_text || !std::io::stdin().is_terminal());
    let has_work = plan.days.iter().any(|day| day.state == DayState::Fill);
    if shows || !has_work {
        if !is_text {
            render::json(&plan)?;
        }
        if has_work && !args.dry_run {
            eprintln!("Nothing was requested: add --yes to request it.");
        }
        return plan.verdict();
    }
    confirm("Fill these days?", args.yes)?;
    request(&place, &mut plan).await?;
    if is_text { render::print(&plan.requested_text()) } else { render::json(&plan) }
}

/// Writes a request for each day that can be filled, the newest first. A command that ends in between is
/// repeated: it leaves out the days that are requested.
async fn request(place: &Place<'_>, plan: &mut Plan) -> Result {
    let source = place.ledger.source();
    let days = source.redo_days().await?;
    for day in plan.days.iter_mut().rev().filter(|day| day.state == DayState::Fill) {
        let number =
            days.get(&day.day).and_then(|it| it.keys().max()).map_or(1, |newest| newest + 1);
        let request = RedoRequest {
            number,
            tables: Some(BTreeSet::from([plan.source_table.clone()])),
            export: false,
            // A table that has newer rows keeps them. The trend is that of newer days.
            accept_audits: true,
            backfill: true,
            requested_at: place.now,
        };
        if source.create(&redo(day.day, number), &request).await? == Written::Overtaken {
            return Err(Failure::Failed(format!(
                "another request for {} was written at the same time; run the command again: it leaves out what is requested",
                day.day
            )));
        }
        day.state = DayState::Requested;
    }
    Ok(())
}
