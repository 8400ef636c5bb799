//! `landbridge incident`: lists incidents, shows one, closes one.

use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use landbridge_cli_support::args::{ConfigArgs, Output, OutputArgs};
use landbridge_core::incident::{Closure, Incident, Life};
use landbridge_ledger::read::incidents as read;
use landbridge_ledger::{Ledger, Written, records};
use serde::Serialize;

use crate::clock::Clock;
use crate::failure::{Failure, Result};
use crate::render::{self, left, right};
use crate::{databases, receipt};

/// Ended incidents that the list shows.
const MAX_ENDED: usize = 20;

/// List incidents, or show one: its cause, what it means for readers, the command to run
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  landbridge incident
  landbridge incident 7
  landbridge incident 7 --output json
  landbridge incident close 7 --reason 'the column is renamed next week'

An incident ends by itself when its tables are published again. Close one only if you know better: it stays
quiet while it holds, and a table that joins later opens a new one. The function `notify` finds and ends
incidents; without `alerts` in landbridge.yaml there are none.

Credentials and region come from the environment, as for any AWS client. For the local cloud:
  . .landbridge/local.env"
)]
pub(crate) struct IncidentArgs {
    #[command(subcommand)]
    command: Option<IncidentCommand>,
    /// The number of the incident; without it, all are listed
    number: Option<u32>,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Subcommand)]
enum IncidentCommand {
    /// Close an incident: it needs no more attention
    #[command(after_help = "\
Examples:
  landbridge incident close 7 --reason 'the column is renamed next week'")]
    Close(CloseArgs),
}

#[derive(Debug, Args)]
struct CloseArgs {
    /// The number of the incident
    number: u32,
    /// Why; the message that it is closed says so
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Runs the command.
pub(crate) async fn run(args: IncidentArgs) -> Result {
    if let Some(IncidentCommand::Close(close)) = args.command {
        return self::close(close).await;
    }
    let format = args.output.format;
    let Some(number) = args.number else {
        return databases::each(&args.config, format, async |of| show_all(of, format).await).await;
    };
    let (ledger, zone) = open(&args.config).await?;
    let incident = find(&ledger, number).await?;
    match format {
        Output::Json => render::json(&incident),
        Output::Text => render::print(&in_full(&incident, &zone)),
    }
}

async fn show_all(of: &ConfigArgs, format: Output) -> Result {
    let (ledger, zone) = open(of).await?;
    let all = read::all(&ledger, MAX_ENDED).await?;
    match format {
        Output::Json => render::json(&all),
        Output::Text => render::print(&list(&all, &zone)),
    }
}

async fn open(config: &ConfigArgs) -> Result<(Ledger, TimeZone)> {
    let config = config.read()?;
    let aws = crate::aws::clients(&config.source.region, config.source.kind).await?;
    Ok((Ledger::for_operator(aws.s3.clone(), &config), receipt::zone(&config)?))
}

async fn find(ledger: &Ledger, number: u32) -> Result<Incident> {
    read::find(ledger, number).await?.map_err(|newest| {
        Failure::Usage(match newest {
            0 => "there is no incident yet; `landbridge status` shows how the last day ended"
                .to_owned(),
            newest => format!(
                "there is no incident {number}: the newest is {newest}; run `landbridge incident` to list them"
            ),
        })
    })
}

/// What `incident close` did; its fields are keys of the JSON.
#[derive(Serialize)]
struct Closed {
    number: u32,
    reason: String,
    /// Whether this command wrote the request; `false`: an earlier one exists.
    requested: bool,
}

async fn close(args: CloseArgs) -> Result {
    let (ledger, _) = open(&args.config).await?;
    let incident = find(&ledger, args.number).await?;
    if !incident.is_open() {
        return Err(Failure::Failed(format!(
            "incident {} is {} already; nothing was changed",
            args.number,
            incident.state()
        )));
    }
    if args.reason.trim().is_empty() {
        return Err(Failure::Usage(
            "`--reason` must say why, for example 'the column is renamed next week'.".to_owned(),
        ));
    }
    let at = Clock::from_env()?.now();
    let closure = Closure { number: args.number, reason: args.reason.clone(), at };
    let written = ledger.source().create(&records::closure(args.number), &closure).await?;
    let requested = written == Written::Yes;
    let closed = Closed { number: args.number, reason: args.reason, requested };
    match args.output.format {
        Output::Json => render::json(&closed),
        Output::Text if requested => render::print(&format!(
            "Incident {} is closed by the next start of the function notify, within five minutes.",
            args.number
        )),
        Output::Text => render::print(&format!(
            "A request to close incident {} exists already; the function notify closes it.",
            args.number
        )),
    }
}

fn time(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%F %H:%M").to_string()
}

fn list(incidents: &[Incident], zone: &TimeZone) -> String {
    if incidents.is_empty() {
        return "No incidents.".to_owned();
    }
    let columns = [
        right("number"),
        left("state"),
        left("opened"),
        left("ended"),
        right("tables"),
        left("cause"),
    ];
    let row = |incident: &Incident| {
        let tables = incident.members.values().filter(|it| !it.table.is_empty()).count();
        let notice = if incident.cause.is_notice() { "notice, " } else { "" };
        vec![
            incident.number.to_string(),
            format!("{notice}{}", incident.state()),
            time(incident.opened_at, zone),
            incident.ended_at().map(|at| time(at, zone)).unwrap_or_default(),
            tables.to_string(),
            incident.cause.what.clone(),
        ]
    };
    render::table(&columns, incidents.iter().map(row).collect(), 0)
}

fn in_full(incident: &Incident, zone: &TimeZone) -> String {
    let mut text = format!("Incident {}: {}\n", incident.number, incident.cause.what);
    text += &format!(
        "  state    {}\n  opened   {}\n",
        incident.state(),
        time(incident.opened_at, zone)
    );
    if let Some(at) = incident.ended_at() {
        text += &format!("  ended    {}\n", time(at, zone));
    }
    if let Life::Closed { reason, .. } = &incident.life {
        text += &format!("  reason   {}\n", render::printable(reason));
    }
    text += &format!("  readers  {}\n  run      {}\n", incident.effect, incident.command);
    text += "  touches\n";
    for member in incident.members.values() {
        let ended = member.ended_at.map(|at| format!(", over {}", time(at, zone)));
        text += &format!(
            "    {} ({}{}): {}\n",
            render::printable(&member.context),
            member.day,
            ended.unwrap_or_default(),
            member.action
        );
    }
    text += "  history\n";
    for event in &incident.events {
        text += &format!("    {}  {}\n", time(event.at, zone), render::printable(&event.text));
    }
    text
}
