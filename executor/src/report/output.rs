use std::io::{self, Write as _};
use std::time::Duration;

use serde::Serialize;

/// How data is written to stdout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document.
    Json,
}

/// Stdout: data, and nothing else.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    format: Format,
}

impl Output {
    /// Writes in this format.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self { format }
    }

    /// Writes `value` as one JSON document, or `text`.
    ///
    /// # Errors
    /// When stdout is closed.
    pub fn write(self, value: &impl Serialize, text: impl FnOnce() -> String) -> io::Result<()> {
        let mut line = match self.format {
            Format::Json => serde_json::to_string(value).map_err(io::Error::other)?,
            Format::Text => text(),
        };
        if !line.is_empty() && !line.ends_with('\n') {
            line.push('\n');
        }
        let mut stdout = io::stdout().lock();
        stdout.write_all(line.as_bytes())?;
        stdout.flush()
    }
}

/// `3.5 MiB`.
#[must_use]
pub fn bytes_text(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}

/// Seconds of a day.
const DAY: u64 = 86_400;

/// `90days 2h 3m 4s`: seconds at the finest, days at the coarsest, since months differ.
#[must_use]
pub fn duration_text(duration: Duration) -> String {
    let (days, rest) = (duration.as_secs() / DAY, duration.as_secs() % DAY);
    let rest =
        (days == 0 || rest > 0).then(|| humantime::format_duration(Duration::from_secs(rest)).to_string());
    let days = match days {
        0 => None,
        1 => Some("1day".to_owned()),
        days => Some(format!("{days}days")),
    };
    days.into_iter().chain(rest).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_in_days_at_the_coarsest() {
        for (seconds, text) in [
            (0, "0s"),
            (61, "1m 1s"),
            (DAY, "1day"),
            (DAY + 3_600, "1day 1h"),
            (90 * DAY, "90days"),
            (400 * DAY + 59, "400days 59s"),
        ] {
            assert_eq!(duration_text(Duration::from_secs(seconds)), text);
        }
    }
}
