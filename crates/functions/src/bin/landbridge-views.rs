//! Keeps the friendly views of the tables as the newest rows and tags need them.

// The futures of the cloud clients are deeply nested types.
#![recursion_limit = "256"]

use landbridge_stages::lambda::{Files, RuntimeError, run};

#[tokio::main]
async fn main() -> Result<(), RuntimeError> {
    run("views", Files::Both, landbridge_stages::views::tick).await
}
