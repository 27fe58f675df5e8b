//! One listing of `_delta_log`: the only thing that the choice of files is made from.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

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
    /// Fingerprint of the store's ETag, when the store gives one: another tag is another content.
    pub tag: Option<u64>,
}

impl LogEntry {
    /// Fingerprint of an ETag: the first eight bytes of its SHA-256. Never a proof of equal content, for it is
    /// short, but enough to notice a file that was replaced.
    #[must_use]
    pub fn tag_of(etag: &str) -> u64 {
        let digest = Sha256::digest(etag.as_bytes());
        digest.iter().take(8).fold(0, |tag, byte| tag << 8 | u64::from(*byte))
    }
}

/// Everything that one listing of a log showed, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogListing {
    commits: BTreeMap<u64, LogEntry>,
    others: BTreeMap<LogName, LogEntry>,
    ratified: bool,
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

    /// The part of the listing from a version on.
    #[must_use]
    pub fn since(mut self, version: u64) -> Self {
        self.commits = self.commits.split_off(&version);
        self.others.retain(|name, _| name.version() >= version);
        self
    }

    /// The same log, which holds every commit that the catalog of its table has ratified.
    #[must_use]
    pub(super) fn ratified(mut self) -> Self {
        self.ratified = true;
        self
    }

    /// Whether the catalog of the table has had its say: the newest commit is the one that it names.
    #[must_use]
    pub fn is_ratified(&self) -> bool {
        self.ratified
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
                LogName::Commit { version } | LogName::StagedCommit { version, .. } => {
                    listing.commits.insert(version, entry)
                }
                name => listing.others.insert(name, entry),
            };
        }
        listing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_the_head_of_a_sha_256() {
        // sha256("abc") begins with ba7816bf 8f01cfea.
        assert_eq!(LogEntry::tag_of("abc"), 0xba78_16bf_8f01_cfea);
        assert_ne!(LogEntry::tag_of("abc"), LogEntry::tag_of("abd"));
    }
}
