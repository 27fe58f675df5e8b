//! What a range of commits tells of each file it names: was it live before, and is it live after?

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use crate::delta::changes::CommitChange;
use crate::delta::json::RawObject;
use crate::delta::state::{AddFile, FileKey};

/// Operations whose every added key is one that no earlier version had: data files get random names, and a
/// deletion vector is never written twice.
const FRESH_KEYS: [&str; 12] = [
    "WRITE",
    "STREAMING UPDATE",
    "COPY INTO",
    "MERGE",
    "UPDATE",
    "DELETE",
    "OPTIMIZE",
    "REORG",
    "REMOVE COLUMN MAPPING",
    "CREATE TABLE AS SELECT",
    "REPLACE TABLE AS SELECT",
    "CREATE OR REPLACE TABLE AS SELECT",
];

/// Why a range of commits cannot be followed; the two states have to be compared instead.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RangeError {
    /// A commit is not there, or another one is.
    #[error(
        "version {expected} is missing from the commits to follow ({found:?} in its place); compare the full states"
    )]
    Gap {
        /// The version asked for.
        expected: u64,
        /// The version in its place.
        found: Option<u64>,
    },
    /// There are commits after the last one asked for.
    #[error(
        "version {version} is beyond {to}, the version to follow the commits to; compare the full states"
    )]
    Beyond {
        /// The version beyond.
        version: u64,
        /// The last version asked for.
        to: u64,
    },
    /// A commit adds and removes one and the same logical file; which of both counts is not defined
    /// (protocol, "Add File and Remove File").
    #[error("version {version} both adds and removes file `{path}`; compare the full states")]
    BothWays {
        /// The version.
        version: u64,
        /// The path as logged.
        path: String,
    },
    /// The classes describe another version than the range begins at.
    #[error(
        "the persisted classes belong to version {classes} of table {table} and not to version {from}; compare the full states"
    )]
    Unbound {
        /// The version of the classes.
        classes: u64,
        /// Id of the table of the classes.
        table: String,
        /// The version that the range begins at.
        from: u64,
    },
}

/// Whether a file was live at the beginning of the range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    Live,
    Absent,
    /// The range does not tell. The commit that names the file first says which one is true.
    Unknown {
        says_live: bool,
    },
}

impl Before {
    /// Whether the file was live, once `held` tells of those that the range leaves open.
    pub(super) fn live(self, held: impl FnOnce() -> bool) -> bool {
        match self {
            Self::Live => true,
            Self::Absent => false,
            Self::Unknown { .. } => held(),
        }
    }
}

/// What the range does to one file.
#[derive(Debug, Clone)]
pub(super) struct Trace {
    pub(super) before: Before,
    /// The first remove: of the file as it was live before, if it was.
    pub(super) removed: Option<RawObject>,
    /// The newest add, when the file is live after the range.
    pub(super) after: Option<AddFile>,
    /// Absent before, by habit of writers only and not by the word of the one that added it.
    presumed: bool,
}

/// All files that a range names.
#[derive(Debug, Clone, Default)]
pub(super) struct Range(pub(super) BTreeMap<FileKey, Trace>);

impl Range {
    /// # Errors
    /// [`RangeError`] when the commits do not follow each other.
    pub(super) fn of(commits: &[CommitChange]) -> Result<Self, RangeError> {
        let mut range = Self::default();
        let first = commits.first().map_or(0, |commit| commit.facts.version);
        for (expected, commit) in (first..).zip(commits) {
            let found = commit.facts.version;
            if found != expected {
                return Err(RangeError::Gap { expected, found: Some(found) });
            }
            range.follow(commit)?;
        }
        for trace in range.0.values_mut().filter(|trace| trace.presumed && trace.after.is_none()) {
            // Taken for absent although live, the file would stay at the target for ever.
            trace.before = Before::Unknown { says_live: false };
        }
        Ok(range)
    }

    fn follow(&mut self, commit: &CommitChange) -> Result<(), RangeError> {
        for (key, remove) in &commit.removes {
            // "The records must be contained in one or more add actions in the same version": without any,
            // the remove is a tombstone of what never was live, or breaks that rule.
            let lone = commit.adds.is_empty() && !data_change(&remove.raw);
            let before = if lone { Before::Unknown { says_live: false } } else { Before::Live };
            let trace = self.0.entry(key.clone()).or_insert_with(|| Trace::new(before));
            trace.removed.get_or_insert_with(|| remove.raw.clone());
            trace.after = None;
        }
        let removed: BTreeSet<&FileKey> = commit.removes.iter().map(|(key, _)| key).collect();
        let fresh = commit.facts.operation.as_deref().is_some_and(|name| FRESH_KEYS.contains(&name));
        for (key, add) in &commit.adds {
            if removed.contains(key) {
                let (version, path) = (commit.facts.version, key.path.to_string());
                return Err(RangeError::BothWays { version, path });
            }
            let trace = self.0.entry(key.clone()).or_insert_with(|| {
                // "The logical file must already be present, or its records be contained in remove actions
                // of the same version."
                let present = commit.removes.is_empty() && !data_change(&add.raw);
                let before = if present { Before::Unknown { says_live: true } } else { Before::Absent };
                Trace { presumed: !present && !fresh, ..Trace::new(before) }
            });
            trace.after = Some(add.clone());
        }
        Ok(())
    }

    /// Files of which only a full state can tell whether they were live before.
    pub(super) fn uncertain(&self) -> BTreeSet<FileKey> {
        let unknown = self.0.iter().filter(|(_, trace)| matches!(trace.before, Before::Unknown { .. }));
        unknown.map(|(key, _)| key.clone()).collect()
    }
}

impl Trace {
    fn new(before: Before) -> Self {
        Self { before, removed: None, after: None, presumed: false }
    }
}

/// `dataChange` of a file action; a writer that leaves it out has changed data.
pub(super) fn data_change(raw: &RawObject) -> bool {
    raw.fields().optional("dataChange").ok().flatten().unwrap_or(true)
}
