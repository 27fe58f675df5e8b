//! Notices that the host is gone without having said so, as after a SIGKILL.

use tokio_util::sync::CancellationToken;

/// Returns when the process that started this one no longer exists. A host that hangs up may well exist: one that keeps a
/// provider for several commands does.
#[cfg(unix)]
pub(crate) async fn host_gone(_hung_up: &CancellationToken) {
    use std::os::unix::process::parent_id;

    const LOOK_EVERY: std::time::Duration = std::time::Duration::from_secs(1);
    let parent = parent_id();
    let mut look = tokio::time::interval(LOOK_EVERY);
    while parent_id() == parent {
        look.tick().await;
    }
}

/// Returns when the host has hung up. Windows does not tell a process that its parent is gone, but Terraform keeps one
/// stream open for as long as it lives.
#[cfg(windows)]
pub(crate) async fn host_gone(hung_up: &CancellationToken) {
    hung_up.cancelled().await;
}
