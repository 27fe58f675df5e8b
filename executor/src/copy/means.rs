use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lakedr_control::id::Name;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::leftovers::Leftovers;
use super::limit::{Limits, RateLimit};
use super::sizes::{MEMORY, Sizes};
use super::upload::OpenUploads;

/// Unit in which memory is handed out.
const KIB: u64 = 1 << 10;

/// Files in parts that move at the same time: the parts of one fill the memory, a few bridge its beginning and end.
const LARGE_AT_ONCE: usize = 4;

/// Files that are looked up before they are read, after one was there already.
const SUSPICION: u32 = 64;

/// What all copies of a process share: memory, caps, uploads that are under way.
#[derive(Debug, Clone)]
pub struct Copying {
    memory: Arc<Semaphore>,
    /// Turns of large files.
    large: Arc<Semaphore>,
    limits: Arc<Limits>,
    uploads: Arc<OpenUploads>,
    /// Pairs of buckets whose store would not copy between them.
    refused: Arc<Mutex<BTreeSet<(String, String)>>>,
}

impl Default for Copying {
    fn default() -> Self {
        let permits = usize::try_from(MEMORY / KIB).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            memory: Arc::new(Semaphore::new(permits)),
            large: Arc::new(Semaphore::new(LARGE_AT_ONCE)),
            limits: Arc::default(),
            uploads: Arc::default(),
            refused: Arc::default(),
        }
    }
}

impl Copying {
    /// What a copy for a group may use, under the group's cap.
    #[must_use]
    pub fn of_group(&self, group: &Name, max_bytes_per_second: Option<u64>) -> Means {
        Means::new(self.clone(), self.limits.of(group, max_bytes_per_second))
    }

    /// What a copy may use that no group asked for, under a cap of its own.
    #[must_use]
    pub fn alone(&self, max_bytes_per_second: Option<u64>) -> Means {
        Means::new(self.clone(), Arc::new(RateLimit::new(max_bytes_per_second)))
    }

    /// Gives up the uploads of transfers that were cut short, waiting no longer than `within`. To be called when the
    /// process is about to end early.
    pub async fn give_up(&self, within: Duration) {
        self.uploads.abort(within).await;
    }
}

/// What a copy may use.
#[derive(Debug, Clone)]
pub struct Means {
    process: Copying,
    pub(super) limit: Arc<RateLimit>,
    pub(super) sizes: Sizes,
    suspicion: Arc<AtomicU32>,
    leftovers: Arc<Leftovers>,
}

impl Means {
    fn new(process: Copying, limit: Arc<RateLimit>) -> Self {
        let sizes = Sizes::under(limit.bytes_per_second());
        Self { process, limit, sizes, suspicion: Arc::default(), leftovers: Arc::default() }
    }

    /// Memory for so many bytes, as soon as there is some. A file larger than all there is gets all there is.
    pub(super) async fn memory(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let wanted = u32::try_from(bytes.min(MEMORY).div_ceil(KIB).max(1)).unwrap_or(u32::MAX);
        // the semaphore is never closed
        Arc::clone(&self.process.memory).acquire_many_owned(wanted).await.ok()
    }

    /// The turn of a file that moves in parts.
    pub(super) async fn turn_of_large(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.process.large).acquire_owned().await.ok()
    }

    pub(super) fn uploads(&self) -> &Arc<OpenUploads> {
        &self.process.uploads
    }

    /// Whether files should be looked up before they are read: others were there already.
    pub(super) fn suspects(&self) -> bool {
        let lower = |left: u32| left.checked_sub(1);
        self.suspicion.fetch_update(Ordering::Relaxed, Ordering::Relaxed, lower).is_ok()
    }

    /// A file was there already.
    pub(super) fn suspect(&self) {
        self.suspicion.store(SUSPICION, Ordering::Relaxed);
    }

    pub(super) fn leftovers(&self) -> &Leftovers {
        &self.leftovers
    }

    pub(super) fn refused(&self, pair: &(String, String)) -> bool {
        self.process.refused.lock().unwrap_or_else(PoisonError::into_inner).contains(pair)
    }

    /// Remembers that a store does not copy between two buckets; whether that is news.
    pub(super) fn refuse(&self, pair: (String, String)) -> bool {
        self.process.refused.lock().unwrap_or_else(PoisonError::into_inner).insert(pair)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn memory_is_shared_and_comes_back() {
        let means = Copying::default().alone(None);
        let all = means.memory(u64::MAX).await.unwrap();
        let more = means.memory(1);
        tokio::pin!(more);
        assert!(futures::poll!(&mut more).is_pending());
        drop(all);
        assert!(more.await.is_some());
    }

    #[test]
    fn suspicion_fades() {
        let means = Copying::default().alone(None);
        assert!(!means.suspects());
        means.suspect();
        assert_eq!((0..2 * SUSPICION).filter(|_| means.suspects()).count(), SUSPICION as usize);
    }
}
