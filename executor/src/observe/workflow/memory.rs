//! Where a sync keeps what it knows of run records. Best effort: nothing rests on it.

use lakedr_control::id::Name;
use lakedr_control::known_runs::{KnownRuns, Runs};
use lakedr_control::layout;
use lakedr_control::store::{DocStoreRef, Tag, Written};

/// The memory of one group.
#[derive(Debug, Clone, Copy)]
pub struct RunMemory<'a> {
    /// The group.
    pub group: &'a Name,
    /// The location that holds the group log.
    pub store: &'a DocStoreRef,
    /// Whether this call may write.
    pub keeps: bool,
}

impl RunMemory<'_> {
    /// What is remembered of the records in `url`, and the tag of the object there.
    pub(super) async fn recall(&self, url: &str) -> (Runs, Option<Tag>) {
        let object = match self.store.read(&layout::known_runs(self.group)).await {
            Ok(Some(object)) => object,
            Ok(None) => return (Runs::default(), None),
            Err(error) => {
                tracing::debug!(group = %self.group, %error, "what is known of the runs is out of reach");
                return (Runs::default(), None);
            }
        };
        let runs = KnownRuns::decode(self.group, url, &object.bytes).unwrap_or_else(|cause| {
            tracing::debug!(group = %self.group, %cause, "what is known of the runs is ignored");
            Runs::default()
        });
        (runs, Some(object.tag))
    }

    /// Remembers runs, unless somebody else has done so meanwhile.
    pub(super) async fn keep(&self, url: &str, runs: Runs, tag: Option<&Tag>) {
        let known = KnownRuns::new(self.group.clone(), url.to_owned(), runs).and_then(|known| known.encode());
        let bytes = match known {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::debug!(group = %self.group, %error, "what is known of the runs has no JSON form");
                return;
            }
        };
        let key = layout::known_runs(self.group);
        let written = match tag {
            Some(tag) => self.store.replace(&key, &bytes, tag).await,
            None => self.store.create(&key, &bytes).await,
        };
        match written {
            Ok(Written::Done(_) | Written::Lost) => {}
            Err(error) => {
                tracing::debug!(group = %self.group, %error, "what is known of the runs is not kept");
            }
        }
    }
}
