use std::sync::Arc;

use futures::future::try_join_all;

use super::{DocStore, DocStoreRef, StoreError, Tag, Written};
use crate::codec::{DecodeError, Document};
use crate::digest::NotCanonical;
use crate::layout;
use crate::spec::{Kind, Spec};

/// The control store: desired state, one document per resource.
#[derive(Debug, Clone)]
pub struct ControlStore {
    store: DocStoreRef,
}

/// A document and the tag of the bytes that hold it.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored<S> {
    /// The document.
    pub document: Document<S>,
    /// Its tag, for the next replacement.
    pub tag: Tag,
}

/// Why a document cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ControlStoreError {
    /// The store cannot be used.
    #[error("the control store cannot be used")]
    Store(#[from] StoreError),
    /// A document cannot be understood.
    #[error("the control store {url} holds a document that cannot be used")]
    Document {
        /// Where the store is.
        url: String,
        /// What is wrong with it.
        #[source]
        cause: DecodeError,
    },
    /// A document cannot be written as JSON; a bug.
    #[error(transparent)]
    Encode(#[from] NotCanonical),
}

impl ControlStoreError {
    /// Whether trying again may help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Store(cause) if cause.is_retryable())
    }
}

impl ControlStore {
    /// A control store whose root is the root of `store`.
    #[must_use]
    pub fn new(store: Arc<dyn DocStore>) -> Self {
        Self { store }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        self.store.url()
    }

    /// Reads a document; `None` when there is none.
    ///
    /// # Errors
    /// See [`ControlStoreError`].
    pub async fn get<S: Spec>(&self, name: &str) -> Result<Option<Stored<S>>, ControlStoreError> {
        let key = layout::document(S::KIND, name);
        let Some(object) = self.store.read(&key).await? else { return Ok(None) };
        let document = Document::decode(&key, &object.bytes)
            .map_err(|cause| ControlStoreError::Document { url: self.url().to_owned(), cause })?;
        Ok(Some(Stored { document, tag: object.tag }))
    }

    /// Names of all documents of a kind, in order.
    ///
    /// # Errors
    /// When the store cannot be listed.
    pub async fn names(&self, kind: Kind) -> Result<Vec<String>, ControlStoreError> {
        let keys = self.store.list(&layout::documents(kind)).await?;
        Ok(keys.iter().filter_map(|key| layout::document_name(kind, key).map(str::to_owned)).collect())
    }

    /// All documents of a kind, in order of their names.
    ///
    /// # Errors
    /// At the first document that cannot be used.
    pub async fn all<S: Spec>(&self) -> Result<Vec<Stored<S>>, ControlStoreError> {
        let names = self.names(S::KIND).await?;
        let documents = try_join_all(names.iter().map(|name| self.get::<S>(name))).await?;
        Ok(documents.into_iter().flatten().collect())
    }

    /// The tag of whatever lies where a document should be, readable or not; `None` when there is nothing.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn tag(&self, kind: Kind, name: &str) -> Result<Option<Tag>, ControlStoreError> {
        Ok(self.store.read(&layout::document(kind, name)).await?.map(|object| object.tag))
    }

    /// Writes a document that must not exist.
    ///
    /// # Errors
    /// See [`ControlStoreError`]. That it exists is [`Written::Lost`], not an error.
    pub async fn create<S: Spec>(&self, document: &Document<S>) -> Result<Written, ControlStoreError> {
        let key = layout::document(S::KIND, &document.name);
        Ok(self.store.create(&key, &document.encode()?).await?)
    }

    /// Replaces a document that must still be the one with `tag`.
    ///
    /// # Errors
    /// See [`ControlStoreError`]. That it was changed or deleted is [`Written::Lost`], not an error.
    pub async fn replace<S: Spec>(
        &self,
        document: &Document<S>,
        tag: &Tag,
    ) -> Result<Written, ControlStoreError> {
        let key = layout::document(S::KIND, &document.name);
        Ok(self.store.replace(&key, &document.encode()?, tag).await?)
    }

    /// Deletes a document.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn delete(&self, kind: Kind, name: &str) -> Result<(), ControlStoreError> {
        Ok(self.store.delete(&layout::document(kind, name)).await?)
    }
}
