//! Programs that are built from Go modules.
//!
//! Most are installed as they are: `xtask/tools/go.txt`, one `package@version` a line. Where `go install` will
//! not do, a small module of ours requires the program: `xtask/tools/<module>/go.mod`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::install::{Job, Tool};
use super::prerequisite;
use crate::paths;

/// One tool for each line of `go.txt`.
pub(super) fn installed() -> Result<Vec<Tool>> {
    let file = paths::pins().join("go.txt");
    let text = std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
    Ok(text.lines().map(install).collect())
}

fn install(pinned: &str) -> Tool {
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

/// The program that `package` becomes inside our module `xtask/tools/<module>`. The module is built in a copy,
/// where go may complete `go.mod` and `go.sum`.
pub(super) fn built(module: &'static str, package: &'static str, program: &'static str) -> Result<Tool> {
    let files = read_all(&paths::pins().join(module))?;
    let pin = files.iter().map(|(name, text)| format!("== {name}\n{text}")).collect();
    Ok(Tool {
        name: program.to_owned(),
        makes: Path::new("bin").join(program),
        needs: vec![prerequisite::GO],
        pin,
        install: Box::new(move |job: &Job| {
            let dir = job.emptied(module)?;
            for (name, text) in &files {
                std::fs::write(dir.join(name), text)?;
            }
            let out = job.tools().join("bin").join(program);
            job.run(
                Command::new("go").args(["build", "-mod=mod", "-o"]).arg(out).arg(package).current_dir(dir),
            )
        }),
    })
}

fn read_all(dir: &Path) -> Result<BTreeMap<String, String>> {
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry?;
        Ok((entry.file_name().to_string_lossy().into_owned(), std::fs::read_to_string(entry.path())?))
    };
    let entries = std::fs::read_dir(dir).with_context(|| format!("list {}", dir.display()))?;
    entries.map(read).collect::<Result<_>>().with_context(|| format!("read the files of {}", dir.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_named_after_the_package() {
        assert_eq!(program("example.org/a/cmd/server@v1.2.3"), "server");
    }

    #[test]
    fn every_file_of_a_module_is_part_of_its_pin() {
        let tool = built("fake-gcs", ".", "fake-gcs").unwrap();
        assert!(tool.pin.contains("== go.mod\n") && tool.pin.contains("== main.go\n"), "{}", tool.pin);
    }
}
