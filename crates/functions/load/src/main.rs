//! Loads the day's tables and writes their receipts.

// The futures of the cloud clients are deeply nested types.
#![recursion_limit = "256"]

#[tokio::main]
async fn main() -> Result<(), landbridge_stages::lambda::RuntimeError> {
    landbridge_stages::lambda::run("load", landbridge_stages::load::tick).await
}
