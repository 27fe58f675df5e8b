//! Which files of a log rebuild a version, and whether any do.
//!
//! A version V can be rebuilt iff a complete checkpoint C ≤ V exists and the commits C+1..V are all
//! there, or the commits 0..V are. `_last_checkpoint` is a hint that may lie and is not consulted.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use super::listing::{LogEntry, LogListing};
use super::log_name::LogName;

/// A complete checkpoint, as far as names tell: sidecars are named inside of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Checkpoint {
    /// Version that it holds.
    pub version: u64,
    /// Its files: one, or all parts in order.
    pub files: Vec<LogEntry>,
}

/// The files that rebuild one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSegment {
    /// The version.
    pub version: u64,
    /// Where to start, if not from the first commit.
    pub checkpoint: Option<Checkpoint>,
    /// The commits to replay on top, ascending and without a gap.
    pub commits: Vec<u64>,
}

/// Why a version cannot be rebuilt.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SegmentError {
    /// The listing shows no commit and no checkpoint.
    #[error("the log holds no commit and no checkpoint")]
    Empty,
    /// The version lies in the future of the log.
    #[error("version {version} does not exist yet, the latest is {latest}")]
    NotYet {
        /// The version asked for.
        version: u64,
        /// The newest version.
        latest: u64,
    },
    /// The log was trimmed past the version.
    #[error("version {version} has expired from the log; versions {earliest} to {latest} can be rebuilt")]
    Expired {
        /// The version asked for.
        version: u64,
        /// The oldest version that can be rebuilt.
        earliest: u64,
        /// The newest version.
        latest: u64,
    },
    /// The log starts in the middle and has no complete checkpoint to start from.
    #[error(
        "the log starts at version {first} and has no complete checkpoint{}; restore the missing files \
         of the log",
        incomplete_note(incomplete)
    )]
    NoStart {
        /// The first version that has a commit.
        first: u64,
        /// Versions of checkpoints with missing parts.
        incomplete: Vec<u64>,
    },
    /// A commit in the middle is missing.
    #[error(
        "commit {missing} is missing between versions {after} and {version}{}; restore the missing \
         files of the log",
        incomplete_note(incomplete)
    )]
    Gap {
        /// The version asked for.
        version: u64,
        /// The last version that can be rebuilt before the gap.
        after: u64,
        /// The first missing commit.
        missing: u64,
        /// Versions of checkpoints with missing parts.
        incomplete: Vec<u64>,
    },
}

fn incomplete_note(incomplete: &[u64]) -> String {
    if incomplete.is_empty() {
        return String::new();
    }
    let versions: Vec<String> = incomplete.iter().map(u64::to_string).collect();
    format!(" (files of the checkpoint at version {} are missing)", versions.join(", "))
}

/// Chooses the files that rebuild `version`, or the latest when none is given.
///
/// `broken` are checkpoints that turned out to be unusable, by a lost sidecar for example: the choice is
/// made as if they did not exist.
///
/// # Errors
/// A [`SegmentError`] that says what is there instead.
pub fn choose(
    listing: &LogListing,
    version: Option<u64>,
    broken: &BTreeSet<Checkpoint>,
) -> Result<LogSegment, SegmentError> {
    let inventory = Inventory::of(listing, broken);
    let latest = inventory.latest().ok_or(SegmentError::Empty)?;
    let version = version.unwrap_or(latest);
    if version > latest {
        return Err(SegmentError::NotYet { version, latest });
    }
    let start = inventory.checkpoints.range(..=version).rev().find(|(at, _)| {
        let at = **at;
        inventory.first_missing(at.saturating_add(1), version).is_none()
    });
    if let Some((at, checkpoint)) = start {
        let commits = (at.saturating_add(1)..=version).collect();
        return Ok(LogSegment { version, checkpoint: Some(checkpoint.clone()), commits });
    }
    if inventory.first_missing(0, version).is_none() {
        return Ok(LogSegment { version, checkpoint: None, commits: (0..=version).collect() });
    }
    Err(inventory.refusal(version, latest))
}

/// The commits behind version `after` up to `to`, when the listing has every one of them.
///
/// # Errors
/// [`SegmentError::Empty`] when it has no commit at all, [`SegmentError::NotYet`] when the log ends before `to`,
/// [`SegmentError::Expired`] when the log begins behind the first of them, [`SegmentError::Gap`] when one is
/// missing in between.
pub fn commits_between(listing: &LogListing, after: u64, to: u64) -> Result<Vec<LogEntry>, SegmentError> {
    let versions = after.saturating_add(1)..=to;
    if versions.is_empty() {
        return Ok(Vec::new());
    }
    let (first, _) = listing.commits().next().ok_or(SegmentError::Empty)?;
    let latest = listing.latest_commit().unwrap_or(first);
    if to > latest {
        return Err(SegmentError::NotYet { version: to, latest });
    }
    let entry = |version| {
        listing.commit(version).copied().ok_or_else(|| {
            if version < first {
                let earliest = earliest(listing).unwrap_or(first);
                return SegmentError::Expired { version, earliest, latest };
            }
            let incomplete = Vec::new();
            SegmentError::Gap { version: to, after: version.saturating_sub(1), missing: version, incomplete }
        })
    };
    versions.map(entry).collect()
}

/// The oldest version that can be rebuilt.
#[must_use]
pub fn earliest(listing: &LogListing) -> Option<u64> {
    Inventory::of(listing, &BTreeSet::new()).earliest()
}

struct Inventory<'a> {
    listing: &'a LogListing,
    checkpoints: BTreeMap<u64, Checkpoint>,
    incomplete: Vec<u64>,
}

impl<'a> Inventory<'a> {
    fn of(listing: &'a LogListing, broken: &BTreeSet<Checkpoint>) -> Self {
        let mut checkpoints = BTreeMap::new();
        let mut parts: BTreeMap<(u64, u32), Vec<LogEntry>> = BTreeMap::new();
        let mut offer = |checkpoint: Checkpoint| {
            if !broken.contains(&checkpoint) {
                checkpoints.entry(checkpoint.version).or_insert(checkpoint);
            }
        };
        for entry in listing.others() {
            match entry.name {
                LogName::ClassicCheckpoint { version } | LogName::UuidCheckpoint { version, .. } => {
                    offer(Checkpoint { version, files: vec![*entry] });
                }
                LogName::CheckpointPart { version, parts: count, .. } => {
                    parts.entry((version, count)).or_default().push(*entry);
                }
                LogName::Commit { .. }
                | LogName::StagedCommit { .. }
                | LogName::Compacted { .. }
                | LogName::Checksum { .. } => {}
            }
        }
        let mut incomplete = BTreeSet::new();
        for ((version, count), files) in parts {
            if u32::try_from(files.len()) == Ok(count) {
                offer(Checkpoint { version, files });
            } else {
                incomplete.insert(version);
            }
        }
        incomplete.extend(broken.iter().map(|checkpoint| checkpoint.version));
        incomplete.retain(|version| !checkpoints.contains_key(version));
        Self { listing, checkpoints, incomplete: incomplete.into_iter().collect() }
    }

    /// The newest version that the log knows of.
    fn latest(&self) -> Option<u64> {
        let checkpoint = self.checkpoints.keys().next_back().copied();
        self.listing.latest_commit().max(checkpoint).max(self.incomplete.last().copied())
    }

    fn earliest(&self) -> Option<u64> {
        if self.listing.commit(0).is_some() {
            return Some(0);
        }
        self.checkpoints.keys().next().copied()
    }

    fn first_missing(&self, from: u64, to: u64) -> Option<u64> {
        (from..=to).find(|version| self.listing.commit(*version).is_none())
    }

    fn refusal(&self, version: u64, latest: u64) -> SegmentError {
        let incomplete = self.incomplete.clone();
        let Some(earliest) = self.earliest() else {
            let first = self.listing.commits().next().map_or(latest, |(first, _)| first);
            return SegmentError::NoStart { first, incomplete };
        };
        if version < earliest {
            return SegmentError::Expired { version, earliest, latest };
        }
        let base = self.checkpoints.range(..=version).next_back().map_or(earliest, |(at, _)| *at);
        let missing = self.first_missing(base.saturating_add(1), version).unwrap_or(version);
        SegmentError::Gap { version, after: missing.saturating_sub(1), missing, incomplete }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `0 1 2c 3p1/2 3p2/2 4u`: commits, classic checkpoints, parts, uuid-named checkpoints.
    fn listing(notation: &str) -> LogListing {
        let name = |word: &str| {
            if let Some(version) = word.strip_suffix('c') {
                return LogName::ClassicCheckpoint { version: version.parse().expect("version") };
            }
            if let Some((version, part)) = word.split_once('p') {
                let (part, parts) = part.split_once('/').expect("part");
                return LogName::CheckpointPart {
                    version: version.parse().expect("version"),
                    part: part.parse().expect("part"),
                    parts: parts.parse().expect("parts"),
                };
            }
            LogName::Commit { version: word.parse().expect("version") }
        };
        let entry = |word: &str| LogEntry { name: name(word), size: 1, modified_ms: 0, tag: None };
        notation.split_whitespace().map(entry).collect()
    }

    fn outcome(notation: &str, version: Option<u64>) -> String {
        match choose(&listing(notation), version, &BTreeSet::new()) {
            Ok(segment) => {
                let start = segment.checkpoint.map_or("-".to_owned(), |checkpoint| {
                    format!("{}x{}", checkpoint.version, checkpoint.files.len())
                });
                format!("{} from {start} + {:?}", segment.version, segment.commits)
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_newest_complete_start_that_reaches_the_version_is_taken() {
        let cases = [
            ("0 1 2", None, "2 from - + [0, 1, 2]"),
            ("0 1 2", Some(1), "1 from - + [0, 1]"),
            ("0 1 2 2c 3", None, "3 from 2x1 + [3]"),
            ("2c 3 4", Some(2), "2 from 2x1 + []"),
            ("1 2 2c 3", None, "3 from 2x1 + [3]"),
            ("0 1 2 2p1/2 2p2/2 3", None, "3 from 2x2 + [3]"),
            ("0 1 2 2p1/2 3", None, "3 from - + [0, 1, 2, 3]"),
            ("0 1 1c 3 3p1/2 3p2/2 4", None, "4 from 3x2 + [4]"),
            ("0 1 2 4c", Some(2), "2 from - + [0, 1, 2]"),
        ];
        for (notation, version, expected) in cases {
            assert_eq!(outcome(notation, version), expected, "{notation}");
        }
    }

    #[test]
    fn what_cannot_be_rebuilt_is_refused() {
        let restore = "; restore the missing files of the log";
        let cases = [
            ("", None, "the log holds no commit and no checkpoint".to_owned()),
            ("0 1", Some(2), "version 2 does not exist yet, the latest is 1".to_owned()),
            ("3 4", None, format!("the log starts at version 3 and has no complete checkpoint{restore}")),
            (
                "3 4 4p2/2",
                None,
                format!(
                    "the log starts at version 3 and has no complete checkpoint (files of the \
                     checkpoint at version 4 are missing){restore}"
                ),
            ),
            (
                "4 5c 5 6",
                Some(4),
                "version 4 has expired from the log; versions 5 to 6 can be rebuilt".to_owned(),
            ),
            ("0 1 3", None, format!("commit 2 is missing between versions 1 and 3{restore}")),
            ("0 1 3", Some(2), format!("commit 2 is missing between versions 1 and 2{restore}")),
            ("2 2c 3 5", None, format!("commit 4 is missing between versions 3 and 5{restore}")),
        ];
        for (notation, version, expected) in cases {
            assert_eq!(outcome(notation, version), expected, "{notation}");
        }
    }

    #[test]
    fn commits_of_a_range() {
        let versions = |notation: &str, after, to| {
            let found = commits_between(&listing(notation), after, to);
            found
                .map(|entries| entries.iter().map(|entry| entry.name.version()).collect::<Vec<_>>())
                .map_err(|error| error.to_string())
        };
        assert_eq!(versions("3 4 5 6", 3, 5), Ok(vec![4, 5]));
        assert_eq!(versions("3 4", 4, 4), Ok(Vec::new()));
        assert_eq!(versions("", 4, 4), Ok(Vec::new()));
        let cases = [
            ("", 0, 1, "the log holds no commit and no checkpoint"),
            ("3 4", 3, 5, "version 5 does not exist yet, the latest is 4"),
            ("5 6", 3, 5, "version 4 has expired from the log; versions 5 to 6 can be rebuilt"),
            (
                "3 4 6",
                3,
                6,
                "commit 5 is missing between versions 4 and 6; restore the missing files of the log",
            ),
        ];
        for (notation, after, to, expected) in cases {
            assert_eq!(versions(notation, after, to), Err(expected.to_owned()), "{notation}");
        }
    }

    #[test]
    fn a_broken_checkpoint_is_passed_over() {
        let listing = listing("0 1 2 2c 3");
        let found = choose(&listing, None, &BTreeSet::new()).expect("segment").checkpoint;
        let broken = BTreeSet::from([found.expect("checkpoint")]);
        let segment = choose(&listing, None, &broken).expect("segment");
        assert_eq!((segment.checkpoint, segment.commits), (None, vec![0, 1, 2, 3]));
        assert_eq!(earliest(&listing), Some(0));
    }
}
