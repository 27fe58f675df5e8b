//! What the target's live files have to be, by the source's and the classes: what a verification compares.

use std::collections::BTreeMap;

use thiserror::Error;

use super::document::Classes;
use super::member::Member;
use crate::delta::state::{AddFile, FileKey};

/// What the target must have under a key.
#[derive(Debug, Clone, Copy)]
pub enum Expected<'a> {
    /// The file of the source, equal in every field that a replica keeps.
    Equal(&'a AddFile),
    /// A file from before a compaction, with as many rows; see [`Member::same_rows`].
    Rearranged(&'a Member),
}

/// Why classes do not belong to the state of a source.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ViewError {
    /// A compacted file is not live at the source.
    #[error("file `{path}` of a class is not live at the source; the classes belong to another version")]
    NotLive {
        /// The path as logged.
        path: String,
    },
    /// A file is live at the source and has been compacted away at once.
    #[error("file `{path}` is in a preimage and live at the source; the classes belong to another version")]
    StillLive {
        /// The path as logged.
        path: String,
    },
    /// Both sides of a class have other numbers of rows.
    #[error(
        "a class around file `{path}` has {preimage:?} rows before and {image:?} after compaction; sync the table with \
         compaction = \"copy\""
    )]
    Rows {
        /// The path of the first compacted file, as logged.
        path: String,
        /// Rows of the files that the target keeps.
        preimage: Option<u64>,
        /// Rows of the compacted files.
        image: Option<u64>,
    },
}

impl Member {
    /// Whether an add of the target is this file, by identity, size and rows.
    #[must_use]
    pub fn same_rows(&self, key: &FileKey, add: &AddFile) -> bool {
        let other = Self::added(key.clone(), add.clone());
        self.key() == key
            && self.size().is_none_or(|size| size == add.size)
            && other.rows().is_none_or(|rows| self.rows() == Some(rows))
    }
}

/// The live files of the target, by key, for the live files of the source and the classes of that version.
///
/// # Errors
/// [`ViewError`] when the classes do not fit the source.
pub fn logical_view<'a>(
    source: &'a BTreeMap<FileKey, AddFile>,
    classes: &'a Classes,
) -> Result<BTreeMap<&'a FileKey, Expected<'a>>, ViewError> {
    let mut view: BTreeMap<&FileKey, Expected<'_>> =
        source.iter().map(|(key, add)| (key, Expected::Equal(add))).collect();
    for class in classes.iter() {
        let mut image = Some(0);
        for key in class.image.keys() {
            let Some(Expected::Equal(add)) = view.remove(key) else {
                return Err(ViewError::NotLive { path: key.path.to_string() });
            };
            image = sum(image, Member::added(key.clone(), add.clone()).rows());
        }
        let preimage = class.preimage.values().map(Member::rows).fold(Some(0), sum);
        if image.is_none() || image != preimage {
            let path = class.image.keys().next().map(|key| key.path.to_string()).unwrap_or_default();
            return Err(ViewError::Rows { path, preimage, image });
        }
    }
    for (key, member) in classes.iter().flat_map(|class| &class.preimage) {
        if view.insert(key, Expected::Rearranged(member)).is_some() {
            return Err(ViewError::StillLive { path: key.path.to_string() });
        }
    }
    Ok(view)
}

fn sum(total: Option<u64>, rows: Option<u64>) -> Option<u64> {
    total?.checked_add(rows?)
}
