//! Resolves the restore point of the command line and the settings that belong to it.

use landbridge_core::restore::points::{find_by_id, select_at};
use landbridge_core::restore::{
    RestoreOrigin, RestorePoint, Setting, SettingValue, SettingsRecord,
};
use landbridge_ledger::records;

use super::args::RestoreArgs;
use super::{RestoreContext, parse_time, points, rds_failure};
use crate::failure::{Failure, Result};
use crate::receipt;

/// The origin of a restore and the settings to restore with.
pub(super) struct RestoreStart {
    pub(super) origin: RestoreOrigin,
    /// The settings of the restored database.
    pub(super) record: SettingsRecord,
    /// Notes for the operator.
    pub(super) remarks: Vec<String>,
}

/// Resolves the arguments of `landbridge restore`. `started_from` is the snapshot of a restore that
/// an earlier run started under this name: `--latest` continues it.
pub(super) async fn resolve(
    context: &RestoreContext,
    args: &RestoreArgs,
    started_from: Option<&str>,
) -> Result<RestoreStart> {
    if let Some(time) = &args.pitr {
        return start_from_time(context, time).await;
    }
    let all = points::restore_points(context).await?;
    let mut remarks = Vec::new();
    let point = if let Some(snapshot) = &args.snapshot {
        find_by_id(&all, snapshot).map_err(rds_failure)?
    } else if let Some(day) = args.from_receipt {
        let snapshot = receipt::snapshot_of(&context.config, &context.aws, day).await?;
        remarks.push(format!("the receipts of {day} name {snapshot}"));
        find_by_id(&all, &snapshot).map_err(rds_failure)?
    } else if let Some(snapshot) = started_from.filter(|_| args.latest) {
        find_by_id(&all, snapshot).map_err(rds_failure)?
    } else {
        let at = args.at.as_ref().map(|at| parse_time("--at", at, &context.zone)).transpose()?;
        let selected = select_at(&all, at).map_err(rds_failure)?;
        remarks.extend(selected.remarks);
        selected.point
    };
    start_from_point(context, &all, point, remarks).await
}

/// Resolves the restore point of a drill: the newest snapshot, or the snapshot of a day's receipts.
pub(super) async fn newest(
    context: &RestoreContext,
    day: Option<landbridge_core::calendar::Day>,
) -> Result<(RestorePoint, RestoreStart)> {
    let all = points::restore_points(context).await?;
    let point = match day {
        Some(day) => {
            let snapshot = receipt::snapshot_of(&context.config, &context.aws, day).await?;
            find_by_id(&all, &snapshot).map_err(rds_failure)?
        }
        None => select_at(&all, None).map_err(rds_failure)?.point,
    };
    Ok((point.clone(), start_from_point(context, &all, point, Vec::new()).await?))
}

async fn start_from_point(
    context: &RestoreContext,
    all: &[RestorePoint],
    point: &RestorePoint,
    mut remarks: Vec<String>,
) -> Result<RestoreStart> {
    let mut record = match recorded_settings(context, point).await? {
        Some(record) => record,
        None => {
            let (record, remark) = substitute_settings(context, all, point).await?;
            remarks.push(remark);
            record
        }
    };
    // The snapshot may be older than the source's last engine upgrade.
    record.engine_version.clone_from(&point.engine_version);
    Ok(RestoreStart { origin: RestoreOrigin::Snapshot(point.snapshot.clone()), record, remarks })
}

async fn recorded_settings(
    context: &RestoreContext,
    point: &RestorePoint,
) -> Result<Option<SettingsRecord>> {
    match &point.settings {
        Some(digest) => Ok(context.ledger().source().value(&records::settings(digest)).await?),
        None => Ok(None),
    }
}

/// Settings for a snapshot without recorded settings: the source's current settings or, if the source
/// does not exist, the recorded settings nearest in time. Also returns the note for the operator.
async fn substitute_settings(
    context: &RestoreContext,
    all: &[RestorePoint],
    point: &RestorePoint,
) -> Result<(SettingsRecord, String)> {
    let id = &context.config.source.id;
    let no_settings = format!("no settings were recorded with {}", point.snapshot);
    match context.aws.rds.settings_record(id).await {
        Ok(mut record) => {
            let gib = point.storage_gib.map(SettingValue::Number);
            if record.settings.get(Setting::StorageGb).is_some() {
                record.settings.set(Setting::StorageGb, gib);
            }
            Ok((record, format!("{no_settings}: the current settings of {id} are used")))
        }
        Err(error) if error.kind() == landbridge_core::ErrorKind::NotFound => {
            let distance = |it: &RestorePoint| {
                let both = it.taken_at.zip(point.taken_at);
                both.map_or(u64::MAX, |(a, b)| a.duration_since(b).as_secs().unsigned_abs())
            };
            let mut others: Vec<&RestorePoint> =
                all.iter().filter(|it| it.settings.is_some()).collect();
            others.sort_by_key(|it| distance(it));
            for other in others {
                if let Some(record) = recorded_settings(context, other).await? {
                    let from = &other.snapshot;
                    return Ok((
                        record,
                        format!("{no_settings} and {id} is gone: those of {from} are used"),
                    ));
                }
            }
            Err(Failure::Failed(format!(
                "{no_settings}, {id} does not exist, and no other snapshot has recorded settings. Restore by \
                 hand with `aws rds`, and give the subnet group, the security groups and the \
                 parameter group"
            )))
        }
        Err(error) => Err(rds_failure(error)),
    }
}

async fn start_from_time(context: &RestoreContext, time: &str) -> Result<RestoreStart> {
    let id = &context.config.source.id;
    let record = context.aws.rds.settings_record(id).await.map_err(rds_failure)?;
    let remarks = vec![format!("the current settings of {id} are used")];
    if time == "latest" {
        return Ok(RestoreStart { origin: RestoreOrigin::Latest, record, remarks });
    }
    let at = parse_time("--pitr", time, &context.zone)?;
    let database = context.aws.rds.database(record.kind, id).await.map_err(rds_failure)?;
    if let Some(latest) = database.and_then(|it| it.latest_restorable_time)
        && at > latest
    {
        return Err(Failure::Usage(format!(
            "--pitr: the logs of {id} go up to {} ({latest}). Give an earlier time, or `latest`",
            context.local(latest)
        )));
    }
    Ok(RestoreStart { origin: RestoreOrigin::Time(at), record, remarks })
}
