//! Terraform provider for lakedr.
fn main() {}
