use futures::stream::{BoxStream, StreamExt as _};
use lakedr_control::location::StoreUrl;
use lakedr_control::store::OpenedStore;
use object_store::ObjectMeta;
use object_store::path::Path;

use super::job::Presence;
use super::manifest::Transfer;

/// Objects that one request lists.
const PAGE: u64 = 1000;

/// Files to copy for each request that listing may cost.
const FILES_PER_PAGE: u64 = 50;

/// Files from which it pays to list at all.
const WORTH_IT: u64 = 16;

/// What a table root holds already, found by listing it next to the transfers, both in the order of their keys.
///
/// Asking for each file costs a request a file; listing costs one for a thousand, but also for those that nobody
/// asks for. So listing has a budget: the first clone of a table and its repetition are listed to the end, an append
/// to a table of a million files is not. What is not listed is unknown, and found out when it is written.
pub(super) struct Present {
    root: StoreUrl,
    listing: Option<BoxStream<'static, object_store::Result<ObjectMeta>>>,
    next: Option<ObjectMeta>,
    last: Option<Path>,
    left: u64,
}

impl Present {
    /// `files` is how many files are to be copied below the root.
    pub(super) fn below(opened: &OpenedStore, root: &StoreUrl, files: u64) -> Self {
        // directories have no order to rely on, and looking into them costs nothing
        let listing = (opened.cloud.is_some() && files >= WORTH_IT)
            .then(|| opened.store.list(Some(&opened.root)).fuse().boxed());
        let left = files.div_ceil(FILES_PER_PAGE) * PAGE;
        Self { root: root.clone(), listing, next: None, last: None, left }
    }

    pub(super) fn root(&self) -> &StoreUrl {
        &self.root
    }

    /// What is known of the target of the next transfer.
    pub(super) async fn of(&mut self, transfer: &Transfer, path: &Path) -> Presence {
        debug_assert_eq!(transfer.target.root, self.root);
        loop {
            let Some(next) = &self.next else {
                if !self.advance(path).await {
                    return self.beyond();
                }
                continue;
            };
            match next.location.as_ref().cmp(path.as_ref()) {
                std::cmp::Ordering::Equal => return Presence::There(next.size),
                std::cmp::Ordering::Greater => return Presence::Absent,
                std::cmp::Ordering::Less => self.next = None,
            }
        }
    }

    /// Behind the end of a listing nothing is there; behind the end of its budget nothing is known.
    fn beyond(&self) -> Presence {
        if self.listing.is_some() { Presence::Absent } else { Presence::Unknown }
    }

    /// Goes on to the next object; false at the end, and when the listing is given up.
    async fn advance(&mut self, wanted: &Path) -> bool {
        let Some(listing) = &mut self.listing else { return false };
        if self.left == 0 {
            self.listing = None;
            return false;
        }
        match listing.next().await {
            Some(Ok(object)) => {
                self.left -= 1;
                let ordered = self.last.as_ref().is_none_or(|last| *last < object.location);
                self.last = Some(object.location.clone());
                if ordered {
                    self.next = Some(object);
                } else {
                    self.listing = None;
                }
                ordered
            }
            Some(Err(error)) => {
                tracing::debug!(%error, %wanted, "the listing of the target is given up");
                self.listing = None;
                false
            }
            None => false,
        }
    }
}
