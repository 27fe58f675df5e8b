//! Terraform: the one on the `PATH`, else OpenTofu on the `PATH`, else OpenTofu built from source.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::install::{Job, Tool};
use super::prerequisite;
use crate::{paths, process};

/// The program to use, and how to install it where the machine has none.
pub(super) fn choose() -> Result<(PathBuf, Option<Tool>)> {
    if let Some(program) = std::env::var_os("LAKEDR_TERRAFORM") {
        return Ok((PathBuf::from(program), None));
    }
    if let Some(program) = process::find("terraform").or_else(|| process::find("tofu")) {
        return Ok((program, None));
    }
    let tool = opentofu()?;
    Ok((paths::tools().join(&tool.makes), Some(tool)))
}

/// OpenTofu through a module of our own: it replaces a dependency, which `go install` refuses.
fn opentofu() -> Result<Tool> {
    let module = paths::pins().join("tofu/go.mod");
    let pin = std::fs::read_to_string(&module).with_context(|| format!("read {}", module.display()))?;
    let text = pin.clone();
    Ok(Tool {
        name: "opentofu".to_owned(),
        makes: Path::new("bin/tofu").to_path_buf(),
        needs: vec![prerequisite::GO],
        pin,
        install: Box::new(move |job: &Job| {
            let dir = job.emptied("tofu")?;
            std::fs::write(dir.join("go.mod"), &text)?;
            job.run(
                Command::new("go")
                    .args(["build", "-mod=mod", "-o"])
                    .arg(job.tools().join("bin/tofu"))
                    .arg("github.com/opentofu/opentofu/cmd/tofu")
                    .current_dir(dir),
            )
        }),
    })
}
