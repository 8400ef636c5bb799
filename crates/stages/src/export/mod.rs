//! The export stage: the day's export task is COMPLETE and its manifests are recorded.
//!
//! | module | responsibility |
//! |---|---|
//! | here | starting the task, following it to its end |
//! | [`again`] | another export of a day that has one |
//! | [`choice`] | which snapshot is exported |
//! | [`turn`] | waiting for the exports of other databases |

mod again;
mod choice;
mod turn;

pub(crate) use choice::is_late;

use jiff::SignedDuration;
use landbridge_aws::rds::{ExportRequest, ExportStatus, ExportTask};
use landbridge_core::calendar::Day;
use landbridge_core::ids::ExportId;
use landbridge_core::manifest::{self, ManifestFile, beyond_manifests};
use landbridge_core::plan::Problem;
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_ledger::records::{EXPORT, ExportRecord, MANIFEST, ManifestRecord, below};
use landbridge_ledger::{DayLedger, Recorded, Written};

use self::choice::Choice;
use crate::alert::{self, Subject};
use crate::redo::{self, Requests};
use crate::{Context, Progress, Tick, TickOutcome};

/// Export tasks per day: AWS charges each as a full export.
const MAX_ATTEMPTS: u32 = 3;
/// How long RDS may refuse to start the task before an alert is raised: ticks come every ten minutes,
/// so the third one raises it.
const REFUSAL_PATIENCE: SignedDuration = SignedDuration::from_mins(20);
/// The same while exports of the deployment's other databases run: their ends are near, and no person has to act.
const TURN_PATIENCE: SignedDuration = SignedDuration::from_hours(2);
/// How long after the end of its task an export without any manifest counts as one whose objects were
/// removed. Whether RDS writes the manifests before it reports COMPLETE is not documented.
const MANIFEST_PATIENCE: SignedDuration = SignedDuration::from_hours(1);
/// The storage type of magnetic storage, as RDS writes it.
const MAGNETIC: &str = "standard";

/// Runs one tick. Idempotent: the snapshot is recorded before the task is started, and the task is
/// named after its day and attempt, so it starts once.
///
/// # Errors
/// Any RDS or S3 error; [`ErrorKind::Corrupt`] for a broken manifest; [`ErrorKind::Held`] when
/// every attempt failed.
pub async fn tick(context: &Context, tick: Tick) -> Result<TickOutcome> {
    let day = context.calendar.day_of(tick.now);
    let requests = Requests::read(context).await?;
    let mut outcome = tick_day(context, &requests, day, tick).await;
    for other in requests.open_days(day, day) {
        let redone = again::export_again(context, &requests, other, tick).await;
        if let Some(redone) = redone.transpose() {
            outcome = redo::join(outcome, other, redone);
        }
    }
    outcome
}

async fn tick_day(
    context: &Context,
    requests: &Requests,
    day: Day,
    tick: Tick,
) -> Result<TickOutcome> {
    let ledger = context.ledger(day);
    let record = ledger.get(&EXPORT).await?;
    let is_complete = record.as_ref().is_some_and(|it| it.value.complete);
    let is_requested = |before| requests.open_days(day, day).contains(&before);
    let earlier = match day.before() {
        _ if is_complete => None,
        // The request continues it.
        Some(before) if is_requested(before) => None,
        _ => follow_day_before(context, day, tick).await?,
    };
    // Also for a day whose attempts have all failed: the request gives it new ones. A day without a record
    // has nothing that can be exported again.
    let requested = match &record {
        Some(_) => again::export_again(context, requests, day, tick).await?,
        None => None,
    };
    let mut outcome = match (requested, record) {
        (Some(outcome), _) => outcome,
        (None, Some(record)) if record.value.complete => {
            let message = format!("{} is complete", record.value.export);
            TickOutcome::new(Progress::Done, message)
        }
        (None, record) => export_day(context, &ledger, day, tick, record).await?,
    };
    if let Some(earlier) = earlier {
        outcome.message = format!("{}; {earlier}", outcome.message);
    }
    Ok(outcome)
}

/// Follows the task of the day before if it was still running at that day's last tick. It starts no
/// task: the data of a new one would be as late as today's. Its problems are those of that day and do
/// not stop today's export.
async fn follow_day_before(context: &Context, day: Day, tick: Tick) -> Result<Option<String>> {
    let Some(before) = day.before() else { return Ok(None) };
    let ledger = context.ledger(before);
    let Some(record) = ledger.get(&EXPORT).await? else { return Ok(None) };
    if record.value.complete {
        return Ok(None);
    }
    match follow(context, &ledger, before, record).await {
        Ok(message) => Ok(message),
        Err(error) => {
            tracing::warn!(kind = error.kind().name(), "{}", error.sentence());
            if !error.kind().is_transient() {
                alert::raise(&ledger, &Problem::from(&error), &Subject::new("export"), tick.now)
                    .await?;
            }
            Ok(None)
        }
    }
}

async fn follow(
    context: &Context,
    ledger: &DayLedger,
    day: Day,
    record: Recorded<ExportRecord>,
) -> Result<Option<String>> {
    let id = ExportId::new(record.value.export.clone())?;
    let Some(task) = context.aws.rds.export_task(&id).await? else { return Ok(None) };
    check_source(&task, &record.value)?;
    match task.status {
        ExportStatus::Running | ExportStatus::Unknown => {
            Ok(Some(format!("{id} is at {} %", task.progress)))
        }
        ExportStatus::Complete => {
            let manifest = read_manifests(context, &task.id).await?;
            let manifest = manifest.ok_or_else(|| no_manifest(context, &task.id))?;
            let done = complete_export(ledger, day, (&task, manifest), record).await?;
            Ok(Some(done.message))
        }
        ExportStatus::Failed | ExportStatus::Canceled => Ok(None),
    }
}

/// Starts or follows the day's task.
async fn export_day(
    context: &Context,
    ledger: &DayLedger,
    day: Day,
    tick: Tick,
    record: Option<Recorded<ExportRecord>>,
) -> Result<TickOutcome> {
    let hour = context.calendar.export_hour(day);
    if tick.now < hour.start() {
        return Ok(TickOutcome::new(
            Progress::Idle,
            format!("the export of {day} begins at {}", hour.start()),
        ));
    }
    let mut current = match record {
        Some(record) => record,
        None => match choice::choose(context, ledger, day, tick).await? {
            Choice::Made(record) => *record,
            Choice::Wait(why) => return Ok(TickOutcome::new(Progress::Waiting, why)),
        },
    };
    loop {
        let id = ExportId::for_day(&context.config.source.name, day, current.value.attempt)?;
        let Some(task) = context.aws.rds.export_task(&id).await? else {
            return start_export(context, ledger, tick, &id, current).await;
        };
        check_source(&task, &current.value)?;
        match task.status {
            ExportStatus::Running => {
                let message = format!("{id} is at {} %", task.progress);
                return Ok(TickOutcome::new(Progress::Waiting, message));
            }
            ExportStatus::Unknown => {
                let message = format!("{id} has the unknown status {}", task.status_text);
                return Ok(TickOutcome::new(Progress::Waiting, message));
            }
            ExportStatus::Complete => {
                if let Some(manifest) = read_manifests(context, &task.id).await? {
                    return complete_export(ledger, day, (&task, manifest), current).await;
                }
                let is_old = |ended| tick.now.duration_since(ended) > MANIFEST_PATIENCE;
                if !task.ended.is_some_and(is_old) {
                    return Err(no_manifest(context, &task.id));
                }
                // The life cycle of the bucket or a person removed the objects. The export can only be
                // made again.
                let why = "it is complete, and its objects are not in the bucket any more";
                current =
                    next_attempt(context, ledger, day, tick, (&task.id, why), current).await?;
            }
            ExportStatus::Failed | ExportStatus::Canceled => {
                let why = task.failure.clone().unwrap_or_else(|| format!("{:?}", task.status));
                current =
                    next_attempt(context, ledger, day, tick, (&task.id, &why), current).await?;
            }
        }
    }
}

/// Checks that a task exports the snapshot that was recorded for its day.
fn check_source(task: &ExportTask, record: &ExportRecord) -> Result<()> {
    if task.source_arn.ends_with(&format!("snapshot:{}", record.snapshot)) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Conflict,
        "an export task with the day's id reads a different snapshot",
        format!("{} reads {}, not {}", task.id, task.source_arn, record.snapshot),
    ))
}

/// Whether an export is of the day that is due; the export of another day was requested.
fn is_today(
    context: &Context,
    id: &ExportId,
    record: &Recorded<ExportRecord>,
    tick: Tick,
) -> Result<bool> {
    let day = context.calendar.day_of(tick.now);
    Ok(*id == ExportId::for_day(&context.config.source.name, day, record.value.attempt)?)
}

/// Starts the export task of the recorded snapshot.
async fn start_export(
    context: &Context,
    ledger: &DayLedger,
    tick: Tick,
    id: &ExportId,
    record: Recorded<ExportRecord>,
) -> Result<TickOutcome> {
    let snapshot = &record.value.snapshot;
    let waiting = |why: &str| Ok(TickOutcome::new(Progress::Waiting, format!("{snapshot} {why}")));
    let Some(state) = context.aws.rds.snapshot(snapshot).await? else {
        let what = "the snapshot that was chosen for the day does not exist any more";
        let place = ledger.location(EXPORT.path());
        let context =
            format!("{snapshot}; delete {place}, and the next tick chooses another snapshot");
        let problem = Problem::new(ErrorKind::NotFound, what, context);
        let subject = Subject::of_redo("", record.value.redo);
        alert::raise(ledger, &problem, &subject, tick.now).await?;
        return waiting("does not exist any more");
    };
    if state.status != "available" {
        return waiting(&format!("is {}", state.status));
    }
    // AWS documentation, "Exporting DB snapshot data to Amazon S3": magnetic storage is not
    // supported. Which error RDS returns is not documented.
    if state.storage_type == MAGNETIC {
        return Err(Error::new(
            ErrorKind::Config,
            "RDS cannot export a database with magnetic storage",
            format!("{snapshot}: change the storage type of {} to gp3", context.config.source.id),
        ));
    }
    let turn = turn::look(context, tick, is_today(context, id, &record, tick)?).await?;
    if !turn.before.is_empty() {
        record_wait(ledger, &record, &turn.before, tick).await?;
        return waiting(&turn.sentence());
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
        // Another task reads the snapshot, or too many tasks are running: usually both end.
        Err(error) if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Quota) => {
            let ends_soon = error.kind() == ErrorKind::Quota && turn.shared;
            let patience = if ends_soon { TURN_PATIENCE } else { REFUSAL_PATIENCE };
            report_refusal(ledger, &record, &error, (tick, patience)).await?;
            return waiting(&format!("cannot be exported now ({error})"));
        }
        Err(error) => return Err(error),
    }
    tracing::info!(export = id.as_str(), snapshot, "export started");
    Ok(TickOutcome::new(Progress::Partial, format!("{id} started")))
}

/// Records since when the task waits and for which databases, if that is not recorded yet. If another tick was
/// faster, its record counts.
async fn record_wait(
    ledger: &DayLedger,
    record: &Recorded<ExportRecord>,
    waits_for: &[String],
    tick: Tick,
) -> Result<()> {
    if record.value.refused_since.is_some() && record.value.waits_for == waits_for {
        return Ok(());
    }
    let waiting = ExportRecord {
        refused_since: record.value.refused_since.or(Some(tick.now)),
        waits_for: waits_for.to_vec(),
        ..record.value.clone()
    };
    ledger.replace(&EXPORT, &record.etag, &waiting).await?;
    Ok(())
}

/// Records when RDS first refused to start the task, and raises an alert with the reason when its
/// patience ends: at the third tick, later while exports of other databases of the deployment run.
async fn report_refusal(
    ledger: &DayLedger,
    record: &Recorded<ExportRecord>,
    error: &Error,
    (tick, patience): (Tick, SignedDuration),
) -> Result<()> {
    record_wait(ledger, record, &[], tick).await?;
    let Some(since) = record.value.refused_since else { return Ok(()) };
    if tick.now.duration_since(since) < patience {
        return Ok(());
    }
    let what = "RDS refuses to start the day's export";
    let problem = Problem::new(error.kind(), what, format!("since {since}: {error}"));
    let subject = Subject::of_redo("", record.value.redo);
    alert::raise(ledger, &problem, &subject, tick.now).await
}

/// Records a failed attempt and moves on to the next one.
async fn next_attempt(
    context: &Context,
    ledger: &DayLedger,
    day: Day,
    tick: Tick,
    (task, why): (&str, &str),
    current: Recorded<ExportRecord>,
) -> Result<Recorded<ExportRecord>> {
    let failed =
        Error::new(ErrorKind::Transient, "an export task failed", format!("{task}: {why}"));
    alert::raise(ledger, &Problem::from(&failed), &Subject::new(task), tick.now).await?;
    if current.value.attempt + 1 >= current.value.first_attempt + MAX_ATTEMPTS {
        return Err(Error::new(
            ErrorKind::Held,
            "every attempt to export the day failed",
            format!("{day}, {MAX_ATTEMPTS} attempts, last {task}: {why}"),
        ));
    }
    let mut next = current.value;
    next.attempt += 1;
    next.refused_since = None;
    next.waits_for.clear();
    next.failures.push(format!("{task}: {why}"));
    next.export = ExportId::for_day(&context.config.source.name, day, next.attempt)?.to_string();
    if ledger.replace(&EXPORT, &current.etag, &next).await? == Written::Overtaken {
        tracing::info!(export = task, "another tick recorded the failed attempt first");
    }
    ledger.get(&EXPORT).await?.ok_or_else(|| {
        Error::new(ErrorKind::Corrupt, "the record of the export disappeared", day.to_string())
    })
}

/// Records the manifests, then the task as complete.
async fn complete_export(
    ledger: &DayLedger,
    day: Day,
    (task, manifest): (&ExportTask, ManifestRecord),
    current: Recorded<ExportRecord>,
) -> Result<TickOutcome> {
    let recorded = ledger.create_or_get(&MANIFEST, &manifest).await?;
    if recorded.value.root != manifest.root {
        // A tick that ended before it recorded its export as complete; the objects are gone since.
        ledger.replace(&MANIFEST, &recorded.etag, &manifest).await?;
    }
    // A table that the manifests name as skipped has an alert of its own.
    let warning = task.warning.as_ref().and_then(|it| beyond_manifests(it, &manifest.tables));
    if let Some(warning) = &warning {
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
        before: None,
        ..current.value
    };
    ledger.replace(&EXPORT, &current.etag, &done).await?;
    tracing::info!(export = task.id, tables, "export complete");
    Ok(TickOutcome::new(Progress::Done, format!("{} is complete", task.id)))
}

/// Where the objects of an export are: `<prefix>/<export-id>/`.
fn root_of(context: &Context, export: &str) -> String {
    below(&context.config.export.prefix, &format!("{export}/"))
}

fn no_manifest(context: &Context, export: &str) -> Error {
    let (bucket, root) = (&context.config.export.bucket, root_of(context, export));
    Error::new(
        ErrorKind::Corrupt,
        "a complete export has no manifest of its tables",
        format!("s3://{bucket}/{root}export_tables_info_*.json"),
    )
}

/// Reads the manifests of a complete export; `None` if there is none.
async fn read_manifests(context: &Context, export: &str) -> Result<Option<ManifestRecord>> {
    let settings = &context.config.export;
    let root = root_of(context, export);
    let s3 = &context.aws.s3;
    // Only the files directly in the folder: there may be millions below its tables.
    let listed = s3.list(&settings.bucket, &format!("{root}export_")).await?;
    if listed.is_empty() {
        return Ok(None);
    }
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
        return Err(no_manifest(context, export));
    }
    Ok(Some(ManifestRecord { root, tables }))
}
