//! Azurite, the Azure Blob Storage emulator, from its npm package.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::install::{Job, Tool};
use super::prerequisite;
use crate::paths;

pub(super) fn tool() -> Result<Tool> {
    let manifest = paths::pins().join("azurite/package.json");
    let pin = std::fs::read_to_string(&manifest).with_context(|| format!("read {}", manifest.display()))?;
    let package = pin.clone();
    Ok(Tool {
        name: "azurite".to_owned(),
        makes: PathBuf::from("azurite/node_modules/.bin/azurite-blob"),
        needs: vec![prerequisite::NODE, prerequisite::NPM],
        pin,
        install: Box::new(move |job: &Job| {
            let dir = job.emptied("azurite")?;
            std::fs::write(dir.join("package.json"), &package)?;
            job.run(Command::new("npm").args(["install", "--no-audit", "--no-fund"]).current_dir(dir))
        }),
    })
}
