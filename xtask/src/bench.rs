//! `cargo xtask bench`: the benches of the workspace, on release builds of the two programs.

use anyhow::Result;

use crate::{paths, process, tools};

/// Arguments of `cargo xtask bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only this row of the table; may be given several times
    #[arg(long, value_name = "NAME")]
    row: Vec<String>,
}

/// Builds the programs as they are shipped, and runs the rows.
///
/// # Errors
/// A build or a row fails.
pub(crate) fn run(args: &Args) -> Result<()> {
    let installed = tools::install_for_benches()?;
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
            .args(["--profile", "dev", "--bench", "rows", "--"])
            .args(&args.row)
            .env("LAKEDR_BIN_DIR", paths::target().join("release"))
            .env("LAKEDR_TOOLS", paths::tools())
            .env("LAKEDR_BENCH_CACHE", paths::target().join("bench"))
            .env("LAKEDR_TERRAFORM", installed.terraform),
    )
}
