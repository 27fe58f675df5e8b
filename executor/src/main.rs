//! The lakedr executor.
fn main() {}
