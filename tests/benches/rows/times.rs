//! Times of several rounds, and how they compare.

use std::time::Duration;

/// The middle one.
pub(crate) fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// How many times `by` goes into `time`.
pub(crate) fn divided(time: Duration, by: Duration) -> f64 {
    time.as_secs_f64() / by.as_secs_f64()
}

/// The ratio of the medians, and the smallest and the largest ratio of one round: how far to trust it.
pub(crate) fn ratio(times: &[Duration], yardstick: &[Duration]) -> String {
    let rounds = || times.iter().zip(yardstick).map(|(time, by)| divided(*time, *by));
    let (least, most) = (rounds().fold(f64::INFINITY, f64::min), rounds().fold(0.0, f64::max));
    format!("{:.2} ({least:.2} to {most:.2})", divided(median(times), median(yardstick)))
}
