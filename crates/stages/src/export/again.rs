//! Another export of a day that has one, which an operator requested: `landbridge redo --export`.

use landbridge_core::calendar::Day;
use landbridge_core::ids::ExportId;
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_ledger::records::{EXPORT, ExportRecord, RefusedExport};
use landbridge_ledger::{DayLedger, Recorded, Written};

use super::export_day;
use crate::redo::{self, Requests};
use crate::{Context, Progress, Tick, TickOutcome};

/// Starts or follows the export that was requested for `day`, of the snapshot that the day has. `None`:
/// none is requested, or it is complete.
///
/// Idempotent: the attempt is recorded before its task is started, and the task is named after it. If it
/// cannot be made, the request is refused, and the export that the day had counts again.
///
/// # Errors
/// Any RDS, S3 or ledger error.
pub(super) async fn export_again(
    context: &Context,
    requests: &Requests,
    day: Day,
    tick: Tick,
) -> Result<Option<TickOutcome>> {
    let context = &*requests.context_of(context, day).await?;
    let wanted = context.redo.export();
    if wanted == 0 {
        return Ok(None);
    }
    let ledger = context.ledger(day);
    let Some(record) = ledger.get(&EXPORT).await? else {
        return refuse(context, &ledger, day, tick, "it was never exported").await;
    };
    if record.value.complete && record.value.redo >= wanted {
        return Ok(None);
    }
    if let Some(refused) = &record.value.refused
        && refused.redo >= wanted
    {
        // The tick that refused the request ended before it recorded the end of it.
        return refuse(context, &ledger, day, tick, &refused.why).await;
    }
    let next = next_record(context, day, &record.value, wanted)?;
    let task = context.aws.rds.export_task(&ExportId::new(next.export.clone())?).await?;
    if task.is_none() && context.aws.rds.snapshot(&next.snapshot).await?.is_none() {
        let why = format!("its snapshot {} does not exist any more", next.snapshot);
        return refuse(context, &ledger, day, tick, &why).await;
    }
    let record = begin(&ledger, record, next).await?;
    if record.value.complete {
        return Ok(Some(overtaken(day)));
    }
    match Box::pin(export_day(context, &ledger, day, tick, Some(record))).await {
        Ok(outcome) => Ok(Some(outcome)),
        Err(error) if error.kind() == ErrorKind::Held => {
            refuse(context, &ledger, day, tick, &error.to_string()).await
        }
        Err(error) => Err(error),
    }
}

/// The record with which the request begins, or the one that it has.
fn next_record(
    context: &Context,
    day: Day,
    record: &ExportRecord,
    wanted: u32,
) -> Result<ExportRecord> {
    if record.redo >= wanted {
        return Ok(record.clone());
    }
    let (attempt, before) = if record.complete {
        // The attempts of a refused request have failed, and their tasks keep their ids.
        let refused = record.refused.as_ref().map_or(0, |it| it.attempt);
        (record.attempt.max(refused) + 1, Some(Box::new(record.clone())))
    } else {
        // An attempt that has not succeeded yet is continued, with new attempts after it.
        (record.attempt, record.before.clone())
    };
    Ok(ExportRecord {
        attempt,
        export: ExportId::for_day(&context.config.source.name, day, attempt)?.to_string(),
        complete: false,
        warning: None,
        started_at: None,
        ended_at: None,
        refused_since: None,
        waits_for: Vec::new(),
        redo: wanted,
        first_attempt: attempt,
        before,
        refused: None,
        ..record.clone()
    })
}

/// Records the attempt; if another tick was faster, its record counts.
async fn begin(
    ledger: &DayLedger,
    record: Recorded<ExportRecord>,
    next: ExportRecord,
) -> Result<Recorded<ExportRecord>> {
    if record.value == next {
        return Ok(record);
    }
    ledger.replace(&EXPORT, &record.etag, &next).await?;
    ledger.get(&EXPORT).await?.ok_or_else(|| {
        Error::new(ErrorKind::Corrupt, "the record of the export disappeared", EXPORT.path())
    })
}

/// Refuses the request. The export that the day had is put back before the end of the request is recorded: a
/// tick after a crash in between finds the refusal in the record, and starts no new attempts.
async fn refuse(
    context: &Context,
    ledger: &DayLedger,
    day: Day,
    tick: Tick,
    why: &str,
) -> Result<Option<TickOutcome>> {
    if !put_back(ledger, context.redo.export(), why).await? {
        return Ok(Some(overtaken(day)));
    }
    redo::refuse(context, ledger, day, tick, why).await?;
    let message = format!("the redo of {day} is refused: {why}");
    Ok(Some(TickOutcome::new(Progress::Done, message)))
}

/// Makes the complete export count again that the day had before the request `wanted`, if it had one. `false`:
/// another tick has changed the record, and the next tick decides.
async fn put_back(ledger: &DayLedger, wanted: u32, why: &str) -> Result<bool> {
    let Some(record) = ledger.get(&EXPORT).await? else { return Ok(true) };
    let current = record.value;
    if current.complete {
        // Not begun, or put back already; otherwise another tick has found it complete.
        return Ok(current.redo < wanted);
    }
    if current.redo > wanted {
        // A newer request continues the attempts.
        return Ok(false);
    }
    let Some(before) = current.before else { return Ok(true) };
    let refused = RefusedExport { redo: wanted, attempt: current.attempt, why: why.to_owned() };
    let complete = ExportRecord { refused: Some(refused), ..*before };
    Ok(ledger.replace(&EXPORT, &record.etag, &complete).await? == Written::Yes)
}

fn overtaken(day: Day) -> TickOutcome {
    let message = format!("another tick changed the record of the export of {day}");
    TickOutcome::new(Progress::Partial, message)
}
