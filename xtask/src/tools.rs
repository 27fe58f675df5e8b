//! The programs that the tests and benches need beside Rust, installed under `target/tools` from pinned versions.
//!
//! A tool is installed once: its pin file (`xtask/tools/*`) is stamped beside it, and a changed pin
//! installs it anew. Nothing outside `target/` is written but the caches of the package managers.

mod azurite;
mod go;
mod install;
mod prerequisite;
mod python;
mod rclone;
mod spark_jars;
mod terraform;

pub(crate) use install::{Installed, install_all, install_for_benches, install_terraform};
