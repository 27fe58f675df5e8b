use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::error::Classify;

/// How often a file may be tried again in a row, all its requests together. The client of the store has tried each of
/// them a few times before.
const TRIES: u32 = 8;

/// Wait before the first time.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// Longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What is left of the patience with one file; its parts share it.
#[derive(Debug, Default)]
pub(super) struct Patience {
    used: AtomicU32,
}

impl Patience {
    /// Waits before another try, or gives the error back when it will not pass or has come too often.
    ///
    /// # Errors
    /// The error.
    pub(super) async fn after<E: Classify>(&self, error: E) -> Result<(), E> {
        let used = self.used.fetch_add(1, Ordering::Relaxed);
        if used >= TRIES || !error.retryable() {
            return Err(error);
        }
        tracing::debug!("{}; trying again", crate::error::chain(&error));
        tokio::time::sleep(wait(used)).await;
        Ok(())
    }

    /// A part is in place: a large file may meet more trouble on its way than a small one.
    pub(super) fn regain(&self) {
        let lower = |used: u32| used.checked_sub(1);
        // nothing to regain is fine
        let _ = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, lower);
    }
}

/// Doubles each time. Files meet a busy store at different moments, so that there is no need for chance in it.
fn wait(used: u32) -> Duration {
    (FIRST_WAIT * 2_u32.saturating_pow(used)).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use lakedr_control::group_log::FailureClass;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("broken")]
    struct Broken(FailureClass);

    impl Classify for Broken {
        fn class(&self) -> FailureClass {
            self.0
        }
    }

    #[tokio::test(start_paused = true)]
    async fn patience_ends() {
        let patience = Patience::default();
        let mut tries = 0;
        while patience.after(Broken(FailureClass::Unreachable)).await.is_ok() {
            tries += 1;
        }
        assert_eq!(tries, TRIES);
        let hopeful = Patience::default();
        for _ in 0..3 * TRIES {
            hopeful.after(Broken(FailureClass::Unreachable)).await.unwrap();
            hopeful.regain();
        }
        assert!(Patience::default().after(Broken(FailureClass::Damaged)).await.is_err());
    }
}
