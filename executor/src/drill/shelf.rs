//! The drills of a group in the external location of a region: which there were, and what came of them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use lakedr_control::codec::DecodeError;
use lakedr_control::digest;
use lakedr_control::drill::{DrillClaim, DrillReport, FORMAT, PreviousDrill};
use lakedr_control::group_log::{Author, FailureClass};
use lakedr_control::id::Name;
use lakedr_control::layout;
use lakedr_control::store::{DocStoreRef, StoreError, StoreErrorKind, Written};

use super::claim::{Claimed, encode};
use super::refusal::DrillRefusal;
use crate::error::Classify;

/// Races for a number before they count as a reason to stop.
const RACES: usize = 8;

/// Why drills cannot be read or written down.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// The location is out of reach.
    #[error("the drills of the group")]
    Store(#[from] StoreError),
    /// A document cannot be read.
    #[error("the drills of the group")]
    Document(#[from] DecodeError),
    /// Other calls were faster again and again.
    #[error("other drills of the group begin all the time; start one only")]
    Races,
    /// There is a report already, which nobody may change.
    #[error("{key} was written by somebody else meanwhile; drill again")]
    Taken {
        /// Its key.
        key: String,
    },
    /// A document has no JSON form; a bug.
    #[error("a document cannot be written")]
    Unwritable(#[source] serde_json::Error),
}

impl Classify for ShelfError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Store(error) if error.kind == StoreErrorKind::Denied => FailureClass::Denied,
            Self::Store(error) if error.is_retryable() => FailureClass::Unreachable,
            Self::Store(_) => FailureClass::Configuration,
            Self::Document(_) => FailureClass::Damaged,
            Self::Races | Self::Taken { .. } => FailureClass::Unreachable,
            Self::Unwritable(_) => FailureClass::Internal,
        }
    }
}

/// The newest report of a region.
#[derive(Debug, Clone)]
pub(crate) struct Newest {
    /// What it says.
    pub(crate) report: DrillReport,
    /// `sha256:` digest of its bytes.
    digest: String,
}

impl Newest {
    /// How the next report names it.
    pub(super) fn named(&self) -> PreviousDrill {
        PreviousDrill { drill: self.report.drill, digest: self.digest.clone() }
    }
}

/// What there is of one drill.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Found {
    claimed: bool,
    reported: bool,
    copied: bool,
}

/// The drills of a group in one region.
#[derive(Debug)]
pub(super) struct Shelf<'a> {
    pub(super) group: &'a Name,
    pub(super) store: DocStoreRef,
}

/// A drill that may begin.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) claimed: Claimed,
    pub(super) newest: Option<Newest>,
    /// Drills whose copies were left.
    pub(super) leftovers: Vec<u64>,
}

/// Why none may.
#[derive(Debug)]
pub(super) enum NotBegun {
    Refused(DrillRefusal),
    Failed(ShelfError),
}

impl<E: Into<ShelfError>> From<E> for NotBegun {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Shelf<'_> {
    /// Claims the next drill, unless one is under way.
    pub(super) async fn begin(&self, now: DateTime<Utc>, by: &Author) -> Result<Begun, NotBegun> {
        for _ in 0..RACES {
            let found = self.found().await?;
            for (drill, _) in found.iter().filter(|(_, found)| found.claimed && !found.reported) {
                if let Some(claim) = self.claim(*drill).await?.filter(|claim| claim.is_under_way(now)) {
                    let (host, since) = (claim.by.host, claim.begun_at);
                    return Err(NotBegun::Refused(DrillRefusal::UnderWay { drill: *drill, host, since }));
                }
            }
            // one that cannot be read keeps the next drill from beginning, not from ending
            let newest = self.newest_of(&found).await?;
            let drill = found.last_key_value().map_or(1, |(newest, _)| newest + 1);
            let group = self.group.clone();
            let by = by.clone();
            let claim =
                DrillClaim { format: FORMAT, group, drill, begun_at: now, alive_at: now, over: false, by };
            let key = layout::drill_claim(self.group, drill);
            let bytes = encode(&claim).map_err(ShelfError::Unwritable)?;
            if let Written::Done(tag) = self.store.create(&key, &bytes).await? {
                let leftovers = found.iter().filter(|(_, found)| found.copied).map(|(drill, _)| *drill);
                return Ok(Begun {
                    claimed: Claimed { store: self.store.clone(), key, claim, tag },
                    newest,
                    leftovers: leftovers.collect(),
                });
            }
        }
        Err(NotBegun::Failed(ShelfError::Races))
    }

    async fn found(&self) -> Result<BTreeMap<u64, Found>, StoreError> {
        let mut found: BTreeMap<u64, Found> = BTreeMap::new();
        for key in self.store.list(&layout::drills(self.group)).await? {
            let Some((drill, _)) = layout::drill_of(self.group, &key) else { continue };
            let entry = found.entry(drill).or_default();
            entry.claimed |= key == layout::drill_claim(self.group, drill);
            entry.reported |= key == layout::drill_report(self.group, drill);
            entry.copied |= key.starts_with(&(layout::drill_copy(self.group, drill) + "/"));
        }
        Ok(found)
    }

    async fn claim(&self, drill: u64) -> Result<Option<DrillClaim>, ShelfError> {
        let key = layout::drill_claim(self.group, drill);
        let Some(object) = self.store.read(&key).await? else { return Ok(None) };
        Ok(Some(DrillClaim::decode(&key, &object.bytes)?))
    }

    async fn newest_of(&self, found: &BTreeMap<u64, Found>) -> Result<Option<Newest>, ShelfError> {
        let Some((drill, _)) = found.iter().rfind(|(_, found)| found.reported) else { return Ok(None) };
        let key = layout::drill_report(self.group, *drill);
        let Some(object) = self.store.read(&key).await? else { return Ok(None) };
        let report = DrillReport::decode(&key, &object.bytes)?;
        Ok(Some(Newest { report, digest: digest::of_bytes(&object.bytes) }))
    }

    /// Writes an object that nobody has written yet.
    pub(super) async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), ShelfError> {
        match self.store.create(key, bytes).await? {
            Written::Done(_) => Ok(()),
            Written::Lost => Err(ShelfError::Taken { key: key.to_owned() }),
        }
    }
}

/// The newest report of a group in a region.
pub(crate) async fn newest(group: &Name, store: DocStoreRef) -> Result<Option<Newest>, ShelfError> {
    let shelf = Shelf { group, store };
    let found = shelf.found().await?;
    shelf.newest_of(&found).await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::TimeDelta;
    use lakedr_control::store::MemoryStore;

    use super::*;

    fn author() -> Author {
        Author { executor: "0.1.0".to_owned(), host: "h".to_owned(), run: "r".to_owned() }
    }

    #[tokio::test]
    async fn one_drill_at_a_time_and_what_was_left_is_found() {
        let group: Name = "etl".parse().unwrap();
        let store: DocStoreRef = Arc::new(MemoryStore::default());
        let shelf = Shelf { group: &group, store: store.clone() };
        let at = |minute| DateTime::UNIX_EPOCH + TimeDelta::minutes(minute);
        let first = shelf.begin(at(0), &author()).await.unwrap();
        assert_eq!((first.claimed.claim.drill, first.leftovers.len()), (1, 0));
        let refused = shelf.begin(at(4), &author()).await.unwrap_err();
        let NotBegun::Refused(DrillRefusal::UnderWay { drill: 1, .. }) = refused else {
            panic!("{refused:?}")
        };

        shelf.put(&(layout::drill_copy(&group, 1) + "/c/s/t/x"), b"x").await.unwrap();
        let second = shelf.begin(at(5), &author()).await.unwrap();
        assert_eq!((second.claimed.claim.drill, second.leftovers), (2, vec![1]));
        let report = layout::drill_report(&group, 2);
        shelf.put(&report, b"{}").await.unwrap();
        let damaged = shelf.begin(at(20), &author()).await.unwrap_err();
        assert!(matches!(damaged, NotBegun::Failed(ShelfError::Document(_))), "{damaged:?}");
        assert_eq!(store.read(&layout::drill_claim(&group, 3)).await.unwrap(), None, "nothing was claimed");
        let taken = shelf.put(&layout::drill_copy(&group, 1).replace("/copy", "/copy/c/s/t/x"), b"y").await;
        assert!(matches!(taken, Err(ShelfError::Taken { .. })), "what is there is not replaced");
    }
}
