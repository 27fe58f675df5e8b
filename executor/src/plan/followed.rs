//! The difference that a range of commits makes, in the terms of the target.

use std::collections::{BTreeMap, BTreeSet};

use super::classes::{AddChange, Changes, RemoveChange, Transfer};
use super::diff::{AddAction, DiffRefusal, FileChange, FileCopy, RemoveAction, Totals};
use super::differ::{data_copy, travel_once};
use super::translate::Translation;
use crate::delta::json::RawObject;
use crate::delta::replica::file::ReplicaFile;
use crate::delta::state::RemoveFile;
use crate::record::{SideRecord, TableRecord};

/// What the commits ask of the target.
#[derive(Debug)]
pub struct Followed {
    /// The file actions.
    pub files: FileChange,
    /// Objects to copy, each once.
    pub copies: Vec<FileCopy>,
    totals: Totals,
    removed_bytes: Option<u64>,
    fresh: (u64, u64),
    /// A file comes and goes that is one at the target and two at the source: another spelling of its absolute URI.
    one_of_two: bool,
}

/// Live files of a table, and their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Files.
    pub files: u64,
    /// Bytes of the data files.
    pub bytes: u64,
}

impl Sizes {
    /// The source after the changes that its own commits make; none when a log does not say a size.
    #[must_use]
    pub fn after(known: &TableRecord, changes: &Changes) -> Option<Self> {
        let fresh = changes.adds.iter().filter(|change| change.transfer != Transfer::Nothing);
        let (files, bytes) =
            fresh.fold((0, 0), |(files, bytes), change| (files + 1, bytes + change.add.size));
        let removed: Option<u64> = changes.removes.iter().map(|change| size(&change.raw)).sum();
        Some(Self {
            files: (known.source.files + files).checked_sub(changes.removes.len() as u64)?,
            bytes: (known.source.bytes? + bytes).checked_sub(removed?)?,
        })
    }
}

fn size(raw: &RawObject) -> Option<u64> {
    raw.fields().optional("size").ok().flatten()
}

impl Followed {
    /// Translates changes of the source.
    ///
    /// # Errors
    /// A [`DiffRefusal`] when a file cannot be cloned.
    pub fn of(changes: Changes, translation: &Translation) -> Result<Self, DiffRefusal> {
        let mut copies = Vec::new();
        let mut vectors = BTreeMap::new();
        let mut totals = Totals::default();
        let mut fresh = (0, 0);
        let mut adds = Vec::with_capacity(changes.adds.len());
        let mut added = BTreeSet::new();
        for AddChange { key, add, data_change, transfer } in changes.adds {
            let file = translation.file(&key, &add)?;
            totals.added_files += 1;
            totals.added_bytes += add.size;
            if transfer != Transfer::Nothing {
                fresh = (fresh.0 + 1, fresh.1 + add.size);
                file.vector.iter().for_each(|vector| travel_once(&mut vectors, vector));
            }
            copies.extend((transfer == Transfer::Data).then(|| data_copy(&file)));
            added.insert(file.key);
            adds.push(AddAction { raw: file.add.raw, data_change });
        }
        copies.extend(vectors.into_values());
        copies.iter().for_each(|copy| totals.copy(copy));
        let mut removes = Vec::with_capacity(changes.removes.len());
        let mut one_of_two = false;
        for RemoveChange { key, raw, data_change } in changes.removes {
            let remove = RemoveFile { raw, deletion_timestamp: None };
            // what no replica can hold has never come to the target
            let Some(remove) = translation.remove(&key, &remove).map_err(DiffRefusal::Malformed)? else {
                continue;
            };
            one_of_two |= added.contains(&remove.key);
            removes.push(RemoveAction { raw: remove.raw, data_change });
        }
        let removed_bytes: Option<u64> = removes.iter().map(|remove| size(&remove.raw)).sum();
        totals.removed_files = removes.len() as u64;
        totals.removed_bytes = removed_bytes.unwrap_or_default();
        let files = FileChange::Listed { adds, removes };
        Ok(Self { files, copies, totals, removed_bytes, fresh, one_of_two })
    }

    /// Files and bytes of the difference, and of the target after it; none when a log does not say a size, or when only
    /// the whole tables tell what the difference is.
    #[must_use]
    pub fn totals(&self, target: &SideRecord, source: Sizes) -> Option<(Totals, Sizes)> {
        if self.one_of_two {
            return None;
        }
        let after = Sizes {
            files: (target.files + self.fresh.0).checked_sub(self.totals.removed_files)?,
            bytes: (target.bytes? + self.fresh.1).checked_sub(self.removed_bytes?)?,
        };
        let totals = Totals {
            reused_files: after.files.saturating_sub(self.totals.added_files),
            source_files: source.files,
            source_bytes: source.bytes,
            ..self.totals
        };
        Some((totals, after))
    }
}

/// The objects that a live file consists of.
pub fn objects(file: &ReplicaFile) -> Vec<FileCopy> {
    let mut vectors = BTreeMap::new();
    file.vector.iter().for_each(|vector| travel_once(&mut vectors, vector));
    std::iter::once(data_copy(file)).chain(vectors.into_values()).collect()
}
