use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{DocStore, Listed, Object, StoreError, Tag, Written};

/// A store in memory, for tests and dry runs.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    writes: u64,
    objects: BTreeMap<String, Object>,
}

impl State {
    fn put(&mut self, key: &str, bytes: &[u8]) -> Written {
        self.writes += 1;
        let tag = Tag(self.writes.to_string());
        self.objects.insert(key.to_owned(), Object { bytes: bytes.to_vec(), tag: tag.clone() });
        Written::Done(tag)
    }
}

impl MemoryStore {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl DocStore for MemoryStore {
    fn url(&self) -> &str {
        "memory://"
    }

    async fn read(&self, key: &str) -> Result<Option<Object>, StoreError> {
        Ok(self.lock().objects.get(key).cloned())
    }

    async fn list_after(&self, folder: &str, after: &str) -> Result<Vec<Listed>, StoreError> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let state = self.lock();
        let newer = state.objects.range::<str, _>((Bound::Excluded(after), Bound::Unbounded));
        let listed = newer
            .filter(|(key, _)| key.starts_with(&prefix))
            .map(|(key, object)| Listed { key: key.clone(), stamp: object.tag.0.clone() });
        Ok(listed.collect())
    }

    async fn create(&self, key: &str, bytes: &[u8]) -> Result<Written, StoreError> {
        let mut state = self.lock();
        match state.objects.get(key) {
            Some(object) if object.bytes == bytes => Ok(Written::Done(object.tag.clone())),
            Some(_) => Ok(Written::Lost),
            None => Ok(state.put(key, bytes)),
        }
    }

    async fn replace(&self, key: &str, bytes: &[u8], tag: &Tag) -> Result<Written, StoreError> {
        let mut state = self.lock();
        match state.objects.get(key) {
            Some(object) if object.tag == *tag => Ok(state.put(key, bytes)),
            _ => Ok(Written::Lost),
        }
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.lock().objects.remove(key);
        Ok(())
    }
}
