//! The documents that this process has read: none is read twice while it stays the same.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use lakedr_control::layout;
use lakedr_control::spec::{Kind, SyncGroupSpec};
use lakedr_control::store::{DocStoreRef, Object, StoreError};
use tokio::sync::OnceCell;

/// Documents that are read at a time.
const READ_AT_ONCE: usize = 16;

/// What is known of the documents of a control store.
#[derive(Debug, Default)]
pub(super) struct Documents {
    /// By key: the stamp of the listing that it was read after, and the object.
    read: Mutex<BTreeMap<String, (String, Object)>>,
    groups: OnceCell<Arc<Vec<SyncGroupSpec>>>,
}

impl Documents {
    /// All objects of a kind, by name. Lists, and reads what is not known or has changed.
    pub(super) async fn all(
        &self,
        store: &DocStoreRef,
        kind: Kind,
    ) -> Result<Vec<(String, Object)>, StoreError> {
        let listed = store.list_after(&layout::documents(kind), "").await?;
        let named = listed.into_iter().filter_map(|listed| {
            let name = layout::document_name(kind, &listed.key)?.to_owned();
            Some((name, listed))
        });
        let objects = stream::iter(named).map(|(name, listed)| async move {
            let known = self.known(&listed.key, &listed.stamp);
            let object = match known {
                Some(object) => Some(object),
                None => store.read(&listed.key).await?,
            };
            if let Some(object) = &object {
                self.remember(listed.key, listed.stamp, object.clone());
            }
            // what was deleted since the listing is not there
            Ok(object.map(|object| (name, object)))
        });
        objects.buffered(READ_AT_ONCE).try_filter_map(|found| async { Ok(found) }).try_collect().await
    }

    fn known(&self, key: &str, stamp: &str) -> Option<Object> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.get(key).filter(|(known, _)| known == stamp).map(|(_, object)| object.clone())
    }

    fn remember(&self, key: String, stamp: String, object: Object) {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).insert(key, (stamp, object));
    }

    /// The sync groups as they were when they were first asked for. For a plan, which changes none.
    pub(super) async fn groups_once<E>(
        &self,
        look: impl Future<Output = Result<Vec<SyncGroupSpec>, E>>,
    ) -> Result<Arc<Vec<SyncGroupSpec>>, E> {
        self.groups.get_or_try_init(|| async { Ok(Arc::new(look.await?)) }).await.cloned()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use lakedr_control::store::{DocStore, Listed, MemoryStore, Tag, Written};

    use super::*;

    #[derive(Debug, Default)]
    struct Counting {
        inner: MemoryStore,
        reads: AtomicUsize,
    }

    #[async_trait]
    impl DocStore for Counting {
        fn url(&self) -> &str {
            self.inner.url()
        }

        async fn read(&self, key: &str) -> Result<Option<Object>, StoreError> {
            self.reads.fetch_add(1, Ordering::Relaxed);
            self.inner.read(key).await
        }

        async fn list_after(&self, folder: &str, after: &str) -> Result<Vec<Listed>, StoreError> {
            self.inner.list_after(folder, after).await
        }

        async fn create(&self, key: &str, bytes: &[u8]) -> Result<Written, StoreError> {
            self.inner.create(key, bytes).await
        }

        async fn replace(&self, key: &str, bytes: &[u8], tag: &Tag) -> Result<Written, StoreError> {
            self.inner.replace(key, bytes, tag).await
        }

        async fn delete(&self, key: &str) -> Result<(), StoreError> {
            self.inner.delete(key).await
        }
    }

    #[tokio::test]
    async fn only_what_is_not_known_or_has_changed_is_read() {
        let counting = Arc::new(Counting::default());
        let store: DocStoreRef = Arc::clone(&counting) as _;
        let documents = Documents::default();
        let kind = Kind::SyncGroup;
        for index in 0..40 {
            let name = format!("g{index:02}");
            drop(store.create(&layout::document(kind, &name), name.as_bytes()).await.unwrap());
        }
        let reads = || counting.reads.swap(0, Ordering::Relaxed);
        assert_eq!(documents.all(&store, kind).await.unwrap().len(), 40);
        assert_eq!(reads(), 40);
        let key = layout::document(kind, "g07");
        let tag = counting.inner.read(&key).await.unwrap().unwrap().tag;
        drop(store.replace(&key, b"another", &tag).await.unwrap());
        store.delete(&layout::document(kind, "g08")).await.unwrap();
        let found = documents.all(&store, kind).await.unwrap();
        assert_eq!((found.len(), reads()), (39, 1));
        assert_eq!((found[7].0.as_str(), found[7].1.bytes.as_slice()), ("g07", b"another".as_slice()));
        assert_eq!(found[8].0, "g09", "in the order of their names");
    }
}
