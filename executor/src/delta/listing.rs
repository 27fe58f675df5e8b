//! One listing of `_delta_log`: the only thing that the choice of files is made from.

use std::collections::BTreeMap;

use super::log_name::LogName;

/// A file of the log as a store lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogEntry {
    /// What the file is.
    pub name: LogName,
    /// Bytes.
    pub size: u64,
    /// Last modification in milliseconds since the epoch, as the listing gave it, sub-milliseconds cut off.
    pub modified_ms: i64,
}

/// Everything that one listing of a log showed, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogListing {
    commits: BTreeMap<u64, LogEntry>,
    others: BTreeMap<LogName, LogEntry>,
}

impl LogListing {
    /// The commits, oldest first.
    pub fn commits(&self) -> impl DoubleEndedIterator<Item = (u64, &LogEntry)> {
        self.commits.iter().map(|(version, entry)| (*version, entry))
    }

    /// The commit that made a version, if the log still has it.
    #[must_use]
    pub fn commit(&self, version: u64) -> Option<&LogEntry> {
        self.commits.get(&version)
    }

    /// Checkpoints, checksums and compacted commits, in the order of their names.
    pub fn others(&self) -> impl Iterator<Item = &LogEntry> {
        self.others.values()
    }

    /// Whether the listing holds nothing of a Delta log.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.commits.is_empty() && self.others.is_empty()
    }

    /// The newest version that has a commit, if any.
    #[must_use]
    pub fn latest_commit(&self) -> Option<u64> {
        self.commits.keys().next_back().copied()
    }
}

impl FromIterator<LogEntry> for LogListing {
    fn from_iter<I: IntoIterator<Item = LogEntry>>(entries: I) -> Self {
        let mut listing = Self::default();
        for entry in entries {
            match entry.name {
                LogName::Commit { version } => listing.commits.insert(version, entry),
                name => listing.others.insert(name, entry),
            };
        }
        listing
    }
}
