//! `landbridge status`: the last day, restore points, the recovery time and held tables.

use jiff::Timestamp;
use landbridge_core::calendar::{Calendar, Day};
use landbridge_core::restore::CreatedBy;
use landbridge_ledger::records::{DAY, DRILLS, DayRecord, DayState};
use serde::Serialize;

use super::args::StatusArgs;
use super::drill::{Drill, record_name};
use super::{RestoreContext, points, show};
use crate::failure::Result;
use crate::paint::Paint;
use crate::render::{self, counted, grouped};
use landbridge_cli_support::args::Output;

/// How many days back the command searches for a finished day.
const LOOK_BACK_DAYS: u32 = 14;
/// How many drills are reported.
const MAX_DRILLS: usize = 5;

#[derive(Serialize)]
struct Status {
    source: String,
    now: Timestamp,
    last_day: Option<LastDay>,
    restore_points: RestorePointCounts,
    /// Newest first.
    drills: Vec<Drill>,
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
    hourly: usize,
    pinned: usize,
    without_settings: usize,
    newest: Option<Timestamp>,
    oldest: Option<Timestamp>,
}

/// Runs the command.
pub(crate) async fn run(args: StatusArgs) -> Result {
    let context = RestoreContext::new(&args.common, None).await?;
    let status = read_status(&context).await?;
    match args.common.output.format {
        Output::Json => render::json(&status),
        Output::Text => render::print(&report(&context, &status)),
    }
}

async fn read_status(context: &RestoreContext) -> Result<Status> {
    let now = context.clock.now();
    let schedule = &context.config.schedule;
    let mut day = Calendar::new(&schedule.zone, schedule.export_hour)?.day_of(now);
    let ledger = context.ledger();
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
    let restore_points = RestorePointCounts {
        available: points.len(),
        hourly: created_by(CreatedBy::Landbridge).count(),
        pinned: points.iter().filter(|it| it.pinned.is_some()).count(),
        without_settings: created_by(CreatedBy::Landbridge)
            .filter(|it| it.settings.is_none())
            .count(),
        newest: points.iter().filter_map(|it| it.taken_at).max(),
        oldest: points.iter().filter_map(|it| it.taken_at).min(),
    };
    let ledger = ledger.source();
    let mut drills = Vec::new();
    for name in ledger.names(DRILLS).await?.keys().rev().take(MAX_DRILLS) {
        drills.extend(ledger.value(&record_name(name)).await?);
    }
    let source = context.config.source.id.clone();
    Ok(Status { source, now, last_day, restore_points, drills })
}

fn report(context: &RestoreContext, status: &Status) -> String {
    let paint = Paint::stdout();
    let mut text = format!("{} at {}\n", paint.bold(&status.source), context.local(status.now));
    text += &match &status.last_day {
        None => {
            format!(
                "  last day        {}: no day was finished in the last {LOOK_BACK_DAYS} days\n",
                paint.red("none")
            )
        }
        Some(LastDay { day, record }) => {
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
    };
    let points = &status.restore_points;
    let ago = |at: Option<Timestamp>| {
        at.map_or("–".to_owned(), |at| {
            format!("{} ({})", context.local(at), points::age(status.now, at))
        })
    };
    text += &format!(
        "  restore points  {}, {} of them by Landbridge, {} pinned\n  newest          {}\n  oldest          {}\n",
        points.available,
        points.hourly,
        points.pinned,
        ago(points.newest),
        ago(points.oldest)
    );
    if points.without_settings > 0 {
        text += &format!(
            "  {} {} without recorded settings\n",
            paint.yellow("note"),
            points.without_settings
        );
    }
    let good: Vec<&Drill> = status.drills.iter().filter(|it| it.good).collect();
    text += &match good.first() {
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
