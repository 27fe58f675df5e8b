//! Files of a source in the terms of its replica.

use object_store::path::Path;

use crate::delta::json::JsonError;
use crate::delta::replica::file::{FileRefusal, ReplicaFile, replica_file};
use crate::delta::replica::remove::{ReplicaRemove, replica_remove};
use crate::delta::root::TableRoot;
use crate::delta::state::{AddFile, FileKey, RemoveFile};

/// The root of a source, which its files are translated against.
#[derive(Debug, Clone)]
pub struct Translation {
    url: String,
    root: TableRoot,
}

impl Translation {
    /// The translation of the files of a source; `root` says where they may lie.
    #[must_use]
    pub fn new(url: &str, root: TableRoot) -> Self {
        Self { url: url.to_owned(), root }
    }

    /// A live file as the replica logs and stores it.
    ///
    /// # Errors
    /// [`FileRefusal`] when the file cannot be cloned.
    pub fn file(&self, key: &FileKey, add: &AddFile) -> Result<ReplicaFile, FileRefusal> {
        replica_file(key, add, &self.url, &self.root)
    }

    /// The end of a file as the replica logs it; none when no replica can have held it.
    ///
    /// # Errors
    /// [`JsonError`] when the action is malformed.
    pub fn remove(&self, key: &FileKey, remove: &RemoveFile) -> Result<Option<ReplicaRemove>, JsonError> {
        replica_remove(key, remove, &self.url, &self.root)
    }

    /// The objects of a file that the source has removed, by their keys at the replica; none when no replica can have
    /// held it.
    #[must_use]
    pub fn removed_objects(&self, key: &FileKey, remove: &RemoveFile) -> Vec<Path> {
        // a remove names the objects of its file in the words of the add
        let add = AddFile { raw: remove.raw.clone(), size: 0, stats_synthesised: false };
        let file = self.file(key, &add).ok();
        let objects = file.map(|file| (file.data.target, file.vector.map(|vector| vector.file.target)));
        objects.into_iter().flat_map(|(data, vector)| [Some(data), vector]).flatten().collect()
    }
}
