//! Carries the objects that messages of the queue name (`transfer.fan_out`).

// The futures of the cloud clients are deeply nested types.
#![recursion_limit = "256"]

use landbridge_stages::lambda::{RuntimeError, run_worker};

#[tokio::main]
async fn main() -> Result<(), RuntimeError> {
    run_worker("transfer-item").await
}
