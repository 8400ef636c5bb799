//! Applies the deployed contract to the policy tags of all tables, round the clock.

// The futures of the cloud clients are deeply nested types.
#![recursion_limit = "256"]

#[tokio::main]
async fn main() -> Result<(), landbridge_stages::lambda::RuntimeError> {
    landbridge_stages::lambda::run("protect", landbridge_stages::protect::tick).await
}
