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

/// What has been committed to a table since an instant; none when nothing was, or there is no table.
pub(super) async fn undone(table: &TableStore, since: DateTime<Utc>) -> Result<Option<Undone>, Failure> {
    let Some((listing, to)) = newest(table).await? else { return Ok(None) };
    let head = Head { table: table.clone(), listing, known: None, newer: None };
    let (_, version) = version_at(&head, since.timestamp_millis()).await?;
    Ok(behind(table, version, to))
}

/// What has been committed to a table behind one of its versions; none when nothing was.
pub(super) async fn undone_behind(table: &TableStore, version: u64) -> Result<Option<Undone>, Failure> {
    let newest = newest(table).await?;
    Ok(newest.and_then(|(_, to)| behind(table, Some(version), to)))
}

/// The log of a table and its newest version; none when there is no table.
async fn newest(table: &TableStore) -> Result<Option<(LogListing, u64)>, Failure> {
    let listing = match table.table().listing().await {
        Err(TableError::NotATable { .. }) => return Ok(None),
        listing => listing.at(Stage::Observe, &table.name)?,
    };
    let newest = listing.latest_commit();
    Ok(newest.map(|newest| (listing, newest)))
}

fn behind(table: &TableStore, version: Option<u64>, to: u64) -> Option<Undone> {
    let from = version.map(|version| version + 1);
    let none = from.is_some_and(|from| from > to);
    (!none).then(|| Undone { table: table.name.clone(), from, to })
}
