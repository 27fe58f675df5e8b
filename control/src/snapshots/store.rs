//! The catalog of a schedule and the documents of its snapshots, in its external location.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::catalog::{Catalog, Kept};
use super::document::SnapshotDocument;
use super::follow::VERSIONS_KEPT;
use super::pruning::PruningMarks;
use crate::codec::DecodeError;
use crate::digest::{self, NotCanonical};
use crate::id::Name;
use crate::layout;
use crate::store::{DocStoreRef, StoreError, Written};

/// Why a catalog cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The store that holds it cannot be used.
    #[error("the snapshot catalog of schedule {schedule} is out of reach")]
    Store {
        /// The schedule.
        schedule: Name,
        /// What the store says.
        #[source]
        cause: StoreError,
    },
    /// A version or a document cannot be understood.
    #[error("the snapshot catalog of schedule {schedule} cannot be read")]
    Malformed {
        /// The schedule.
        schedule: Name,
        /// What is wrong with it.
        #[source]
        cause: DecodeError,
    },
    /// It is the catalog of another schedule.
    #[error(
        "{key} is the snapshot catalog of schedule {found}; give schedule {schedule} another target.prefix"
    )]
    OtherSchedule {
        /// The schedule.
        schedule: Name,
        /// Where it lies.
        key: String,
        /// Whose it is.
        found: Name,
    },
    /// A version was listed and is gone.
    #[error(
        "{key}, the newest version of the snapshot catalog of schedule {schedule}, vanished while it was read; try again"
    )]
    Vanished {
        /// The schedule.
        schedule: Name,
        /// Where it was.
        key: String,
    },
    /// The document of a snapshot is gone, or another one.
    #[error(
        "{key}, the document of snapshot {id} of schedule {schedule}, is missing or was changed; restore that object from a \
         version or a backup of the external location"
    )]
    Document {
        /// The schedule.
        schedule: Name,
        /// The snapshot.
        id: String,
        /// Where it should be.
        key: String,
    },
    /// A document cannot be written as JSON; a bug.
    #[error("a document of schedule {schedule} cannot be written")]
    Encode {
        /// The schedule.
        schedule: Name,
        /// Why.
        #[source]
        cause: NotCanonical,
    },
}

/// A sign of life.
#[derive(Debug, Serialize, Deserialize)]
struct Beat {
    #[serde(with = "crate::time::rfc3339_millis")]
    at: DateTime<Utc>,
}

/// Where a schedule keeps its catalog.
#[derive(Debug, Clone)]
pub struct CatalogStore {
    schedule: Name,
    store: DocStoreRef,
    prefix: String,
}

impl CatalogStore {
    /// The catalog of a schedule below a prefix of an external location.
    #[must_use]
    pub fn new(schedule: Name, store: DocStoreRef, prefix: String) -> Self {
        Self { schedule, store, prefix }
    }

    /// The newest version; an empty one before there is any.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn read(&self) -> Result<Catalog, CatalogError> {
        let folder = layout::snapshot_catalog(&self.prefix);
        let keys = self.store.list(&folder).await.map_err(|cause| self.out_of_reach(cause))?;
        let newest = keys.into_iter().rfind(|key| layout::snapshot_catalog_seq(&self.prefix, key).is_some());
        let Some(key) = newest else { return Ok(Catalog::empty(self.schedule.clone())) };
        let object = self.store.read(&key).await.map_err(|cause| self.out_of_reach(cause))?;
        let gone = || CatalogError::Vanished { schedule: self.schedule.clone(), key: key.clone() };
        let object = object.ok_or_else(gone)?;
        let catalog = Catalog::decode(&key, &object.bytes).map_err(|cause| self.malformed(cause))?;
        if catalog.schedule != self.schedule {
            let (schedule, found) = (self.schedule.clone(), catalog.schedule);
            return Err(CatalogError::OtherSchedule { schedule, key, found });
        }
        Ok(catalog)
    }

    /// Writes the next version; false when somebody else was first and has to be read.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn append(&self, catalog: &Catalog) -> Result<bool, CatalogError> {
        let key = layout::snapshot_catalog_version(&self.prefix, catalog.seq);
        let written = self.create(&key, &self.encode(catalog)?).await?;
        if let (Written::Done(_), Some(old)) = (&written, catalog.seq.checked_sub(VERSIONS_KEPT)) {
            let old = layout::snapshot_catalog_version(&self.prefix, old);
            if let Err(error) = self.store.delete(&old).await {
                tracing::debug!(schedule = %self.schedule, "{old} stays: {error}");
            }
        }
        Ok(matches!(written, Written::Done(_)))
    }

    /// The document of a snapshot that the catalog names.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn document(&self, kept: &Kept) -> Result<SnapshotDocument, CatalogError> {
        let key = layout::snapshot_document(&self.prefix, &kept.id, &kept.document);
        let object = self.store.read(&key).await.map_err(|cause| self.out_of_reach(cause))?;
        let whole = object.filter(|object| digest::of_bytes(&object.bytes) == kept.document);
        let Some(object) = whole else {
            let (schedule, id) = (self.schedule.clone(), kept.id.to_string());
            return Err(CatalogError::Document { schedule, id, key });
        };
        SnapshotDocument::decode(&key, &object.bytes).map_err(|cause| self.malformed(cause))
    }

    /// Writes the document of a snapshot that no catalog names; its digest.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn put_document(&self, document: &SnapshotDocument) -> Result<String, CatalogError> {
        let bytes = self.encode(document)?;
        let digest = digest::of_bytes(&bytes);
        let key = layout::snapshot_document(&self.prefix, &document.id, &digest);
        match self.create(&key, &bytes).await? {
            Written::Done(_) => Ok(digest),
            Written::Lost => {
                let (schedule, id) = (self.schedule.clone(), document.id.to_string());
                Err(CatalogError::Document { schedule, id, key })
            }
        }
    }

    /// The keys of what belongs to no snapshot of a catalog and to no pruning that it knows of: documents, and marks. To be
    /// called by whoever is at work, of the version in which it says so; what is written later is not among them.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn left_over(&self, catalog: &Catalog) -> Result<Vec<String>, CatalogError> {
        let document = |kept: &Kept| layout::snapshot_document(&self.prefix, &kept.id, &kept.document);
        let runs = catalog.given_up.iter().map(|pruning| &pruning.run);
        let runs = runs.chain(catalog.under_way.iter().map(|work| &work.by.run));
        let marks = runs.map(|run| layout::snapshot_pruning(&self.prefix, run));
        let named: Vec<String> = catalog.snapshots.iter().map(document).chain(marks).collect();
        let mut left = Vec::new();
        for folder in [layout::snapshot_documents(&self.prefix), layout::snapshot_prunings(&self.prefix)] {
            let listed = self.store.list(&folder).await.map_err(|cause| self.out_of_reach(cause))?;
            left.extend(listed.into_iter().filter(|key| !named.contains(key)));
        }
        Ok(left)
    }

    /// Deletes what was left over.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn forget(&self, keys: &[String]) -> Result<(), CatalogError> {
        for key in keys {
            self.store.delete(key).await.map_err(|cause| self.out_of_reach(cause))?;
        }
        Ok(())
    }

    /// Writes down what a pruning is going to delete.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn put_marks(&self, marks: &PruningMarks) -> Result<(), CatalogError> {
        let key = layout::snapshot_pruning(&self.prefix, &marks.by.run);
        self.overwrite(&key, &self.encode(marks)?).await
    }

    /// What the pruning of a call of the executor was going to delete; none when it had not begun to.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn marks(&self, run: &str) -> Result<Option<PruningMarks>, CatalogError> {
        let key = layout::snapshot_pruning(&self.prefix, run);
        let object = self.store.read(&key).await.map_err(|cause| self.out_of_reach(cause))?;
        let marks = object.map(|object| PruningMarks::decode(&key, &object.bytes));
        marks.transpose().map_err(|cause| self.malformed(cause))
    }

    /// Takes the marks of a pruning away that has ended. Best effort: the next pruning does it.
    pub async fn clear_marks(&self, run: &str) {
        let key = layout::snapshot_pruning(&self.prefix, run);
        if let Err(error) = self.store.delete(&key).await {
            tracing::debug!(schedule = %self.schedule, "{key} stays: {error}");
        }
    }

    /// The newest sign of life of a call of the executor.
    ///
    /// # Errors
    /// See [`CatalogError`]; one that cannot be read counts as none.
    pub async fn last_beat(&self, run: &str) -> Result<Option<DateTime<Utc>>, CatalogError> {
        let key = layout::snapshot_beat(&self.prefix, run);
        let object = self.store.read(&key).await.map_err(|cause| self.out_of_reach(cause))?;
        let beat = object.and_then(|object| serde_json::from_slice::<Beat>(&object.bytes).ok());
        Ok(beat.map(|beat| beat.at))
    }

    /// Gives a sign of life.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn beat(&self, run: &str, at: DateTime<Utc>) -> Result<(), CatalogError> {
        let key = layout::snapshot_beat(&self.prefix, run);
        self.overwrite(&key, &self.encode(&Beat { at })?).await
    }

    /// Gives none any more. Best effort.
    pub async fn rest(&self, run: &str) {
        let key = layout::snapshot_beat(&self.prefix, run);
        if let Err(error) = self.store.delete(&key).await {
            tracing::debug!(schedule = %self.schedule, "{key} stays: {error}");
        }
    }

    /// Writes down how far the copies of a table go, for people.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn put_checkpoint(
        &self,
        table: &crate::id::TableName,
        progress: &impl Serialize,
    ) -> Result<(), CatalogError> {
        let key = layout::snapshot_checkpoint(&self.prefix, table);
        self.overwrite(&key, &self.encode(progress)?).await
    }

    /// Writes an object that nothing rests on, whoever else writes it: the last one stays.
    async fn overwrite(&self, key: &str, bytes: &[u8]) -> Result<(), CatalogError> {
        let held = self.store.read(key).await.map_err(|cause| self.out_of_reach(cause))?;
        let written = match held {
            Some(held) => self.store.replace(key, bytes, &held.tag).await,
            None => self.store.create(key, bytes).await,
        };
        let _ = written.map_err(|cause| self.out_of_reach(cause))?;
        Ok(())
    }

    async fn create(&self, key: &str, bytes: &[u8]) -> Result<Written, CatalogError> {
        self.store.create(key, bytes).await.map_err(|cause| self.out_of_reach(cause))
    }

    fn encode(&self, value: &impl Serialize) -> Result<Vec<u8>, CatalogError> {
        let encode = |cause| CatalogError::Encode { schedule: self.schedule.clone(), cause };
        let mut bytes = serde_json::to_vec(value).map_err(NotCanonical).map_err(encode)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    fn out_of_reach(&self, cause: StoreError) -> CatalogError {
        CatalogError::Store { schedule: self.schedule.clone(), cause }
    }

    fn malformed(&self, cause: DecodeError) -> CatalogError {
        CatalogError::Malformed { schedule: self.schedule.clone(), cause }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::group_log::Author;
    use crate::snapshots::{SnapshotId, Work};
    use crate::store::{DocStore as _, MemoryStore};

    fn store(schedule: &str, memory: &Arc<MemoryStore>) -> CatalogStore {
        CatalogStore::new(schedule.parse().unwrap(), Arc::clone(memory) as DocStoreRef, "copies/x".to_owned())
    }

    fn author() -> Author {
        Author { executor: "0.1.0".to_owned(), host: "h".to_owned(), run: "r".to_owned() }
    }

    #[tokio::test]
    async fn of_two_who_write_the_next_version_one_does() {
        let memory = Arc::new(MemoryStore::default());
        let store_a = store("weekly", &memory);
        let empty = store_a.read().await.unwrap();
        assert_eq!(empty.seq, 0);
        let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let begun = empty.begun(Work::Take { id: SnapshotId::at(at) }, at, &author());
        assert!(store_a.append(&begun).await.unwrap());
        assert!(!store_a.append(&empty.begun(Work::Prune, at, &author())).await.unwrap());
        assert_eq!(store_a.read().await.unwrap(), begun);
        let error = store("daily", &memory).read().await.unwrap_err().to_string();
        assert!(error.contains("another target.prefix"), "{error}");
    }

    #[tokio::test]
    async fn signs_of_life_come_and_go() {
        let memory = Arc::new(MemoryStore::default());
        let store = store("weekly", &memory);
        let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        assert_eq!(store.last_beat("r").await.unwrap(), None);
        for second in [0, 5] {
            let at = at + chrono::TimeDelta::seconds(second);
            store.beat("r", at).await.unwrap();
            assert_eq!(store.last_beat("r").await.unwrap(), Some(at));
        }
        store.rest("r").await;
        assert_eq!(memory.list("").await.unwrap(), Vec::<String>::new());
    }
}
