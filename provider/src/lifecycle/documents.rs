//! The documents that this process has read: none is read twice while it stays the same.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use lakedr_control::layout;
use lakedr_control::spec::{Kind, SyncGroupSpec};
use lakedr_control::store::{DocStoreRef, Listed, Object, StoreError};
use lakedr_control::validate::ValidGroup;
use tokio::sync::OnceCell;

/// Documents that are read at a time.
const READ_AT_ONCE: usize = 16;

/// A sync group as others see it.
#[derive(Debug)]
pub struct KnownGroup {
    /// What its document says.
    pub spec: SyncGroupSpec,
    /// What that comes to, unless it breaks rules by itself.
    pub valid: Option<ValidGroup>,
}

/// What was made of a document, and the stamp of the listing that it was read after.
type Made = (String, Arc<dyn Any + Send + Sync>);

/// What is known of the documents of a control store.
#[derive(Debug, Default)]
pub(super) struct Documents {
    made: Mutex<BTreeMap<(TypeId, String), Made>>,
    groups: OnceCell<Arc<Vec<Arc<KnownGroup>>>>,
}

impl Documents {
    /// What `make` makes of all documents of a kind, given their names, in the order of these. Lists, and reads what is
    /// not known or has changed.
    pub(super) async fn all<T, E>(
        &self,
        store: &DocStoreRef,
        kind: Kind,
        make: impl Fn(&str, &Object) -> Result<T, E>,
    ) -> Result<Vec<Arc<T>>, E>
    where
        T: Any + Send + Sync,
        E: From<StoreError>,
    {
        let listed = store.list_after(&layout::documents(kind), "").await?;
        let make = &make;
        let made = stream::iter(listed).map(|listed| async move {
            let Some(name) = layout::document_name(kind, &listed.key) else { return Ok(None) };
            if let Some(known) = self.known::<T>(&listed) {
                return Ok(Some(known));
            }
            // what was deleted since the listing is not there
            let Some(object) = store.read(&listed.key).await? else { return Ok(None) };
            let made = Arc::new(make(name, &object)?);
            self.remember(listed, Arc::clone(&made));
            Ok(Some(made))
        });
        made.buffered(READ_AT_ONCE).try_filter_map(|found| async { Ok(found) }).try_collect().await
    }

    fn known<T: Any + Send + Sync>(&self, listed: &Listed) -> Option<Arc<T>> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let (stamp, known) = made.get(&(TypeId::of::<T>(), listed.key.clone()))?;
        if *stamp == listed.stamp { Arc::clone(known).downcast().ok() } else { None }
    }

    fn remember<T: Any + Send + Sync>(&self, listed: Listed, made: Arc<T>) {
        let mut known = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert((TypeId::of::<T>(), listed.key), (listed.stamp, made));
    }

    /// The sync groups as they were when they were first asked for. For a plan, which changes none.
    pub(super) async fn groups_once<E>(
        &self,
        look: impl Future<Output = Result<Vec<Arc<KnownGroup>>, E>>,
    ) -> Result<Arc<Vec<Arc<KnownGroup>>>, E> {
        self.groups.get_or_try_init(|| async { Ok(Arc::new(look.await?)) }).await.cloned()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use lakedr_control::store::{DocStore, MemoryStore, Tag, Written};

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
        let all = || {
            documents.all(&store, kind, |name, object| Ok::<_, StoreError>((name.to_owned(), object.clone())))
        };
        assert_eq!(all().await.unwrap().len(), 40);
        assert_eq!(reads(), 40);
        let key = layout::document(kind, "g07");
        let tag = counting.inner.read(&key).await.unwrap().unwrap().tag;
        drop(store.replace(&key, b"another", &tag).await.unwrap());
        store.delete(&layout::document(kind, "g08")).await.unwrap();
        let found = all().await.unwrap();
        assert_eq!((found.len(), reads()), (39, 1));
        assert_eq!((found[7].0.as_str(), found[7].1.bytes.as_slice()), ("g07", b"another".as_slice()));
        assert_eq!(found[8].0, "g09", "in the order of their names");
    }
}
