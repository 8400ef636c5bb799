//! Which snapshot is exported for a day. The choice is recorded before the task is started, so that
//! two ticks, or a tick after a lost answer, export the same snapshot.

use jiff::{SignedDuration, Timestamp};
use landbridge_aws::rds::SnapshotInfo;
use landbridge_core::calendar::Day;
use landbridge_core::config::ExportedSnapshot;
use landbridge_core::ids::{ExportId, SnapshotId};
use landbridge_core::plan::Problem;
use landbridge_core::types::Engine;
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_ledger::records::{EXPORT, ExportRecord};
use landbridge_ledger::{DayLedger, Recorded};

use crate::alert::{self, Subject};
use crate::{Context, Tick};

/// How long after the export hour has ended there may be no snapshot before an alert is raised. The
/// snapshot stage starts three times an hour, so the next hour's snapshot was due by then.
const SNAPSHOT_PATIENCE: SignedDuration = SignedDuration::from_mins(30);
/// How old an automated snapshot may be: RDS takes one a day.
const AUTOMATED_AGE: SignedDuration = SignedDuration::from_hours(24);

/// The snapshot of a day.
pub(super) enum Choice {
    /// This one is exported.
    Made(Box<Recorded<ExportRecord>>),
    /// There is none yet, and why.
    Wait(String),
}

/// A snapshot that was found, or why there is none yet.
enum Found {
    Snapshot(Box<SnapshotInfo>),
    Wait(String),
}

/// Chooses and records the snapshot of a day that has no record yet.
///
/// # Errors
/// Any RDS or ledger error.
pub(super) async fn choose(
    context: &Context,
    ledger: &DayLedger,
    day: Day,
    tick: Tick,
) -> Result<Choice> {
    let found = match snapshot_of_task(context, day).await? {
        Some(found) => found,
        None => match context.config.snapshots.use_for_export {
            ExportedSnapshot::Own => own(context, ledger, day, tick).await?,
            ExportedSnapshot::Automated => automated(context, ledger, day, tick).await?,
        },
    };
    let snapshot = match found {
        Found::Snapshot(snapshot) => snapshot,
        Found::Wait(why) => return Ok(Choice::Wait(why)),
    };
    let record = ledger.create_or_get(&EXPORT, &new_record(context, day, &snapshot)?).await?;
    report_late(context, ledger, day, &record.value).await?;
    Ok(Choice::Made(Box::new(record)))
}

/// The snapshot that the day's task reads if there is a task and no record: the records of a day can
/// be deleted to do it again.
async fn snapshot_of_task(context: &Context, day: Day) -> Result<Option<Found>> {
    let id = ExportId::for_day(&context.config.source.name, day, 1)?;
    let Some(task) = context.aws.rds.export_task(&id).await? else { return Ok(None) };
    let snapshot = task.source_arn.split_once("snapshot:").map_or("", |(_, id)| id);
    let is_own = SnapshotId::new(snapshot)
        .is_ok_and(|snapshot| snapshot.hour(&context.config.source.name).is_some());
    if !is_own && !snapshot.starts_with("rds:") {
        return Err(Error::new(
            ErrorKind::Conflict,
            "an export task with the day's id reads a different snapshot",
            format!("{id} reads {}", task.source_arn),
        ));
    }
    Ok(Some(match context.aws.rds.snapshot(snapshot).await? {
        Some(found) => Found::Snapshot(Box::new(found)),
        None => Found::Wait(format!("{snapshot} does not exist any more")),
    }))
}

/// Landbridge's snapshot of the export hour. When that hour is over and has none, the next one of
/// Landbridge's up to the deadline.
async fn own(context: &Context, ledger: &DayLedger, day: Day, tick: Tick) -> Result<Found> {
    let source = &context.config.source.name;
    let hour = context.calendar.export_hour(day);
    let expected = SnapshotId::for_hour(source, hour)?;
    if let Some(found) = context.aws.rds.snapshot(expected.as_str()).await?
        && is_usable(&found.status)
    {
        return Ok(when_available(found));
    }
    let over = hour.start() + SignedDuration::from_hours(1);
    if tick.now < over {
        return Ok(Found::Wait(format!("{expected} does not exist yet")));
    }
    // The last hour whose snapshot still is that of the day.
    let last = context.deadline(day);
    let all = context.aws.rds.snapshots().await?;
    let later = all.iter().filter(|it| is_usable(&it.status));
    let later = later.filter_map(|it| Some((it.owned_hour(source)?, &it.id)));
    let next = later.filter(|(at, _)| *at > hour && *at <= last).min();
    if let Some((_, id)) = next
        && let Some(found) = context.aws.rds.snapshot(id).await?
    {
        return Ok(when_available(found));
    }
    report_missing(ledger, expected.as_str(), over, tick).await?;
    Ok(Found::Wait(format!("{expected} was not taken, and no later snapshot exists yet")))
}

/// The newest automated snapshot of at most a day, and newer than that of the day before.
async fn automated(context: &Context, ledger: &DayLedger, day: Day, tick: Tick) -> Result<Found> {
    let source = &context.config.source.id;
    let before = match day.before() {
        Some(before) => context.ledger(before).value(&EXPORT).await?,
        None => None,
    };
    let previous = before.and_then(|record| record.snapshot_at);
    let is_new = |at: Timestamp| {
        at > tick.now - AUTOMATED_AGE && previous.is_none_or(|previous| at > previous)
    };
    let all = context.aws.rds.automated_snapshots(source).await?;
    let new =
        all.into_iter().filter(|it| it.status == "available" && it.created.is_some_and(is_new));
    if let Some(newest) = new.max_by_key(|it| it.created) {
        return Ok(Found::Snapshot(Box::new(newest)));
    }
    let over = context.calendar.export_hour(day).start() + SignedDuration::from_hours(1);
    report_missing(ledger, &format!("automated snapshots of {source}"), over, tick).await?;
    Ok(Found::Wait(format!("{source} has no new automated snapshot yet")))
}

/// Whether a snapshot can be exported now or later.
fn is_usable(status: &str) -> bool {
    !matches!(status, "failed" | "deleting" | "deleted")
}

fn when_available(found: SnapshotInfo) -> Found {
    if found.status == "available" {
        Found::Snapshot(Box::new(found))
    } else {
        Found::Wait(format!("{} is {}", found.id, found.status))
    }
}

fn new_record(context: &Context, day: Day, snapshot: &SnapshotInfo) -> Result<ExportRecord> {
    let engine = Engine::from_rds(&snapshot.engine).ok_or_else(|| {
        Error::new(
            ErrorKind::Config,
            "the database engine is not supported",
            format!("{} is {}", snapshot.id, snapshot.engine),
        )
    })?;
    Ok(ExportRecord {
        attempt: 1,
        export: ExportId::for_day(&context.config.source.name, day, 1)?.to_string(),
        snapshot: snapshot.id.clone(),
        snapshot_at: snapshot.created,
        engine,
        complete: false,
        warning: None,
        started_at: None,
        ended_at: None,
        failures: Vec::new(),
        refused_since: None,
        waits_for: Vec::new(),
        redo: 0,
        first_attempt: 1,
        before: None,
        refused: None,
    })
}

/// Raises an alert if there is no snapshot for the day although there should be one.
async fn report_missing(
    ledger: &DayLedger,
    missing: &str,
    due: Timestamp,
    tick: Tick,
) -> Result<()> {
    if tick.now < due + SNAPSHOT_PATIENCE {
        return Ok(());
    }
    let what = "there is no snapshot to export";
    let problem = Problem::new(ErrorKind::NotFound, what, missing);
    alert::raise(ledger, &problem, &Subject::new(""), tick.now).await
}

/// Whether the day's export is of a later snapshot of Landbridge than that of the export hour.
pub(crate) fn is_late(context: &Context, day: Day, record: &ExportRecord) -> bool {
    let id = SnapshotId::new(record.snapshot.clone()).ok();
    let hour = id.and_then(|id| id.hour(&context.config.source.name));
    hour.is_some_and(|hour| hour != context.calendar.export_hour(day))
}

/// Reports that the day is exported from a later snapshot.
async fn report_late(
    context: &Context,
    ledger: &DayLedger,
    day: Day,
    record: &ExportRecord,
) -> Result<()> {
    if !is_late(context, day, record) {
        return Ok(());
    }
    let source = &context.config.source.name;
    let problem = Problem::notice(
        "the export hour has no snapshot, so a later one is exported",
        format!("{source}, {day}: {}", record.snapshot),
        "if this repeats, choose an export hour in which the database is not busy, for example with its own backup: compare the backup window in RDS",
    );
    alert::notice(&ledger.source(), &problem, source, day).await
}
