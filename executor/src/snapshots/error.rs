use lakedr_control::group_log::FailureClass;
use lakedr_control::id::{InvalidTableName, Name, TableName};
use lakedr_control::snapshots::{CatalogError, GivenUp, NoSuchSnapshot, SnapshotId};

use crate::copy::ManifestError;
use crate::error::{Classify, Failure, chain};
use crate::plan::diff::DiffRefusal;
use crate::spec::StoresError;

/// Lost races for the next version of a catalog before a call gives up.
pub(super) const RACES: usize = 16;

fn told(failures: &[Failure]) -> String {
    failures.iter().map(|failure| chain(failure)).collect::<Vec<_>>().join("; ")
}

/// Why something cannot be done with the snapshots of a schedule.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The catalog cannot be used.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// Somebody else has taken over.
    #[error(transparent)]
    GivenUp(#[from] GivenUp),
    /// There is no such snapshot.
    #[error(transparent)]
    NoSuch(#[from] NoSuchSnapshot),
    /// Neither a snapshot nor the source shows so early a moment.
    #[error(
        "schedule {schedule} has no snapshot of {at} or before; the oldest one shows {oldest}; nor can its source be had of then: {reason}"
    )]
    NoneBefore {
        /// The schedule.
        schedule: Name,
        /// The moment that was asked for.
        at: String,
        /// The instant of the oldest snapshot, or `none`.
        oldest: String,
        /// What is in the way of taking its source at that moment.
        reason: String,
    },
    /// A table is none of the source.
    #[error("{table} is not a table of the schedule's source any more")]
    NotOfSource {
        /// The table.
        table: TableName,
    },
    /// The history of a table does not go back to a moment.
    #[error("its history does not go back to {instant}")]
    NotSince {
        /// The moment.
        instant: String,
    },
    /// A table was dropped and made anew.
    #[error("{table} was recreated since: its versions of before are gone")]
    Recreated {
        /// The table.
        table: TableName,
    },
    /// Files of a version are gone.
    #[error("version {version} cannot be read any more: {problems}")]
    NotWhole {
        /// The version.
        version: u64,
        /// What is missing.
        problems: String,
    },
    /// Others wrote to the catalog again and again.
    #[error(
        "others wrote to the snapshot catalog {RACES} times in a row; stop all but one of them, then try again"
    )]
    Races,
    /// The group has nothing to take.
    #[error("sync group {group} has no recovery point; `lakedr sync` makes the first one")]
    NoRecoveryPoint {
        /// The group.
        group: Name,
    },
    /// The group that a schedule names is not declared.
    #[error("there is no sync group {group}; declare it, or correct source.sync_group")]
    NoGroup {
        /// The group.
        group: Name,
    },
    /// A declared table has not been synced yet.
    #[error(
        "{table} is declared in sync group {group} but not part of its newest recovery point; the next one will hold it"
    )]
    NotInPoint {
        /// The table.
        table: TableName,
        /// The group.
        group: Name,
    },
    /// Nothing is left to copy.
    #[error("the schedule leaves out every table of sync group {group}; correct `exclude`")]
    AllExcluded {
        /// The group.
        group: Name,
    },
    /// A table of the source is not there.
    #[error(
        "there is no Delta table at {url}; create it, correct the source of the schedule, or name the table in `exclude`"
    )]
    Missing {
        /// Where it should be.
        url: String,
    },
    /// A table is younger than the instant that is copied.
    #[error("the table did not exist at {instant}, the instant that the snapshot shows; take it again")]
    Younger {
        /// The instant.
        instant: String,
    },
    /// Some tables failed; the snapshot is not taken.
    #[error("{} table(s) failed: {}", failures.len(), told(failures))]
    Tables {
        /// Each with its stage, its table and why.
        failures: Vec<Failure>,
    },
    /// A copy does not read back as its source.
    #[error(
        "version {version} at {url} does not read back as version {source_version} of its source: {}; keep both as they are \
         and report this as a bug of lakedr", differences.join("; ")
    )]
    ReadsBackOtherwise {
        /// Where the copy is.
        url: String,
        /// Its version.
        version: u64,
        /// Version of its source.
        source_version: u64,
        /// What differs.
        differences: Vec<String>,
    },
    /// The snapshot does not hold a table.
    #[error("snapshot {id} does not hold {table}; it holds {known}")]
    NoTable {
        /// The snapshot.
        id: SnapshotId,
        /// The table.
        table: TableName,
        /// The tables that it holds.
        known: String,
    },
    /// A table of the snapshot is no table of the schedule any more.
    #[error("{table} is not a table of the schedule's source any more; restore it elsewhere with --target")]
    Undeclared {
        /// The table.
        table: TableName,
    },
    /// The target of a restore is in use.
    #[error("there is a table at {url} already; give another target, or move that table away")]
    TargetTaken {
        /// Where.
        url: String,
    },
    /// Commits would be undone that nobody has agreed to lose.
    #[error("restoring undoes {undone}; give --yes to do so: history is kept, and the commits stay readable")]
    WouldUndo {
        /// Which versions of which tables.
        undone: String,
    },
    /// A table was written to while its restore was planned.
    #[error(
        "{table} was {looked} when it was looked at and is {found} by now: somebody wrote to it meanwhile, and nothing was \
         changed; stop the writers, then try again"
    )]
    Moved {
        /// The table.
        table: TableName,
        /// How it was looked at, in words.
        looked: String,
        /// How it was found after that.
        found: String,
    },
    /// Chosen partitions cannot be restored into another schema.
    #[error(
        "{table}: {problem}, so partitions of the snapshot do not fit the table as it is; restore all of it, or restore \
         elsewhere with --target and write the rows back with your own job"
    )]
    OtherSchema {
        /// The table.
        table: TableName,
        /// What is other.
        problem: String,
    },
    /// A file of the snapshot cannot be located.
    #[error(transparent)]
    Diff(#[from] DiffRefusal),
    /// A store cannot be opened.
    #[error(transparent)]
    Stores(#[from] StoresError),
    /// The list of files cannot be kept.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A name that is fixed is none; a bug.
    #[error("the folder of the copies has no name")]
    Name(#[source] InvalidTableName),
    /// No file is in a chosen partition, before or after.
    #[error(
        "there is no partition {chosen} of {tables}, neither in what comes back nor in what is there; some of the partitions that there are: \
         {known}"
    )]
    NoPartition {
        /// The tables.
        tables: String,
        /// What was chosen in vain.
        chosen: String,
        /// Some that there are, or `none`.
        known: String,
    },
    /// A table has no such partition column.
    #[error("{table} is not partitioned by {column}; its partition columns are {known}")]
    NoPartitionColumn {
        /// The table.
        table: TableName,
        /// The column that was asked for.
        column: String,
        /// Those that there are.
        known: String,
    },
}

impl SnapshotError {
    /// The type of the refusal that this is, if it is one: nothing is broken, and nothing was changed.
    #[must_use]
    pub fn refusal(&self) -> Option<&'static str> {
        match self {
            Self::NoRecoveryPoint { .. } => Some("no_recovery_point"),
            Self::WouldUndo { .. } => Some("would_undo"),
            Self::TargetTaken { .. } => Some("target_taken"),
            _ => None,
        }
    }
}

impl Classify for SnapshotError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Catalog(cause) => cause.class(),
            Self::GivenUp(_) | Self::Races | Self::Moved { .. } => FailureClass::Unreachable,
            Self::Tables { failures } => {
                let stays = failures.iter().find(|failure| !failure.retryable);
                match stays.or(failures.first()).map(|failure| failure.class) {
                    // a table that failed fails the snapshot, whatever is to be corrected for it
                    Some(FailureClass::Configuration) | None => FailureClass::Damaged,
                    Some(class) => class,
                }
            }
            Self::NoRecoveryPoint { .. }
            | Self::NotInPoint { .. }
            | Self::Missing { .. }
            | Self::Younger { .. }
            | Self::NotSince { .. }
            | Self::Recreated { .. }
            | Self::NotWhole { .. }
            | Self::ReadsBackOtherwise { .. }
            | Self::TargetTaken { .. } => FailureClass::Damaged,
            Self::WouldUndo { .. } => FailureClass::Diverged,
            Self::NoSuch(_)
            | Self::NoneBefore { .. }
            | Self::NoGroup { .. }
            | Self::AllExcluded { .. }
            | Self::NoTable { .. }
            | Self::Undeclared { .. }
            | Self::NotOfSource { .. }
            | Self::NoPartition { .. }
            | Self::NoPartitionColumn { .. } => FailureClass::Configuration,
            Self::OtherSchema { .. } => FailureClass::Unsupported,
            Self::Name(_) => FailureClass::Internal,
            Self::Diff(cause) => cause.class(),
            Self::Stores(cause) => cause.class(),
            Self::Manifest(cause) => cause.class(),
        }
    }

    fn retryable(&self) -> bool {
        match self {
            Self::Catalog(cause) => cause.retryable(),
            Self::Tables { failures } => failures.iter().all(|failure| failure.retryable),
            _ => self.class() == FailureClass::Unreachable,
        }
    }
}

impl Classify for CatalogError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Store { cause, .. } => cause.class(),
            Self::Vanished { .. } => FailureClass::Unreachable,
            Self::Malformed { .. } | Self::Document { .. } => FailureClass::Damaged,
            Self::OtherSchedule { .. } => FailureClass::Configuration,
            Self::Encode { .. } => FailureClass::Internal,
        }
    }

    fn retryable(&self) -> bool {
        match self {
            Self::Store { cause, .. } => cause.is_retryable(),
            _ => self.class() == FailureClass::Unreachable,
        }
    }
}
