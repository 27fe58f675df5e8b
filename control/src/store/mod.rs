//! The narrow store that documents, group logs and run records need: read with a tag, create if absent, replace
//! if the tag still holds.

#[cfg(feature = "object-store")]
mod cloud;
#[cfg(feature = "contract")]
pub mod contract;
#[cfg(feature = "object-store")]
mod credentials;
mod documents;
#[cfg(feature = "object-store")]
mod federated;
#[cfg(feature = "object-store")]
mod handle;
#[cfg(feature = "object-store")]
mod lend;
#[cfg(feature = "object-store")]
mod local;
mod memory;
#[cfg(feature = "object-store")]
mod open;
#[cfg(feature = "object-store")]
mod probe;
#[cfg(feature = "object-store")]
mod transport;

use std::sync::Arc;

use async_trait::async_trait;

#[cfg(feature = "object-store")]
pub use cloud::{CloudStore, classify};
pub use documents::{ControlStore, ControlStoreError, Stored};
#[cfg(feature = "object-store")]
pub use federated::FederationError;
#[cfg(feature = "object-store")]
pub use handle::{AzureHandle, CloudHandle, GcsHandle, S3Handle};
#[cfg(feature = "object-store")]
pub use lend::{Lender, LentCredential, Loan, NotLent};
#[cfg(feature = "object-store")]
pub use local::LocalStore;
pub use memory::MemoryStore;
#[cfg(feature = "object-store")]
pub use open::{
    OpenError, OpenedStore, has_credentials, open_doc_store, open_lent_object_store, open_object_store,
};
#[cfg(feature = "object-store")]
pub use probe::{ProbeFailure, ProbeStep, probe};
#[cfg(feature = "object-store")]
pub use transport::SilentFor;
#[cfg(feature = "object-store")]
pub(crate) use transport::Transport;

/// Identifies one stored state of an object: an ETag, a generation, or a digest, whatever the store has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag(pub String);

/// Content of an object, and the tag of that content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Their tag.
    pub tag: Tag,
}

/// An object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// The same in every listing until the object is replaced; not comparable with a [`Tag`]. Only good for leaving
    /// out what is known already.
    pub stamp: String,
}

/// What became of a conditional write. Losing a race is not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Written {
    /// The object holds the bytes.
    Done(Tag),
    /// Somebody else was first; nothing was changed.
    Lost,
}

/// What a caller can do about a [`StoreError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// Credentials are missing, wrong, or do not allow this.
    Denied,
    /// The store is not there, does not answer, or asks to come back later.
    Unreachable,
    /// Bucket or container does not exist.
    NoBucket,
    /// The store does not honour conditional writes.
    Unsupported,
    /// Anything else.
    Other,
}

/// A store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("cannot {verb} {url}: {}", reason(*.kind))]
pub struct StoreError {
    /// What was tried: `read`, `write`, `list`, `delete`.
    pub verb: &'static str,
    /// Where.
    pub url: String,
    /// What a caller can do about it.
    pub kind: StoreErrorKind,
    /// What the store said.
    #[source]
    pub cause: Box<dyn std::error::Error + Send + Sync>,
}

fn reason(kind: StoreErrorKind) -> &'static str {
    match kind {
        StoreErrorKind::Denied => "permission denied; check the credentials and what they allow",
        StoreErrorKind::Unreachable => {
            "the store does not answer; check the endpoint and the network, then try again"
        }
        StoreErrorKind::NoBucket => {
            "there is no such bucket, container or directory; create it or correct the URL"
        }
        StoreErrorKind::Unsupported => "the store does not support conditional writes, which lakedr needs",
        StoreErrorKind::Other => "the store reports an error",
    }
}

impl StoreError {
    /// Whether trying again may help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.kind == StoreErrorKind::Unreachable
    }
}

/// A store of small objects. Keys are relative, with `/` between segments; see [`crate::layout`].
///
/// Writes are atomic: a reader sees an object whole or not at all, and sees it as soon as its write has returned.
#[async_trait]
pub trait DocStore: Send + Sync + std::fmt::Debug {
    /// Where the store is, for messages.
    fn url(&self) -> &str;

    /// Reads an object; `None` when there is none.
    async fn read(&self, key: &str) -> Result<Option<Object>, StoreError>;

    /// Objects below a folder, at any depth, whose keys come after `after`, in ascending order of their keys. An absent
    /// folder has none, and an empty `after` comes before every key.
    ///
    /// A store of pages reads no page that ends before `after`.
    async fn list_after(&self, folder: &str, after: &str) -> Result<Vec<Listed>, StoreError>;

    /// Keys of all objects below a folder, at any depth, in ascending order. An absent folder has no keys.
    async fn list(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let listed = self.list_after(folder, "").await?;
        Ok(listed.into_iter().map(|object| object.key).collect())
    }

    /// Creates an object unless there is one. If the object there holds exactly these bytes, that is success:
    /// it is how an answer that got lost on the way is told from a lost race.
    async fn create(&self, key: &str, bytes: &[u8]) -> Result<Written, StoreError>;

    /// Replaces an object if its tag is still `tag`. Of several that try at once exactly one succeeds.
    async fn replace(&self, key: &str, bytes: &[u8], tag: &Tag) -> Result<Written, StoreError>;

    /// Deletes an object; it is no error when there is none.
    async fn delete(&self, key: &str) -> Result<(), StoreError>;
}

/// A shared store.
pub type DocStoreRef = Arc<dyn DocStore>;
