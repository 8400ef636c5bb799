//! Applies the deployed contract to the policy tags of all tables, round the clock.

// The futures of the cloud clients are deeply nested types.
#![recursion_limit = "256"]

use landbridge_stages::lambda::{Files, RuntimeError, run};

#[tokio::main]
async fn main() -> Result<(), RuntimeError> {
    run("protect", Files::Both, landbridge_stages::protect::tick).await
}
