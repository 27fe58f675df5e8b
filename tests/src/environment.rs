//! Where things are. `cargo xtask test` says it in the environment; without it, the checkout's own places.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

/// The root of the checkout.
#[must_use]
pub fn checkout() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_path_buf()
}

/// A program of the workspace: `lakedr`, `terraform-provider-lakedr`, `lakedr-example-workflow`.
///
/// # Errors
/// It is not built.
pub fn program(name: &str) -> Result<PathBuf> {
    existing(from_env("LAKEDR_BIN_DIR", "target/debug").join(name), "cargo build --workspace --all-features")
}

/// A file or folder that `cargo xtask tools` installs, relative to `target/tools`.
///
/// # Errors
/// It is not installed.
pub fn tool(path: &str) -> Result<PathBuf> {
    existing(from_env("LAKEDR_TOOLS", "target/tools").join(path), "cargo xtask tools")
}

/// Terraform, or OpenTofu.
///
/// # Errors
/// Neither is named in the environment, on the `PATH`, or built by `cargo xtask tools`.
pub fn terraform() -> Result<PathBuf> {
    if let Some(program) = std::env::var_os("LAKEDR_TERRAFORM") {
        return existing(PathBuf::from(program), "cargo xtask test");
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let found = ["terraform", "tofu"]
        .iter()
        .flat_map(|name| dirs.iter().map(move |dir| dir.join(name)))
        .find(|program| program.is_file());
    found.map_or_else(|| tool("bin/tofu"), Ok)
}

/// Writes a shell script that can be run. A process of its own writes it: Linux runs no file that somebody has open for
/// writing, and a child that another thread of the tests is just starting has what this process has open.
///
/// # Errors
/// It cannot be written.
pub fn script(path: &Path, text: &str) -> Result<String> {
    let write = r#"printf '#!/bin/sh\n%s\n' "$1" > "$0" && chmod 700 "$0""#;
    let written = Command::new("sh").args(["-c", write]).arg(path).arg(text).status()?;
    ensure!(written.success(), "cannot write {}", path.display());
    Ok(path.display().to_string())
}

/// A file of the golden set: `INDEX.tsv`, `tables.tar.zst`.
///
/// # Errors
/// The golden set is not there.
pub fn golden(file: &str) -> Result<PathBuf> {
    let path = from_env("LAKEDR_GOLDEN", "../shared/golden").join(file);
    ensure!(
        path.exists(),
        "{} is missing: set LAKEDR_GOLDEN to the folder of the golden tables",
        path.display()
    );
    Ok(path)
}

fn from_env(variable: &str, default: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(|| checkout().join(default), PathBuf::from)
}

fn existing(path: PathBuf, remedy: &str) -> Result<PathBuf> {
    ensure!(path.exists(), "{} is missing: run `{remedy}`", path.display());
    Ok(path)
}
