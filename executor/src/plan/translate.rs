//! Files of a source in the terms of its replica.

use crate::delta::json::JsonError;
use crate::delta::replica::file::{FileRefusal, ReplicaFile, replica_file};
use crate::delta::replica::remove::{ReplicaRemove, replica_remove};
use crate::delta::root::{RootError, TableRoot};
use crate::delta::state::{AddFile, FileKey, RemoveFile};
use crate::spec::TableStore;

/// The root of a source, which its files are translated against.
#[derive(Debug, Clone)]
pub struct Translation {
    url: String,
    root: TableRoot,
}

impl Translation {
    /// The translation of the files of a source.
    ///
    /// # Errors
    /// [`RootError`] when the url of the source is no url.
    pub fn of(url: &str) -> Result<Self, RootError> {
        Ok(Self { url: url.to_owned(), root: TableRoot::parse(url)? })
    }

    /// The translation of the files of a source table, which may be declared a shallow clone.
    ///
    /// # Errors
    /// [`RootError`] when its url is none that a table can live at.
    pub fn of_table(table: &TableStore) -> Result<Self, RootError> {
        Ok(Self::of(table.url.as_str())?.with_files_elsewhere(table.shallow_clone))
    }

    /// Says whether files of the source may lie outside of its root: in a declared shallow clone they may.
    #[must_use]
    pub fn with_files_elsewhere(self, files_elsewhere: bool) -> Self {
        Self { root: self.root.with_files_elsewhere(files_elsewhere), ..self }
    }

    /// A live file as the replica logs and stores it.
    ///
    /// # Errors
    /// [`FileRefusal`] when the file cannot be cloned.
    pub fn file(&self, key: &FileKey, add: &AddFile) -> Result<ReplicaFile, FileRefusal> {
        replica_file(key, add, &self.url, &self.root)
    }

    /// A file that the source removes, as the replica knows it; none when no replica can hold it.
    ///
    /// # Errors
    /// [`JsonError`] when the remove action is malformed.
    pub fn remove(&self, key: &FileKey, remove: &RemoveFile) -> Result<Option<ReplicaRemove>, JsonError> {
        replica_remove(key, remove, &self.url, &self.root)
    }
}
