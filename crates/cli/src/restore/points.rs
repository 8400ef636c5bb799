//! `landbridge snapshots`, `landbridge pin`, `landbridge unpin`.

use jiff::{SignedDuration, Timestamp};
use landbridge_aws::rds::Database;
use landbridge_core::ids::TAG_KEEP;
use landbridge_core::restore::points::{find_by_id, select_at};
use landbridge_core::restore::{CreatedBy, RestorePoint, Setting, SettingValue};
use serde::Serialize;

use super::args::{PinArgs, SnapshotsArgs, UnpinArgs};
use super::{RestoreContext, parse_time, rds_failure};
use crate::failure::{Failure, Result};
use crate::render::{self, bytes, counted, left, right};
use landbridge_cli_support::args::Output;

/// One restore point in `--output json`.
#[derive(Serialize)]
struct ListedPoint<'a> {
    #[serde(flatten)]
    point: &'a RestorePoint,
    age_seconds: Option<i64>,
    /// Whether it was taken of another database than the one that has the source's name now.
    of_another_database: bool,
}

/// All restore points of the source, oldest first.
pub(crate) async fn restore_points(context: &RestoreContext) -> Result<Vec<RestorePoint>> {
    let source = &context.config.source;
    context.aws.rds.restore_points(&source.name, &source.id).await.map_err(rds_failure)
}

/// Runs `landbridge snapshots`.
pub(crate) async fn list(args: SnapshotsArgs) -> Result {
    let context = RestoreContext::new(&args.common, args.zone.as_deref()).await?;
    let mut points = restore_points(&context).await?;
    if let Some(at) = &args.at {
        let at = parse_time("--at", at, &context.zone)?;
        let selected = select_at(&points, Some(at), &context.zone).map_err(rds_failure)?;
        for remark in &selected.remarks {
            eprintln!("note: {remark}");
        }
        points = vec![selected.point.clone()];
    }
    let now = context.clock.now();
    let source = &context.config.source;
    let current = context.aws.rds.database(source.kind, &source.id).await.map_err(rds_failure)?;
    let of_another = |point: &RestorePoint| {
        point.is_of_another_database(current.as_ref().and_then(|it| it.resource_id.as_deref()))
    };
    if args.common.output.format == Output::Json {
        let age = |point: &RestorePoint| point.taken_at.map(|at| now.duration_since(at).as_secs());
        let listed = points.iter().map(|point| ListedPoint {
            point,
            age_seconds: age(point),
            of_another_database: of_another(point),
        });
        return render::json(&listed.collect::<Vec<_>>());
    }
    if args.at.is_none() {
        render::print(&point_in_time_recovery(&context, current.as_ref()))?;
    }
    if points.is_empty() {
        return Err(Failure::Failed(format!(
            "there is no snapshot of {}. The function snapshot creates them (`snapshots.every_hours`): \
             run `landbridge doctor` to check that its schedule runs",
            context.config.source.id
        )));
    }
    render::print(&table(&context, &points, now, &of_another))?;
    render::print(&summary(&context, &points, args.zone.as_deref()))
}

/// The table of restore points, newest first.
fn table(
    context: &RestoreContext,
    points: &[RestorePoint],
    now: Timestamp,
    of_another: &dyn Fn(&RestorePoint) -> bool,
) -> String {
    let columns = [
        left("snapshot"),
        left("taken"),
        right("age"),
        right("size"),
        left("created by"),
        left("settings"),
        left("status"),
        left("pinned"),
    ];
    let rows = points.iter().rev().map(|point| {
        vec![
            point.snapshot.clone(),
            point.taken_at.map(|at| context.local(at)).unwrap_or_default(),
            point.taken_at.map(|at| age(now, at)).unwrap_or_default(),
            size(point),
            if of_another(point) {
                format!("{} (another database)", point.created_by.name())
            } else {
                point.created_by.name().to_owned()
            },
            if point.settings.is_some() { "recorded" } else { "" }.to_owned(),
            point.status.clone(),
            point.pinned.clone().unwrap_or_default(),
        ]
    });
    render::table(&columns, rows.collect(), 0)
}

/// How many there are, and the command that restores the newest.
fn summary(context: &RestoreContext, points: &[RestorePoint], zone: Option<&str>) -> String {
    let by_landbridge = points.iter().filter(|it| it.created_by == CreatedBy::Landbridge).count();
    let pinned = points.iter().filter(|it| it.pinned.is_some()).count();
    let zone = zone.map(|zone| format!(" --zone {zone}")).unwrap_or_default();
    format!(
        "{}, {by_landbridge} of them by Landbridge, {pinned} pinned. To restore the newest snapshot: landbridge restore --at '{}'{zone} --as NAME",
        counted(points.len(), "restore point"),
        points
            .iter()
            .rev()
            .find_map(|it| it.taken_at)
            .map(|at| wall_clock_time(context, at))
            .unwrap_or_default(),
    )
}

/// What point-in-time recovery can restore: the first choice for a time within the last days.
fn point_in_time_recovery(context: &RestoreContext, database: Option<&Database>) -> String {
    let source = &context.config.source;
    let Some(database) = database else {
        return format!(
            "{} does not exist, so there is no point-in-time recovery; its snapshots:",
            source.id
        );
    };
    let days = match database.settings.get(Setting::BackupRetentionDays) {
        Some(SettingValue::Number(days)) if *days > 0 => *days,
        _ => {
            return format!(
                "automated backups of {} are off, so it can be restored only to the times of snapshots:",
                source.id
            );
        }
    };
    let days = counted(usize::try_from(days).unwrap_or_default(), "day");
    let until = database.latest_restorable_time.map(|at| format!(", up to {}", context.local(at)));
    format!(
        "any second of the last {days}{}: landbridge restore --pitr TIME --as NAME\n\
         snapshots, for what is kept longer:",
        until.unwrap_or_default()
    )
}

/// The value for `--at`: the local time to the second, which selects exactly this point.
fn wall_clock_time(context: &RestoreContext, at: Timestamp) -> String {
    at.to_zoned(context.zone.clone()).strftime("%F %H:%M:%S").to_string()
}

/// The age of `at`, as `35 min`, `7 h` or `12 d`.
pub(super) fn age(now: Timestamp, at: Timestamp) -> String {
    let age = now.duration_since(at).max(SignedDuration::ZERO);
    match age.as_mins() {
        minutes if minutes < 120 => format!("{minutes} min"),
        minutes if minutes < 48 * 60 => format!("{} h", minutes / 60),
        minutes => format!("{} d", minutes / 60 / 24),
    }
}

/// The snapshot's size if RDS reports it, else the storage of the database.
fn size(point: &RestorePoint) -> String {
    match (point.bytes, point.storage_gib) {
        (Some(size), _) => bytes(size),
        (None, Some(gib)) => format!("of {gib} GiB"),
        (None, None) => String::new(),
    }
}

/// Runs `landbridge pin`.
pub(crate) async fn pin(args: PinArgs) -> Result {
    let context = RestoreContext::new(&args.common, None).await?;
    let points = restore_points(&context).await?;
    let point = find_by_id(&points, &args.snapshot).map_err(rds_failure)?;
    let tags = [(TAG_KEEP, args.why.as_str())];
    context.aws.rds.add_tags(&point.arn, &tags).await.map_err(rds_failure)?;
    report_pin(&args.snapshot, true, args.common.output.format)
}

/// Runs `landbridge unpin`.
pub(crate) async fn unpin(args: UnpinArgs) -> Result {
    let context = RestoreContext::new(&args.common, None).await?;
    let points = restore_points(&context).await?;
    let point = find_by_id(&points, &args.snapshot).map_err(rds_failure)?;
    context.aws.rds.remove_tag(&point.arn, TAG_KEEP).await.map_err(rds_failure)?;
    report_pin(&args.snapshot, false, args.common.output.format)
}

fn report_pin(snapshot: &str, pinned: bool, output: Output) -> Result {
    if output == Output::Json {
        return render::json(&serde_json::json!({ "snapshot": snapshot, "pinned": pinned }));
    }
    render::print(&if pinned {
        format!("{snapshot} is pinned: retention keeps it until `landbridge unpin {snapshot}`")
    } else {
        format!("{snapshot} is not pinned: retention deletes it when no rule keeps it")
    })
}
