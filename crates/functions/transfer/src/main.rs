//! Transfers the day's export to Cloud Storage.

// The futures of the cloud clients are deeply nested types.
#![recursion_limit = "256"]

#[tokio::main]
async fn main() -> Result<(), landbridge_stages::lambda::RuntimeError> {
    landbridge_stages::lambda::run("transfer", landbridge_stages::transfer::tick).await
}
