//! Notices that the host is gone without having said so, as after a SIGKILL.

use std::os::unix::process::parent_id;
use std::time::Duration;

use tokio::time::interval;

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Returns when the process that started this one no longer exists.
pub(crate) async fn parent_gone() {
    let parent = parent_id();
    let mut look = interval(LOOK_EVERY);
    while parent_id() == parent {
        look.tick().await;
    }
}
