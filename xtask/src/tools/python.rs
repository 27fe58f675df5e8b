//! A virtual environment with Spark and the independent Delta readers.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::install::{Job, Tool};
use super::prerequisite;
use crate::paths;

pub(super) fn tool() -> Result<Tool> {
    let requirements = paths::pins().join("requirements.txt");
    let pin =
        std::fs::read_to_string(&requirements).with_context(|| format!("read {}", requirements.display()))?;
    Ok(Tool {
        name: "python".to_owned(),
        makes: PathBuf::from("venv/bin/python"),
        needs: vec![prerequisite::PYTHON],
        pin,
        install: Box::new(move |job: &Job| {
            let venv = job.emptied("venv")?;
            job.run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
            job.run(
                Command::new(venv.join("bin/python"))
                    .args(["-m", "pip", "install", "--no-input", "--requirement"])
                    .arg(&requirements),
            )
        }),
    })
}
