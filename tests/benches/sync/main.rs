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

/// The ratio of the medians, and the smallest and the largest ratio of one round: how far to trust it.
fn ratio(times: &[Duration], yardstick: &[Duration]) -> String {
    let divided = |time: Duration, by: Duration| time.as_secs_f64() / by.as_secs_f64();
    let rounds = || times.iter().zip(yardstick).map(|(time, by)| divided(*time, *by));
    let (least, most) = (rounds().fold(f64::INFINITY, f64::min), rounds().fold(0.0, f64::max));
    format!("ratio {:.2} ({least:.2} to {most:.2})", divided(median(times), median(yardstick)))
}
