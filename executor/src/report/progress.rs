use std::sync::Mutex;
use std::sync::PoisonError;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Progress of the groups of one call, on stderr when it is a terminal; silent otherwise.
#[derive(Debug)]
pub struct Progress {
    bars: Option<MultiProgress>,
    bar: Mutex<Option<ProgressBar>>,
}

impl Progress {
    /// Shows progress.
    #[must_use]
    pub fn visible(bars: MultiProgress) -> Self {
        Self { bars: Some(bars), bar: Mutex::new(None) }
    }

    /// Shows none.
    #[must_use]
    pub fn silent() -> Self {
        Self { bars: None, bar: Mutex::new(None) }
    }

    /// A group begins to copy.
    pub fn begin(&self, group: &str, files: u64, bytes: u64) {
        let Some(bars) = self.bars.as_ref().filter(|_| files > 0) else { return };
        let bar = bars.add(ProgressBar::new(bytes));
        let template = "{prefix:16!} {bar:30} {bytes:>10}/{total_bytes:10} {bytes_per_sec:>12} {eta:>5}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(group.to_owned());
        *self.lock() = Some(bar);
    }

    /// Counts for the group that has begun.
    #[must_use]
    pub fn meter(&self) -> Meter {
        Meter(self.lock().clone())
    }

    /// The group has copied all it had to, or gave up.
    pub fn end(&self) {
        if let Some(bar) = self.lock().take() {
            bar.finish_and_clear();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<ProgressBar>> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts what moves, from wherever it does.
#[derive(Debug, Clone, Default)]
pub struct Meter(Option<ProgressBar>);

impl Meter {
    /// So many bytes are in place.
    pub fn add(&self, bytes: u64) {
        if let Some(bar) = &self.0 {
            bar.inc(bytes);
        }
    }
}
