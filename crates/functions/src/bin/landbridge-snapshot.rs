//! Creates this hour's snapshot and deletes expired ones.

// The futures of the cloud clients are deeply nested types.
#![recursion_limit = "256"]

use landbridge_stages::lambda::{Files, RuntimeError, run};

#[tokio::main]
async fn main() -> Result<(), RuntimeError> {
    run("snapshot", Files::Configuration, landbridge_stages::snapshot::tick).await
}
