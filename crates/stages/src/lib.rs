//! The stages of a day. One run of a stage is a **tick**: it reads the ledger and the state of
//! the clouds, does what can be done now, records it, and stops. A tick may come late, twice, at
//! the same time as another, or after a crash: the outcome is the same.
//!
//! | module | responsibility |
//! |---|---|
//! | [`snapshot`] | the hour's snapshot, and deleting old ones |
//! | [`export`] | the day's export task and its manifests |
//! | [`transfer`] | the day's plan, and its objects from S3 to Cloud Storage |
//! | [`load`] | tables, policy tags, rows, receipts |
//! | [`protect`] | policy tags that follow the deployed contract, at any hour |
//! | [`views`] | friendly views of the tables |
//! | [`notify`] | incidents, and messages about them |
//! | [`lambda`] | a stage as a Lambda function |
//! | `context` | configuration, contract, clients and time of a tick |
//! | [`deployment`] | which of two contracts is newer |
//! | `late` | days that end after their last tick |
//! | `plan` | the plan of a table: the records of its objects, its next revision, its fingerprint |
//! | `audits` | why a table is held whose audits cannot be made |
//! | `redo` | days that an operator requested again |
//! | `unchanged` | which tables keep the rows of an earlier day |
//! | `delta` | of which tables only the rows that changed are transferred |
//! | `time_travel` | how long former rows of a table can be read |
//! | `alert` | alerts and notices |

mod alert;
mod audits;
mod context;
mod delta;
pub mod deployment;
pub mod export;
pub mod lambda;
mod late;
pub mod load;
pub mod notify;
mod plan;
pub mod protect;
mod redo;
pub mod snapshot;
mod time_travel;
pub mod transfer;
mod unchanged;
mod view_writer;
pub mod views;

pub use context::{Context, Tick};

use serde::{Deserialize, Serialize};

/// The outcome of a tick.
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
    /// There is nothing to do at this time.
    Idle,
    /// The stage waits for another stage or for a cloud.
    Waiting,
    /// Work was done, and the next tick has more to do.
    Partial,
    /// The stage is finished.
    Done,
}

impl TickOutcome {
    pub(crate) fn new(progress: Progress, message: impl Into<String>) -> Self {
        Self { progress, message: message.into() }
    }
}
