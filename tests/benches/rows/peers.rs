//! Other programs that do a part of the same work.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use lakedr_e2e::environment::{checkout, tool};
use lakedr_e2e::servers::{ObjectServer, Versitygw};

use crate::child::{Measured, run};

/// As many files at a time as lakedr moves.
const TRANSFERS: &str = "16";

/// `rclone` with these arguments; the servers are its remotes `east` and `west`, at these endpoints.
pub(crate) fn rclone(
    (east, west): (&Versitygw, &Versitygw),
    (to_east, to_west): (&str, &str),
    arguments: &[&str],
) -> Result<Measured> {
    let mut command = Command::new(tool("bin/rclone")?);
    command.args(arguments).args(["--transfers", TRANSFERS, "--checkers", TRANSFERS]).stdin(Stdio::null());
    // else each file of 2 MiB waits a second, it seems for a leave to send that versitygw does not give
    command.args(["--expect-continue-timeout", "0"]);
    // no settings but these: a bundle of certificates, which some machines need for the internet, stops it
    command.env("RCLONE_CONFIG", "/dev/null").env_remove("AWS_CA_BUNDLE");
    for (name, server, endpoint) in [("EAST", east, to_east), ("WEST", west, to_west)] {
        let (access, secret) = server.credentials();
        for (key, value) in [
            ("TYPE", "s3"),
            ("PROVIDER", "Other"),
            ("ENDPOINT", endpoint),
            ("ACCESS_KEY_ID", access),
            ("SECRET_ACCESS_KEY", secret),
            ("FORCE_PATH_STYLE", "true"),
            ("NO_CHECK_BUCKET", "true"),
        ] {
            command.env(format!("RCLONE_CONFIG_{name}_{key}"), value);
        }
    }
    run(&mut command)
}

/// `s5cmd` knows one endpoint in each call: it takes everything below a prefix to a folder, and then brings it to the
/// other server.
pub(crate) fn s5cmd(
    (from, from_prefix): (&Versitygw, &str),
    (to, to_prefix): (&Versitygw, &str),
    folder: &Path,
) -> Result<Duration> {
    let local = format!("{}/", folder.display());
    let down = s5cmd_copy(from, &format!("{from_prefix}*"), &local)?;
    let up = s5cmd_copy(to, &local, to_prefix)?;
    std::fs::remove_dir_all(folder)?;
    Ok(down.took + up.took)
}

fn s5cmd_copy(server: &Versitygw, from: &str, to: &str) -> Result<Measured> {
    let (access, secret) = server.credentials();
    let mut command = Command::new(tool("bin/s5cmd")?);
    command.args(["--log", "error", "--endpoint-url", &server.endpoint(), "cp", from, to]);
    command.env("AWS_ACCESS_KEY_ID", access).env("AWS_SECRET_ACCESS_KEY", secret);
    command.env("AWS_REGION", "us-east-1").stdin(Stdio::null());
    run(&mut command)
}

/// What the `deltalake` package takes to open a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opened {
    /// The constructor alone, without the start of Python and its imports.
    pub(crate) took: Duration,
    /// The most memory at a time, in bytes.
    pub(crate) peak: u64,
}

/// Opens a table with the `deltalake` package.
pub(crate) fn deltalake_open(server: &Versitygw, url: &str) -> Result<Opened> {
    let options = serde_json::to_string(&server.options())?;
    let said = python(&["open", url, &options])?.json()?;
    let seconds = said["seconds"].as_f64().context("seconds")?;
    let peak = said["peak"].as_u64().context("a peak")?;
    Ok(Opened { took: Duration::from_secs_f64(seconds), peak })
}

/// Appends a batch of rows, in so many files, to a table in a folder.
pub(crate) fn deltalake_append(table: &Path, files: u32, seed: u32) -> Result<()> {
    python(&["append", &table.display().to_string(), &files.to_string(), &seed.to_string()]).map(drop)
}

/// Compacts a table in a folder.
pub(crate) fn deltalake_optimize(table: &Path) -> Result<()> {
    python(&["optimize", &table.display().to_string()]).map(drop)
}

fn python(arguments: &[&str]) -> Result<Measured> {
    let mut command = Command::new(tool("venv/bin/python")?);
    command.arg(checkout().join("tests/benches/deltalake_peer.py")).args(arguments).stdin(Stdio::null());
    run(&mut command)
}
