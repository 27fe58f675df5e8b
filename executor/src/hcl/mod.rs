//! Specs as Terraform configuration.

mod resource;
mod write;

pub use resource::configuration;
