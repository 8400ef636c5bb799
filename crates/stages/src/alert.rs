//! Alerts: one line at `error` per change of state, not per event. The same
//! trouble of the same table on the same day is one alert, however many ticks
//! meet it.

use jiff::Timestamp;
use landbridge_core::Result;
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
    tracing::error!(
        alert = fingerprint,
        kind = problem.kind,
        table,
        context = problem.context,
        action = problem.action,
        "{}",
        problem.what
    );
    let alert = Alert { problem: problem.clone(), table: table.to_owned(), raised_at: now };
    ledger.create(&name, &alert).await.map(|_| ())
}
