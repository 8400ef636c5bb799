//! Exports the day's snapshot.

// The futures of the clients are deep.
#![recursion_limit = "256"]

#[tokio::main]
async fn main() -> Result<(), landbridge_stages::lambda::RuntimeError> {
    landbridge_stages::lambda::run("export", landbridge_stages::export::tick).await
}
