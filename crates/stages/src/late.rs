//! Days that end late. An export can end after the last tick of its day; the ticks of the next day
//! then continue the older day, until it is published or the newer day's export is complete.

use landbridge_core::Result;
use landbridge_core::calendar::Day;
use landbridge_ledger::records::{DAY, EXPORT};

use crate::Context;

/// The day on which a tick of the transfer or the load stage works: `today`, or the day before if its
/// export is complete, no record says how it ended, and today's export is not complete yet.
///
/// Today's data supersedes that of the day before, so a tick never works on both: what the day before
/// lacks is then loaded with today's rows. Which of two days may write a table is decided by the
/// table's claim, not here.
///
/// # Errors
/// Any ledger error.
pub(crate) async fn open_day(context: &Context, today: Day) -> Result<Day> {
    if is_exported(context, today).await? {
        return Ok(today);
    }
    let Some(before) = today.before() else { return Ok(today) };
    let is_open =
        is_exported(context, before).await? && context.ledger(before).value(&DAY).await?.is_none();
    Ok(if is_open { before } else { today })
}

/// Whether the export of a day is complete.
async fn is_exported(context: &Context, day: Day) -> Result<bool> {
    let record = context.ledger(day).value(&EXPORT).await?;
    Ok(record.is_some_and(|record| record.complete))
}
