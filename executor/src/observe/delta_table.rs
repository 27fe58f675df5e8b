//! A Delta table in a store, read only: its listing, its state at a version, its commits.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use lakedr_control::id::TableName;
use object_store::ObjectStore;
use object_store::path::Path;

use super::catalog::UnityCatalog;
use super::log_store::{LogStore, PARALLEL_COMMITS};
use super::snapshot::{self, Snapshot};
use super::table_error::{LogDefect, TableError};
use crate::delta::changes::CommitChange;
use crate::delta::history::{CommitError, CommitFacts};
use crate::delta::listing::{LogEntry, LogListing};
use crate::delta::log_name::LogName;
use crate::delta::ratified::{Ratified, merge};
use crate::delta::segment::commits_between;
use crate::delta::state::{Metadata, TableState};
use crate::delta::timestamp::{
    CommitTime, InCommit, adjusted_times, file_times, last_at, version_by_file_times,
};

/// A table and the store that holds it.
#[derive(Debug, Clone)]
pub struct DeltaTable {
    log: LogStore,
    catalog: Option<(Arc<UnityCatalog>, TableName)>,
}

impl DeltaTable {
    /// The table below `root` of a store; `url` names the same place in messages and in absolute paths.
    #[must_use]
    pub fn new(store: Arc<dyn ObjectStore>, root: Path, url: String) -> Self {
        Self { log: LogStore::new(store, root, url), catalog: None }
    }

    /// The table as its catalog has it: if the catalog manages it, listings hold the commits that the catalog has
    /// ratified, and end with the newest of them.
    #[must_use]
    pub fn in_catalog(self, catalog: Arc<UnityCatalog>, name: TableName) -> Self {
        Self { catalog: Some((catalog, name)), ..self }
    }

    /// Url of the table root.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.log.url
    }

    /// Lists the log once.
    ///
    /// # Errors
    /// [`TableError::NotATable`] when there is no log, [`TableError::Store`] when it cannot be listed,
    /// [`TableError::Catalog`] when the catalog of the table does not answer.
    pub async fn listing(&self) -> Result<LogListing, TableError> {
        let ratified = self.ratified(0).await?;
        let listing = self.merged(self.log.list().await?, ratified.as_ref())?;
        if listing.is_empty() {
            return Err(TableError::NotATable { url: self.log.url.clone() });
        }
        Ok(listing)
    }

    /// Lists the log from a version on, that version included, in a number of requests that does not grow with
    /// the log behind it. Empty when the log ends before the version.
    ///
    /// # Errors
    /// [`TableError::Store`] when the log cannot be listed.
    pub async fn listing_since(&self, version: u64) -> Result<LogListing, TableError> {
        let ratified = self.ratified(version).await?;
        Ok(self.merged(self.log.list_since(version).await?, ratified.as_ref())?.since(version))
    }

    /// What the catalog says, if there is one and it manages the table. To be asked before the log is listed.
    async fn ratified(&self, from: u64) -> Result<Option<Ratified>, TableError> {
        let Some((catalog, name)) = &self.catalog else { return Ok(None) };
        let failed = |source| TableError::Catalog { url: self.log.url.clone(), source: Box::new(source) };
        catalog.ratified(name, &self.log.url, from).await.map_err(failed)
    }

    fn merged(&self, listing: LogListing, ratified: Option<&Ratified>) -> Result<LogListing, TableError> {
        let Some(ratified) = ratified else { return Ok(listing) };
        merge(&listing, ratified).map_err(|source| self.log.corrupt(LogDefect::Ratified { source }))
    }

    /// Opens a version, or the latest. The commits behind its checkpoint are read, and all files of the
    /// checkpoint are known to exist then.
    ///
    /// # Errors
    /// A [`TableError`] that says whether the version, the log or the store is at fault.
    pub async fn snapshot(&self, listing: &LogListing, version: Option<u64>) -> Result<Snapshot, TableError> {
        snapshot::open(&self.log, listing, version).await
    }

    /// The state at a version, or at the latest, without tombstones, whole in memory.
    ///
    /// # Errors
    /// A [`TableError`] that says whether the version, the log or the store is at fault.
    pub async fn state(&self, listing: &LogListing, version: Option<u64>) -> Result<TableState, TableError> {
        self.snapshot(listing, version).await?.collect_live().await
    }

    /// The state at a version, or at the latest, with the tombstones that a checkpoint needs, whole in memory.
    ///
    /// # Errors
    /// As [`Self::state`].
    pub async fn state_with_tombstones(
        &self,
        listing: &LogListing,
        version: Option<u64>,
    ) -> Result<TableState, TableError> {
        self.snapshot(listing, version).await?.collect().await
    }

    /// The facts of the retained commits from one version to another, both included, in order.
    ///
    /// Commits before the first retained one are left out: their provenance is gone.
    ///
    /// # Errors
    /// [`TableError::LogCorrupt`] when a commit in between is missing or malformed.
    pub async fn commits(
        &self,
        listing: &LogListing,
        from: u64,
        to: u64,
    ) -> Result<Vec<CommitFacts>, TableError> {
        let Some((oldest, _)) = listing.commits().next() else { return Ok(Vec::new()) };
        let mut listed = Vec::new();
        for version in from.max(oldest)..=to {
            let missing = || self.log.corrupt(LogDefect::MissingCommit { version });
            listed.push(*listing.commit(version).ok_or_else(missing)?);
        }
        self.read_commits(listing, &listed, CommitFacts::parse).await
    }

    /// What the commits behind version `after` up to `to` change, in order, each read once.
    ///
    /// The listing may be one [since](Self::listing_since) `after`: times are then made ascending from there on.
    ///
    /// # Errors
    /// When the listing does not have all of them: [`TableError::VersionExpired`] when the log was trimmed,
    /// [`TableError::VersionNotYet`] when it ends before, [`TableError::LogCorrupt`] when one is missing in
    /// between; also when one is malformed.
    pub async fn changes(
        &self,
        listing: &LogListing,
        after: u64,
        to: u64,
    ) -> Result<Vec<CommitChange>, TableError> {
        let listed = commits_between(listing, after, to)
            .map_err(|error| TableError::of_segment(&self.log.url, error))?;
        self.read_commits(listing, &listed, CommitChange::parse).await
    }

    /// What all commits that the listing has change, up to a version, in order.
    ///
    /// # Errors
    /// As [`Self::changes`].
    pub async fn all_changes(&self, listing: &LogListing, to: u64) -> Result<Vec<CommitChange>, TableError> {
        let listed: Vec<LogEntry> =
            listing.commits().take_while(|(version, _)| *version <= to).map(|(_, entry)| *entry).collect();
        self.read_commits(listing, &listed, CommitChange::parse).await
    }

    /// Reads commits and parses each with its version, its adjusted file time and its bytes.
    async fn read_commits<T>(
        &self,
        listing: &LogListing,
        listed: &[LogEntry],
        parse: impl Fn(u64, i64, &[u8]) -> Result<T, CommitError>,
    ) -> Result<Vec<T>, TableError> {
        let times = adjusted_times(listing);
        let (times, parse) = (&times, &parse);
        let reads = listed.iter().map(|entry| async move {
            let version = entry.name.version();
            let bytes = self.log.listed_commit(&entry.name).await?;
            let time = times.get(&version).copied().unwrap_or(entry.modified_ms);
            parse(version, time, &bytes)
                .map_err(|source| self.log.corrupt(LogDefect::Commit { version, source }))
        });
        stream::iter(reads).buffered(PARALLEL_COMMITS).try_collect().await
    }

    /// The bytes of a commit, `None` when the slot is free.
    ///
    /// # Errors
    /// [`TableError::Store`] when the store does not answer.
    pub async fn commit_bytes(&self, version: u64) -> Result<Option<Bytes>, TableError> {
        self.log.get(&self.log.file(&LogName::Commit { version })).await
    }

    /// The bytes of the checksum of a version, `None` when it has none.
    ///
    /// # Errors
    /// [`TableError::Store`] when the store does not answer.
    pub async fn checksum_bytes(&self, version: u64) -> Result<Option<Bytes>, TableError> {
        self.log.get(&self.log.file(&LogName::Checksum { version })).await
    }

    /// The version of the table at an instant (milliseconds since the epoch), by the rules of Spark. An
    /// instant after the last commit gives the latest version. `latest` is the metadata of the latest
    /// version: it says whether in-commit timestamps are on.
    ///
    /// # Errors
    /// [`TableError::Timestamp`] when the instant is before the oldest version that can be rebuilt.
    pub async fn version_at(
        &self,
        listing: &LogListing,
        latest: &Metadata,
        instant_ms: i64,
    ) -> Result<u64, TableError> {
        let refuse = |source| TableError::Timestamp { url: self.log.url.clone(), source };
        let in_commit = InCommit::of(latest).map_err(refuse)?;
        let (governed, others): (Vec<CommitTime>, Vec<CommitTime>) =
            file_times(listing).into_iter().partition(|commit| in_commit.covers(commit.version));
        if in_commit.governs(instant_ms) && !governed.is_empty() {
            let versions: Vec<u64> = governed.iter().map(|commit| commit.version).collect();
            return self.search_in_commit(listing, &versions, instant_ms).await;
        }
        version_by_file_times(&others, instant_ms).map_err(refuse)
    }

    /// Bisects versions by their in-commit timestamps, which strictly increase.
    async fn search_in_commit(
        &self,
        listing: &LogListing,
        versions: &[u64],
        instant_ms: i64,
    ) -> Result<u64, TableError> {
        let (mut low, mut high) = (0_usize, versions.len());
        let mut earliest: Option<CommitTime> = None;
        while let Some(version) = versions.get(low.midpoint(high)).copied().filter(|_| low < high) {
            let middle = low.midpoint(high);
            let timestamp_ms = self.in_commit_timestamp(listing, version).await?;
            if timestamp_ms <= instant_ms {
                low = middle + 1;
            } else {
                earliest = Some(CommitTime { version, timestamp_ms });
                high = middle;
            }
        }
        match low.checked_sub(1).and_then(|index| versions.get(index)) {
            Some(version) => Ok(*version),
            None => last_at(earliest.as_slice(), instant_ms)
                .map_err(|source| TableError::Timestamp { url: self.log.url.clone(), source }),
        }
    }

    async fn in_commit_timestamp(&self, listing: &LogListing, version: u64) -> Result<i64, TableError> {
        let facts = self.commits(listing, version, version).await?;
        let timestamp = facts.first().and_then(|facts| facts.in_commit_timestamp_ms);
        timestamp.ok_or_else(|| self.log.corrupt(LogDefect::NoInCommitTimestamp { version }))
    }
}
