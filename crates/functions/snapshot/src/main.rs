//! Makes this hour's snapshot and thins old ones.

// The futures of the clients are deep.
#![recursion_limit = "256"]

#[tokio::main]
async fn main() -> Result<(), landbridge_stages::lambda::RuntimeError> {
    landbridge_stages::lambda::run("snapshot", landbridge_stages::snapshot::tick).await
}
