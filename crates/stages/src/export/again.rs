//! Another export of a day that has one, which an operator requested: `landbridge redo --export`.

use landbridge_core::calendar::Day;
use landbridge_core::ids::ExportId;
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_ledger::records::{EXPORT, ExportRecord};
use landbridge_ledger::{DayLedger, Recorded};

use super::export_day;
use crate::redo::{self, Requests};
use crate::{Context, Progress, Tick, TickOutcome};

/// Starts or follows the export that was requested for `day`, of the snapshot that the day has. `None`:
/// none is requested, or it is complete.
///
/// Idempotent: the attempt is recorded before its task is started, and the task is named after it. If it
/// cannot be made, the request is refused, and what the day has counts on.
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
    let next = next_record(context, day, &record.value, wanted)?;
    let task = context.aws.rds.export_task(&ExportId::new(next.export.clone())?).await?;
    if task.is_none() && context.aws.rds.snapshot(&next.snapshot).await?.is_none() {
        let why = format!("its snapshot {} does not exist any more", next.snapshot);
        return refuse(context, &ledger, day, tick, &why).await;
    }
    let record = begin(&ledger, record, next).await?;
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
    // An attempt that has not succeeded yet is continued, with new attempts after it.
    let attempt = record.attempt + u32::from(record.complete);
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

async fn refuse(
    context: &Context,
    ledger: &DayLedger,
    day: Day,
    tick: Tick,
    why: &str,
) -> Result<Option<TickOutcome>> {
    redo::refuse(context, ledger, day, tick, why).await?;
    let message = format!("the redo of {day} is refused: {why}");
    Ok(Some(TickOutcome::new(Progress::Done, message)))
}
