//! Terraform provider for lakedr.
//!
//! Bytes from Terraform take this way: [`rpc`] decodes them with [`wire`], asks [`lifecycle`] about one of the
//! [`resource`]s, [`data`] sources or [`function`]s, which work on the documents of crate `lakedr-control`, and encodes the answer.
//! [`serve`] is everything around the calls.

pub mod data;
pub mod function;
pub mod lifecycle;
pub mod provider_config;
pub mod resource;
pub mod rpc;
pub mod serve;
pub mod wire;
