//! `cargo xtask bench`: the benches of the workspace, on release builds of the two programs.

use anyhow::Result;

use crate::{paths, process, tools};

/// Builds the programs as they are shipped, and runs every bench.
///
/// # Errors
/// A build or a bench fails.
pub(crate) fn run() -> Result<()> {
    let terraform = tools::install_terraform()?;
    process::run(&mut process::cargo(&[
        "build",
        "--release",
        "--locked",
        "--package=terraform-provider-lakedr",
        "--package=lakedr",
    ]))?;
    // what is measured is the release build; the measuring itself shares the debug build of the tests
    process::run(
        process::cargo_all("bench")
            .args(["--profile", "dev", "--bench", "*"])
            .env("LAKEDR_BIN_DIR", paths::target().join("release"))
            .env("LAKEDR_TERRAFORM", terraform),
    )
}
