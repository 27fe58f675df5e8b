//! What the commit at the target adds and removes.

use crate::delta::json::RawObject;
use crate::delta::state::{AddFile, FileKey};

/// What of an added file has to move before the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transfer {
    /// Nothing: the logical file is live at the target already, and only the words of the log change.
    Nothing,
    /// The file of its deletion vector, if it is not inline: the data file is there.
    Vector,
    /// The data file, and the file of its deletion vector if it has one.
    Data,
}

impl Transfer {
    /// What has to move of a file, by what the target has live: the logical file, the path.
    pub(super) fn of(file: bool, path: bool) -> Self {
        match (file, path) {
            (true, _) => Self::Nothing,
            (false, true) => Self::Vector,
            (false, false) => Self::Data,
        }
    }
}

/// A file to add at the target, in the terms of the source.
#[derive(Debug, Clone)]
pub struct AddChange {
    /// Its identity.
    pub key: FileKey,
    /// The add as the source logged it.
    pub add: AddFile,
    /// `dataChange` that the target has to log; the one of the source does not count.
    pub data_change: bool,
    /// What has to move.
    pub transfer: Transfer,
}

/// A file to remove at the target, in the terms of the source.
#[derive(Debug, Clone)]
pub struct RemoveChange {
    /// Its identity.
    pub key: FileKey,
    /// The action of the source to build the tombstone from: an add, or a remove.
    pub raw: RawObject,
    /// `dataChange` that the target has to log.
    pub data_change: bool,
}

/// The file actions of the commit at the target, by key, each key once.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Files to add.
    pub adds: Vec<AddChange>,
    /// Files to remove.
    pub removes: Vec<RemoveChange>,
}

impl Changes {
    /// Bytes of the data files to move.
    #[must_use]
    pub fn transfer_bytes(&self) -> u64 {
        let moved = self.adds.iter().filter(|change| change.transfer == Transfer::Data);
        moved.map(|change| change.add.size).sum()
    }
}
