//! The snapshot stage: the hour's snapshot exists, and snapshots that the schedule does not keep
//! are deleted.

use std::collections::BTreeSet;

use landbridge_core::calendar::{Day, Hour};
use landbridge_core::ids::{SnapshotId, TAG_HOUR, TAG_SETTINGS, TAG_SOURCE};
use landbridge_core::plan::Problem;
use landbridge_core::retention::{self, Ladder, ManualSnapshot, RetentionPlan, SnapshotLimits};
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_ledger::records;

use crate::{Context, Progress, Tick, TickOutcome, alert};

/// Runs one tick. Idempotent: the snapshot is named after its hour, and what to delete is decided
/// from the snapshots that exist.
///
/// # Errors
/// Any RDS or S3 error. A failed deletion does not prevent the creation.
pub async fn tick(context: &Context, tick: Tick) -> Result<TickOutcome> {
    let source = &context.config.source;
    let day = context.calendar.day_of(tick.now);
    let hour = context.calendar.hour_of(tick.now);
    let id = SnapshotId::for_hour(&source.name, hour)?;
    let snapshots = context.aws.rds.snapshots().await?;
    let plan = retention_plan(context, day, hour, &snapshots);
    if let Some(warning) = &plan.warning {
        tracing::warn!(source = source.name, warning, "the snapshots exceed the quota");
    }
    let mut deletions = Deletions::default();
    if plan.delete_first {
        deletions = delete(context, &plan.delete).await;
    }
    let mut unrecorded = None;
    if plan.create {
        unrecorded = create(context, hour, &id).await?;
    } else if let Some(existing) = snapshots.iter().find(|it| it.id == id.as_str()) {
        record_missing_settings(context, &id, existing).await?;
    } else {
        let why = plan.warning.unwrap_or_else(|| "the retention would not keep it".to_owned());
        let problem =
            Problem::new(ErrorKind::Quota, "this hour has no snapshot", format!("{id}: {why}"));
        alert::raise(&context.ledger(day), &problem, "", tick.now).await?;
        return Ok(TickOutcome::new(Progress::Idle, format!("{id} is not created: {why}")));
    }
    if !plan.delete_first {
        deletions = delete(context, &plan.delete).await;
    }
    if let Some(error) = deletions.error.or(unrecorded) {
        return Err(error);
    }
    let action = if plan.create { "created" } else { "exists" };
    Ok(TickOutcome::new(Progress::Done, format!("{id} {action}, {} deleted", deletions.deleted)))
}

/// What to create and what to delete, by the configured retention.
fn retention_plan(
    context: &Context,
    day: Day,
    hour: Hour,
    snapshots: &[ManualSnapshot],
) -> RetentionPlan {
    let settings = &context.config.snapshots;
    let ladder = Ladder {
        hourly: settings.hourly as usize,
        daily: settings.daily as usize,
        weekly: settings.weekly as usize,
    };
    // The export of this day, or a late one of the day before, still needs its snapshot.
    let mut protected = BTreeSet::from([context.calendar.export_hour(day)]);
    if let Ok(before) = day.date().yesterday() {
        protected.insert(context.calendar.export_hour(Day::new(before)));
    }
    retention::plan(
        &context.config.source.name,
        hour,
        &context.calendar,
        snapshots,
        ladder,
        &protected,
        SnapshotLimits { quota: settings.quota as usize, reserve: settings.reserve as usize },
    )
}

/// Creates the hour's snapshot. Returns the error, if any, that prevented recording the source's
/// settings: a snapshot without settings is worth more than no snapshot.
async fn create(context: &Context, hour: Hour, id: &SnapshotId) -> Result<Option<Error>> {
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
    Ok(settings.err())
}

/// Records the settings for the hour's snapshot if an earlier tick of the hour could not.
async fn record_missing_settings(
    context: &Context,
    id: &SnapshotId,
    existing: &ManualSnapshot,
) -> Result<()> {
    if existing.has_settings || existing.owned_hour(&context.config.source.name).is_none() {
        return Ok(());
    }
    if let Some(state) = context.aws.rds.snapshot(id).await? {
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
