//! Exports the day's snapshot.

// The futures of the cloud clients are deeply nested types.
#![recursion_limit = "256"]

#[tokio::main]
async fn main() -> Result<(), landbridge_stages::lambda::RuntimeError> {
    landbridge_stages::lambda::run("export", landbridge_stages::export::tick).await
}
