//! A table at one version: its head in memory, its files on demand.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::stream::{self, Stream};
use futures::{StreamExt as _, TryStreamExt as _};

use super::checkpoint::CheckpointFile;
use super::scan::{FileAction, scan};
use crate::delta::checkpoint::read::{Columns, Part};
use crate::delta::state::{AddFile, FileKey, RemoveFile, TableHead, TableState};
use crate::observe::log_store::LogStore;
use crate::observe::table_error::TableError;

/// A table at one version. It holds the head and what the commits behind the checkpoint say of files; the files
/// of the checkpoint stay in the store and are streamed from there.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Everything but the files.
    pub head: TableHead,
    pub(super) log: LogStore,
    /// The files of the checkpoint.
    pub(super) files: Vec<Arc<CheckpointFile>>,
    pub(super) tail: Arc<Tail>,
}

/// The newest actions on files in the commits behind the checkpoint.
#[derive(Debug)]
pub(super) struct Tail {
    pub(super) adds: BTreeMap<FileKey, AddFile>,
    pub(super) removes: BTreeMap<FileKey, RemoveFile>,
}

impl Tail {
    /// Whether the commits say something about a file, so that the checkpoint has no say in it.
    pub(super) fn supersedes(&self, key: &FileKey) -> bool {
        self.adds.contains_key(key) || self.removes.contains_key(key)
    }
}

impl Snapshot {
    /// Every live file once, in any order. Memory does not grow with the table. To be polled within a tokio
    /// runtime.
    ///
    /// # Errors
    /// A [`TableError`] when a file of the checkpoint cannot be read; [`TableError::Vanished`] when it was
    /// cleaned up since the snapshot was opened.
    pub fn files(
        &self,
        columns: Columns,
    ) -> impl Stream<Item = Result<(FileKey, AddFile), TableError>> + Send + '_ {
        self.both(Part::Adds(columns), &self.tail.adds)
    }

    /// Every tombstone once, in any order: files that left the table and are not in it again.
    ///
    /// # Errors
    /// As [`Self::files`].
    pub fn tombstones(&self) -> impl Stream<Item = Result<(FileKey, RemoveFile), TableError>> + Send + '_ {
        self.both(Part::Removes, &self.tail.removes)
    }

    /// The whole state in memory, with its tombstones: for small tables and for tests.
    ///
    /// # Errors
    /// As [`Self::files`].
    pub async fn collect(&self) -> Result<TableState, TableError> {
        let mut state = self.collect_live().await?;
        state.tombstones = self.tombstones().try_collect().await?;
        Ok(state)
    }

    /// The whole state in memory, without its tombstones.
    pub(in crate::observe) async fn collect_live(&self) -> Result<TableState, TableError> {
        let files = self.files(Columns::All).try_collect().await?;
        Ok(TableState { head: self.head.clone(), files, tombstones: BTreeMap::new() })
    }

    fn both<'a, F: FileAction>(
        &self,
        part: Part,
        newer: &'a BTreeMap<FileKey, F>,
    ) -> impl Stream<Item = Result<(FileKey, F), TableError>> + Send + use<'a, F> {
        let newer = newer.iter().map(|(key, file)| Ok((key.clone(), file.clone())));
        scan(&self.log, &self.files, part, &self.tail).chain(stream::iter(newer))
    }
}
