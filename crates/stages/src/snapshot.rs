//! The snapshot stage: the snapshot that is due exists, and snapshots that the schedule does not keep
//! are deleted.
//!
//! A tick first creates and then deletes: what it needs to know for deleting (the ledger, the export
//! tasks of the account) cannot prevent a snapshot.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use landbridge_core::calendar::{Day, Hour};
use landbridge_core::ids::{SnapshotId, TAG_HOUR, TAG_SETTINGS, TAG_SOURCE};
use landbridge_core::incident;
use landbridge_core::plan::Problem;
use landbridge_core::retention::{
    self, Ladder, ManualSnapshot, RetentionPlan, Shortage, ShortageEffect, SnapshotLimits,
};
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_ledger::records::{self, EXPORT};

use crate::alert::{self, Subject};
use crate::{Context, Progress, Tick, TickOutcome};

/// From this minute of its hour on, a tick is the last one of the hour: infra/schedules/snapshot.json
/// starts the stage at :00, :20 and :40.
const LAST_TICK: SignedDuration = SignedDuration::from_mins(40);

/// Runs one tick. Idempotent: the snapshot is named after its hour, and what to delete is decided
/// from the snapshots that exist.
///
/// The hour is that of the clock, not the one for which the tick was due: an event that is delivered
/// late, or tried again, must not give a snapshot the name of an hour in which it was not taken.
///
/// # Errors
/// Any RDS or S3 error. What prevents a deletion does not prevent the creation.
pub async fn tick(context: &Context, tick: Tick) -> Result<TickOutcome> {
    let source = &context.config.source;
    let day = context.calendar.day_of(tick.clock);
    let hour = context.calendar.hour_of(tick.clock);
    let mut snapshots = context.aws.rds.snapshots().await?;
    let needed = needed(context, day, &mut snapshots).await;
    let due = due(context, hour, &snapshots);
    let (protected, unknown) = match needed {
        Ok(protected) => (protected, None),
        Err(error) => {
            // What is needed is not known, so nothing is deleted.
            snapshots.iter_mut().for_each(|snapshot| snapshot.exporting = true);
            (BTreeSet::new(), Some(error))
        }
    };
    let wanted = (due == Due::Now).then_some(hour);
    let quota = snapshot_quota(context).await;
    let plan = retention_plan(context, wanted, &snapshots, &protected, quota);
    let reported = report_shortage(context, day, tick, plan.shortage.as_ref()).await;
    let (first, rest) = plan.delete.split_at(plan.delete_first);
    let mut deletions = delete(context, first).await;
    let id = SnapshotId::for_hour(&source.name, hour)?;
    let failed = snapshots.iter().any(|it| it.id == id.as_str() && it.has_failed());
    let created = match &due {
        Due::Now if plan.create && failed => replace_failed(context, day, tick, hour, &id).await,
        Due::Now if plan.create => create(context, hour, &id).await,
        Due::Now => Ok(no_room(context, day, tick, &id, plan.shortage.as_ref()).await?),
        Due::Exists(id) => {
            let existing = snapshots.iter().find(|it| it.id == id.as_str());
            let unrecorded = record_missing_settings(context, id, existing).await.err();
            Ok(Taken::new(Progress::Done, format!("{id} exists"), unrecorded))
        }
        Due::Later(why) => Ok(Taken::new(Progress::Idle, why.clone(), None)),
    };
    let taken = match created {
        Err(error) if error.kind() == ErrorKind::Conflict => {
            busy(context, day, tick, hour, &error).await?
        }
        created => created?,
    };
    deletions.add(delete(context, rest).await);
    if let Some(error) = deletions.error.or(taken.unrecorded).or(unknown) {
        return Err(error);
    }
    reported?;
    let mut message = format!("{}, {} deleted", taken.message, deletions.deleted);
    if plan.deferred > 0 {
        message.push_str(&format!(", {} to delete in the next ticks", plan.deferred));
    }
    Ok(TickOutcome::new(taken.progress, message))
}

/// Whether the tick takes a snapshot.
#[derive(Debug, PartialEq, Eq)]
enum Due {
    /// Yes, for the hour of the clock.
    Now,
    /// No: this one is that of the scheduled hour, or a later one that replaces it.
    Exists(SnapshotId),
    /// No, and why.
    Later(String),
}

/// Whether a snapshot is due in `hour`. The snapshot of a scheduled hour that was missed is taken in
/// one of the next hours, for as long as the export hour's snapshot could be until the deadline.
fn due(context: &Context, hour: Hour, snapshots: &[ManualSnapshot]) -> Due {
    let settings = &context.config.snapshots;
    if settings.every_hours == 0 {
        return Due::Later("snapshots.every_hours is 0: no snapshot is taken".to_owned());
    }
    let scheduled = context.calendar.scheduled_hour(hour, settings.every_hours);
    let source = &context.config.source.name;
    let taken = snapshots.iter().filter(|it| !it.has_failed());
    let own = taken.filter_map(|it| it.owned_hour(source));
    let newest = own.filter(|at| (scheduled..=hour).contains(at)).max();
    if let Some(id) = newest.and_then(|at| SnapshotId::for_hour(source, at).ok()) {
        return Due::Exists(id);
    }
    let schedule = &context.config.schedule;
    let patience = schedule.deadline_hour.saturating_sub(schedule.export_hour);
    let missed = hour.start().duration_since(scheduled.start());
    if missed > SignedDuration::from_hours(i64::from(patience)) {
        let every = settings.every_hours;
        let start = scheduled.start();
        return Due::Later(format!(
            "the snapshot of {start} was not taken; the next one is due {every} hours after it"
        ));
    }
    Due::Now
}

/// Marks the snapshots that export tasks are reading, and returns the hours whose snapshots are still
/// needed: those of the exports of this day and of the day before, which may end late.
async fn needed(
    context: &Context,
    day: Day,
    snapshots: &mut [ManualSnapshot],
) -> Result<BTreeSet<Hour>> {
    let arns = context.aws.rds.exported_arns().await?;
    for snapshot in &mut *snapshots {
        let arn_end = format!("snapshot:{}", snapshot.id);
        snapshot.exporting = arns.iter().any(|arn| arn.ends_with(&arn_end));
    }
    let source = &context.config.source.name;
    let taken = snapshots.iter().filter(|it| !it.has_failed());
    let own: BTreeSet<Hour> = taken.filter_map(|it| it.owned_hour(source)).collect();
    let mut needed = BTreeSet::new();
    for day in [Some(day), day.before()].into_iter().flatten() {
        let hour = context.calendar.export_hour(day);
        needed.insert(hour);
        match context.ledger(day).value(&EXPORT).await? {
            Some(record) => {
                let id = SnapshotId::new(record.snapshot).ok();
                needed.extend(id.and_then(|id| id.hour(source)));
            }
            // The export takes the first later one if that of its hour is missing.
            None if !own.contains(&hour) => {
                let last = context.deadline(day);
                needed.extend(own.iter().find(|at| (hour..=last).contains(at)));
            }
            None => {}
        }
    }
    Ok(needed)
}

/// The quota that RDS reports for the account, or the configured one if RDS does not report it.
/// An error does not prevent a snapshot.
async fn snapshot_quota(context: &Context) -> usize {
    let reported = context.aws.rds.snapshot_quota().await.unwrap_or_else(|error| {
        tracing::warn!(%error, "the snapshot quota is not known: snapshots.quota is used");
        None
    });
    let configured = context.config.snapshots.quota as usize;
    reported.map_or(configured, |it| usize::try_from(it.max).unwrap_or(usize::MAX))
}

/// What to create and what to delete, by the configured retention.
fn retention_plan(
    context: &Context,
    wanted: Option<Hour>,
    snapshots: &[ManualSnapshot],
    protected: &BTreeSet<Hour>,
    quota: usize,
) -> RetentionPlan {
    let settings = &context.config.snapshots;
    let ladder = Ladder {
        hourly: settings.hourly as usize,
        daily: settings.daily as usize,
        weekly: settings.weekly as usize,
        every_hours: usize::from(settings.every_hours).clamp(1, 24),
        deadline_hour: i8::try_from(context.config.schedule.deadline_hour).unwrap_or(23),
    };
    retention::plan(
        &context.config.source.name,
        wanted,
        &context.calendar,
        snapshots,
        ladder,
        protected,
        SnapshotLimits { quota, reserve: settings.reserve as usize },
    )
}

/// Says that the quota is too small for the retention: by a notice, once, before a snapshot is deleted
/// earlier than configured, and by an alert, once a day, while snapshots are.
async fn report_shortage(
    context: &Context,
    day: Day,
    tick: Tick,
    shortage: Option<&Shortage>,
) -> Result<()> {
    let Some(shortage) = shortage else { return Ok(()) };
    match shortage.effect {
        ShortageEffect::WillCut => {
            let what = "snapshots will be deleted earlier than configured";
            let problem = Problem::notice(what, shortage.to_string(), MAKE_ROOM);
            let source = &context.config.source.id;
            alert::notice(&context.ledger.source(), &problem, source, day).await
        }
        ShortageEffect::Cuts => {
            let what = incident::what::SNAPSHOTS_CUT;
            let problem = Problem::notice(what, shortage.to_string(), MAKE_ROOM);
            alert::raise(&context.ledger(day), &problem, &Subject::new(""), tick.clock).await
        }
        // Reported with the snapshot that is not created.
        ShortageEffect::NoPlace => Ok(()),
    }
}

/// What the operator can do about a quota that is too small.
const MAKE_ROOM: &str = "delete snapshots that are not needed, request a higher quota in Service Quotas, or lower snapshots.hourly, daily, weekly or reserve";

/// What a tick did for the snapshot that is due.
struct Taken {
    progress: Progress,
    message: String,
    /// The error that prevented recording the source's settings: a snapshot without settings is worth
    /// more than no snapshot.
    unrecorded: Option<Error>,
}

impl Deletions {
    fn add(&mut self, more: Deletions) {
        self.deleted += more.deleted;
        self.error = self.error.take().or(more.error);
    }
}

impl Taken {
    fn new(progress: Progress, message: String, unrecorded: Option<Error>) -> Self {
        Self { progress, message, unrecorded }
    }
}

/// Raises an alert: the quota leaves no room for the hour's snapshot.
async fn no_room(
    context: &Context,
    day: Day,
    tick: Tick,
    id: &SnapshotId,
    shortage: Option<&Shortage>,
) -> Result<Taken> {
    let why = shortage.map(ToString::to_string).unwrap_or_default();
    let what = incident::what::NO_SNAPSHOT;
    let problem = Problem::new(ErrorKind::Quota, what, format!("{id}: {why}"));
    alert::raise(&context.ledger(day), &problem, &Subject::new(""), tick.clock).await?;
    Ok(Taken::new(Progress::Idle, format!("{id} is not created: {why}"), None))
}

/// The database is not `available`: it is being backed up, modified, upgraded or maintained, which
/// ends by itself. Only an hour that ends without a snapshot is reported, by a notice.
async fn busy(
    context: &Context,
    day: Day,
    tick: Tick,
    hour: Hour,
    refusal: &Error,
) -> Result<Taken> {
    let source = &context.config.source;
    let database = context.aws.rds.database(source.kind, &source.id).await.ok().flatten();
    let status = database.map_or_else(|| "not available".to_owned(), |it| it.status);
    tracing::info!(source = source.id, status, %refusal, "the database refuses a snapshot now");
    if tick.clock.duration_since(hour.start()) >= LAST_TICK {
        let problem = Problem::notice(
            "an hour ends without a snapshot, because the database was busy",
            format!("{}, {}: the database is {status}", source.id, hour.start()),
            "if this repeats, move the backup or maintenance window of the database, or set snapshots.every_hours",
        );
        alert::notice(&context.ledger.source(), &problem, &source.id, day).await?;
    }
    let message = format!("{} is {status}: no snapshot yet", source.id);
    Ok(Taken::new(Progress::Waiting, message, None))
}

/// Takes the hour's snapshot again, after RDS failed to take it. The failed one has its name, so it is
/// deleted first. RDS documents that it deletes only available snapshots (API reference,
/// DeleteDBSnapshot); if it refuses, a person is asked, and the next hour has its own name.
async fn replace_failed(
    context: &Context,
    day: Day,
    tick: Tick,
    hour: Hour,
    id: &SnapshotId,
) -> Result<Taken> {
    match context.aws.rds.delete_snapshot(id.as_str()).await {
        Ok(()) => {
            tracing::warn!(snapshot = id.as_str(), "RDS failed to take it; it was deleted");
            create(context, hour, id).await
        }
        Err(error) if error.kind() == ErrorKind::Conflict => {
            let problem = Problem::notice(
                incident::what::SNAPSHOT_FAILED,
                format!("{id} has the status failed, and RDS refuses to delete it"),
                "look for the cause in the events of the database in the RDS console, and delete the snapshot there: \
                 it counts towards the quota",
            );
            alert::raise(&context.ledger(day), &problem, &Subject::new(""), tick.clock).await?;
            Ok(Taken::new(Progress::Idle, format!("{id} has failed and is not taken again"), None))
        }
        Err(error) => Err(error),
    }
}

/// Creates the hour's snapshot.
async fn create(context: &Context, hour: Hour, id: &SnapshotId) -> Result<Taken> {
    let source = &context.config.source;
    let hour = hour.start().to_string();
    let mut tags = vec![(TAG_SOURCE, source.name.as_str()), (TAG_HOUR, hour.as_str())];
    // Recorded before the snapshot, so that no tag names a record that does not exist.
    let settings = record_settings(context).await;
    match &settings {
        Ok(digest) => tags.push((TAG_SETTINGS, digest.as_str())),
        Err(error) => tracing::warn!(%error, "the source's settings are not recorded"),
    }
    let created = context.aws.rds.create_snapshot(id, &source.id, &tags).await?;
    tracing::info!(snapshot = id.as_str(), created = created.is_new(), "snapshot of the hour");
    // If it exists already, another tick took it, or RDS has not finished deleting a failed one with its
    // name: then the next tick takes it.
    let what = if created.is_new() { "created" } else { "exists" };
    Ok(Taken::new(Progress::Done, format!("{id} {what}"), settings.err()))
}

/// Records the settings for the hour's snapshot if an earlier tick of the hour could not.
async fn record_missing_settings(
    context: &Context,
    id: &SnapshotId,
    existing: Option<&ManualSnapshot>,
) -> Result<()> {
    if existing.is_none_or(|existing| existing.has_settings) {
        return Ok(());
    }
    if let Some(state) = context.aws.rds.snapshot(id.as_str()).await? {
        let digest = record_settings(context).await?;
        context.aws.rds.add_tags(&state.arn, &[(TAG_SETTINGS, &digest)]).await?;
    }
    Ok(())
}

/// Records the source's settings and returns their digest. The record is named after its content,
/// so unchanged settings are recorded once.
async fn record_settings(context: &Context) -> Result<String> {
    let record = context.aws.rds.settings_record(&context.config.source.id).await?;
    let digest = record.digest();
    context.ledger.source().create(&records::settings(&digest), &record).await?;
    Ok(digest)
}

/// The result of deleting snapshots.
#[derive(Default)]
struct Deletions {
    deleted: usize,
    /// The last error.
    error: Option<Error>,
}

/// Deletes the snapshots that the retention does not keep. One that cannot be deleted does not
/// prevent deleting the others.
async fn delete(context: &Context, ids: &[String]) -> Deletions {
    let mut deletions = Deletions::default();
    for id in ids {
        match context.aws.rds.delete_snapshot(id).await {
            Ok(()) => {
                deletions.deleted += 1;
                tracing::info!(snapshot = id, "snapshot deleted");
            }
            // It is in use since it was listed.
            Err(error) if error.kind() == ErrorKind::Conflict => {
                tracing::warn!(snapshot = id, %error, "snapshot not deleted")
            }
            Err(error) => deletions.error = Some(error),
        }
    }
    deletions
}
