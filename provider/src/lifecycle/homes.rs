//! The external locations in which group logs live, as this process has met them: each is opened once, and one that does
//! not answer is not asked again.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use lakedr_control::spec::SyncGroupSpec;
use lakedr_control::store::DocStoreRef;
use tokio::sync::OnceCell;

/// The two locations of a group, in the order of their names: what the log of a group needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair([String; 2]);

impl Pair {
    /// Those of a group.
    #[must_use]
    pub fn of(spec: &SyncGroupSpec) -> Self {
        let mut pair = [spec.primary.location.clone(), spec.secondary.location.clone()];
        pair.sort();
        Self(pair)
    }
}

impl std::fmt::Display for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} and {:?}", self.0[0], self.0[1])
    }
}

/// Opened locations, and lost ones.
#[derive(Debug, Default)]
pub struct Homes {
    opened: Mutex<BTreeMap<String, Arc<OnceCell<DocStoreRef>>>>,
    lost: Mutex<BTreeSet<Pair>>,
    told: Mutex<BTreeSet<Pair>>,
}

impl Homes {
    /// The store of a location, opened by whoever asks first.
    pub(super) async fn store<E>(
        &self,
        location: &str,
        open: impl Future<Output = Result<DocStoreRef, E>>,
    ) -> Result<DocStoreRef, E> {
        let cell = {
            let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(opened.entry(location.to_owned()).or_default())
        };
        cell.get_or_try_init(|| open).await.cloned()
    }

    /// The location may have another URL, or other options.
    pub fn forget(&self, location: &str) {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).remove(location);
    }

    /// Whether these locations have been found out of reach.
    pub(super) fn are_lost(&self, pair: &Pair) -> bool {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).contains(pair)
    }

    /// These locations are out of reach.
    pub(super) fn lose(&self, pair: Pair) {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).insert(pair);
    }

    /// Whether it is for the caller to tell that these locations are out of reach: true once.
    pub fn tell(&self, pair: Pair) -> bool {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(pair)
    }
}
