//! Alerts: one line at `error` per change of state, not per event.
//!
//! A trouble is told once a day, however many ticks meet it: it waits for
//! somebody, and tomorrow it is a day older. A notice stops nothing, so it is
//! told when it appears and not again while it stays the same.

use jiff::Timestamp;
use landbridge_core::Result;
use landbridge_core::calendar::Day;
use landbridge_core::ids::short_hash;
use landbridge_core::plan::Problem;
use serde::{Deserialize, Serialize};

use crate::Ledger;

/// An alert that was raised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The trouble.
    pub problem: Problem,
    /// The table, or empty.
    pub table: String,
    /// The tick that raised it.
    pub raised_at: Timestamp,
}

/// A notice that was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What it says.
    pub problem: Problem,
    /// The day it was told.
    pub told: Day,
    /// The newest day it held on.
    pub last: Day,
}

/// Tells a notice on the first day that it holds; `key` is what makes it the same
/// tomorrow, so it names no day and no export.
///
/// # Errors
/// Those of the ledger.
pub async fn notice(ledger: &Ledger, problem: &Problem, key: &str, day: Day) -> Result<()> {
    let fingerprint = short_hash(&format!("{}\n{key}", problem.what));
    let name = format!("notices/{fingerprint}.json");
    let there = ledger.get_of_source::<Notice>(&name).await?;
    let told = match &there {
        Some(there) if there.value.last >= day => return Ok(()),
        Some(there) if there.value.last.date().tomorrow().is_ok_and(|next| next >= day.date()) => {
            there.value.told
        }
        _ => {
            say(&fingerprint, problem, "");
            day
        }
    };
    let notice = Notice { problem: problem.clone(), told, last: day };
    match there {
        Some(there) => ledger.replace_of_source(&name, &there.etag, &notice).await,
        None => ledger.create_of_source(&name, &notice).await,
    }
    .map(|_| ())
}

fn say(fingerprint: &str, problem: &Problem, table: &str) {
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

/// Raises an alert unless it was raised already today.
///
/// The line is written before the record: a crash in between repeats the
/// alert rather than losing it.
///
/// # Errors
/// Those of the ledger.
pub async fn raise(ledger: &Ledger, problem: &Problem, table: &str, now: Timestamp) -> Result<()> {
    let fingerprint = short_hash(&format!("{}\n{}\n{table}", problem.kind, problem.what));
    let name = format!("alerts/{fingerprint}.json");
    if ledger.get::<Alert>(&name).await?.is_some() {
        return Ok(());
    }
    say(&fingerprint, problem, table);
    let alert = Alert { problem: problem.clone(), table: table.to_owned(), raised_at: now };
    ledger.create(&name, &alert).await.map(|_| ())
}
