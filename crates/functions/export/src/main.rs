//! The `export` function.
fn main() {}
