//! The jars that Spark needs beside those inside the pyspark package: `xtask/tools/spark/pom.xml`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::install::{Job, Tool};
use super::prerequisite;
use crate::paths;

pub(super) fn tool() -> Result<Tool> {
    let pom = paths::pins().join("spark/pom.xml");
    let pin = std::fs::read_to_string(&pom).with_context(|| format!("read {}", pom.display()))?;
    Ok(Tool {
        name: "spark-jars".to_owned(),
        makes: PathBuf::from("jars"),
        needs: vec![prerequisite::MAVEN, prerequisite::JAVA],
        pin,
        install: Box::new(move |job: &Job| {
            let jars = job.emptied("jars")?;
            job.run(
                Command::new("mvn")
                    .args(["--quiet", "--batch-mode", "--file"])
                    .arg(&pom)
                    .args(["dependency:copy-dependencies", "-DincludeScope=runtime"])
                    .arg(format!("-DoutputDirectory={}", jars.display())),
            )
        }),
    })
}
