//! Transfers the day's export to Cloud Storage.

// The futures of the cloud clients are deeply nested types.
#![recursion_limit = "256"]

use landbridge_stages::lambda::{Files, RuntimeError, run};

#[tokio::main]
async fn main() -> Result<(), RuntimeError> {
    run("transfer", Files::Both, landbridge_stages::transfer::tick).await
}
