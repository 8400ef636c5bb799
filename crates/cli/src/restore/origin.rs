//! Which snapshot, and the record of its settings.

use landbridge_core::restore::points::{find_by_id, select_at};
use landbridge_core::restore::{
    RestoreOrigin, RestorePoint, Setting, SettingValue, SettingsRecord,
};
use landbridge_ledger::records;

use super::args::RestoreArgs;
use super::{RestoreContext, parse_time, points, rds_failure};
use crate::failure::{Failure, Result};
use crate::receipt;

/// Where a restore begins.
pub(super) struct Start {
    pub(super) origin: RestoreOrigin,
    /// What the restored database is to be set to.
    pub(super) record: SettingsRecord,
    /// What should be known.
    pub(super) remarks: Vec<String>,
}

/// What the arguments mean. `begun` is the snapshot of a restore under this name that has
/// begun already: `--latest` stays with it.
pub(super) async fn find(
    context: &RestoreContext,
    args: &RestoreArgs,
    begun: Option<&str>,
) -> Result<Start> {
    if let Some(time) = &args.pitr {
        return to_time(context, time).await;
    }
    let all = points::all(context).await?;
    let mut remarks = Vec::new();
    let point = if let Some(snapshot) = &args.snapshot {
        find_by_id(&all, snapshot).map_err(rds_failure)?
    } else if let Some(day) = args.from_receipt {
        let snapshot = receipt::snapshot_of(&context.config, &context.aws, day).await?;
        remarks.push(format!("the receipts of {day} name {snapshot}"));
        find_by_id(&all, &snapshot).map_err(rds_failure)?
    } else if let Some(begun) = begun.filter(|_| args.latest) {
        find_by_id(&all, begun).map_err(rds_failure)?
    } else {
        let at = args.at.as_ref().map(|at| parse_time("--at", at, &context.zone)).transpose()?;
        let picked = select_at(&all, at).map_err(rds_failure)?;
        remarks.extend(picked.remarks);
        picked.point
    };
    of_point(context, &all, point, remarks).await
}

/// The newest snapshot, or that of a day.
pub(super) async fn newest(
    context: &RestoreContext,
    day: Option<landbridge_core::calendar::Day>,
) -> Result<(RestorePoint, Start)> {
    let all = points::all(context).await?;
    let point = match day {
        Some(day) => {
            let snapshot = receipt::snapshot_of(&context.config, &context.aws, day).await?;
            find_by_id(&all, &snapshot).map_err(rds_failure)?
        }
        None => select_at(&all, None).map_err(rds_failure)?.point,
    };
    Ok((point.clone(), of_point(context, &all, point, Vec::new()).await?))
}

async fn of_point(
    context: &RestoreContext,
    all: &[RestorePoint],
    point: &RestorePoint,
    mut remarks: Vec<String>,
) -> Result<Start> {
    let mut record = match recorded(context, point).await? {
        Some(record) => record,
        None => {
            let (record, remark) = instead(context, all, point).await?;
            remarks.push(remark);
            record
        }
    };
    // The snapshot's own word counts: it may be older than the source's last upgrade.
    record.engine_version.clone_from(&point.engine_version);
    Ok(Start { origin: RestoreOrigin::Snapshot(point.snapshot.clone()), record, remarks })
}

async fn recorded(
    context: &RestoreContext,
    point: &RestorePoint,
) -> Result<Option<SettingsRecord>> {
    match &point.settings {
        Some(digest) => Ok(context.ledger().source().value(&records::settings(digest)).await?),
        None => Ok(None),
    }
}

/// Settings of a snapshot that nobody recorded any for: the source's of now, or, when the
/// source is gone, those recorded nearest in time.
async fn instead(
    context: &RestoreContext,
    all: &[RestorePoint],
    point: &RestorePoint,
) -> Result<(SettingsRecord, String)> {
    let id = &context.config.source.id;
    let bare = format!("no settings were recorded with {}", point.snapshot);
    match context.aws.rds.settings_record(id).await {
        Ok(mut record) => {
            let gib = point.storage_gib.map(SettingValue::Number);
            if record.settings.get(Setting::StorageGb).is_some() {
                record.settings.set(Setting::StorageGb, gib);
            }
            Ok((record, format!("{bare}: those of {id} as it is now are used")))
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
                if let Some(record) = recorded(context, other).await? {
                    let from = &other.snapshot;
                    return Ok((
                        record,
                        format!("{bare} and {id} is gone: those of {from} are used"),
                    ));
                }
            }
            Err(Failure::Failed(format!(
                "{bare}, {id} is gone, and no other snapshot has any; restore it by hand with \
                 `aws rds`, naming subnet group, security groups and parameter group"
            )))
        }
        Err(error) => Err(rds_failure(error)),
    }
}

async fn to_time(context: &RestoreContext, time: &str) -> Result<Start> {
    let id = &context.config.source.id;
    let record = context.aws.rds.settings_record(id).await.map_err(rds_failure)?;
    let remarks = vec![format!("the settings are those of {id} as it is now")];
    if time == "latest" {
        return Ok(Start { origin: RestoreOrigin::Latest, record, remarks });
    }
    let at = parse_time("--pitr", time, &context.zone)?;
    let database = context.aws.rds.database(record.kind, id).await.map_err(rds_failure)?;
    if let Some(latest) = database.and_then(|it| it.latest_restorable_time)
        && at > latest
    {
        return Err(Failure::Usage(format!(
            "--pitr: the logs of {id} go up to {} ({latest}); name an earlier time, or `latest`",
            context.local(latest)
        )));
    }
    Ok(Start { origin: RestoreOrigin::Time(at), record, remarks })
}
