//! Servers that are published as Go modules: `xtask/tools/go.txt`, one `package@version` a line.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::install::{Job, Tool};
use super::prerequisite;
use crate::paths;

/// One tool for each line of the pin file.
pub(super) fn tools() -> Result<Vec<Tool>> {
    let file = paths::pins().join("go.txt");
    let text = std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
    Ok(text.lines().map(tool).collect())
}

fn tool(pinned: &str) -> Tool {
    let name = program(pinned);
    let package = pinned.to_owned();
    Tool {
        makes: Path::new("bin").join(&name),
        name,
        needs: vec![prerequisite::GO],
        pin: pinned.to_owned(),
        install: Box::new(move |job: &Job| {
            job.run(Command::new("go").args(["install", &package]).env("GOBIN", job.tools().join("bin")))
        }),
    }
}

/// The last word of the package path, which is what `go install` calls the program.
fn program(pinned: &str) -> String {
    let package = pinned.split('@').next().unwrap_or(pinned);
    package.rsplit('/').next().unwrap_or(package).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_named_after_the_package() {
        assert_eq!(program("example.org/a/cmd/server@v1.2.3"), "server");
    }
}
