//! Demo workflow.
fn main() {}
