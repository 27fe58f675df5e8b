use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lakedr_control::location::{StoreKind, StoreUrl};
use lakedr_control::store::{
    Lender, OpenError, OpenedStore, has_credentials, open_lent_object_store, open_object_store,
};

/// Kind of store, bucket, and the place that credentials are lent for, if they are.
type Key = (StoreKind, String, Option<StoreUrl>);

/// The buckets that are reached with the same options, one client each: a client brings connections and credentials
/// of its own.
#[derive(Debug, Clone, Default)]
pub(super) struct Buckets {
    /// Options, and the kind of store that they are for.
    options: Option<(StoreKind, BTreeMap<String, String>)>,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    opened: BTreeMap<Key, OpenedStore>,
    /// Who lends credentials for a place, where there are none of our own.
    lenders: BTreeMap<StoreUrl, Arc<dyn Lender>>,
}

impl Shared {
    /// The smallest place with a lender that holds another place.
    fn lender(&self, url: &StoreUrl) -> Option<(&StoreUrl, &Arc<dyn Lender>)> {
        self.lenders
            .iter()
            .filter(|(place, _)| place.holds(url))
            .max_by_key(|(place, _)| place.as_str().len())
    }
}

impl Buckets {
    pub(super) fn with_options(kind: StoreKind, options: BTreeMap<String, String>) -> Self {
        Self { options: Some((kind, options)), ..Self::default() }
    }

    /// Whether there are options for this kind of store.
    pub(super) fn is_for(&self, kind: StoreKind) -> bool {
        self.options.as_ref().is_some_and(|(of, _)| *of == kind)
    }

    fn options(&self, url: &StoreUrl) -> BTreeMap<String, String> {
        let options = self.options.as_ref().filter(|(kind, _)| *kind == url.kind());
        options.map(|(_, options)| options.clone()).unwrap_or_default()
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether options or environment name credentials for a place.
    pub(super) fn has_credentials(&self, place: &StoreUrl) -> Result<bool, OpenError> {
        has_credentials(place, &self.options(place))
    }

    /// Has credentials lent for a place, if neither options nor environment have some. A place keeps its first lender.
    pub(super) fn borrow_for(
        &self,
        place: &StoreUrl,
        lender: impl Lender + 'static,
    ) -> Result<(), OpenError> {
        if !self.has_credentials(place)? {
            self.shared().lenders.entry(place.clone()).or_insert_with(|| Arc::new(lender));
        }
        Ok(())
    }

    /// Opens a place; stores of another kind than the options are for get the environment's credentials.
    pub(super) fn open(&self, url: &StoreUrl) -> Result<OpenedStore, OpenError> {
        let mut shared = self.shared();
        let lender = shared.lender(url).map(|(place, lender)| (place.clone(), Arc::clone(lender)));
        let place = lender.as_ref().map(|(place, _)| place.clone());
        let key = (url.kind(), url.authority().to_owned(), place);
        if let Some(held) = shared.opened.get(&key) {
            return held.place(url);
        }
        let options = self.options(url);
        let fresh = match lender {
            Some((_, lender)) => open_lent_object_store(url, &options, lender)?,
            None => open_object_store(url, &options)?,
        };
        shared.opened.insert(key, fresh.clone());
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

    /// The same place to write to, and the other's to read from.
    #[must_use]
    pub fn reading_as(self, other: &Self) -> Self {
        Self { source: other.source.clone(), ..self }
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
