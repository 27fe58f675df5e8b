//! Identity federation: a token that says who this process is, given to it by whoever runs it, is exchanged for
//! credentials of a cloud. Nobody has to keep a key.
//!
//! `object_store` does this for S3 (`AWS_WEB_IDENTITY_TOKEN_FILE`) and for Azure with a token in a file
//! (`AZURE_FEDERATED_TOKEN_FILE`). What it does not know is here: Azure as HCP Terraform and the azurerm provider have
//! it (`ARM_USE_OIDC`), and Google's `external_account`.

pub(super) mod azure;
mod error;
pub(super) mod google;

pub use error::FederationError;
