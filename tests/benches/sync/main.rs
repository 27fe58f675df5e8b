//! What a sync takes, each time beside a yardstick of the same machine and moment: ratios travel, seconds do not.
//!
//! `cargo xtask bench` runs it on the release build of `lakedr`. The data files hold noise, because the executor
//! never decodes Parquet; the logs are real.

mod clone;
mod group;
mod publish;
mod table;

use std::io::Write as _;
use std::time::Duration;

use anyhow::Result;

#[tokio::main]
async fn main() -> Result<()> {
    let clone = clone::measure().await?;
    writeln!(std::io::stdout(), "{clone}")?;
    let publish = publish::measure().await?;
    writeln!(std::io::stdout(), "{publish}")?;
    Ok(())
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// The median of `times` over the median of a yardstick.
fn ratio(times: &[Duration], yardstick: &[Duration]) -> f64 {
    median(times).as_secs_f64() / median(yardstick).as_secs_f64()
}
