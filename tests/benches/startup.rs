//! How long the provider needs until it can be called, beside a yardstick of the same machine and moment:
//! `terraform version`, a program that starts and ends.
//!
//! `LAKEDR_BIN_DIR=$PWD/target/release cargo bench --profile dev -p lakedr-e2e --bench startup`: what is measured is
//! the release build, while the measuring needs no optimisation.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use lakedr_e2e::environment;
use lakedr_e2e::plugin::{Host, Plugin};

const RUNS: usize = 41;

fn main() -> Result<()> {
    let host = Host::new()?;
    // taken in turns, so that a change of the machine's load meets both
    let mut provider = Vec::with_capacity(RUNS);
    let mut yardstick = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        provider.push(Plugin::start(Some(&host), "5,6")?.ready_after);
        yardstick.push(terraform_version()?);
    }
    let (provider, slowest) = median_and_worst(provider);
    let (yardstick, _) = median_and_worst(yardstick);
    writeln!(
        std::io::stdout(),
        "provider ready with mutual tls: median {provider:.1?}, slowest {slowest:.1?} of {RUNS}\n\
         terraform version: median {yardstick:.1?}\n\
         ratio: {:.2}",
        provider.as_secs_f64() / yardstick.as_secs_f64()
    )?;
    Ok(())
}

fn terraform_version() -> Result<Duration> {
    let start = Instant::now();
    let mut command = Command::new(environment::terraform()?);
    command.arg("version").env("CHECKPOINT_DISABLE", "1").env_remove("TF_CLI_CONFIG_FILE");
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    ensure!(status.success(), "terraform version ended with {status}");
    Ok(start.elapsed())
}

fn median_and_worst(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() - 1])
}
