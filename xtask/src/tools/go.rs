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

/// The file that stands for every module that a `go.mod` replaces by a folder.
const ABSENT: &str = "absent.go";

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

/// A program that is built inside a small module of ours.
#[derive(Clone, Copy)]
pub(super) struct Build {
    /// The folder of the module: `xtask/tools/<module>`.
    pub(super) module: &'static str,
    /// The package to build.
    pub(super) package: &'static str,
    /// What the program is called.
    pub(super) program: &'static str,
    /// What the linker sets: `package.name=value`.
    pub(super) set: &'static [&'static str],
}

/// The program that a package becomes. The module is built in a copy, where go may complete `go.mod` and `go.sum`.
pub(super) fn built(build: Build) -> Result<Tool> {
    let Build { module, package, program, set } = build;
    let files = read_all(&paths::pins().join(module))?;
    let linker = set.iter().map(|value| format!("-X {value}")).collect::<Vec<_>>().join(" ");
    let texts: String = files.iter().map(|(name, text)| format!("== {name}\n{text}")).collect();
    let pin = if linker.is_empty() { texts } else { format!("{texts}== {linker}\n") };
    Ok(Tool {
        name: program.to_owned(),
        makes: Path::new("bin").join(program),
        needs: vec![prerequisite::GO],
        pin,
        install: Box::new(move |job: &Job| {
            let dir = job.emptied(module)?;
            write_all(&dir, &files)?;
            let out = job.tools().join("bin").join(program);
            let mut command = Command::new("go");
            command.args(["build", "-mod=mod", "-ldflags", &linker, "-o"]).arg(out).arg(package);
            job.run(command.current_dir(dir))
        }),
    })
}

/// Writes the files of a module, and the modules that stand for absent ones.
fn write_all(dir: &Path, files: &BTreeMap<String, String>) -> Result<()> {
    let write = |path: &Path, text: &str| {
        std::fs::write(path, text).with_context(|| format!("write {}", path.display()))
    };
    for (name, text) in files {
        write(&dir.join(name), text)?;
    }
    let Some(stand_in) = files.get(ABSENT) else { return Ok(()) };
    for folder in files.get("go.mod").map(String::as_str).into_iter().flat_map(replaced_by_folders) {
        let folder = dir.join(folder);
        std::fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        write(&folder.join("go.mod"), "module absent\n")?;
        write(&folder.join(ABSENT), stand_in)?;
    }
    Ok(())
}

/// The folders that a `go.mod` puts in the place of modules.
fn replaced_by_folders(go_mod: &str) -> impl Iterator<Item = &str> {
    go_mod
        .lines()
        .filter_map(|line| line.split_once(" => "))
        .map(|(_, by)| by.trim())
        .filter(|by| by.starts_with("./"))
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
        let build = Build { module: "fake-gcs", package: ".", program: "fake-gcs", set: &["main.a=b"] };
        let tool = built(build).unwrap();
        assert!(tool.pin.contains("== go.mod\n") && tool.pin.contains("== main.go\n"), "{}", tool.pin);
        assert!(tool.pin.ends_with("== -X main.a=b\n"), "{}", tool.pin);
    }

    #[test]
    fn absent_modules_are_those_that_are_replaced_by_folders() {
        let go_mod = "module m\n\nreplace (\n\ta/b => ./absent/b\n\ta/c v1 => x/c v2\n)\n";
        assert_eq!(replaced_by_folders(go_mod).collect::<Vec<_>>(), ["./absent/b"]);
    }
}
