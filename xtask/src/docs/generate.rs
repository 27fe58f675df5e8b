//! Builds what the pages are made from, makes them, and writes or compares them.

use std::path::Path;

use anyhow::Result;

use super::{document_schemas, page, provider_schema, searches, tree};
use crate::{paths, process, tools};

/// Arguments of `cargo xtask docs`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only compare: fail if a page is not what would be generated
    #[arg(long)]
    check: bool,
    /// Use the binaries that are in target/debug already
    #[arg(long)]
    no_build: bool,
}

/// Writes the pages, or compares them.
///
/// # Errors
/// The provider does not build or tells no schema; with `--check`, a page differs.
pub(crate) fn run(args: &Args) -> Result<()> {
    if !args.no_build {
        process::run(process::cargo_all("build").args(["--bins", "--examples"]))?;
    }
    let terraform = tools::install_terraform()?;
    let pages = generate(&terraform)?;
    if args.check { tree::compare(&pages) } else { tree::write(&pages) }
}

/// Compares the pages with what the binaries that are built already would give.
///
/// # Errors
/// A page differs.
pub(crate) fn check(terraform: &Path) -> Result<()> {
    tree::compare(&generate(terraform)?)
}

fn generate(terraform: &Path) -> Result<tree::Pages> {
    let mut pages = document_schemas::read(&paths::bin_dir())?;
    let provider = provider_schema::ask(terraform, &paths::bin_dir())?;
    let searches = searches::ask(&paths::bin_dir())?;
    pages.extend(page::all(&provider, &searches)?);
    Ok(pages)
}
