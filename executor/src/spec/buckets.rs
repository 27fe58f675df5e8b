use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use lakedr_control::location::{StoreKind, StoreUrl};
use lakedr_control::store::{OpenError, OpenedStore, open_object_store};

/// The buckets that are reached with the same options, one client each: a client brings connections and credentials
/// of its own.
#[derive(Debug, Clone, Default)]
pub(super) struct Buckets {
    /// Options, and the kind of store that they are for.
    options: Option<(StoreKind, BTreeMap<String, String>)>,
    opened: Arc<Mutex<BTreeMap<(StoreKind, String), OpenedStore>>>,
}

impl Buckets {
    pub(super) fn with_options(kind: StoreKind, options: BTreeMap<String, String>) -> Self {
        Self { options: Some((kind, options)), ..Self::default() }
    }

    /// Opens a place; stores of another kind than the options are for get the environment's credentials.
    pub(super) fn open(&self, url: &StoreUrl) -> Result<OpenedStore, OpenError> {
        let bucket = (url.kind(), url.authority().to_owned());
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = opened.get(&bucket) {
            return held.place(url);
        }
        let options = self.options.as_ref().filter(|(kind, _)| *kind == url.kind());
        let fresh = open_object_store(url, options.map_or(&BTreeMap::new(), |(_, options)| options))?;
        opened.insert(bucket, fresh.clone());
        Ok(fresh)
    }
}

/// Where a copy reads and where it writes.
#[derive(Debug, Clone)]
pub struct Sides {
    pub(super) source: Buckets,
    pub(super) target: Buckets,
}

impl Sides {
    /// Both ends with the credentials of the environment.
    #[must_use]
    pub fn of_environment() -> Self {
        let buckets = Buckets::default();
        Self { source: buckets.clone(), target: buckets }
    }

    /// Opens a place to read from. Nothing is sent.
    ///
    /// # Errors
    /// When the store cannot be set up.
    pub fn source(&self, url: &StoreUrl) -> Result<OpenedStore, OpenError> {
        self.source.open(url)
    }

    /// Opens a place to write to. Nothing is sent.
    ///
    /// # Errors
    /// When the store cannot be set up.
    pub fn target(&self, url: &StoreUrl) -> Result<OpenedStore, OpenError> {
        self.target.open(url)
    }
}
