//! What a restore in place undoes.

use std::fmt;

use chrono::{DateTime, Utc};
use lakedr_control::id::TableName;
use serde::Serialize;

use crate::error::Failure;
use crate::error::{At as _, Stage};
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
    let name = &table.name;
    let listing = match table.table().listing().await {
        Err(TableError::NotATable { .. }) => return Ok(None),
        listing => listing.at(Stage::Observe, name)?,
    };
    let Some(to) = listing.latest_commit() else { return Ok(None) };
    let head = Head { table: table.clone(), listing, known: None, newer: None };
    let (_, version) = version_at(&head, since.timestamp_millis()).await?;
    let from = version.map(|version| version + 1);
    if from.is_some_and(|from| from > to) {
        return Ok(None);
    }
    Ok(Some(Undone { table: name.clone(), from, to }))
}
