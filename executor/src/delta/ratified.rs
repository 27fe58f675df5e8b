//! Commits that a catalog has ratified (protocol, "Catalog-managed tables").
//!
//! The catalog is the source of truth of such a table: its newest version is the newest version, and of a commit that
//! is both staged and published the catalog's file counts. What is published and known to the catalog no more is found
//! by listing.

use std::collections::BTreeMap;

use thiserror::Error;

use super::listing::{LogEntry, LogListing};

/// What a catalog says of the commits of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ratified {
    /// The newest version of the table.
    pub latest: u64,
    /// Commits that the catalog keeps because they may not be published, by version; their files are staged ones.
    pub commits: BTreeMap<u64, LogEntry>,
}

/// Why the commits of a catalog and those of a listing do not make a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RatifiedError {
    /// A version that the catalog speaks of is nowhere.
    #[error(
        "the catalog says that version {latest} is the newest, but commit {missing} is neither in the catalog nor \
         published; restore the missing file, or repair the table in the catalog"
    )]
    Missing {
        /// The newest version by the catalog.
        latest: u64,
        /// The first version that is nowhere.
        missing: u64,
    },
}

/// The log as the catalog has it: a listing and the ratified commits that it lacks. The catalog has to be asked before
/// the log is listed: what is published in between is then seen twice, and never not at all.
///
/// A catalog that tracks no commit, where storage has some, does not coordinate the table: most managed tables are written
/// to storage alone. The listing stands as it is then, and [`gate`](crate::delta::feature::gate) refuses it if the table
/// says otherwise.
///
/// # Errors
/// A [`RatifiedError`] when versions up to the newest are nowhere.
pub fn merge(listing: &LogListing, ratified: &Ratified) -> Result<LogListing, RatifiedError> {
    let latest = ratified.latest;
    let published = listing.latest_commit();
    if latest == 0 && ratified.commits.is_empty() && published.is_some_and(|published| published > latest) {
        return Ok(listing.clone());
    }
    let listed = listing.commits().map(|(_, entry)| entry).chain(listing.others());
    let listed = listed.filter(|entry| entry.name.version() <= latest).copied();
    // later entries of a version replace earlier ones
    let staged = ratified.commits.values().filter(|entry| entry.name.version() <= latest).copied();
    let merged = listed.chain(staged).collect::<LogListing>().ratified();
    let end = merged.latest_commit().map_or(0, |end| end.saturating_add(1));
    if !merged.is_empty() && end <= latest {
        return Err(RatifiedError::Missing { latest, missing: end });
    }
    Ok(merged)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::delta::log_name::LogName;

    fn entry(name: LogName) -> LogEntry {
        LogEntry { name, size: 1, modified_ms: 0, tag: None }
    }

    fn listing(versions: &[u64], checkpoints: &[u64]) -> LogListing {
        let commits = versions.iter().map(|version| entry(LogName::Commit { version: *version }));
        let checkpoints =
            checkpoints.iter().map(|version| entry(LogName::ClassicCheckpoint { version: *version }));
        commits.chain(checkpoints).collect()
    }

    fn ratified(latest: u64, versions: &[u64]) -> Ratified {
        let staged = |version: &u64| {
            let name = LogName::StagedCommit { version: *version, uuid: Uuid::from_u128(7) };
            (*version, entry(name))
        };
        Ratified { latest, commits: versions.iter().map(staged).collect() }
    }

    /// `0 1 2s`: published and staged commits.
    fn shown(listing: &LogListing) -> String {
        let word = |(version, entry): (u64, &LogEntry)| match entry.name {
            LogName::StagedCommit { .. } => format!("{version}s"),
            _ => version.to_string(),
        };
        listing.commits().map(word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_catalog_has_the_last_word() {
        let cases = [
            // published, newest by the catalog, ratified commits, merged
            (&[0, 1, 2][..], 2, &[][..], "0 1 2"),
            (&[0, 1], 3, &[2, 3], "0 1 2s 3s"),
            (&[0, 1, 2], 3, &[2, 3], "0 1 2s 3s"),
            (&[0, 1, 2, 3], 2, &[], "0 1 2"),
            (&[0, 1, 2, 3], 2, &[2], "0 1 2s"),
            (&[0], 0, &[], "0"),
            (&[5], 7, &[6, 7], "5 6s 7s"),
            (&[], 7, &[7], "7s"),
            (&[], 7, &[], ""),
            (&[0, 1, 4], 4, &[], "0 1 4"),
        ];
        for (published, latest, staged, expected) in cases {
            let merged = merge(&listing(published, &[]), &ratified(latest, staged)).expect(expected);
            assert_eq!(shown(&merged), expected);
            assert!(merged.is_ratified());
        }
        let merged = merge(&listing(&[0, 1], &[1, 3]), &ratified(2, &[2])).expect("log");
        assert_eq!(merged.others().count(), 1, "a checkpoint of a version that the catalog does not know");
    }

    #[test]
    fn a_version_that_is_nowhere_is_missing() {
        let missing = |latest, missing| Err(RatifiedError::Missing { latest, missing });
        assert_eq!(merge(&listing(&[0, 1], &[]), &ratified(3, &[])), missing(3, 2));
        assert_eq!(merge(&listing(&[0], &[]), &ratified(3, &[1, 2])), missing(3, 3));
    }

    #[test]
    fn a_table_that_the_catalog_does_not_coordinate_is_as_it_is_listed() {
        let untracked = merge(&listing(&[3, 4], &[3]), &ratified(0, &[])).expect("log");
        assert_eq!((shown(&untracked), untracked.is_ratified()), ("3 4".to_owned(), false));
    }
}
