//! The stages of a day. A start of a stage is a **tick**: look at what is
//! recorded and what the clouds say, do what can be done now, record it, stop.
//! A tick may come late, twice, together with another, or after a crash: the
//! outcome is the same.
//!
//! | module | what |
//! |---|---|
//! | [`context`] | what every tick is given: configuration, contract, clients, time |
//! | [`ledger`] | what is recorded, in S3, with conditional writes |
//! | [`records`] | what the records hold |
//! | [`alert`] | one line at `error` per change of state |
//! | [`snapshot`] | this hour's snapshot, and thinning |
//! | [`export`] | the day's export task and its manifests |
//! | [`transfer`] | the plan, and its objects from S3 to Cloud Storage |
//! | [`load`] | tables, tags, rows, receipts |
//! | [`lambda`] | a stage as a Lambda function |

pub mod alert;
pub mod context;
pub mod export;
pub mod lambda;
pub mod ledger;
pub mod load;
pub mod records;
pub mod snapshot;
pub mod transfer;

pub use context::{Context, Tick};
pub use ledger::Ledger;

use serde::{Deserialize, Serialize};

/// What a tick came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TickOutcome {
    /// How far the stage is.
    pub progress: Progress,
    /// One line for people.
    pub message: String,
}

/// How far a stage is with its day or hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// It is not this stage's time, or there is nothing to do.
    Idle,
    /// Something else must happen first.
    Waiting,
    /// Work was done, and more is left for the next tick.
    Partial,
    /// The stage is finished.
    Done,
}

impl TickOutcome {
    /// An outcome.
    pub fn new(progress: Progress, message: impl Into<String>) -> Self {
        Self { progress, message: message.into() }
    }
}
