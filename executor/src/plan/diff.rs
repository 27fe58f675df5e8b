//! What one table needs to become equal to its source: files to copy, actions to commit.

use lakedr_control::group_log::FailureClass;
use object_store::path::Path;
use thiserror::Error;

use super::differ::Differ;
use super::head::HeadChange;
use super::inventory::Inventory;
use super::translate::Translation;
use crate::delta::json::{JsonError, RawObject};
use crate::delta::path::SourceObject;
use crate::delta::replica::file::FileRefusal;
use crate::delta::root::{RootError, TableRoot};
use crate::delta::state::{TableHead, TableState};
use crate::error::Classify;

pub use crate::copy::FileKind;

/// One object to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileCopy {
    /// Where the source keeps it.
    pub source: SourceObject,
    /// The key, in the same place, of a source written without percent-encoding; to be tried when `source` is not
    /// found.
    pub undecoded_source_key: Option<Path>,
    /// Key relative to the root of the target.
    pub target_key: Path,
    /// Bytes: exact for data, a lower bound for deletion vectors, whose files the log does not size.
    pub size: u64,
    /// What it is.
    pub kind: FileKind,
}

/// Why a table cannot be made equal to its source.
#[derive(Debug, Error)]
pub enum DiffRefusal {
    /// The url of the source is no url.
    #[error(transparent)]
    Root(#[from] RootError),
    /// A file cannot be cloned.
    #[error(transparent)]
    File(#[from] FileRefusal),
    /// A file action of the source is malformed.
    #[error("malformed file action")]
    Malformed(#[source] JsonError),
    /// A catalog or a coordinator commits to the target, which nobody may write past.
    #[error(
        "the table in the standby region is managed by a catalog or a commit coordinator, which alone may commit to it; \
         give it another url there"
    )]
    TargetCoordinated,
    /// The source lists one path twice, which the protocol forbids.
    #[error("the source lists file `{path}` twice; the log is damaged")]
    PathTwice {
        /// The path as logged.
        path: String,
    },
    /// The target has another file under the name; names of data files are unique by the protocol.
    #[error(
        "file `{path}` has {source_size} bytes at the source and {target_size} at the target: a file of that \
         name was replaced; remove the target table and clone it anew"
    )]
    PathReused {
        /// The path as logged.
        path: String,
        /// Bytes at the source.
        source_size: u64,
        /// Bytes at the target.
        target_size: u64,
    },
}

impl Classify for DiffRefusal {
    fn class(&self) -> FailureClass {
        FailureClass::Unsupported
    }
}

/// An add to commit.
#[derive(Debug, Clone)]
pub struct AddAction {
    /// The add as the target logs it, but for `dataChange`.
    pub raw: RawObject,
    /// False when the file is live at the target already and only what the log says of it changes.
    pub data_change: bool,
}

/// A file to remove.
#[derive(Debug, Clone)]
pub struct RemoveAction {
    /// The target's add of the file, or the source's remove of it: both name what a remove carries.
    pub raw: RawObject,
    /// Whether its rows leave the table.
    pub data_change: bool,
}

/// Files and bytes of a difference.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Live files that the target has already.
    pub reused_files: u64,
    /// Live files that the commit adds or changes.
    pub added_files: u64,
    /// Bytes of the data files that the commit adds or changes.
    pub added_bytes: u64,
    /// Live files of the target that the commit removes.
    pub removed_files: u64,
    /// Bytes of the data files that the commit removes.
    pub removed_bytes: u64,
    /// Live files of the source.
    pub source_files: u64,
    /// Bytes of the source's live data files.
    pub source_bytes: u64,
    /// Data files to copy.
    pub copied_data_files: u64,
    /// Bytes of the data files to copy.
    pub copied_data_bytes: u64,
    /// Files of deletion vectors to copy.
    pub copied_vector_files: u64,
    /// Bytes of the files of deletion vectors to copy, by their lower bound.
    pub copied_vector_bytes: u64,
}

impl Totals {
    /// Counts an object to copy.
    pub(super) fn copy(&mut self, copy: &FileCopy) {
        let (files, bytes) = match copy.kind {
            FileKind::Data => (&mut self.copied_data_files, &mut self.copied_data_bytes),
            FileKind::DeletionVector => (&mut self.copied_vector_files, &mut self.copied_vector_bytes),
        };
        *files += 1;
        *bytes += copy.size;
    }

    /// Objects to copy.
    #[must_use]
    pub fn copied_files(&self) -> u64 {
        self.copied_data_files + self.copied_vector_files
    }

    /// Bytes to copy, deletion vectors by their lower bound.
    #[must_use]
    pub fn copied_bytes(&self) -> u64 {
        self.copied_data_bytes + self.copied_vector_bytes
    }
}

/// Which files a commit speaks of.
#[derive(Debug, Clone)]
pub enum FileChange {
    /// These.
    Listed {
        /// Files that come, or of which the log says something else.
        adds: Vec<AddAction>,
        /// Files that go.
        removes: Vec<RemoveAction>,
    },
    /// A first clone: every live file of the source, too many to be held.
    Everything,
}

/// The difference between a source at a version and its target, as actions to commit.
#[derive(Debug, Clone)]
pub struct TableDiff {
    /// The version of the source.
    pub source_version: u64,
    /// Everything but the files.
    pub head: HeadChange,
    /// The files.
    pub files: FileChange,
    /// How many there are.
    pub totals: Totals,
    /// Whether there is a commit in any case, to mark the table.
    pub marks: bool,
}

impl TableDiff {
    /// Compares two states that are in memory, all of whose files lie below their roots: the difference, and the objects
    /// to copy before its commit, by target key.
    ///
    /// # Errors
    /// A [`DiffRefusal`] when a file of the source cannot be cloned.
    pub fn between(
        source: &TableState,
        target: Option<&TableState>,
    ) -> Result<(Self, Vec<FileCopy>), DiffRefusal> {
        Self::between_at(TableRoot::parse(&source.head.url)?, source, target)
    }

    /// As [`Self::between`], for a source whose root says where its files may lie.
    ///
    /// # Errors
    /// A [`DiffRefusal`] when a file of the source cannot be cloned.
    pub fn between_at(
        root: TableRoot,
        source: &TableState,
        target: Option<&TableState>,
    ) -> Result<(Self, Vec<FileCopy>), DiffRefusal> {
        let mut held = Inventory::default();
        if let Some(state) = target {
            let root = TableRoot::parse(&state.head.url)?;
            for (key, add) in &state.files {
                held.record(key, add, &state.head.url, &root);
            }
        }
        let mut differ = Differ::new(Translation::new(&source.head.url, root), held);
        let (mut adds, mut removes, mut copies) = (Vec::new(), Vec::new(), Vec::new());
        for (key, add) in &source.files {
            let wanted = differ.source_file(key, add)?;
            adds.extend(wanted.add);
            copies.extend(wanted.copy);
        }
        copies.extend(differ.vector_copies());
        let gone = target.into_iter().flat_map(|state| &state.files);
        removes.extend(gone.filter_map(|(key, add)| differ.target_file(key, add)));
        copies.sort_by(|a, b| a.target_key.cmp(&b.target_key));
        let files = FileChange::Listed { adds, removes };
        let diff = Self::new(&source.head, target.map(|state| &state.head), files, differ.totals());
        Ok((diff, copies))
    }

    /// Puts together what is known of the files and the difference between the heads.
    #[must_use]
    pub fn new(source: &TableHead, target: Option<&TableHead>, files: FileChange, totals: Totals) -> Self {
        let head = HeadChange::between(source, target);
        Self { source_version: source.version, head, files, totals, marks: false }
    }

    /// Whether the target is equal already: nothing to copy and nothing to commit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let files = match &self.files {
            FileChange::Listed { adds, removes } => adds.is_empty() && removes.is_empty(),
            FileChange::Everything => false,
        };
        files && self.head.is_empty()
    }

    /// Commits that the difference takes. A first clone of many files takes several: no commit has to be held in
    /// memory whole, and no reader sees the table before the first of them, version 0, which is written last.
    #[must_use]
    pub fn commits(&self) -> u64 {
        match self.files {
            _ if self.is_empty() && !self.marks => 0,
            FileChange::Listed { .. } => 1,
            FileChange::Everything => self.totals.source_files.div_ceil(FILES_PER_COMMIT).max(1),
        }
    }
}

/// Files of one commit of a first clone.
pub const FILES_PER_COMMIT: u64 = 10_000;
