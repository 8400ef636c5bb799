//! Exports the day's snapshot.

#[tokio::main]
async fn main() -> Result<(), landbridge_stages::lambda::RuntimeError> {
    landbridge_stages::lambda::run("export", landbridge_stages::export::tick).await
}
