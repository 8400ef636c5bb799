//! Loads the day's tables and writes their receipts.

// The futures of the cloud clients are deeply nested types.
#![recursion_limit = "256"]

use landbridge_stages::lambda::{Files, RuntimeError, run};

#[tokio::main]
async fn main() -> Result<(), RuntimeError> {
    run("load", Files::Both, landbridge_stages::load::tick).await
}
