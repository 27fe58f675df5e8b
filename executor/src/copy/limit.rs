use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lakedr_control::id::Name;
use tokio::time::{Instant, sleep_until};

/// A cap on bytes per second that transfers share.
#[derive(Debug)]
pub struct RateLimit {
    bytes_per_second: Option<u64>,
    /// Moment up to which the line is taken.
    taken_until: Mutex<Instant>,
}

impl RateLimit {
    /// A cap; `None` and 0 are no cap.
    #[must_use]
    pub fn new(bytes_per_second: Option<u64>) -> Self {
        let bytes_per_second = bytes_per_second.filter(|rate| *rate > 0);
        Self { bytes_per_second, taken_until: Mutex::new(Instant::now()) }
    }

    /// The cap.
    #[must_use]
    pub fn bytes_per_second(&self) -> Option<u64> {
        self.bytes_per_second
    }

    /// Waits until `bytes` more may move. Time that nobody used is not saved up.
    pub async fn take(&self, bytes: u64) {
        let Some(rate) = self.bytes_per_second else { return };
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

/// The caps of the groups that a process works for. However many copies of a group run at once, they share its cap;
/// the process as a whole moves no more than the sum.
#[derive(Debug, Default)]
pub(super) struct Limits {
    groups: Mutex<BTreeMap<Name, Arc<RateLimit>>>,
}

impl Limits {
    /// The cap of a group; a changed one takes the place of the old one.
    pub(super) fn of(&self, group: &Name, bytes_per_second: Option<u64>) -> Arc<RateLimit> {
        let wanted = RateLimit::new(bytes_per_second);
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        match groups.get(group).filter(|held| held.bytes_per_second == wanted.bytes_per_second) {
            Some(held) => Arc::clone(held),
            None => {
                let limit = Arc::new(wanted);
                groups.insert(group.clone(), Arc::clone(&limit));
                limit
            }
        }
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

    #[tokio::test(start_paused = true)]
    async fn idle_time_is_not_saved_up_for_a_burst() {
        let limit = RateLimit::new(Some(1000));
        tokio::time::sleep(Duration::from_secs(60)).await;
        let begin = Instant::now();
        limit.take(3000).await;
        assert_eq!(begin.elapsed().as_millis(), 3000);
    }

    #[tokio::test(start_paused = true)]
    async fn every_copy_of_a_group_has_the_same_cap() {
        let (etl, other) = ("etl".parse().unwrap(), "other".parse().unwrap());
        let limits = Limits::default();
        let begin = Instant::now();
        let (first, second) = (limits.of(&etl, Some(1000)), limits.of(&etl, Some(1000)));
        let apart = limits.of(&other, Some(1000));
        tokio::join!(first.take(1000), second.take(1000), apart.take(1000));
        assert_eq!(begin.elapsed().as_millis(), 2000);
        assert_eq!(limits.of(&etl, Some(5)).bytes_per_second(), Some(5));
    }
}
