//! Sends messages about incidents, and a line a day.

// The futures of the cloud clients are deeply nested types.
#![recursion_limit = "256"]

use landbridge_stages::lambda::{Files, RuntimeError, run};

#[tokio::main]
async fn main() -> Result<(), RuntimeError> {
    run("notify", Files::Configuration, landbridge_stages::notify::tick).await
}
