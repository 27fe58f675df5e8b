//! Virtual environments: one with Spark, the independent Delta readers and the SDK of Databricks, one for
//! each Airflow.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::install::{Job, Tool};
use super::prerequisite;
use crate::paths;

pub(super) fn tool() -> Result<Tool> {
    venv("python", "venv", &paths::pins().join("requirements.txt"))
}

/// Each Airflow wants other versions of many packages than the rest, so it has an environment of its own.
pub(super) fn airflow(major: u32) -> Result<Tool> {
    let name = format!("airflow{major}");
    venv(&name, &name, &paths::pins().join(format!("airflow/{major}.txt")))
}

fn venv(name: &str, folder: &str, requirements: &Path) -> Result<Tool> {
    let pin =
        std::fs::read_to_string(requirements).with_context(|| format!("read {}", requirements.display()))?;
    let (folder, requirements) = (folder.to_owned(), requirements.to_path_buf());
    Ok(Tool {
        name: name.to_owned(),
        makes: PathBuf::from(&folder).join("bin/python"),
        needs: vec![prerequisite::PYTHON],
        pin,
        install: Box::new(move |job: &Job| {
            let venv = job.emptied(&folder)?;
            job.run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
            job.run(
                Command::new(venv.join("bin/python"))
                    .args(["-m", "pip", "install", "--no-input", "--requirement"])
                    .arg(&requirements),
            )
        }),
    })
}
