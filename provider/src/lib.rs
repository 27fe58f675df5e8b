//! Terraform provider for lakedr.
