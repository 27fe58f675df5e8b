//! Both sides of a group as they are: read-only.

use futures::future::try_join_all;
use lakedr_control::group_log::{FailureClass, History};
use lakedr_control::id::TableName;

use crate::cut::Refusal;
use crate::delta::feature::{FeatureRefusal, gate};
use crate::delta::listing::LogListing;
use crate::delta::state::TableState;
use crate::error::{At as _, Classify, Failure, Stage};
use crate::observe::table_error::TableError;
use crate::pipeline::{Scene, Stop};
use crate::spec::TableStore;

impl Classify for TableError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Store { source, .. } => crate::error::data_class(source),
            _ => FailureClass::Damaged,
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

impl Classify for crate::plan::diff::DiffRefusal {
    fn class(&self) -> FailureClass {
        FailureClass::Unsupported
    }
}

/// A source table whose log has been listed.
#[derive(Debug)]
pub struct Head {
    /// The table.
    pub table: TableStore,
    /// Its log.
    pub listing: LogListing,
}

/// Lists the logs of all source tables.
///
/// # Errors
/// A refusal when a table does not exist.
pub async fn heads(tables: Vec<TableStore>) -> Result<Vec<Head>, Stop> {
    try_join_all(tables.into_iter().map(|table| async move {
        match table.table().listing().await {
            Ok(listing) => Ok(Head { table, listing }),
            Err(TableError::NotATable { url }) => Err(Stop::Refused(missing(&table.name, &url))),
            Err(error) => Err(Stop::Failed(error.at(Stage::Observe, &table.name))),
        }
    }))
    .await
}

fn missing(table: &TableName, url: &str) -> Refusal {
    let problem = format!(
        "is not at {url} in the active region: there is no Delta log; create it, or correct the group"
    );
    Refusal::TableMissing { table: table.clone(), problem }
}

/// The source state at a version.
///
/// # Errors
/// A refusal when the version can no longer be rebuilt, a failure when the table uses what cannot be carried.
pub async fn source_state(head: &Head, version: u64) -> Result<TableState, Stop> {
    let name = &head.table.name;
    let state = head.table.table().state(&head.listing, Some(version)).await;
    let state = state.map_err(|error| match error {
        TableError::VersionExpired { .. } | TableError::VersionNotYet { .. } => {
            Stop::Refused(Refusal::VersionGone {
                table: name.clone(),
                version,
                cause: crate::error::chain(&error),
            })
        }
        error => Stop::Failed(error.at(Stage::Observe, name)),
    })?;
    gate(&state.head).map_err(Unsupported::new).at(Stage::Observe, name)?;
    Ok(state)
}

/// A table of the standby region as it is.
#[derive(Debug)]
pub struct Target {
    /// Its state; none when there is no table.
    pub state: Option<TableState>,
    /// Whether lakedr wrote its head.
    pub head_is_ours: bool,
    /// Oldest version behind the recorded one, and who wrote it.
    pub first_unrecorded: Option<(u64, String)>,
}

/// Reads a table of the standby region.
///
/// # Errors
/// When it cannot be read.
pub async fn target(scene: &Scene<'_>, history: &History, table: &TableStore) -> Result<Target, Failure> {
    let delta = table.table();
    let listing = match delta.listing().await {
        Ok(listing) => listing,
        Err(TableError::NotATable { .. }) => {
            return Ok(Target { state: None, head_is_ours: false, first_unrecorded: None });
        }
        Err(error) => return Err(error.at(Stage::Observe, &table.name)),
    };
    let state = delta.state(&listing, None).await.at(Stage::Observe, &table.name)?;
    let recorded = scene.recorded_version(history, &table.name);
    if recorded == Some(state.head.version) {
        return Ok(Target { state: Some(state), head_is_ours: true, first_unrecorded: None });
    }
    let head = delta
        .commits(&listing, state.head.version, state.head.version)
        .await
        .at(Stage::Observe, &table.name)?;
    let head_is_ours =
        head.last().is_some_and(|commit| crate::publish::is_ours(commit, &scene.group.name, &table.name));
    let suspect = recorded.map_or(state.head.version, |recorded| recorded + 1);
    let bytes = delta.commit_bytes(suspect).await.at(Stage::Observe, &table.name)?;
    let author = bytes.map_or_else(|| "unknown".to_owned(), |bytes| crate::publish::author(suspect, &bytes));
    Ok(Target { state: Some(state), head_is_ours, first_unrecorded: Some((suspect, author)) })
}
