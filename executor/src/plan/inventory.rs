//! The live files of a target, each in a few bytes.

use std::collections::{HashMap, HashSet};

use object_store::path::Path;

use crate::delta::deletion_vector::Descriptor;
use crate::delta::fingerprint::{Fingerprint, text_id};
use crate::delta::root::TableRoot;
use crate::delta::state::{AddFile, FileKey};

/// What the target holds under a path. A path is live at most once, with or without a deletion vector.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    /// Bytes of the data file.
    pub(super) size: u64,
    vector: u128,
    fingerprint: Fingerprint,
    /// The source has a live file of the same key, so this one stays.
    kept: bool,
}

/// The live files of a target by path: about a hundred bytes a file, whatever the log says of it.
#[derive(Debug, Default)]
pub struct Inventory {
    files: HashMap<u128, Held>,
    vector_files: HashSet<u128>,
}

impl Inventory {
    /// Records a live file of the target, whose root is `root_url`.
    pub fn record(&mut self, key: &FileKey, add: &AddFile, root_url: &str, root: &TableRoot) {
        let held =
            Held { size: add.size, vector: vector_id(key), fingerprint: Fingerprint::of(add), kept: false };
        self.files.insert(text_id(&key.path), held);
        if key.vector.is_some() {
            self.vector_files.extend(vector_file(add, root_url, root).as_ref().map(place_id));
        }
    }

    /// What the target holds under a path.
    pub(super) fn file(&self, path: &str) -> Option<&Held> {
        self.files.get(&text_id(path))
    }

    /// Whether the target names a file of deletion vectors.
    pub(super) fn has_vector_file(&self, target: &Path) -> bool {
        self.vector_files.contains(&place_id(target))
    }

    /// Says that the source has a live file of this key too.
    pub(super) fn keep(&mut self, key: &FileKey) {
        if let Some(held) = self.files.get_mut(&text_id(&key.path)) {
            held.kept |= held.vector == vector_id(key);
        }
    }

    /// Whether any live file of the target has no counterpart of the same key at the source.
    pub(super) fn has_gone(&self) -> bool {
        self.files.values().any(|held| !held.kept)
    }

    /// Whether a live file of the target has no counterpart of the same key at the source.
    pub(super) fn is_gone(&self, key: &FileKey) -> bool {
        self.file(&key.path).is_none_or(|held| !held.kept)
    }
}

impl Held {
    /// Whether the target holds the same key, and what it says of it.
    pub(super) fn meets(&self, key: &FileKey, add: &AddFile) -> Meeting {
        if self.vector != vector_id(key) {
            Meeting::OtherVector
        } else if self.fingerprint.same(&Fingerprint::of(add)) {
            Meeting::Same
        } else {
            Meeting::OtherWords
        }
    }
}

/// How a file of the source meets what the target holds under its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meeting {
    /// Nothing differs.
    Same,
    /// The same logical file, of which the log says something else.
    OtherWords,
    /// The same data file with other deleted rows.
    OtherVector,
}

fn vector_id(key: &FileKey) -> u128 {
    key.vector.as_deref().map_or(0, text_id)
}

fn place_id(place: &Path) -> u128 {
    text_id(place.as_ref())
}

/// The file of a live file's deletion vector. A vector that cannot be located counts as not held: the copy then finds
/// out what is there.
fn vector_file(add: &AddFile, root_url: &str, root: &TableRoot) -> Option<Path> {
    let fields = add.raw.fields();
    let descriptor = Descriptor::parse(fields.get("deletionVector")?.get()).ok()?;
    Some(descriptor.file(root_url, root).ok()??.file.target)
}
