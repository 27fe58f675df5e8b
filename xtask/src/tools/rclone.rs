//! rclone, a peer of the benches: the one on the `PATH`, else the one that Debian packages.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::install::{Job, Tool};
use super::prerequisite;
use crate::process;

pub(super) fn tool() -> Tool {
    let found = process::find("rclone");
    let (needs, pin) = match &found {
        Some(program) => (Vec::new(), program.display().to_string()),
        None => {
            (vec![prerequisite::APT, prerequisite::DPKG], "the package rclone of the distribution".to_owned())
        }
    };
    Tool {
        name: "rclone".to_owned(),
        makes: PathBuf::from("bin/rclone"),
        needs,
        pin,
        install: Box::new(move |job: &Job| {
            let program = match &found {
                Some(program) => program.clone(),
                None => unpacked(job)?,
            };
            let to = job.tools().join("bin/rclone");
            std::fs::copy(&program, &to).with_context(|| format!("copy {}", program.display()))?;
            Ok(())
        }),
    }
}

/// Takes the program out of the package, which asks for no privileges and changes nothing on the machine.
fn unpacked(job: &Job) -> Result<PathBuf> {
    let dir = job.emptied("rclone")?;
    job.run(Command::new("apt-get").args(["download", "rclone"]).current_dir(&dir))?;
    job.run(Command::new("dpkg-deb").arg("--extract").arg(package(&dir)?).arg(&dir))?;
    Ok(dir.join("usr/bin/rclone"))
}

fn package(dir: &Path) -> Result<PathBuf> {
    let files = std::fs::read_dir(dir)?.collect::<std::io::Result<Vec<_>>>()?;
    let packages = files.iter().map(std::fs::DirEntry::path);
    packages.into_iter().find(|path| path.extension().is_some_and(|ext| ext == "deb")).context("a package")
}
