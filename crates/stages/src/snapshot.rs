//! The snapshot stage: this hour's snapshot exists, old ones are thinned.

use std::collections::BTreeSet;

use landbridge_core::calendar::Day;
use landbridge_core::ids::{SnapshotId, TAG_HOUR, TAG_SETTINGS, TAG_SOURCE};
use landbridge_core::plan::Problem;
use landbridge_core::restore::SettingsRecord;
use landbridge_core::retention::{self, Ladder, Limits};
use landbridge_core::{ErrorKind, Result};

use crate::{Context, Progress, Tick, TickOutcome, alert};

/// One tick. Repeating it makes nothing twice: the snapshot is named for its
/// hour, and thinning is decided anew from what there is.
///
/// # Errors
/// Those of RDS; deletions that fail do not stop the creation.
pub async fn tick(context: &Context, tick: Tick) -> Result<TickOutcome> {
    let source = &context.config.source;
    let hour = context.calendar.hour_of(tick.now);
    let id = SnapshotId::for_hour(&source.name, hour)?;
    let snapshots = context.aws.rds.snapshots().await?;
    let settings = &context.config.snapshots;
    let ladder = Ladder {
        hourly: settings.hourly as usize,
        daily: settings.daily as usize,
        weekly: settings.weekly as usize,
    };
    // The hours that this day and the day before are exported from.
    let day = context.calendar.day_of(tick.now);
    let mut protected = BTreeSet::from([context.calendar.export_hour(day)]);
    if let Ok(before) = day.date().yesterday() {
        protected.insert(context.calendar.export_hour(Day::new(before)));
    }
    let plan = retention::plan(
        &source.name,
        hour,
        &context.calendar,
        &snapshots,
        ladder,
        &protected,
        Limits { quota: settings.quota as usize, reserve: settings.reserve as usize },
    );
    if let Some(warning) = &plan.warning {
        tracing::warn!(source = source.name, warning, "the snapshots do not fit the quota");
    }
    let mut deleted = 0;
    let mut failure = None;
    if plan.delete_first {
        (deleted, failure) = thin(context, &plan.delete).await;
    }
    let mut unrecorded = None;
    if plan.create {
        let hour = hour.start().to_string();
        let mut tags = vec![(TAG_SOURCE, source.name.as_str()), (TAG_HOUR, hour.as_str())];
        // Before the snapshot, so that none names a record that is not there. A snapshot
        // without its settings is worth more than none.
        let settings = record(context, day).await;
        match &settings {
            Ok(digest) => tags.push((TAG_SETTINGS, digest.as_str())),
            Err(error) => tracing::warn!(%error, "the source's settings are not recorded"),
        }
        let created = context.aws.rds.create_snapshot(&id, &source.id, &tags).await?;
        tracing::info!(snapshot = id.as_str(), created = created.is_new(), "snapshot of the hour");
        unrecorded = settings.err();
    } else if let Some(bare) = snapshots.iter().find(|it| it.id == id.as_str() && !it.has_settings)
    {
        // An earlier tick of the hour could not record them.
        if bare.our_hour(&source.name).is_some()
            && let Some(state) = context.aws.rds.snapshot(&id).await?
        {
            let digest = record(context, day).await?;
            context.aws.rds.add_tags(&state.arn, &[(TAG_SETTINGS, &digest)]).await?;
        }
    } else if !snapshots.iter().any(|snapshot| snapshot.id == id.as_str()) {
        let why = plan.warning.clone().unwrap_or_else(|| "the ladder would not keep it".to_owned());
        let problem =
            Problem::new(ErrorKind::Quota, "this hour has no snapshot", format!("{id}: {why}"));
        alert::raise(&context.ledger(day), &problem, "", tick.now).await?;
        return Ok(TickOutcome::new(Progress::Idle, format!("{id} is not made: {why}")));
    }
    if !plan.delete_first {
        (deleted, failure) = thin(context, &plan.delete).await;
    }
    if let Some(error) = failure.or(unrecorded) {
        return Err(error);
    }
    let made = if plan.create { "made" } else { "exists" };
    Ok(TickOutcome::new(Progress::Done, format!("{id} {made}, {deleted} thinned")))
}

/// Records what the source is set to and says what the record is called. Settings that did
/// not change have been recorded already: the record is named for what it says.
async fn record(context: &Context, day: Day) -> Result<String> {
    let record = context.aws.rds.settings_record(&context.config.source.id).await?;
    let digest = record.digest();
    context.ledger(day).create_of_source(&SettingsRecord::ledger_name(&digest), &record).await?;
    Ok(digest)
}

/// Deletes what the ladder no longer keeps; one that cannot be deleted does not stop the others.
async fn thin(context: &Context, ids: &[String]) -> (usize, Option<landbridge_core::Error>) {
    let mut deleted = 0;
    let mut failure = None;
    for id in ids {
        match context.aws.rds.delete_snapshot(id).await {
            Ok(()) => {
                deleted += 1;
                tracing::info!(snapshot = id, "thinned");
            }
            // Somebody began to use it since it was listed.
            Err(error) if error.kind() == ErrorKind::Conflict => {
                tracing::warn!(snapshot = id, %error, "not thinned")
            }
            Err(error) => failure = Some(error),
        }
    }
    (deleted, failure)
}
