//! The `audited` program.
fn main() {}
