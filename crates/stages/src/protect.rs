//! The protection pass: the deployed contract in force on every table of the source.
//!
//! A placeholder with the signature of the stage, so that the function, its role and its schedule
//! can be deployed and tested. The branch `integration` replaces this file.

use landbridge_core::Result;

use crate::{Context, Progress, Tick, TickOutcome};

/// Does nothing yet.
///
/// # Errors
/// None.
#[allow(clippy::unused_async)] // the stage that replaces it calls the clouds
pub async fn tick(_context: &Context, _tick: Tick) -> Result<TickOutcome> {
    Ok(TickOutcome::new(Progress::Idle, "the protection pass is not implemented"))
}
