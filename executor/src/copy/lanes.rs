//! How many files move at the same time. Pure.

use std::time::Duration;

/// The fewest files at a time.
const NARROW: usize = 16;

/// The most files at a time.
const WIDE: usize = 64;

/// Step of a change.
const STEP: usize = 8;

/// Files after which the width is looked at again, and the shortest time to judge by.
const WINDOW: (u32, Duration) = (128, Duration::from_millis(500));

/// Finds the number of files at a time by climbing: as long as a wider copy finishes more files a second it grows,
/// else it goes back a step. Against a store near by few are best, against one far away many hide the distance.
#[derive(Debug)]
pub(super) struct Lanes {
    width: usize,
    growing: bool,
    finished: u32,
    since: Duration,
    files_per_second: f64,
}

impl Lanes {
    pub(super) fn new() -> Self {
        Self { width: NARROW, growing: true, finished: 0, since: Duration::ZERO, files_per_second: 0.0 }
    }

    /// Files that may move at the same time.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// A file ended, `at` after the copy began.
    pub(super) fn finished(&mut self, at: Duration) {
        self.finished += 1;
        let window = at.saturating_sub(self.since);
        if self.finished < WINDOW.0 || window < WINDOW.1 {
            return;
        }
        let rate = f64::from(self.finished) / window.as_secs_f64();
        if rate < self.files_per_second * 1.05 {
            self.growing = !self.growing;
        }
        self.width =
            if self.growing { (self.width + STEP).min(WIDE) } else { (self.width - STEP / 2).max(NARROW) };
        (self.finished, self.since, self.files_per_second) = (0, at, rate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Copies against a store whose rate depends on the width; the width it ends with.
    fn settle(files_per_second: impl Fn(usize) -> f64) -> usize {
        let (mut lanes, mut now) = (Lanes::new(), Duration::ZERO);
        for _ in 0..100_000 {
            now += Duration::from_secs_f64(1.0 / files_per_second(lanes.width()));
            lanes.finished(now);
            assert!((NARROW..=WIDE).contains(&lanes.width()));
        }
        lanes.width()
    }

    #[test]
    fn distance_asks_for_many_and_a_busy_store_for_few() {
        // each file takes 100 ms, however many move
        assert!(settle(|width| width as f64 / 0.1) >= WIDE - STEP);
        // the store does 300 files a second, and fewer when it is pressed
        assert!(settle(|width| 300.0 - width as f64) <= NARROW + 2 * STEP);
    }
}
