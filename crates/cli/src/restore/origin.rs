//! Resolves the restore point of the command line and the settings that belong to it.

use std::io::IsTerminal;

use jiff::Timestamp;
use landbridge_core::ErrorKind;
use landbridge_core::config::SourceKind;
use landbridge_core::restore::points::{find_by_id, select_at};
use landbridge_core::restore::{
    RestoreOrigin, RestorePoint, Setting, SettingValue, SettingsRecord, groups,
};
use landbridge_ledger::records;

use super::args::RestoreArgs;
use super::{RestoreContext, confirm, parse_time, points, rds_failure};
use crate::failure::{Failure, Result};
use crate::forget::record;
use crate::receipt;

/// The origin of a restore and the settings to restore with.
pub(crate) struct RestoreStart {
    pub(crate) origin: RestoreOrigin,
    /// The settings of the restored database.
    pub(crate) record: SettingsRecord,
    /// Notes for the operator.
    pub(crate) remarks: Vec<String>,
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
        if let Some(at) = at.filter(|at| *at > context.clock.now()) {
            remarks.push(confirm_future(context, at, args)?);
        }
        let selected = select_at(&all, at, &context.zone).map_err(rds_failure)?;
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
        None => select_at(&all, None, &context.zone).map_err(rds_failure)?.point,
    };
    Ok((point.clone(), start_from_point(context, &all, point, Vec::new()).await?))
}

/// Resolves a snapshot by its id.
///
/// # Errors
/// If it does not exist any more.
pub(crate) async fn of_snapshot(
    context: &RestoreContext,
    snapshot: &str,
) -> Result<(RestorePoint, RestoreStart)> {
    let all = points::restore_points(context).await?;
    let point = find_by_id(&all, snapshot).map_err(rds_failure)?;
    Ok((point.clone(), start_from_point(context, &all, point, Vec::new()).await?))
}

/// A time in the future is more likely a wrong zone or a slip than a request for the newest snapshot, so
/// a person is asked. `--yes` does not answer this question. Returns the remark for the plan.
fn confirm_future(context: &RestoreContext, at: Timestamp, args: &RestoreArgs) -> Result<String> {
    let (at, now) = (context.local(at), context.local(context.clock.now()));
    let remark = format!("{at} is in the future: it is {now}. This is the newest snapshot");
    if args.dry_run {
        return Ok(remark);
    }
    if args.yes || !std::io::stdin().is_terminal() {
        return Err(Failure::Usage(format!(
            "--at: {at} is in the future: it is {now}. Check the time and --zone, or give --latest for the \
             newest snapshot"
        )));
    }
    confirm(&format!("{at} is in the future: it is {now}. Restore the newest snapshot?"), false)?;
    Ok(remark)
}

async fn start_from_point(
    context: &RestoreContext,
    all: &[RestorePoint],
    point: &RestorePoint,
    mut remarks: Vec<String>,
) -> Result<RestoreStart> {
    let mut record = match recorded_settings(context, point).await? {
        Some(mut record) => {
            remarks.extend(fit_groups(context, all, point, &mut record).await?);
            record
        }
        None => {
            let (record, found) = substitute_settings(context, all, point).await?;
            remarks.extend(found);
            record
        }
    };
    remarks.extend(other_database(context, point).await?);
    remarks.extend(record::at(&context.ledger(), point.taken_at).await?);
    // The snapshot may be older than the source's last engine upgrade.
    record.engine_version.clone_from(&point.engine_version);
    Ok(RestoreStart { origin: RestoreOrigin::Snapshot(point.snapshot.clone()), record, remarks })
}

/// A remark if the snapshot was taken of another database than the one that has the source's name now.
async fn other_database(context: &RestoreContext, point: &RestorePoint) -> Result<Option<String>> {
    let source = &context.config.source;
    let current = context.aws.rds.database(source.kind, &source.id).await.map_err(rds_failure)?;
    let current = current.and_then(|it| it.resource_id);
    let other = point.is_of_another_database(current.as_deref());
    Ok(other.then(|| {
        format!(
            "{} was taken of {}, another database than the one that is called {} now ({}): the names were \
             swapped since, or it was created again",
            point.snapshot,
            point.resource_id.as_deref().unwrap_or_default(),
            source.id,
            current.as_deref().unwrap_or_default(),
        )
    }))
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

/// The recorded settings nearest in time to `point`, of the same major version or of any, and the
/// snapshot that they were recorded with.
async fn nearest_settings(
    context: &RestoreContext,
    all: &[RestorePoint],
    point: &RestorePoint,
    same_version: bool,
) -> Result<Option<(String, SettingsRecord)>> {
    let distance = |it: &RestorePoint| {
        let both = it.taken_at.zip(point.taken_at);
        both.map_or(u64::MAX, |(a, b)| a.duration_since(b).as_secs().unsigned_abs())
    };
    let mut others: Vec<&RestorePoint> = all.iter().filter(|it| it.settings.is_some()).collect();
    others.sort_by_key(|it| distance(it));
    for other in others {
        if let Some(record) = recorded_settings(context, other).await?
            && (!same_version || groups::fit(&record, &point.engine_version))
        {
            return Ok(Some((other.snapshot.clone(), record)));
        }
    }
    Ok(None)
}

/// Gives `record` the parameter and option groups of the version of `point` if its own are of
/// another major version. Returns the note for the operator.
async fn fit_groups(
    context: &RestoreContext,
    all: &[RestorePoint],
    point: &RestorePoint,
    record: &mut SettingsRecord,
) -> Result<Option<String>> {
    if groups::fit(record, &point.engine_version) {
        return Ok(None);
    }
    let nearest = nearest_settings(context, all, point, true).await?;
    groups::replace(record, nearest.as_ref().map(|(_, record)| record));
    let version =
        format!("{} {}", point.engine, groups::major_version(&point.engine, &point.engine_version));
    Ok(Some(match nearest {
        Some((snapshot, _)) => format!(
            "the source was upgraded since: the parameter and option groups are those that were recorded with \
             {snapshot}, of {version}"
        ),
        None => format!(
            "the source was upgraded since and no groups of {version} were recorded: the database gets the \
             engine's default parameter and option group. To give it yours: aws rds \
             modify-db-{}",
            match context.config.source.kind {
                SourceKind::Instance => "instance --db-parameter-group-name NAME",
                SourceKind::Cluster => "cluster --db-cluster-parameter-group-name NAME",
            }
        ),
    }))
}

/// Settings for a snapshot without recorded settings: the source's current settings with the groups
/// of that time or, if the source does not exist, the recorded settings nearest in time. Also returns
/// the notes for the operator.
async fn substitute_settings(
    context: &RestoreContext,
    all: &[RestorePoint],
    point: &RestorePoint,
) -> Result<(SettingsRecord, Vec<String>)> {
    let id = &context.config.source.id;
    let no_settings = format!("no settings were recorded with {}", point.snapshot);
    let mut notes = Vec::new();
    let current = match context.aws.rds.settings_record(id).await {
        Ok(record) => Some(record),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(rds_failure(error)),
    };
    let Some(mut record) = current else {
        let nearest = match nearest_settings(context, all, point, true).await? {
            Some(nearest) => Some(nearest),
            None => nearest_settings(context, all, point, false).await?,
        };
        let Some((from, mut record)) = nearest else {
            return Err(Failure::Failed(format!(
                "{no_settings}, {id} does not exist, and no other snapshot has recorded settings. Restore by \
                 hand with `aws rds`, and give the subnet group, the security groups and the \
                 parameter group"
            )));
        };
        notes.push(format!("{no_settings} and {id} is gone: those of {from} are used"));
        notes.extend(fit_groups(context, all, point, &mut record).await?);
        return Ok((record, notes));
    };
    if record.settings.get(Setting::StorageGb).is_some() {
        record.settings.set(Setting::StorageGb, point.storage_gib.map(SettingValue::Number));
    }
    notes.push(format!("{no_settings}: the current settings of {id} are used"));
    // The groups may have changed since, with or without an upgrade.
    match nearest_settings(context, all, point, true).await? {
        Some((from, nearest)) => {
            if groups::replace(&mut record, Some(&nearest)) {
                notes.push(format!(
                    "the parameter and option groups are those that were recorded with {from}, the \
                     nearest in time of the same major version"
                ));
            }
        }
        None => notes.extend(fit_groups(context, all, point, &mut record).await?),
    }
    Ok((record, notes))
}

async fn start_from_time(context: &RestoreContext, time: &str) -> Result<RestoreStart> {
    let id = &context.config.source.id;
    let mut record = context.aws.rds.settings_record(id).await.map_err(rds_failure)?;
    let mut remarks = vec![format!("the current settings of {id} are used")];
    let to = match time {
        "latest" => Some(context.clock.now()),
        time => Some(parse_time("--pitr", time, &context.zone)?),
    };
    remarks.extend(record::at(&context.ledger(), to).await?);
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
    // A restore to a time before an upgrade has the version of that time. The newest snapshot before
    // it says which.
    let all = points::restore_points(context).await?;
    let before = all.iter().filter(|it| it.taken_at.is_some_and(|taken| taken <= at));
    if let Some(point) = before.max_by_key(|it| it.taken_at)
        && let Some(note) = fit_groups(context, &all, point, &mut record).await?
    {
        record.engine_version.clone_from(&point.engine_version);
        remarks.push(note);
    }
    Ok(RestoreStart { origin: RestoreOrigin::Time(at), record, remarks })
}
