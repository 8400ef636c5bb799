//! Creates this hour's snapshot and deletes expired ones.

// The futures of the cloud clients are deeply nested types.
#![recursion_limit = "256"]

#[tokio::main]
async fn main() -> Result<(), landbridge_stages::lambda::RuntimeError> {
    landbridge_stages::lambda::run("snapshot", landbridge_stages::snapshot::tick).await
}
