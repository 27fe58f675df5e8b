use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use lakedr_control::location::StoreUrl;
use lakedr_control::store::{CloudHandle, S3Handle};
use object_store::multipart::MultipartStore as _;
use object_store::path::Path;
use tokio::sync::OnceCell;

use super::error::WireError;
use super::object::Object;
use super::retry::Patience;
use super::upload::remove_leftovers;
use super::wire::s3::{ListedUpload, S3};

/// An upload of a file that is about to be copied is left over when nothing has happened to it for so long: lakedr
/// alone writes under that name, and an executor that lives sends part after part.
const OURS_IDLE: Duration = Duration::from_secs(15 * 60);

/// Any other upload below a table root, which may belong to a foreign writer that takes its time.
const OTHERS_IDLE: Duration = Duration::from_secs(24 * 3600);

/// What processes that were killed left behind: unfinished uploads, staged files. Found once for each table root, and
/// given up when they are idle. Should the owner live after all, its upload fails and is done again.
///
/// Azure and Google expire unfinished uploads by their own rules: a week, and a rule of the bucket.
#[derive(Debug, Default)]
pub(super) struct Leftovers {
    roots: Mutex<BTreeMap<StoreUrl, Arc<OnceCell<Listing>>>>,
    folders: Mutex<BTreeSet<PathBuf>>,
}

#[derive(Debug, Default)]
struct Listing {
    uploads: Vec<ListedUpload>,
    /// What time it was at the store.
    at: DateTime<Utc>,
}

impl Leftovers {
    /// Clears the way for an upload to `target`. Best effort.
    pub(super) async fn clear(&self, target: &Object) {
        match &target.opened.cloud {
            Some(CloudHandle::S3(handle)) if handle.plain_signatures => {
                self.clear_bucket(handle, target).await;
            }
            Some(_) => {}
            None => self.clear_folder(target).await,
        }
    }

    async fn clear_bucket(&self, handle: &S3Handle, target: &Object) {
        let cell = {
            let mut roots = self.roots.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(roots.entry(target.opened.url.clone()).or_default())
        };
        let patience = Patience::default();
        let s3 = S3 { handle, patience: &patience };
        let listing = cell.get_or_init(|| list(s3, &target.opened.root)).await;
        for upload in listing.uploads.iter().filter(|upload| upload.key == target.path.as_ref()) {
            give_up(s3, upload, listing.at, OURS_IDLE).await;
        }
    }

    async fn clear_folder(&self, target: &Object) {
        let path = PathBuf::from(format!("/{}", target.path));
        let Some(folder) = path.parent().map(std::path::Path::to_owned) else { return };
        let first = self.folders.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.clone());
        let idle = if first { OTHERS_IDLE } else { return };
        let removed = tokio::task::spawn_blocking(move || remove_leftovers(&folder, idle)).await;
        if let Ok(Ok(removed @ 1..)) = removed {
            tracing::info!(removed, "removed staged files of copies that were cut short");
        }
    }
}

/// Lists what is unfinished below a root, and gives up what has been for a day.
async fn list(s3: S3<'_>, root: &Path) -> Listing {
    let prefix = if root.as_ref().is_empty() { String::new() } else { format!("{root}/") };
    match s3.uploads(&prefix).await {
        Ok((uploads, at)) => {
            for upload in &uploads {
                give_up(s3, upload, at, OTHERS_IDLE).await;
            }
            Listing { uploads, at }
        }
        Err(error) => {
            tracing::debug!(%error, "unfinished uploads of earlier copies stay");
            Listing::default()
        }
    }
}

/// Gives up an upload that has been idle for so long.
async fn give_up(s3: S3<'_>, upload: &ListedUpload, at: DateTime<Utc>, idle: Duration) {
    if !is_idle(upload.initiated, at, idle) {
        return;
    }
    let given_up = async {
        if !is_idle(s3.last_part(upload).await?, at, idle) {
            return Ok(());
        }
        if let Ok(path) = Path::parse(&upload.key) {
            let aborted = s3.handle.store.abort_multipart(&path, &upload.upload_id).await;
            tracing::info!(
                key = upload.key,
                ok = aborted.is_ok(),
                "gave up an upload that was left unfinished"
            );
        }
        Ok::<_, WireError>(())
    };
    if let Err(error) = given_up.await {
        tracing::debug!(%error, key = upload.key, "an unfinished upload stays");
    }
}

fn is_idle(since: DateTime<Utc>, now: DateTime<Utc>, idle: Duration) -> bool {
    TimeDelta::from_std(idle).is_ok_and(|idle| now - since >= idle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_is_left_over_by_the_clock_of_the_store_alone() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let now = at("2026-11-20T12:00:00Z");
        assert!(is_idle(at("2026-11-20T11:45:00Z"), now, OURS_IDLE));
        assert!(!is_idle(at("2026-11-20T11:45:01Z"), now, OURS_IDLE));
        assert!(!is_idle(at("2026-11-20T11:00:00Z"), now, OTHERS_IDLE));
        assert!(!is_idle(at("2026-11-20T13:00:00Z"), now, OURS_IDLE));
    }
}
