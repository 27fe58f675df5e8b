//! Terraform provider for lakedr.

pub mod rpc;
pub mod serve;
