//! Makes this hour's snapshot and thins old ones.

#[tokio::main]
async fn main() -> Result<(), landbridge_stages::lambda::RuntimeError> {
    landbridge_stages::lambda::run("snapshot", landbridge_stages::snapshot::tick).await
}
