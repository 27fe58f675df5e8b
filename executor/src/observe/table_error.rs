//! Why a table cannot be read, in classes that say who has to act.

use parquet::errors::ParquetError;
use thiserror::Error;

use super::catalog::CatalogError;
use super::parquet_object::store_error;
use crate::delta::action::LineError;
use crate::delta::checkpoint::read::RowError;
use crate::delta::history::CommitError;
use crate::delta::ratified::RatifiedError;
use crate::delta::replay::ReplayError;
use crate::delta::segment::SegmentError;
use crate::delta::timestamp::TimestampError;
use crate::error::Classify as _;

/// Why a table cannot be read.
#[derive(Debug, Error)]
pub enum TableError {
    /// There is no Delta log.
    #[error(
        "no delta table at {url}: it has no `_delta_log` with a commit; check the url, or create the table"
    )]
    NotATable {
        /// Url of the table.
        url: String,
    },
    /// The version lies in the future.
    #[error("table {url} has no version {version} yet, its latest is {latest}")]
    VersionNotYet {
        /// Url of the table.
        url: String,
        /// The version asked for.
        version: u64,
        /// The newest version.
        latest: u64,
    },
    /// The log was trimmed past the version.
    #[error(
        "version {version} of table {url} has expired from its log; versions {earliest} to {latest} can be \
         rebuilt; raise `delta.logRetentionDuration` to keep more"
    )]
    VersionExpired {
        /// Url of the table.
        url: String,
        /// The version asked for.
        version: u64,
        /// The oldest version that can be rebuilt.
        earliest: u64,
        /// The newest version.
        latest: u64,
    },
    /// No version can be given for an instant.
    #[error("table {url} has no version at the instant")]
    Timestamp {
        /// Url of the table.
        url: String,
        /// Why.
        source: TimestampError,
    },
    /// The log is damaged.
    #[error("the log of table {url} is damaged")]
    LogCorrupt {
        /// Url of the table.
        url: String,
        /// The damage.
        #[source]
        defect: LogDefect,
    },
    /// A file that was listed is gone: the log was cleaned up in between. Listing again helps.
    #[error("`{key}` of table {url} vanished while its log was read; list the log again")]
    Vanished {
        /// Url of the table.
        url: String,
        /// Name of the file in the log.
        key: String,
    },
    /// A checkpoint could not be fetched or is no Parquet file.
    #[error("checkpoint file `{key}` of table {url} cannot be read")]
    Checkpoint {
        /// Url of the table.
        url: String,
        /// Key of the file.
        key: String,
        /// What the reader met.
        source: ParquetError,
    },
    /// The catalog of the table does not say what its commits are.
    #[error("the commits of table {url} cannot be had from its catalog")]
    Catalog {
        /// Url of the table.
        url: String,
        /// Why.
        source: Box<CatalogError>,
    },
    /// The store failed.
    #[error("`{key}` of table {url} cannot be read")]
    Store {
        /// Url of the table.
        url: String,
        /// Key of the object.
        key: String,
        /// What the store said.
        source: object_store::Error,
    },
}

/// What is wrong with a log.
#[derive(Debug, Error)]
pub enum LogDefect {
    /// Files that rebuild the version are missing.
    #[error(transparent)]
    Segment(SegmentError),
    /// The commits of the catalog and the log do not fit together.
    #[error(transparent)]
    Ratified {
        /// What does not fit.
        source: RatifiedError,
    },
    /// A commit in the middle is missing.
    #[error("commit {version} is missing; restore the missing files of the log")]
    MissingCommit {
        /// Its version.
        version: u64,
    },
    /// A file of the only checkpoint that could be started from is gone.
    #[error("`{key}`, a file of the only usable checkpoint, is missing; restore it")]
    LostFile {
        /// Key of the file.
        key: String,
    },
    /// A line is no action.
    #[error("`{key}` cannot be read")]
    Line {
        /// Key of the file.
        key: String,
        /// Which line, and why.
        source: LineError,
    },
    /// A row of a checkpoint is no action.
    #[error("checkpoint file `{key}` cannot be read")]
    Row {
        /// Key of the file.
        key: String,
        /// Why.
        source: RowError,
    },
    /// An action lacks what the protocol asks for.
    #[error("`{key}` holds an action that cannot be used")]
    Action {
        /// Key of the file.
        key: String,
        /// Which, and why.
        source: ReplayError,
    },
    /// The facts of a commit cannot be read.
    #[error("commit {version} cannot be read")]
    Commit {
        /// Its version.
        version: u64,
        /// Why.
        source: CommitError,
    },
    /// The actions do not make a table.
    #[error("its actions do not make a table")]
    State {
        /// Why.
        source: ReplayError,
    },
    /// A sidecar action does not name a sidecar.
    #[error("a checkpoint names a sidecar that cannot be: {problem}")]
    Sidecar {
        /// Why.
        problem: String,
    },
    /// In-commit timestamps are on, but a commit has none.
    #[error("commit {version} has no in-commit timestamp, though they are on")]
    NoInCommitTimestamp {
        /// Its version.
        version: u64,
    },
}

impl TableError {
    pub(super) fn of_segment(url: &str, error: SegmentError) -> Self {
        let url = url.to_owned();
        match error {
            SegmentError::Empty => Self::NotATable { url },
            SegmentError::NotYet { version, latest } => Self::VersionNotYet { url, version, latest },
            SegmentError::Expired { version, earliest, latest } => {
                Self::VersionExpired { url, version, earliest, latest }
            }
            defect @ (SegmentError::NoStart { .. } | SegmentError::Gap { .. }) => {
                Self::LogCorrupt { url, defect: LogDefect::Segment(defect) }
            }
        }
    }

    /// Whether the same call may succeed later without anybody acting.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::Vanished { .. } => true,
            Self::Store { source, .. } => is_transient(source),
            Self::Catalog { source, .. } => source.retryable(),
            Self::Checkpoint { source, .. } => store_error(source).is_some_and(is_transient),
            Self::NotATable { .. }
            | Self::VersionNotYet { .. }
            | Self::VersionExpired { .. }
            | Self::Timestamp { .. }
            | Self::LogCorrupt { .. } => false,
        }
    }
}

fn is_transient(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::Generic { .. } | object_store::Error::JoinError { .. })
}
