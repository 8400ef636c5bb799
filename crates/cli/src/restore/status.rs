//! `landbridge status`: the last days and their tables, open incidents, requests to do days again, restore
//! points and the recovery time.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::time::Duration;

use jiff::Timestamp;
use landbridge_aws::rds::Database;
use landbridge_core::calendar::{Calendar, Day};
use landbridge_core::ids::TAG_RESTORED_FROM;
use landbridge_core::restore::CreatedBy;
use landbridge_core::restore::copies::{self, CopyPurpose};
use landbridge_core::restore::swap::replaced_name;
use landbridge_ledger::Ledger;
use landbridge_ledger::read::days::DayLine;
use landbridge_ledger::read::incidents;
use landbridge_ledger::records::{DAY, DRILLS, DayRecord, DayState, Drill, drill};
use serde::Serialize;

use super::args::{CommonArgs, StatusArgs};
use super::drill::drill_database_name;
use super::workers::{self, Workers};
use super::{RestoreContext, points, rds_failure, show};
use crate::failure::{Failure, Result};
use crate::paint::Paint;
use crate::redo::open::{self, OpenRedo};
use crate::render::{self, counted, grouped};
use crate::{databases, days};
use landbridge_cli_support::args::{ConfigArgs, Output};
use landbridge_cli_support::files::NamesDatabase;

/// How many days back the command searches for a finished day.
const LOOK_BACK_DAYS: u32 = 14;
/// How many tables of a request are named in the text; `--output json` has all.
const MAX_NAMES: usize = 10;
/// How many days the grid has.
const GRID_DAYS: u16 = 7;
/// How many drills are reported.
const MAX_DRILLS: usize = 5;

#[derive(Serialize)]
struct Status {
    source: String,
    now: Timestamp,
    last_day: Option<LastDay>,
    /// The newest days, today first, with the state of each table.
    days: Vec<DayLine>,
    /// The incidents that are open.
    incidents: Vec<OpenIncident>,
    /// What a person should look at; empty if all is well.
    problems: Vec<String>,
    /// The requests of `landbridge redo` that have not ended, the newest day first.
    redo: Vec<OpenRedo>,
    /// The objects of the newest day that workers have; `None` if they have nothing.
    workers: Option<Workers>,
    restore_points: RestorePointCounts,
    /// Databases that Landbridge restored, and the original of a swap: each costs as much as the source.
    copies: Vec<ExistingCopy>,
    /// Newest first.
    drills: Vec<Drill>,
}

/// An open incident.
#[derive(Serialize)]
struct OpenIncident {
    number: u32,
    cause: String,
    is_notice: bool,
    opened_at: Timestamp,
    effect: String,
    command: String,
}

/// A database that a drill, a restore or a swap left behind, or that is being restored now.
#[derive(Serialize)]
struct ExistingCopy {
    id: String,
    status: String,
    created: Option<Timestamp>,
    /// The snapshot or the time that it was restored from; `None` for the original of a swap.
    restored_from: Option<String>,
    /// What the operator can do with it.
    next: String,
}

#[derive(Serialize)]
struct LastDay {
    day: Day,
    #[serde(flatten)]
    record: DayRecord,
}

#[derive(Serialize)]
struct RestorePointCounts {
    available: usize,
    by_landbridge: usize,
    /// The newest ones by Landbridge, as many as `snapshots.hourly`.
    hourly: usize,
    /// Older ones by Landbridge: daily, weekly and pinned ones.
    kept_longer: usize,
    pinned: usize,
    without_settings: usize,
    newest: Option<Timestamp>,
    oldest: Option<Timestamp>,
}

/// Runs the command.
pub(crate) async fn run(args: StatusArgs) -> Result {
    if args.watch.is_some() && args.common.config.each()?.len() > 1 {
        return Err(Failure::Usage(
            "`--watch` shows one database; name it with --database".to_owned(),
        ));
    }
    let format = args.common.output.format;
    databases::each(&args.common.config, format, async |of| show_one(&args, of).await).await
}

async fn show_one(args: &StatusArgs, of: &ConfigArgs) -> Result {
    let common = CommonArgs { config: of.clone(), output: args.common.output };
    let context = RestoreContext::new(&common, None).await?;
    loop {
        let status = Box::pin(read_status(&context)).await?;
        match args.common.output.format {
            Output::Json => render::json(&status)?,
            Output::Text => {
                // Clears the screen, but not what a file or a pipe collects.
                let clear = args.watch.is_some() && std::io::stdout().is_terminal();
                let clear = if clear { "\x1b[2J\x1b[H" } else { "" };
                render::print(&format!("{clear}{}", report(&context, &status)))?;
            }
        }
        let Some(seconds) = args.watch else {
            return match status.problems.as_slice() {
                problems if args.check && !problems.is_empty() => {
                    Err(Failure::Failed(problems.join("; ")))
                }
                _ => Ok(()),
            };
        };
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
}

async fn read_status(context: &RestoreContext) -> Result<Status> {
    let now = context.clock.now();
    // First: their states change while the days are read.
    let copies = existing_copies(context).await?;
    let schedule = &context.config.schedule;
    let mut day = Calendar::new(&schedule.zone, schedule.export_hour)?.day_of(now);
    let ledger = context.ledger();
    let workers = workers::read(&ledger, day).await?;
    let mut last_day = None;
    for _ in 0..LOOK_BACK_DAYS {
        if let Some(record) = ledger.day(day).value(&DAY).await? {
            last_day = Some(LastDay { day, record });
            break;
        }
        let Some(before) = day.before() else { break };
        day = before;
    }
    let points = points::restore_points(context).await?;
    let points: Vec<_> = points.iter().filter(|it| it.is_available()).collect();
    let created_by = |created_by| points.iter().filter(move |it| it.created_by == created_by);
    let by_landbridge = created_by(CreatedBy::Landbridge).count();
    let hourly = by_landbridge.min(context.config.snapshots.hourly as usize);
    let restore_points = RestorePointCounts {
        available: points.len(),
        by_landbridge,
        hourly,
        kept_longer: by_landbridge - hourly,
        pinned: points.iter().filter(|it| it.pinned.is_some()).count(),
        without_settings: created_by(CreatedBy::Landbridge)
            .filter(|it| it.settings.is_none())
            .count(),
        newest: points.iter().filter_map(|it| it.taken_at).max(),
        oldest: points.iter().filter_map(|it| it.taken_at).min(),
    };
    let redo = open::open(&ledger).await?;
    let days = days::read(&context.config, &ledger, now, GRID_DAYS, true).await?;
    let incidents = open_incidents(&ledger).await?;
    let ledger = ledger.source();
    let mut drills = Vec::new();
    for name in ledger.names(DRILLS).await?.keys().rev().take(MAX_DRILLS) {
        drills.extend(ledger.value(&drill(name)).await?);
    }
    let source = context.config.source.id.clone();
    let mut problems = days::problems(&days);
    problems.extend(
        incidents
            .iter()
            .filter(|it| !it.is_notice)
            .map(|it| format!("incident {} is open: {}", it.number, it.cause)),
    );
    if drills.first().is_some_and(|drill: &Drill| !drill.good) {
        problems.push("the newest drill failed".to_owned());
    }
    Ok(Status {
        source,
        now,
        last_day,
        days,
        incidents,
        problems,
        redo,
        workers,
        restore_points,
        copies,
        drills,
    })
}

async fn open_incidents(ledger: &Ledger) -> Result<Vec<OpenIncident>> {
    let open = incidents::open(ledger).await?;
    let line = |it: landbridge_core::incident::Incident| OpenIncident {
        number: it.number,
        is_notice: it.cause.is_notice(),
        cause: it.cause.what,
        opened_at: it.opened_at,
        effect: it.effect,
        command: it.command,
    };
    Ok(open.into_iter().map(line).collect())
}

/// `  incident 7      a column changed its type: Analysts see …; run landbridge receipt 2026-11-21`.
fn incident_line(incident: &OpenIncident, paint: Paint) -> String {
    let name = format!("incident {}", incident.number);
    let shown = if incident.is_notice { paint.dim(&name) } else { paint.red(&name) };
    let pad = " ".repeat(16_usize.saturating_sub(name.len()));
    match incident.is_notice {
        true => format!("  {shown}{pad}notice: {}\n", incident.cause),
        false => format!(
            "  {shown}{pad}{}. {} Run: {}\n",
            incident.cause, incident.effect, incident.command
        ),
    }
}

/// The databases that Landbridge restored for this source, and the original of a swap.
async fn existing_copies(context: &RestoreContext) -> Result<Vec<ExistingCopy>> {
    let source = &context.config.source;
    let (replaced, drill) = (replaced_name(&source.id), drill_database_name(&source.id));
    let recovery = crate::recover::restored::database_name(&source.id);
    let all = context.aws.rds.databases().await.map_err(rds_failure)?;
    let copy = |it: Database| {
        let purpose = copies::purpose(&it.id, &it.tags, &source.name, &source.id);
        let next = match purpose {
            Some(CopyPurpose::Drill) if it.id == recovery => {
                "of a recovery; if none is running: landbridge recover --clean-up".to_owned()
            }
            // A tag on a database with another name says nothing.
            Some(CopyPurpose::Drill) if it.id != drill => return None,
            Some(CopyPurpose::Drill) => {
                "of a drill; if none is running: landbridge drill --clean-up".to_owned()
            }
            // It was swapped in.
            Some(CopyPurpose::Restore) if it.id == source.id => return None,
            Some(CopyPurpose::Restore) => {
                "restored; delete it in the RDS console if it is not needed".to_owned()
            }
            None if it.id == replaced => {
                "the original of a swap; delete it in the RDS console if it is not needed"
                    .to_owned()
            }
            None => return None,
        };
        let restored_from = it.tags.get(TAG_RESTORED_FROM).cloned();
        Some(ExistingCopy {
            id: it.id,
            status: it.status,
            created: it.created,
            restored_from,
            next,
        })
    };
    Ok(all.into_iter().filter_map(copy).collect())
}

/// `  redo            2026-11-21, request 1 of … for public.people: waits for transfer, 0 of 1 table done`.
fn redo_line(context: &RestoreContext, redo: &OpenRedo, paint: Paint) -> String {
    let tables = match &redo.tables {
        None => "all tables".to_owned(),
        Some(tables) => some_of(tables),
    };
    let export = if redo.export { ", exported again" } else { "" };
    let done = match redo.of {
        None => String::new(),
        Some(of) => format!(", {} of {} done", grouped(redo.done as u64), counted(of, "table")),
    };
    format!(
        "  redo            {}, request {} of {} for {tables}{export}: waits for {}{done}\n",
        redo.day,
        redo.number,
        context.local(redo.requested_at),
        paint.yellow(redo.waits_for.name()),
    )
}

/// A few names, and how many more there are.
fn some_of(names: &BTreeSet<String>) -> String {
    let first: Vec<&str> = names.iter().take(MAX_NAMES).map(String::as_str).collect();
    match names.len() - first.len() {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

fn report(context: &RestoreContext, status: &Status) -> String {
    let paint = Paint::stdout();
    let mut text = format!("{} at {}\n", paint.bold(&status.source), context.local(status.now));
    text += &last_day_lines(status.last_day.as_ref(), paint);
    text += &days::grid(&status.days, paint);
    text += &status.incidents.iter().map(|it| incident_line(it, paint)).collect::<String>();
    text += &status.redo.iter().map(|redo| redo_line(context, redo, paint)).collect::<String>();
    text +=
        &status.workers.iter().map(|it| workers::line(context, it, status.now)).collect::<String>();
    text += &restore_point_lines(context, status, paint);
    for copy in &status.copies {
        let ExistingCopy { id, status: state, created, restored_from, next } = copy;
        let from = restored_from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
        text += &format!(
            "  {} {id} is {state}, created {}{from}: {next}\n",
            paint.yellow("copy"),
            ago(context, status.now, *created)
        );
    }
    text + &drill_lines(status, paint)
}

/// A time, and how long ago it was.
fn ago(context: &RestoreContext, now: Timestamp, at: Option<Timestamp>) -> String {
    at.map_or("–".to_owned(), |at| format!("{} ({})", context.local(at), points::age(now, at)))
}

fn last_day_lines(last_day: Option<&LastDay>, paint: Paint) -> String {
    let Some(LastDay { day, record }) = last_day else {
        return format!(
            "  last day        {}: no day was finished in the last {LOOK_BACK_DAYS} days\n",
            paint.red("none")
        );
    };
    let verdict = match record.state() {
        DayState::Published => paint.green("published"),
        DayState::PublishedWithGaps => paint.yellow("published with gaps"),
        DayState::Held => paint.yellow("not all tables published"),
    };
    let held = match record.held.as_slice() {
        [] => "none".to_owned(),
        held => paint.red(&held.join(", ")),
    };
    let gaps = match record.gaps.as_slice() {
        [] => String::new(),
        gaps => format!("  not in export   {}\n", paint.yellow(&gaps.join(", "))),
    };
    format!(
        "  last day        {day} {verdict}: {}, {} rows\n  held tables     {held}\n{gaps}",
        counted(record.tables, "table"),
        grouped(record.rows)
    )
}

fn restore_point_lines(context: &RestoreContext, status: &Status, paint: Paint) -> String {
    let points = &status.restore_points;
    let mut text = format!(
        "  restore points  {}, {} of them by Landbridge ({} hourly, {} kept longer), {} pinned\n  newest          {}\n  oldest          {}\n",
        points.available,
        points.by_landbridge,
        points.hourly,
        points.kept_longer,
        points.pinned,
        ago(context, status.now, points.newest),
        ago(context, status.now, points.oldest)
    );
    if points.without_settings > 0 {
        text += &format!(
            "  {} {} without recorded settings\n",
            paint.yellow("note"),
            points.without_settings
        );
    }
    text
}

fn drill_lines(status: &Status, paint: Paint) -> String {
    let good: Vec<&Drill> = status.drills.iter().filter(|it| it.good).collect();
    let mut text = match good.first() {
        None => "  recovery time   not measured: run `landbridge drill`\n".to_owned(),
        Some(newest) => {
            let slowest = good.iter().map(|it| it.seconds).max().unwrap_or(newest.seconds);
            format!(
                "  recovery time   {} measured {} ago, at most {} in the last {}\n",
                show::duration(newest.seconds),
                points::age(status.now, newest.at),
                show::duration(slowest),
                counted(good.len(), "good drill")
            )
        }
    };
    if let Some(failed) = status.drills.first().filter(|it| !it.good) {
        text += &format!(
            "  {} the newest drill failed: {}\n",
            paint.red("failed"),
            failed.problems.join("; ")
        );
    }
    text
}
