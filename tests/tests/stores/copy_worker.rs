//! `lakedr copy-worker` as a child process: transfers in, receipts out.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::environment;
use lakedr_e2e::running::{Outcome, Running};
use serde_json::{Value, json};

/// No copy of a test may take longer.
const WITHIN: Duration = Duration::from_secs(120);

/// One line of a manifest: `key` moves between two roots under its name.
pub(crate) fn transfer(from: &str, to: &str, key: &str, size: usize) -> Value {
    json!({
        "format": 1, "table": "c.s.t", "size": size, "kind": "data",
        "source": {"root": from, "key": key}, "target": {"root": to, "key": key},
    })
}

/// The stdin of a worker.
pub(crate) fn manifest(lines: &[Value]) -> Result<File> {
    let mut file = tempfile::tempfile()?;
    for line in lines {
        writeln!(file, "{line}")?;
    }
    file.rewind()?;
    Ok(file)
}

/// Starts a worker with the credentials of `options` in its environment and `lines` on its stdin.
pub(crate) fn start(
    options: &BTreeMap<String, String>,
    lines: &[Value],
    arguments: &[&str],
) -> Result<Running> {
    let mut command = Command::new(environment::program("lakedr")?);
    command.arg("copy-worker").args(arguments).stdin(manifest(lines)?).env_remove("LAKEDR_CONTROL_URL");
    for (key, value) in options {
        command.env(key.to_uppercase(), value);
    }
    Running::spawn(&mut command)
}

/// The receipts of a worker that ended with `code`, in the order of their keys.
pub(crate) fn copy(options: &BTreeMap<String, String>, lines: &[Value], code: i32) -> Result<Vec<Value>> {
    receipts(&start(options, lines, &[])?.wait(WITHIN)?, code)
}

pub(crate) fn receipts(outcome: &Outcome, code: i32) -> Result<Vec<Value>> {
    ensure!(outcome.code == Some(code), "not {code}: {outcome}");
    let lines = outcome.stdout.lines().map(|line| serde_json::from_str(line).context(line.to_owned()));
    let mut receipts = lines.collect::<Result<Vec<Value>>>()?;
    receipts.sort_by_key(|receipt| receipt["target"]["key"].to_string());
    Ok(receipts)
}

/// The outcomes of receipts.
pub(crate) fn outcomes(receipts: &[Value]) -> Vec<&str> {
    receipts.iter().map(|receipt| receipt["outcome"].as_str().unwrap_or("failed")).collect()
}

/// Bytes without a pattern that a store could fold.
pub(crate) fn noise(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}
