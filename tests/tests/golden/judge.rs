//! `tests/golden/compare.py`: the `deltalake` package and DuckDB as judges.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use lakedr_e2e::environment::{checkout, tool};
use lakedr_e2e::running::{Outcome, Running};

/// Judges pairs of source and target.
pub(crate) fn compare(pairs: &[(PathBuf, PathBuf)]) -> Outcome {
    let lines: Vec<String> = pairs
        .iter()
        .map(|(source, target)| format!("{}\t{}\n", source.display(), target.display()))
        .collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), lines.concat()).unwrap();
    let mut command = Command::new(tool("venv/bin/python").unwrap());
    command.arg(checkout().join("tests/golden/compare.py")).arg("--pairs").arg(file.path());
    Running::spawn(&mut command).unwrap().wait(Duration::from_secs(300)).unwrap()
}

/// The outcomes of the pairs that are not equal, for a message.
pub(crate) fn unequal(outcome: &Outcome) -> Vec<String> {
    let verdict = outcome.json().unwrap();
    let pairs = verdict["pairs"].as_array().unwrap();
    pairs.iter().filter(|pair| pair["outcome"] != "equal").map(ToString::to_string).collect()
}
