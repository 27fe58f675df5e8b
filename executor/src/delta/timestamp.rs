//! Commit times, and the version of a table at an instant, by the rules that Spark follows.
//!
//! Without in-commit timestamps the time of a commit is the modification time of its file, raised where
//! needed so that times strictly ascend. `commitInfo.timestamp` is the writer's own clock and resolves
//! nothing.

use std::collections::BTreeMap;

use thiserror::Error;

use super::listing::LogListing;
use super::segment;
use super::state::Metadata;

/// Above twice this many commits Spark searches in chunks of this many, and makes times ascend only within
/// a chunk and between the answers of the chunks.
const CHUNK: usize = 1000;

/// A version and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitTime {
    /// The version.
    pub version: u64,
    /// Milliseconds since the epoch.
    pub timestamp_ms: i64,
}

/// Why an instant has no version.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TimestampError {
    /// The log holds no commit to resolve with.
    #[error("the log holds no commit whose time could be read")]
    NoCommits,
    /// The instant lies before the oldest version that can be rebuilt.
    #[error(
        "{instant_ms} ms is before version {earliest}, the oldest that can be rebuilt, of {earliest_ms} ms"
    )]
    TooEarly {
        /// The instant, in milliseconds since the epoch.
        instant_ms: i64,
        /// The oldest version that can be rebuilt.
        earliest: u64,
        /// Its time, in milliseconds since the epoch.
        earliest_ms: i64,
    },
    /// Of the two enablement properties only one is set, or one is no number.
    #[error(
        "in-commit timestamps are on, but `delta.inCommitTimestampEnablementVersion` and \
         `delta.inCommitTimestampEnablementTimestamp` are not both set to numbers"
    )]
    Enablement,
}

/// From where on in-commit timestamps count (protocol, "In-Commit Timestamps").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InCommit {
    /// They are off: file times count.
    Off,
    /// They have been on for all retained commits.
    Always,
    /// They are on since a version.
    Since(CommitTime),
}

impl InCommit {
    /// What the properties of the latest version say.
    ///
    /// # Errors
    /// [`TimestampError::Enablement`] when the properties contradict each other.
    pub fn of(latest: &Metadata) -> Result<Self, TimestampError> {
        if !latest.is_on("delta.enableInCommitTimestamps") {
            return Ok(Self::Off);
        }
        let version = latest.property("delta.inCommitTimestampEnablementVersion");
        let timestamp = latest.property("delta.inCommitTimestampEnablementTimestamp");
        match (version, timestamp) {
            (None, None) => Ok(Self::Always),
            (Some(version), Some(timestamp)) => match (version.parse(), timestamp.parse()) {
                (Ok(version), Ok(timestamp_ms)) => Ok(Self::Since(CommitTime { version, timestamp_ms })),
                _ => Err(TimestampError::Enablement),
            },
            _ => Err(TimestampError::Enablement),
        }
    }

    /// Whether in-commit timestamps decide about an instant, and not file times.
    #[must_use]
    pub fn governs(self, instant_ms: i64) -> bool {
        match self {
            Self::Off => false,
            Self::Always => true,
            Self::Since(since) => instant_ms >= since.timestamp_ms,
        }
    }

    /// Whether a commit carries its own time.
    #[must_use]
    pub fn covers(self, version: u64) -> bool {
        match self {
            Self::Off => false,
            Self::Always => true,
            Self::Since(since) => version >= since.version,
        }
    }
}

/// The file times of the commits from the oldest rebuildable version on, as listed.
#[must_use]
pub fn file_times(listing: &LogListing) -> Vec<CommitTime> {
    let Some(earliest) = segment::earliest(listing) else { return Vec::new() };
    listing
        .commits()
        .filter(|(version, _)| *version >= earliest)
        .map(|(version, entry)| CommitTime { version, timestamp_ms: entry.modified_ms })
        .collect()
}

/// File times made strictly ascending: a time that is not after its predecessor becomes that plus 1 ms.
#[must_use]
pub fn ascending(times: &[CommitTime]) -> Vec<CommitTime> {
    let mut last = None;
    times
        .iter()
        .map(|commit| {
            let raised = match last {
                Some(previous) if commit.timestamp_ms <= previous => previous.saturating_add(1),
                _ => commit.timestamp_ms,
            };
            last = Some(raised);
            CommitTime { version: commit.version, timestamp_ms: raised }
        })
        .collect()
}

/// The adjusted times of all commits of a listing, from the oldest rebuildable version on; of a listing that
/// does not say which that is, from its first commit on.
#[must_use]
pub fn adjusted_times(listing: &LogListing) -> BTreeMap<u64, i64> {
    let earliest = segment::earliest(listing).unwrap_or(0);
    let listed = listing.commits().filter(|(version, _)| *version >= earliest);
    let times: Vec<CommitTime> =
        listed.map(|(version, entry)| CommitTime { version, timestamp_ms: entry.modified_ms }).collect();
    ascending(&times).into_iter().map(|commit| (commit.version, commit.timestamp_ms)).collect()
}

/// The version at an instant, from a known version, its adjusted time, and the times of all newer commits in
/// order: file times as listed, or in-commit timestamps. An instant after the last commit gives the last version.
///
/// Equal to the search over the full list, with one exception: Spark searches a log of more than 2,000 retained
/// commits in chunks, and where file times run backwards across a chunk its answer depends on where the log
/// begins.
///
/// # Errors
/// [`TimestampError::TooEarly`] when the instant is before the known version.
pub fn continue_at(known: CommitTime, newer: &[CommitTime], instant_ms: i64) -> Result<u64, TimestampError> {
    let times: Vec<CommitTime> = std::iter::once(known).chain(newer.iter().copied()).collect();
    last_at(&ascending(&times), instant_ms)
}

/// The last version whose file time, made ascending, is not after the instant.
///
/// An instant after the last commit gives the last version.
///
/// # Errors
/// [`TimestampError`] when there is no commit or the instant is before the first.
pub fn version_by_file_times(times: &[CommitTime], instant_ms: i64) -> Result<u64, TimestampError> {
    let candidates = if times.len() > 2 * CHUNK {
        let answers: Vec<CommitTime> =
            times.chunks(CHUNK).filter_map(|chunk| last_or_first(&ascending(chunk), instant_ms)).collect();
        ascending(&answers)
    } else {
        ascending(times)
    };
    last_at(&candidates, instant_ms)
}

/// The last of ascending commits that is not after the instant.
///
/// # Errors
/// [`TimestampError`] when there is no commit or the instant is before the first.
pub fn last_at(ascending: &[CommitTime], instant_ms: i64) -> Result<u64, TimestampError> {
    let first = ascending.first().ok_or(TimestampError::NoCommits)?;
    let later = ascending.partition_point(|commit| commit.timestamp_ms <= instant_ms);
    match later.checked_sub(1).and_then(|index| ascending.get(index)) {
        Some(commit) => Ok(commit.version),
        None => Err(TimestampError::TooEarly {
            instant_ms,
            earliest: first.version,
            earliest_ms: first.timestamp_ms,
        }),
    }
}

fn last_or_first(ascending: &[CommitTime], instant_ms: i64) -> Option<CommitTime> {
    let later = ascending.partition_point(|commit| commit.timestamp_ms <= instant_ms);
    ascending.get(later.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(seconds: &[i64]) -> Vec<CommitTime> {
        let commit = |(version, second): (u64, &i64)| CommitTime { version, timestamp_ms: second * 1000 };
        (0..).zip(seconds).map(commit).collect()
    }

    #[test]
    fn times_ascend_by_a_millisecond() {
        let raised: Vec<i64> =
            ascending(&times(&[0, 5, 10, 7, 8, 14, 9])).iter().map(|commit| commit.timestamp_ms).collect();
        assert_eq!(raised, [0, 5_000, 10_000, 10_001, 10_002, 14_000, 14_001]);
    }

    #[test]
    fn the_last_commit_at_an_instant() {
        let times = times(&[0, 5, 10, 7, 8, 14, 9]);
        for (instant, version) in [(0, 0), (7_500, 1), (10_000, 2), (11_000, 4), (14_000, 5), (99_000, 6)] {
            assert_eq!(version_by_file_times(&times, instant), Ok(version), "{instant}");
        }
        assert_eq!(
            version_by_file_times(&times, -1),
            Err(TimestampError::TooEarly { instant_ms: -1, earliest: 0, earliest_ms: 0 })
        );
        assert_eq!(version_by_file_times(&[], 1), Err(TimestampError::NoCommits));
    }

    #[test]
    fn continuing_from_a_known_version_is_the_full_rule() {
        let raw = times(&[0, 5, 10, 7, 8, 14, 9, 9, 9, 20, 3, 21]);
        let full = ascending(&raw);
        for (known, rest) in full.iter().zip(1..) {
            let odd = [known.timestamp_ms, 10_001, 14_003].into_iter();
            let instants = (known.timestamp_ms..22_000).step_by(250).chain(odd);
            for instant in instants.filter(|instant| *instant >= known.timestamp_ms) {
                let expected = version_by_file_times(&raw, instant).expect("version");
                assert_eq!(continue_at(*known, &raw[rest..], instant), Ok(expected), "{known:?} {instant}");
            }
            let early = continue_at(*known, &raw[rest..], known.timestamp_ms - 1);
            assert!(matches!(early, Err(TimestampError::TooEarly { .. })), "{early:?}");
        }
    }

    #[test]
    fn continuing_with_in_commit_timestamps() {
        // They ascend strictly, so that nothing is adjusted.
        let times = times(&[3, 4, 9, 12]);
        for instant in (3_000..14_000).step_by(500) {
            assert_eq!(continue_at(times[0], &times[1..], instant), last_at(&times, instant));
            if instant >= 9_000 {
                assert_eq!(continue_at(times[2], &times[3..], instant), last_at(&times, instant));
            }
        }
    }

    #[test]
    fn long_logs_are_searched_in_chunks() {
        let mut seconds: Vec<i64> = (0..2500).collect();
        seconds[999] = 5_000;
        let times = times(&seconds);
        // Version 999 was touched late. In one run it would push all its successors behind 5 000 s.
        assert_eq!(last_at(&ascending(&times), 1_500_000), Ok(998));
        assert_eq!(version_by_file_times(&times, 1_500_000), Ok(1500));
        assert_eq!(version_by_file_times(&times, 2_499_000), Ok(2499));
    }

    #[test]
    fn in_commit_times_count_from_their_enablement() {
        let since = InCommit::Since(CommitTime { version: 4, timestamp_ms: 100 });
        assert_eq!((since.governs(99), since.governs(100)), (false, true));
        assert_eq!((since.covers(3), since.covers(4)), (false, true));
        assert_eq!((InCommit::Always.governs(0), InCommit::Off.governs(0)), (true, false));
    }
}
