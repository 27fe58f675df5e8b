//! The full difference between a source and its target, file by file, in memory that grows with a few bytes a file.
//!
//! First every live file of the target is recorded, then every live file of the source is met, then the target's files
//! pass once more and those without a counterpart are removed. The order within each pass does not matter.

use std::collections::{BTreeMap, HashSet};

use object_store::path::Path;

use super::diff::{AddAction, DiffRefusal, FileCopy, FileKind, RemoveAction, Totals};
use super::inventory::{Inventory, Meeting};
use super::translate::Translation;
use crate::delta::deletion_vector::VectorFile;
use crate::delta::fingerprint::text_id;
use crate::delta::path::StoredFile;
use crate::delta::replica::file::ReplicaFile;
use crate::delta::state::{AddFile, FileKey};

/// What a file of the source asks for.
#[derive(Debug, Default)]
pub struct Wanted {
    /// An add to commit, if the target does not say the same already.
    pub add: Option<AddAction>,
    /// An object to copy, if the target does not hold it.
    pub copy: Option<FileCopy>,
}

/// A comparison in progress.
#[derive(Debug)]
pub struct Differ {
    source: Translation,
    target: Inventory,
    paths: HashSet<u128>,
    vectors: BTreeMap<Path, FileCopy>,
    totals: Totals,
}

impl Differ {
    /// A comparison with what the target holds; an empty inventory for a first clone.
    #[must_use]
    pub fn new(source: Translation, target: Inventory) -> Self {
        Self { source, target, paths: HashSet::new(), vectors: BTreeMap::new(), totals: Totals::default() }
    }

    /// Meets a live file of the source.
    ///
    /// # Errors
    /// A [`DiffRefusal`] when the file cannot be cloned.
    pub fn source_file(&mut self, key: &FileKey, add: &AddFile) -> Result<Wanted, DiffRefusal> {
        let file = self.source.file(key, add)?;
        if !self.paths.insert(text_id(&file.key.path)) {
            return Err(DiffRefusal::PathTwice { path: file.key.path.to_string() });
        }
        self.totals.source_files += 1;
        self.totals.source_bytes += file.add.size;
        let held = self.target.file(&file.key.path);
        if let Some(held) = held.filter(|held| held.size != file.add.size) {
            return Err(DiffRefusal::PathReused {
                path: file.key.path.to_string(),
                source_size: file.add.size,
                target_size: held.size,
            });
        }
        let meeting = held.map(|held| held.meets(&file.key, &file.add));
        if matches!(meeting, Some(Meeting::Same | Meeting::OtherWords)) {
            self.target.keep(&file.key);
        }
        if meeting == Some(Meeting::Same) {
            self.totals.reused_files += 1;
            return Ok(Wanted::default());
        }
        Ok(self.wanted(file, meeting))
    }

    fn wanted(&mut self, file: ReplicaFile, meeting: Option<Meeting>) -> Wanted {
        self.totals.added_files += 1;
        self.totals.added_bytes += file.add.size;
        if let Some(vector) =
            file.vector.as_ref().filter(|vector| !self.target.has_vector_file(&vector.file.target))
        {
            travel_once(&mut self.vectors, vector);
        }
        let copy = meeting.is_none().then(|| data_copy(&file));
        if let Some(copy) = &copy {
            self.totals.copy(copy);
        }
        let data_change = meeting != Some(Meeting::OtherWords);
        Wanted { add: Some(AddAction { raw: file.add.raw, data_change }), copy }
    }

    /// The files of deletion vectors to copy, each once, though many live files may share one. To be called when all
    /// files of the source have been met.
    pub fn vector_copies(&mut self) -> Vec<FileCopy> {
        let copies: Vec<FileCopy> = std::mem::take(&mut self.vectors).into_values().collect();
        for copy in &copies {
            self.totals.copy(copy);
        }
        copies
    }

    /// Meets a live file of the target again: its removal, if the source does not have it.
    pub fn target_file(&mut self, key: &FileKey, add: &AddFile) -> Option<RemoveAction> {
        if !self.target.is_gone(key) {
            return None;
        }
        self.totals.removed_files += 1;
        self.totals.removed_bytes += add.size;
        Some(RemoveAction { raw: add.raw.clone(), data_change: true })
    }

    /// Whether some live file of the target has met no counterpart: only then its files have to pass again.
    #[must_use]
    pub fn has_gone(&self) -> bool {
        self.target.has_gone()
    }

    /// Files and bytes so far.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.totals
    }
}

/// The copy of a data file.
pub(super) fn data_copy(file: &ReplicaFile) -> FileCopy {
    copy(&file.data, file.add.size, FileKind::Data)
}

fn copy(file: &StoredFile, size: u64, kind: FileKind) -> FileCopy {
    FileCopy {
        source: file.source.clone(),
        undecoded_source_key: file.undecoded.clone(),
        target_key: file.target.clone(),
        size,
        kind,
    }
}

/// Notes the copy of a file of deletion vectors: the vector that reaches farthest says most about its size.
pub(super) fn travel_once(copies: &mut BTreeMap<Path, FileCopy>, vector: &VectorFile) {
    let target = vector.file.target.clone();
    let found = copies.entry(target).or_insert_with(|| copy(&vector.file, 0, FileKind::DeletionVector));
    found.size = found.size.max(vector.at_least);
}
