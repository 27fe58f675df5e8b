//! Live files of a source in the terms of its replica.

use crate::delta::replica::file::{FileRefusal, ReplicaFile, replica_file};
use crate::delta::root::{RootError, TableRoot};
use crate::delta::state::{AddFile, FileKey};

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

    /// A live file as the replica logs and stores it.
    ///
    /// # Errors
    /// [`FileRefusal`] when the file cannot be cloned.
    pub fn file(&self, key: &FileKey, add: &AddFile) -> Result<ReplicaFile, FileRefusal> {
        replica_file(key, add, &self.url, &self.root)
    }
}
