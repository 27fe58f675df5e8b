//! How long the provider needs until it can be called, beside a yardstick of the same machine and moment:
//! `terraform version`, a program that starts and ends.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use lakedr_e2e::environment;
use lakedr_e2e::plugin::{Host, Plugin};

use crate::row::{Row, Verdict};
use crate::times::{median, ratio};

const RUNS: usize = 41;

/// The row.
pub(crate) fn measure() -> Result<Vec<Row>> {
    let host = Host::new()?;
    // taken in turns, so that a change of the machine's load meets both
    let mut provider = Vec::with_capacity(RUNS);
    let mut yardstick = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        provider.push(Plugin::start(Some(&host), "5,6")?.ready_after);
        yardstick.push(terraform_version()?);
    }
    Ok(vec![Row {
        work: "provider ready with mutual TLS".to_owned(),
        ours: format!("{:.1?}", median(&provider)),
        peer: format!("`terraform version` {:.1?}", median(&yardstick)),
        ratio: ratio(&provider, &yardstick),
        target: "–".to_owned(),
        verdict: Verdict::NoTarget,
    }])
}

fn terraform_version() -> Result<Duration> {
    let start = Instant::now();
    let mut command = Command::new(environment::terraform()?);
    command.arg("version").env("CHECKPOINT_DISABLE", "1").env_remove("TF_CLI_CONFIG_FILE");
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    ensure!(status.success(), "terraform version ended with {status}");
    Ok(start.elapsed())
}
