//! The JSON Schemas, from the example `schemas` of lakedr-control.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::tree::Pages;
use crate::process;

/// Lets the built example write its files to a folder of its own, and reads them.
pub(super) fn read(bin_dir: &Path) -> Result<Pages> {
    let dir = crate::paths::target().join("xtask/schemas");
    if dir.exists() {
        std::fs::remove_dir_all(&dir).with_context(|| format!("remove {}", dir.display()))?;
    }
    process::run(Command::new(bin_dir.join("examples/schemas")).arg(&dir))?;
    let mut pages = Pages::new();
    for entry in std::fs::read_dir(&dir).with_context(|| format!("list {}", dir.display()))? {
        let path = entry?.path();
        let name = path.file_name().context("a schema without a name")?;
        let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        pages.insert(Path::new("docs/schemas").join(name), text);
    }
    Ok(pages)
}
