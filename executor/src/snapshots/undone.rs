//! What a restore in place undoes.

use std::fmt;

use chrono::{DateTime, Utc};
use lakedr_control::id::TableName;
use serde::Serialize;

use crate::delta::listing::LogListing;
use crate::error::{At as _, Failure, Stage};
use crate::observe::source::{Head, version_at};
use crate::observe::table_error::TableError;
use crate::spec::TableStore;

/// Commits that are held at a time.
const COMMITS_AT_ONCE: u64 = 64;

/// Commits of a table that are newer than what is restored. They stay in its history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Undone {
    /// The table.
    pub table: TableName,
    /// The first of them; none when all of the table is newer, or its history does not go back so far.
    pub from: Option<u64>,
    /// The last of them: the version that the table has.
    pub to: u64,
}

impl fmt::Display for Undone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.from {
            Some(from) if from == self.to => write!(f, "version {} of {}", self.to, self.table),
            Some(from) => write!(f, "versions {from} to {} of {}", self.to, self.table),
            None => write!(f, "all versions up to {} of {}", self.to, self.table),
        }
    }
}

/// A table that a restore in place would write to, as it was looked at.
#[derive(Debug)]
pub(super) struct Looked {
    /// The table.
    pub(super) table: TableName,
    /// Its newest version; none when there is no table.
    pub(super) head: Option<u64>,
    /// What would be undone; none when nothing would.
    pub(super) undone: Option<Undone>,
}

/// What a table goes back to.
#[derive(Debug, Clone, Copy)]
pub(super) enum BackTo<'a> {
    /// A version of its own.
    Version(u64),
    /// What was copied of a version: one of its own if this is still the table that was copied, else what it was at an instant.
    CopyOf {
        /// The version that was copied.
        version: u64,
        /// `metaData.id` of the table that was copied.
        table_id: &'a str,
        /// The instant.
        as_of: DateTime<Utc>,
    },
    /// What it was at an instant.
    Instant(DateTime<Utc>),
}

/// What a restore would undo of a table. `mark` is what commits of this very restore say of themselves: what a call that was
/// cut short has brought back is nobody's loss.
pub(super) async fn look(table: &TableStore, back_to: BackTo<'_>, mark: &str) -> Result<Looked, Failure> {
    let name = table.name.clone();
    let listing = match table.table().listing().await {
        Err(TableError::NotATable { .. }) => return Ok(Looked { table: name, head: None, undone: None }),
        listing => listing.at(Stage::Observe, &name)?,
    };
    let Some(head) = listing.latest_commit() else {
        return Ok(Looked { table: name, head: None, undone: None });
    };
    let version = match back_to {
        BackTo::Version(version) => Some(version),
        BackTo::CopyOf { version, table_id, .. } if is_same(table, &listing, (version, table_id)).await? => {
            Some(version)
        }
        BackTo::CopyOf { as_of, .. } | BackTo::Instant(as_of) => {
            let head = Head { table: table.clone(), listing: listing.clone(), known: None, newer: None };
            version_at(&head, as_of.timestamp_millis()).await?.1
        }
    };
    let first = first_of_others(table, &listing, (version.map_or(0, |version| version + 1), head), mark);
    let from = first.await.at(Stage::Observe, &name)?;
    let undone = from.map(|from| Undone {
        table: name.clone(),
        // where the history does not go back so far, nobody knows what was first
        from: version.map(|_| from),
        to: head,
    });
    Ok(Looked { table: name, head: Some(head), undone })
}

/// Whether a table is the one with this id, and has come to a version.
async fn is_same(
    table: &TableStore,
    listing: &LogListing,
    (version, id): (u64, &str),
) -> Result<bool, Failure> {
    let snapshot = table.table().snapshot(listing, None).await.at(Stage::Observe, &table.name)?;
    Ok(snapshot.head.metadata.id == id && snapshot.head.version >= version)
}

/// The first version from one up to another that is not of this very restore. One of which nobody can tell any more is not.
async fn first_of_others(
    table: &TableStore,
    listing: &LogListing,
    (from, to): (u64, u64),
    mark: &str,
) -> Result<Option<u64>, TableError> {
    let delta = table.table();
    let mut next = from;
    while next <= to {
        let last = to.min(next + COMMITS_AT_ONCE - 1);
        let commits = delta.commits(listing, next, last).await?;
        for version in next..=last {
            let commit = commits.iter().find(|commit| commit.version == version);
            if commit.is_none_or(|commit| !commit.txns.contains_key(mark)) {
                return Ok(Some(version));
            }
        }
        next = last + 1;
    }
    Ok(None)
}
