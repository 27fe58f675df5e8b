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

/// `2h 3m 4s`, seconds at the finest.
#[must_use]
pub fn duration_text(duration: Duration) -> String {
    humantime::format_duration(Duration::from_secs(duration.as_secs())).to_string()
}
