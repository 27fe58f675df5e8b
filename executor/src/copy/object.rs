use std::ops::Range;
use std::sync::Arc;

use lakedr_control::store::OpenedStore;
use object_store::path::Path;
use object_store::{
    Error, GetOptions, GetRange, GetResult, ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode,
    PutOptions, PutPayload, PutResult,
};

use super::error::CopyError;
use super::place::Place;
use crate::error::DataError;

/// One object of an opened store.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) opened: OpenedStore,
    /// Its key in the bucket.
    pub(super) path: Path,
    /// What it is called in messages.
    pub(super) url: String,
}

impl Object {
    pub(super) fn new(opened: &OpenedStore, place: &Place) -> Self {
        let path = place.key.parts().fold(opened.root.clone(), Path::join);
        Self { opened: opened.clone(), path, url: place.to_string() }
    }

    /// The same object under another key below the same root.
    pub(super) fn at(&self, root: &lakedr_control::location::StoreUrl, key: &Path) -> Self {
        Self::new(&self.opened, &Place { root: root.clone(), key: key.clone() })
    }

    fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.opened.store
    }

    pub(super) fn error(&self, verb: &'static str, cause: Error) -> CopyError {
        DataError { verb, url: self.url.clone(), cause }.into()
    }

    /// Its size and tag; none when it is not there.
    pub(super) async fn look(&self) -> Result<Option<ObjectMeta>, CopyError> {
        match self.store().head(&self.path).await {
            Ok(meta) => Ok(Some(meta)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(cause) => Err(self.error("look at", cause)),
        }
    }

    /// Begins to read it; none when it is not there.
    pub(super) async fn open(
        &self,
        range: Option<Range<u64>>,
        e_tag: Option<&str>,
    ) -> Result<Option<GetResult>, CopyError> {
        let options = GetOptions {
            range: range.map(GetRange::Bounded),
            if_match: e_tag.map(str::to_owned),
            ..GetOptions::default()
        };
        match self.store().get_opts(&self.path, options).await {
            Ok(found) => Ok(Some(found)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(Error::Precondition { .. }) => Err(CopyError::Changed { url: self.url.clone() }),
            Err(cause) => Err(self.error("read", cause)),
        }
    }

    /// Writes it, if it is not there; none when it is.
    pub(super) async fn create(&self, payload: PutPayload) -> Result<Option<PutResult>, CopyError> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.store().put_opts(&self.path, payload, options).await {
            Ok(put) => Ok(Some(put)),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(None),
            Err(cause) => Err(self.error("write", cause)),
        }
    }
}
