//! A program that is measured from its start to its end.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use lakedr_e2e::process_group::ProcessGroup;
use serde_json::Value;

/// Time between two looks at a child.
const LOOK: Duration = Duration::from_millis(2);
/// No child may take longer.
const WITHIN: Duration = Duration::from_secs(1800);

/// What a child took.
#[derive(Debug)]
pub(crate) struct Measured {
    /// From its start to its end.
    pub(crate) took: Duration,
    /// The most memory that it had at a time, in bytes.
    pub(crate) peak: u64,
    /// What it wrote to standard output.
    pub(crate) stdout: String,
}

impl Measured {
    /// Standard output as JSON.
    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.stdout).with_context(|| format!("json from {}", self.stdout))
    }

    /// The report of the one group, which has to have come to this outcome.
    pub(crate) fn group(&self, outcome: &str) -> Result<Value> {
        let report = self.json()?["groups"][0].clone();
        ensure!(report["outcome"] == outcome, "the group has to be {outcome}: {report}");
        Ok(report)
    }
}

/// Runs a command to its end. Standard output goes through a file, so that nobody has to keep up with it.
pub(crate) fn run(command: &mut Command) -> Result<Measured> {
    let (stdout, stderr) = (tempfile::NamedTempFile::new()?, tempfile::NamedTempFile::new()?);
    command.stdout(stdout.reopen()?).stderr(stderr.reopen()?);
    let start = Instant::now();
    let mut group = ProcessGroup::spawn(command)?;
    let status_file = PathBuf::from(format!("/proc/{}/status", group.child().id()));
    let mut peak = 0;
    let status = loop {
        if let Some(status) = group.child().try_wait()? {
            break status;
        }
        peak = high_water(&status_file).unwrap_or(0).max(peak);
        if start.elapsed() > WITHIN {
            bail!("{:?} takes longer than {WITHIN:?}", command.get_program());
        }
        std::thread::sleep(LOOK);
    };
    let took = start.elapsed();
    let stdout = std::fs::read_to_string(stdout.path())?;
    if !status.success() {
        let stderr = std::fs::read_to_string(stderr.path())?;
        let tail: Vec<&str> = stderr.lines().rev().take(5).collect();
        bail!("{:?} ended with {status}: {stdout} {}", command.get_program(), tail.join(" "));
    }
    Ok(Measured { took, peak, stdout })
}

/// The high-water mark of a process's resident memory (proc(5), `VmHWM`).
pub(crate) fn high_water(status_file: &Path) -> Option<u64> {
    let status = std::fs::read_to_string(status_file).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Bytes as whole mebibytes.
pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}
