//! Which steps ran, how long they took, and how many tests they held.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::console;

/// How many tests ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) ignored: u64,
}

impl Tally {
    /// Both counts in one.
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            ignored: self.ignored + other.ignored,
        }
    }
}

struct Done {
    step: String,
    time: Duration,
    ok: bool,
}

/// Collects what the steps say.
#[derive(Default)]
pub(super) struct Report {
    done: Vec<Done>,
    tally: Tally,
}

impl Report {
    /// Runs one step; what it counted counts even when it fails.
    pub(super) fn step<T>(&mut self, name: &str, work: impl FnOnce(&mut Tally) -> Result<T>) -> Result<T> {
        console::say(&format!("\n== {name}"));
        let start = Instant::now();
        let mut tally = Tally::default();
        let result = work(&mut tally);
        self.tally = self.tally.plus(tally);
        self.done.push(Done { step: name.to_owned(), time: start.elapsed(), ok: result.is_ok() });
        result.with_context(|| format!("step `{name}` failed"))
    }

    /// The table of steps, for people.
    pub(super) fn table(&self) -> String {
        let width = self.done.iter().map(|done| done.step.len()).max().unwrap_or_default();
        let row = |done: &Done| {
            let mark = if done.ok { "ok" } else { "FAILED" };
            format!("{:width$}  {:>13}  {mark}\n", done.step, console::duration(done.time))
        };
        self.done.iter().map(row).collect()
    }

    /// The line that says how many tests ran, in the form that test runners are read by.
    pub(super) fn closing_line(&self) -> String {
        format!("{} passed, {} failed", self.tally.passed, self.tally.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_still_counts_its_tests() {
        let mut report = Report::default();
        let good = report.step("good", |tally| {
            tally.passed = 2;
            Ok(())
        });
        good.unwrap();
        let failure: Result<()> = report.step("bad", |tally| {
            *tally = Tally { passed: 1, failed: 3, ignored: 0 };
            anyhow::bail!("why")
        });
        assert_eq!(format!("{:#}", failure.unwrap_err()), "step `bad` failed: why");
        assert_eq!(report.closing_line(), "3 passed, 3 failed");
        let table = report.table();
        assert!(table.contains("good") && table.contains("bad") && table.contains("FAILED"), "{table}");
    }
}
