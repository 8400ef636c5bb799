//! The `snapshot` function.
fn main() {}
