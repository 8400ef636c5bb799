//! Alerts: one log line at `error` per change of state, not per event.
//!
//! An alert about a problem is raised once a day, however many ticks meet it, because a person
//! must act. A notice stops nothing, so it is reported when it first applies and not again while
//! it stays the same.

use jiff::Timestamp;
use landbridge_core::Result;
use landbridge_core::calendar::Day;
use landbridge_core::ids::short_hash;
use landbridge_core::plan::Problem;
use landbridge_ledger::records::{self, Alert, Notice};
use landbridge_ledger::{DayLedger, SourceLedger};

/// Reports a notice on the first day that it applies. `key` identifies the notice across days,
/// so it contains no day and no export id.
///
/// # Errors
/// Any ledger error.
pub(crate) async fn notice(
    ledger: &SourceLedger,
    problem: &Problem,
    key: &str,
    day: Day,
) -> Result<()> {
    let fingerprint = short_hash(&format!("{}\n{key}", problem.what));
    let name = records::notice(&fingerprint);
    let earlier = ledger.get(&name).await?;
    let reported = match &earlier {
        Some(earlier) if earlier.value.last >= day => return Ok(()),
        Some(earlier) if is_consecutive(earlier.value.last, day) => earlier.value.reported,
        _ => {
            log(&fingerprint, problem, "");
            day
        }
    };
    let notice = Notice { problem: problem.clone(), reported, last: day };
    match earlier {
        Some(earlier) => ledger.replace(&name, &earlier.etag, &notice).await,
        None => ledger.create(&name, &notice).await,
    }
    .map(|_| ())
}

/// Whether the notice applied without a gap: `day` is at most the day after `last`.
fn is_consecutive(last: Day, day: Day) -> bool {
    last.date().tomorrow().is_ok_and(|next| next >= day.date())
}

/// Raises an alert unless it was raised today already.
///
/// The line is written before the record, so a crash in between repeats the alert rather than
/// losing it.
///
/// # Errors
/// Any ledger error.
pub(crate) async fn raise(
    ledger: &DayLedger,
    problem: &Problem,
    table: &str,
    now: Timestamp,
) -> Result<()> {
    let fingerprint = short_hash(&format!("{}\n{}\n{table}", problem.kind, problem.what));
    let name = records::alert(&fingerprint);
    if ledger.get(&name).await?.is_some() {
        return Ok(());
    }
    log(&fingerprint, problem, table);
    let alert = Alert { problem: problem.clone(), table: table.to_owned(), raised_at: now };
    ledger.create(&name, &alert).await.map(|_| ())
}

fn log(fingerprint: &str, problem: &Problem, table: &str) {
    tracing::error!(
        alert = fingerprint,
        kind = problem.kind,
        table,
        context = problem.context,
        action = problem.action,
        "{}",
        problem.what
    );
}
