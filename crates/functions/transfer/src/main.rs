//! The `transfer` function.
fn main() {}
