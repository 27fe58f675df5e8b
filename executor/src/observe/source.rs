//! The tables of the active region: listed, pinned, read as far as a plan needs.

use futures::future::try_join_all;
use lakedr_control::group_log::FailureClass;
use lakedr_control::id::TableName;

use super::parquet_object::store_error;
use super::snapshot::Snapshot;
use super::table_error::TableError;
use crate::cut::Refusal;
use crate::delta::changes::CommitChange;
use crate::delta::feature::{FeatureRefusal, gate, is_coordinated};
use crate::delta::listing::LogListing;
use crate::delta::state::TableHead;
use crate::delta::timestamp::{CommitTime, TimestampError, continue_at};
use crate::error::{At as _, Classify, Failure, Stage};
use crate::pipeline::Stop;
use crate::record::{CommitMark, TableRecord};
use crate::spec::TableStore;

impl Classify for TableError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Store { source, .. } => crate::error::data_class(source),
            Self::Catalog { source, .. } => source.class(),
            Self::Checkpoint { source, .. } => {
                store_error(source).map_or(FailureClass::Damaged, crate::error::data_class)
            }
            Self::NotATable { .. }
            | Self::VersionNotYet { .. }
            | Self::VersionExpired { .. }
            | Self::Timestamp { .. }
            | Self::LogCorrupt { .. }
            | Self::Vanished { .. } => FailureClass::Damaged,
        }
    }

    fn retryable(&self) -> bool {
        Self::retryable(self)
    }
}

/// A table that uses features lakedr cannot carry.
#[derive(Debug, thiserror::Error)]
#[error("{}", refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct Unsupported {
    /// Every feature.
    refusals: Vec<FeatureRefusal>,
}

impl Unsupported {
    /// Every feature that is in the way.
    #[must_use]
    pub fn new(refusals: Vec<FeatureRefusal>) -> Self {
        Self { refusals }
    }
}

impl Classify for Unsupported {
    fn class(&self) -> FailureClass {
        FailureClass::Unsupported
    }
}

/// A source table whose log has been listed.
#[derive(Debug)]
pub struct Head {
    /// The table.
    pub table: TableStore,
    /// Its log: all of it, or what came since the version of `known`, that version included.
    pub listing: LogListing,
    /// What is known of the table since the newest recovery point.
    pub known: Option<TableRecord>,
    /// The commits since `known`, oldest first, if they were asked for.
    pub newer: Option<Vec<CommitChange>>,
}

/// Whether the commits that are newer than the records are read along with the listings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newer {
    /// They are: the choice of a version rests on them.
    Read,
    /// They are not: the version is known already.
    Leave,
}

/// Lists the logs of all source tables, from where their records end.
///
/// # Errors
/// A refusal when a table does not exist.
pub async fn heads(tables: Vec<(TableStore, Option<TableRecord>)>, newer: Newer) -> Result<Vec<Head>, Stop> {
    try_join_all(tables.into_iter().map(|(table, known)| async move {
        if let Some(known) = known
            && let Some(head) = since(&table, known, newer).await.at(Stage::Observe, &table.name)?
        {
            return Ok(head);
        }
        match table.table().listing().await {
            Ok(listing) => Ok(Head { table, listing, known: None, newer: None }),
            Err(TableError::NotATable { url }) => Err(Stop::Refused(missing(&table.name, &url))),
            Err(error) => Err(Stop::Failed(error.at(Stage::Observe, &table.name))),
        }
    }))
    .await
}

/// The table since a record, if it is still the one that the record is about and has not changed too much.
async fn since(table: &TableStore, known: TableRecord, newer: Newer) -> Result<Option<Head>, TableError> {
    let head = &known.source.head;
    if head.url != table.url.as_str() {
        return Ok(None);
    }
    let listing = table.table().listing_since(head.version).await?;
    if is_coordinated(head) && !listing.is_ratified() {
        return Ok(None);
    }
    let same = is_same(table, &listing, &known).await?;
    let latest = listing.latest_commit().unwrap_or(head.version);
    if !same || (newer == Newer::Read && !can_follow(&listing, head.version, latest)) {
        return Ok(None);
    }
    let newer = match newer {
        Newer::Read => Some(table.table().changes(&listing, head.version, latest).await?),
        Newer::Leave => None,
    };
    Ok(Some(Head { table: table.clone(), listing, known: Some(known), newer }))
}

/// Whether the table still has the commit that a record is about. A commit that its catalog had staged is another file
/// when it is published; then its in-commit timestamp tells, which is unique within a table.
async fn is_same(table: &TableStore, listing: &LogListing, known: &TableRecord) -> Result<bool, TableError> {
    let head = &known.source.head;
    let Some(entry) = listing.commit(head.version) else { return Ok(false) };
    if CommitMark::from(entry) == known.source_commit {
        return Ok(true);
    }
    if !listing.is_ratified() || head.in_commit_timestamp.is_none() {
        return Ok(false);
    }
    let facts = table.table().commits(listing, head.version, head.version).await?;
    Ok(facts.first().and_then(|facts| facts.in_commit_timestamp_ms) == head.in_commit_timestamp)
}

fn missing(table: &TableName, url: &str) -> Refusal {
    let problem = format!(
        "is not at {url} in the active region: there is no Delta log; create it, or correct the group"
    );
    Refusal::TableMissing { table: table.clone(), problem }
}

/// What is known of a pinned source table beside its files.
#[derive(Debug, Clone)]
pub struct PinnedHead {
    /// The table.
    pub table: TableStore,
    /// Everything but its files.
    pub head: TableHead,
    /// How its commit was listed.
    pub commit: Option<CommitMark>,
    /// When it was committed, in milliseconds since the epoch.
    pub time_ms: i64,
}

/// A source table at the version of the cut.
#[derive(Debug)]
pub struct Pinned {
    /// Which, and where.
    pub at: PinnedHead,
    /// How it was read.
    pub read: Read,
}

/// How a source table was read.
#[derive(Debug)]
pub enum Read {
    /// From what is known of it, and the commits since.
    Changes {
        /// What is known.
        known: Box<TableRecord>,
        /// The commits since, oldest first.
        commits: Vec<CommitChange>,
    },
    /// Whole.
    Whole(Box<Snapshot>),
}

/// Bytes of commits that are followed one by one; a range of more is read as a whole table, in bounded memory.
const FOLLOWED_BYTES: u64 = 64 << 20;

/// Reads a source table at a version.
///
/// # Errors
/// A refusal when the version can no longer be rebuilt, a failure when the table uses what cannot be carried.
pub async fn pin(head: &Head, version: u64) -> Result<Pinned, Stop> {
    if let Some(known) =
        head.known.as_ref().filter(|known| can_follow(&head.listing, known.source.head.version, version))
    {
        return Ok(follow(head, known, version).await?);
    }
    whole(&head.table, head.known.is_none().then_some(&head.listing), version).await
}

/// Whether the commits behind one version up to another are all there, and few enough.
pub(crate) fn can_follow(listing: &LogListing, from: u64, version: u64) -> bool {
    let sizes = (from + 1..=version).map(|version| listing.commit(version).map(|entry| entry.size));
    let bytes: Option<u64> = sizes.sum();
    version >= from && bytes.is_some_and(|bytes| bytes <= FOLLOWED_BYTES)
}

async fn follow(head: &Head, known: &TableRecord, version: u64) -> Result<Pinned, Failure> {
    let name = &head.table.name;
    let from = known.source.head.version;
    let commits = match &head.newer {
        Some(newer) => newer.iter().take_while(|commit| commit.facts.version <= version).cloned().collect(),
        None => head.table.table().changes(&head.listing, from, version).await.at(Stage::Observe, name)?,
    };
    let exceptions = head.table.exceptions(&head.listing);
    let mut state = known.source.head.clone();
    let mut time_ms = known.source_time_ms;
    // what was allowed when it was recorded may not be any more
    gate(&state, &exceptions).map_err(Unsupported::new).at(Stage::Observe, name)?;
    for commit in &commits {
        state = state.after(commit);
        // features that came and went again in between count too: files may have been written with them
        if commit.protocol.is_some() || commit.metadata.is_some() {
            gate(&state, &exceptions).map_err(Unsupported::new).at(Stage::Observe, name)?;
        }
        time_ms = commit.facts.in_commit_timestamp_ms.unwrap_or(commit.facts.file_time_ms.max(time_ms + 1));
    }
    let commit = head.listing.commit(version).map(CommitMark::from);
    let read = Read::Changes { known: Box::new(known.clone()), commits };
    let table = head.table.clone();
    Ok(Pinned { at: PinnedHead { table, head: state, commit, time_ms }, read })
}

async fn whole(table: &TableStore, listing: Option<&LogListing>, version: u64) -> Result<Pinned, Stop> {
    let observed = |error: TableError| error.at(Stage::Observe, &table.name);
    let listed;
    let listing = match listing {
        Some(listing) => listing,
        None => {
            listed = table.table().listing().await.map_err(observed)?;
            &listed
        }
    };
    let snapshot = snapshot(table, listing, version).await?;
    let facts = table.table().commits(listing, version, version).await.map_err(observed)?;
    let at = PinnedHead {
        table: table.clone(),
        head: snapshot.head.clone(),
        commit: listing.commit(version).map(CommitMark::from),
        time_ms: facts.first().map(|facts| facts.timestamp_ms).unwrap_or_default(),
    };
    Ok(Pinned { at, read: Read::Whole(Box::new(snapshot)) })
}

/// The whole of a source table, which may be carried.
async fn snapshot(table: &TableStore, listing: &LogListing, version: u64) -> Result<Snapshot, Stop> {
    let snapshot = table.table().snapshot(listing, Some(version)).await.map_err(|error| match error {
        TableError::VersionExpired { .. } | TableError::VersionNotYet { .. } => {
            let cause = crate::error::chain(&error);
            Stop::Refused(Refusal::VersionGone { table: table.name.clone(), version, cause })
        }
        error => Stop::Failed(error.at(Stage::Observe, &table.name)),
    })?;
    gate(&snapshot.head, &table.exceptions(listing))
        .map_err(Unsupported::new)
        .at(Stage::Observe, &table.name)?;
    Ok(snapshot)
}

impl Pinned {
    /// The whole source, read now if it was only followed so far.
    ///
    /// # Errors
    /// As [`pin`].
    pub async fn into_snapshot(self) -> Result<(PinnedHead, Snapshot), Stop> {
        let Self { at, read } = self;
        let whole = match read {
            Read::Whole(snapshot) => *snapshot,
            Read::Changes { .. } => {
                let listing = at.table.table().listing().await.at(Stage::Observe, &at.table.name)?;
                snapshot(&at.table, &listing, at.head.version).await?
            }
        };
        Ok((at, whole))
    }
}

/// The version of a table at an instant; none when the table is younger.
///
/// # Errors
/// When the log cannot be read.
pub async fn version_at(head: &Head, instant_ms: i64) -> Result<(TableName, Option<u64>), Failure> {
    let name = &head.table.name;
    if let (Some(known), Some(newer)) = (&head.known, &head.newer)
        && let Some(version) = version_since(known, newer, instant_ms)
    {
        return Ok((name.clone(), Some(version)));
    }
    let delta = head.table.table();
    let found = async {
        let listing = delta.listing().await?;
        let latest = delta.snapshot(&listing, None).await?;
        delta.version_at(&listing, &latest.head.metadata, instant_ms).await
    };
    match found.await {
        Ok(version) => Ok((name.clone(), Some(version))),
        Err(TableError::Timestamp { source: TimestampError::TooEarly { .. }, .. }) => {
            Ok((name.clone(), None))
        }
        Err(error) => Err(error.at(Stage::Observe, name)),
    }
}

/// The version at an instant by what came since a record; none when only the whole log can tell: the instant is before
/// the record, or in-commit timestamps were turned on or off since.
fn version_since(known: &TableRecord, newer: &[CommitChange], instant_ms: i64) -> Option<u64> {
    let on = known.source.head.in_commit_timestamps();
    if newer.iter().any(|commit| commit.facts.in_commit_timestamp_ms.is_some() != on) {
        return None;
    }
    let times: Vec<CommitTime> = newer
        .iter()
        .map(|commit| CommitTime { version: commit.facts.version, timestamp_ms: commit.facts.timestamp_ms })
        .collect();
    let from = CommitTime { version: known.source.head.version, timestamp_ms: known.source_time_ms };
    continue_at(from, &times, instant_ms).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lakedr_control::store::OpenedStore;
    use object_store::ObjectStoreExt as _;
    use object_store::memory::InMemory;
    use object_store::path::Path;
    use parquet::errors::ParquetError;

    use super::*;
    use crate::observe::parquet_object::external;

    #[test]
    fn a_checkpoint_that_is_not_had_is_not_a_damaged_one() {
        let of = |source| {
            let error =
                TableError::Checkpoint { url: "s3://b/t".to_owned(), key: "1.checkpoint".to_owned(), source };
            (error.class(), error.retryable())
        };
        let source = || "as scripted".into();
        let generic = object_store::Error::Generic { store: "S3", source: source() };
        assert_eq!(of(external(generic)), (FailureClass::Unreachable, true));
        let denied = object_store::Error::PermissionDenied { path: "k".to_owned(), source: source() };
        assert_eq!(of(external(denied)), (FailureClass::Denied, false));
        let broken = ParquetError::General("no footer".to_owned());
        assert_eq!(of(broken), (FailureClass::Damaged, false));
    }

    /// A table of one commit, with these properties.
    async fn head(properties: &str) -> Head {
        let store = Arc::new(InMemory::new());
        let commit = format!(
            "{}\n{}\n{{\"metaData\":{{\"id\":\"t\",\"format\":{{\"provider\":\"parquet\"}},\"schemaString\":\"{{}}\",\
             \"partitionColumns\":[],\"configuration\":{{{properties}}}}}}}",
            r#"{"commitInfo":{"inCommitTimestamp":5}}"#,
            r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#,
        );
        let key = Path::from("t/_delta_log/00000000000000000000.json");
        store.put(&key, commit.into()).await.expect("written");
        let url = "s3://memory/t".parse().expect("url");
        let place = OpenedStore { store, root: Path::from("t"), url, cloud: None };
        let table = TableStore::at("c.s.t".parse().expect("name"), place);
        let listing = table.table().listing().await.expect("listing");
        Head { table, listing, known: None, newer: None }
    }

    #[tokio::test]
    async fn only_an_instant_before_the_log_has_no_version() {
        let plain = head("").await;
        assert_eq!(version_at(&plain, 0).await.expect("an answer").1, None);
        assert_eq!(version_at(&plain, i64::MAX).await.expect("an answer").1, Some(0));
        let contradicts =
            r#""delta.enableInCommitTimestamps":"true","delta.inCommitTimestampEnablementVersion":"0""#;
        let failure = version_at(&head(contradicts).await, i64::MAX).await.expect_err("no times");
        assert_eq!(failure.class, FailureClass::Damaged);
    }
}
