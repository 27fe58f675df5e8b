use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, sleep};

use super::parts::Upload;

/// How often it is looked whether transfers have let go of their uploads.
const LOOK: Duration = Duration::from_millis(10);

/// How long giving up may hold up a copy. What takes longer is left over, for a later copy to find.
const PATIENCE: Duration = Duration::from_millis(900);

/// The uploads of this process that are neither completed nor given up.
///
/// A transfer that is cut short cannot send anything any more; what it leaves behind is given up from here.
#[derive(Debug, Default)]
pub(in crate::copy) struct OpenUploads(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    held: usize,
    orphans: Vec<Arc<Upload>>,
}

impl OpenUploads {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives up every upload that no transfer holds any more, and waits for those that are about to be let go.
    pub(in crate::copy) async fn abort(&self, within: Duration) {
        let deadline = Instant::now() + within;
        loop {
            let orphans = std::mem::take(&mut self.state().orphans);
            let aborts = join_all(orphans.iter().map(|upload| upload.abort()));
            if tokio::time::timeout_at(deadline, aborts).await.is_err() {
                return;
            }
            if self.state().held == 0 && self.state().orphans.is_empty() {
                return;
            }
            if Instant::now() + LOOK >= deadline {
                return;
            }
            sleep(LOOK).await;
        }
    }

    /// Gives up the uploads that were let go so far.
    pub(in crate::copy) async fn abort_orphans(&self) {
        let orphans = std::mem::take(&mut self.state().orphans);
        let aborts = join_all(orphans.iter().map(|upload| upload.abort()));
        if tokio::time::timeout(PATIENCE, aborts).await.is_err() {
            tracing::debug!(
                uploads = orphans.len(),
                "giving up uploads takes long; they stay for a later copy"
            );
        }
    }
}

/// An upload, until it is completed.
#[derive(Debug)]
pub(in crate::copy) struct Held {
    upload: Option<Arc<Upload>>,
    uploads: Arc<OpenUploads>,
}

impl Held {
    pub(in crate::copy) fn new(upload: Upload, uploads: &Arc<OpenUploads>) -> (Self, Arc<Upload>) {
        let upload = Arc::new(upload);
        uploads.state().held += 1;
        (Self { upload: Some(Arc::clone(&upload)), uploads: Arc::clone(uploads) }, upload)
    }

    /// There is nothing to give up any more.
    pub(in crate::copy) fn completed(mut self) {
        self.upload = None;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.uploads.state();
        state.held -= 1;
        state.orphans.extend(self.upload.take());
    }
}
