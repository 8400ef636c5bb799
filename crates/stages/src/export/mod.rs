//! The export stage: the day's export task is COMPLETE and its manifests are recorded.

use landbridge_aws::rds::{ExportRequest, ExportStatus, ExportTask};
use landbridge_core::calendar::Day;
use landbridge_core::ids::{ExportId, SnapshotId};
use landbridge_core::manifest::{self, ManifestFile};
use landbridge_core::plan::Problem;
use landbridge_core::types::Engine;
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_ledger::records::{EXPORT, ExportRecord, MANIFEST, ManifestRecord, below};
use landbridge_ledger::{DayLedger, Recorded, Written};

use crate::{Context, Progress, Tick, TickOutcome, alert};

/// Export tasks per day: AWS charges each as a full export.
const MAX_ATTEMPTS: u32 = 3;
/// How long the snapshot of the export hour may be missing before an alert is raised.
const SNAPSHOT_PATIENCE: jiff::SignedDuration = jiff::SignedDuration::from_mins(30);

/// Runs one tick. Idempotent: the task is named after its day and attempt, so it starts once.
///
/// # Errors
/// Any RDS or S3 error; [`ErrorKind::Corrupt`] for a broken manifest; [`ErrorKind::Held`] when
/// every attempt failed.
pub async fn tick(context: &Context, tick: Tick) -> Result<TickOutcome> {
    let day = context.calendar.day_of(tick.now);
    let hour = context.calendar.export_hour(day);
    if tick.now < hour.start() {
        return Ok(TickOutcome::new(
            Progress::Idle,
            format!("the export of {day} begins at {}", hour.start()),
        ));
    }
    let ledger = context.ledger(day);
    let mut record = ledger.get(&EXPORT).await?;
    loop {
        if let Some(record) = &record
            && record.value.complete
        {
            return Ok(TickOutcome::new(
                Progress::Done,
                format!("{} is complete", record.value.export),
            ));
        }
        let attempt = record.as_ref().map_or(1, |record| record.value.attempt);
        let id = ExportId::for_day(&context.config.source.name, day, attempt)?;
        let snapshot = SnapshotId::for_hour(&context.config.source.name, hour)?;
        let Some(task) = context.aws.rds.export_task(&id).await? else {
            return start_export(context, &ledger, tick, &id, &snapshot, record).await;
        };
        if !task.source_arn.ends_with(&format!("snapshot:{snapshot}")) {
            return Err(Error::new(
                ErrorKind::Conflict,
                "an export task with the day's id reads a different snapshot",
                format!("{id} reads {}, not {snapshot}", task.source_arn),
            ));
        }
        let current = match record {
            Some(current) => current,
            // An earlier tick started the task and did not record it.
            None => match record_export(context, &ledger, &id, &snapshot, attempt).await? {
                Some(current) => current,
                None => {
                    return Ok(TickOutcome::new(
                        Progress::Waiting,
                        format!("{snapshot} does not exist any more"),
                    ));
                }
            },
        };
        match task.status {
            ExportStatus::Running => {
                return Ok(TickOutcome::new(
                    Progress::Waiting,
                    format!("{id} is at {} %", task.progress),
                ));
            }
            ExportStatus::Complete => {
                return complete_export(context, &ledger, day, &task, current).await;
            }
            ExportStatus::Failed | ExportStatus::Canceled => {
                record = Some(next_attempt(context, &ledger, day, tick, &task, current).await?);
            }
        }
    }
}

/// Starts the export task if its snapshot is available.
async fn start_export(
    context: &Context,
    ledger: &DayLedger,
    tick: Tick,
    id: &ExportId,
    snapshot: &SnapshotId,
    record: Option<Recorded<ExportRecord>>,
) -> Result<TickOutcome> {
    let waiting = |why: &str| Ok(TickOutcome::new(Progress::Waiting, format!("{snapshot} {why}")));
    let Some(state) = context.aws.rds.snapshot(snapshot).await? else {
        let hour = snapshot.hour(&context.config.source.name).map_or(tick.now, |hour| hour.start());
        if tick.now.duration_since(hour) > SNAPSHOT_PATIENCE {
            let problem = Problem::new(
                ErrorKind::NotFound,
                "the snapshot of the export hour is missing",
                snapshot.as_str(),
            );
            alert::raise(ledger, &problem, "", tick.now).await?;
        }
        return waiting("does not exist yet");
    };
    if state.status != "available" {
        return waiting(&format!("is {}", state.status));
    }
    let settings = &context.config.export;
    let new = ExportRequest {
        id,
        source_arn: &state.arn,
        bucket: &settings.bucket,
        prefix: settings.prefix.trim_matches('/'),
        role_arn: &settings.role_arn,
        kms_key: &settings.kms_key,
        only: &settings.only,
    };
    match context.aws.rds.start_export(&new).await {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::Conflict => {
            return waiting(&format!("cannot be exported yet ({error})"));
        }
        Err(error) => return Err(error),
    }
    tracing::info!(export = id.as_str(), snapshot = snapshot.as_str(), "export started");
    if record.is_none() {
        record_export(context, ledger, id, snapshot, 1).await?;
    }
    Ok(TickOutcome::new(Progress::Partial, format!("{id} started")))
}

/// Records that the day's task exists. `None`: its snapshot does not exist any more.
async fn record_export(
    context: &Context,
    ledger: &DayLedger,
    id: &ExportId,
    snapshot: &SnapshotId,
    attempt: u32,
) -> Result<Option<Recorded<ExportRecord>>> {
    let Some(state) = context.aws.rds.snapshot(snapshot).await? else { return Ok(None) };
    let engine = Engine::from_rds(&state.engine).ok_or_else(|| {
        Error::new(
            ErrorKind::Config,
            "the database engine is not supported",
            format!("{snapshot} is {}", state.engine),
        )
    })?;
    let record = ExportRecord {
        attempt,
        export: id.to_string(),
        snapshot: snapshot.to_string(),
        snapshot_at: state.created,
        engine,
        complete: false,
        warning: None,
        started_at: None,
        ended_at: None,
        failures: Vec::new(),
    };
    ledger.create_or_get(&EXPORT, &record).await.map(Some)
}

/// Records a failed attempt and moves on to the next one.
async fn next_attempt(
    context: &Context,
    ledger: &DayLedger,
    day: Day,
    tick: Tick,
    task: &ExportTask,
    current: Recorded<ExportRecord>,
) -> Result<Recorded<ExportRecord>> {
    let why = task.failure.clone().unwrap_or_else(|| format!("{:?}", task.status));
    let failed =
        Error::new(ErrorKind::Transient, "an export task failed", format!("{}: {why}", task.id));
    alert::raise(ledger, &Problem::from(&failed), &task.id, tick.now).await?;
    if current.value.attempt >= MAX_ATTEMPTS {
        return Err(Error::new(
            ErrorKind::Held,
            "every attempt to export the day failed",
            format!("{day}, {MAX_ATTEMPTS} attempts, last {}: {why}", task.id),
        ));
    }
    let mut next = current.value;
    next.attempt += 1;
    next.failures.push(format!("{}: {why}", task.id));
    next.export = ExportId::for_day(&context.config.source.name, day, next.attempt)?.to_string();
    if ledger.replace(&EXPORT, &current.etag, &next).await? == Written::Overtaken {
        tracing::info!(export = task.id, "another tick recorded the failed attempt first");
    }
    ledger.get(&EXPORT).await?.ok_or_else(|| {
        Error::new(ErrorKind::Corrupt, "the record of the export disappeared", day.to_string())
    })
}

/// Records the manifests, then the task as complete.
async fn complete_export(
    context: &Context,
    ledger: &DayLedger,
    day: Day,
    task: &ExportTask,
    current: Recorded<ExportRecord>,
) -> Result<TickOutcome> {
    let manifest = read_manifests(context, &task.id).await?;
    if ledger.create(&MANIFEST, &manifest).await? == Written::Overtaken {
        // Another tick recorded the manifests of the same export.
        tracing::info!(export = task.id, "the manifests are recorded already");
    }
    if let Some(warning) = &task.warning {
        let problem = Problem::notice(
            "the export is complete, with a warning",
            format!("{}: {warning}", task.id),
            "see the day's receipts for the tables it names; a table that is not in the export keeps its older rows",
        );
        alert::notice(&ledger.source(), &problem, warning, day).await?;
    }
    let tables = manifest.tables.len();
    let done = ExportRecord {
        complete: true,
        warning: task.warning.clone(),
        started_at: task.started,
        ended_at: task.ended,
        ..current.value
    };
    ledger.replace(&EXPORT, &current.etag, &done).await?;
    tracing::info!(export = task.id, tables, "export complete");
    Ok(TickOutcome::new(Progress::Done, format!("{} is complete", task.id)))
}

/// Reads the manifests of a complete export.
async fn read_manifests(context: &Context, export: &str) -> Result<ManifestRecord> {
    let settings = &context.config.export;
    let root = below(&settings.prefix, &format!("{export}/"));
    let s3 = &context.aws.s3;
    // Only the files directly in the folder: there may be millions below its tables.
    let listed = s3.list(&settings.bucket, &format!("{root}export_")).await?;
    let mut tables = Vec::new();
    let mut files = 0;
    for object in listed {
        let Some(file) = ManifestFile::from_key(&object.key) else { continue };
        let Some((bytes, _)) = s3.get(&settings.bucket, &object.key).await? else { continue };
        match file {
            ManifestFile::Info => {
                manifest::parse_info(&object.key, &bytes)?;
            }
            ManifestFile::Tables => {
                files += 1;
                tables.extend(manifest::parse_tables(&object.key, &bytes)?);
            }
        }
    }
    if files == 0 {
        return Err(Error::new(
            ErrorKind::Corrupt,
            "a complete export has no manifest of its tables",
            format!("s3://{}/{root}export_tables_info_*.json", settings.bucket),
        ));
    }
    Ok(ManifestRecord { root, tables })
}
