//! Keeps the friendly views of the tables as the newest rows and tags need them.

// The futures of the cloud clients are deeply nested types.
#![recursion_limit = "256"]

#[tokio::main]
async fn main() -> Result<(), landbridge_stages::lambda::RuntimeError> {
    landbridge_stages::lambda::run("views", landbridge_stages::views::tick).await
}
