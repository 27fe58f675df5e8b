//! The wire of Terraform plugins.
