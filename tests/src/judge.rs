//! `tests/golden/compare.py`: the `deltalake` package and DuckDB as judges.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use crate::environment::{checkout, tool};
use crate::running::{Outcome, Running};

/// Judges pairs of source and target.
///
/// # Errors
/// The judge cannot be started, or does not end.
pub fn compare(pairs: &[(PathBuf, PathBuf)]) -> Result<Outcome> {
    let lines: Vec<String> = pairs
        .iter()
        .map(|(source, target)| format!("{}\t{}\n", source.display(), target.display()))
        .collect();
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), lines.concat())?;
    let mut command = Command::new(tool("venv/bin/python")?);
    command.arg(checkout().join("tests/golden/compare.py")).arg("--pairs").arg(file.path());
    Running::spawn(&mut command)?.wait(Duration::from_secs(300))
}

/// What was found of each pair, in their order.
///
/// # Errors
/// The judge said no JSON.
pub fn verdicts(outcome: &Outcome) -> Result<Vec<Value>> {
    let verdict = outcome.json()?;
    Ok(verdict["pairs"].as_array().cloned().unwrap_or_default())
}

/// The outcomes of the pairs that are not equal, for a message.
///
/// # Errors
/// The judge said no JSON.
pub fn unequal(outcome: &Outcome) -> Result<Vec<String>> {
    let pairs = verdicts(outcome)?.into_iter();
    Ok(pairs.filter(|pair| pair["outcome"] != "equal").map(|pair| pair.to_string()).collect())
}
