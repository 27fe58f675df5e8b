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

/// Windows between two attempts to grow.
const REST: u32 = 8;

/// Finds the number of files at a time by trying: as long as a wider copy finishes clearly more files a second it
/// grows, else it takes the step back and rests. Against a store near by few are best, against one far away many
/// hide the distance.
#[derive(Debug)]
pub(super) struct Lanes {
    width: usize,
    /// Files a second before the step that is being tried.
    tried_from: Option<f64>,
    rest: u32,
    finished: u32,
    since: Duration,
}

impl Lanes {
    pub(super) fn new() -> Self {
        Self { width: NARROW, tried_from: None, rest: 0, finished: 0, since: Duration::ZERO }
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
        self.judge(f64::from(self.finished) / window.as_secs_f64());
        (self.finished, self.since) = (0, at);
    }

    fn judge(&mut self, files_per_second: f64) {
        match self.tried_from {
            Some(before) if files_per_second < before * 1.05 => {
                self.width = (self.width - STEP).max(NARROW);
                (self.tried_from, self.rest) = (None, REST);
            }
            None if self.rest > 0 => self.rest -= 1,
            _ if self.width < WIDE => {
                self.width += STEP;
                self.tried_from = Some(files_per_second);
            }
            _ => (self.tried_from, self.rest) = (None, REST),
        }
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
        assert_eq!(settle(|width| width as f64 / 0.1), WIDE);
        // the store does 300 files a second, and fewer when it is pressed
        assert!(settle(|width| 300.0 - width as f64) <= NARROW + STEP);
    }
}
