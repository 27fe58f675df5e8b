//! `cargo xtask dist`: the files of a release of the provider, as the Terraform and OpenTofu registries take them.
//!
//! A zip for each platform, which holds the program with its version in its name and mode 0755 (without, an installed
//! provider cannot be started); the manifest; checksums of both; and, where there is a key, the signature of the checksums.

mod archive;
mod checksums;
mod platform;
mod release;

pub(crate) use release::{Args, run};
