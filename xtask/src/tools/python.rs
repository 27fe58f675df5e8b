//! Virtual environments: one with Spark, the independent Delta readers and the SDK of Databricks, one with Airflow.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::install::{Job, Tool};
use super::prerequisite;
use crate::paths;

pub(super) fn tool() -> Result<Tool> {
    venv("python", "venv", &paths::pins().join("requirements.txt"))
}

/// Airflow wants other versions of many packages than the rest, so it has an environment of its own.
pub(super) fn airflow() -> Result<Tool> {
    venv("airflow", "airflow", &paths::pins().join("airflow/requirements.txt"))
}

fn venv(name: &str, folder: &'static str, requirements: &Path) -> Result<Tool> {
    let pin =
        std::fs::read_to_string(requirements).with_context(|| format!("read {}", requirements.display()))?;
    let requirements = requirements.to_path_buf();
    Ok(Tool {
        name: name.to_owned(),
        makes: PathBuf::from(folder).join("bin/python"),
        needs: vec![prerequisite::PYTHON],
        pin,
        install: Box::new(move |job: &Job| {
            let venv = job.emptied(folder)?;
            job.run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
            job.run(
                Command::new(venv.join("bin/python"))
                    .args(["-m", "pip", "install", "--no-input", "--requirement"])
                    .arg(&requirements),
            )
        }),
    })
}
