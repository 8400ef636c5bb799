//! Exports the day's snapshot.

// The futures of the cloud clients are deeply nested types.
#![recursion_limit = "256"]

use landbridge_stages::lambda::{Files, RuntimeError, run};

#[tokio::main]
async fn main() -> Result<(), RuntimeError> {
    run("export", Files::Configuration, landbridge_stages::export::tick).await
}
