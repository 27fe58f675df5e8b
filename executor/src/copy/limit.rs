use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// A cap on bytes per second that all transfers of a group share.
#[derive(Debug)]
pub struct RateLimit {
    bytes_per_second: Option<u64>,
    /// Moment up to which the line is taken.
    taken_until: Mutex<Instant>,
}

impl RateLimit {
    /// A cap; `None` is no cap.
    #[must_use]
    pub fn new(bytes_per_second: Option<u64>) -> Self {
        Self { bytes_per_second, taken_until: Mutex::new(Instant::now()) }
    }

    /// Waits until `bytes` more may move.
    pub async fn take(&self, bytes: u64) {
        let Some(rate) = self.bytes_per_second.filter(|rate| *rate > 0) else { return };
        let free_at = {
            let mut taken_until = self.taken_until.lock().unwrap_or_else(PoisonError::into_inner);
            let begin = (*taken_until).max(Instant::now());
            let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate);
            *taken_until = begin + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
            *taken_until
        };
        sleep_until(free_at).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn transfers_share_the_cap() {
        let limit = RateLimit::new(Some(1000));
        let begin = Instant::now();
        futures::future::join_all((0..4).map(|_| limit.take(500))).await;
        assert_eq!(begin.elapsed().as_millis(), 2000);
        RateLimit::new(None).take(u64::MAX).await;
        assert_eq!(begin.elapsed().as_millis(), 2000);
    }
}
