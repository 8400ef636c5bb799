//! Objects that workers have (`transfer.fan_out`), for `landbridge status`.

use jiff::Timestamp;
use landbridge_core::calendar::Day;
use landbridge_ledger::Ledger;
use landbridge_ledger::records::HANDED;
use serde::Serialize;

use super::{RestoreContext, points};
use crate::failure::Result;
use crate::render::{counted, grouped};

/// What workers have of a day.
#[derive(Serialize)]
pub(super) struct Workers {
    day: Day,
    /// Objects that were handed over and not recorded, when the transfer last looked.
    left: u64,
    /// Messages that were sent, in all.
    sent: u64,
    sent_at: Timestamp,
}

/// What workers have of a day; `None` if they have nothing.
pub(super) async fn read(ledger: &Ledger, day: Day) -> Result<Option<Workers>> {
    let handed = ledger.day(day).value(&HANDED).await?.filter(|it| it.left > 0);
    let workers =
        handed.map(|it| Workers { day, left: it.left, sent: it.sent, sent_at: it.sent_at });
    Ok(workers)
}

/// `  workers         3 objects are with workers, of 2026-11-21; the last message was sent …`.
pub(super) fn line(context: &RestoreContext, workers: &Workers, now: Timestamp) -> String {
    let Workers { day, left, sent, sent_at } = workers;
    let left = usize::try_from(*left).unwrap_or(usize::MAX);
    let are = if left == 1 { "is" } else { "are" };
    format!(
        "  workers         {} {are} with workers, of {day}; {} messages sent, the last one {} ({})\n",
        counted(left, "object"),
        grouped(*sent),
        context.local(*sent_at),
        points::age(now, *sent_at)
    )
}
