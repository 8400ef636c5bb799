//! The `load` function.
fn main() {}
