//! The state of a sync group, as its log tells it.

use lakedr_control::group_log::{FIRST_EPOCH, GroupLog, GroupState, History, LogError};
use lakedr_control::id::{InvalidName, Name};
use lakedr_control::snapshots::{Catalog, CatalogError, CatalogStore};
use lakedr_control::spec::{ExternalLocationSpec, SideSpec, SyncGroupSpec};
use lakedr_control::store::{ControlStoreError, DocStoreRef};
use lakedr_control::validate::ValidSchedule;
use lakedr_control::verification::Verification;
use tokio::time::timeout;

use super::location::{LocationError, PATIENCE, open};
use super::session::Session;

/// Why the log of a group cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The group has a name that no log can have.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// An external location of the group is not declared.
    #[error("there is no external location {location:?} in the control store")]
    NoLocation {
        /// Its name.
        location: String,
    },
    /// The control store does not give the document of a location.
    #[error(transparent)]
    ControlStore(#[from] ControlStoreError),
    /// An external location cannot be opened.
    #[error("external location {location:?} cannot be used from here")]
    Location {
        /// Its name.
        location: String,
        /// Why.
        #[source]
        cause: LocationError,
    },
    /// The log is out of reach or damaged.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The catalog of a snapshot schedule is out of reach or damaged.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// Nothing came back in time.
    #[error("no answer within {} seconds; the region may be down", PATIENCE.as_secs())]
    Timeout,
}

/// Reads the log of a group. `None` when nothing has happened to the group yet.
///
/// # Errors
///
/// [`Unreadable`], after [`PATIENCE`] at the latest.
pub async fn read(session: &Session, spec: &SyncGroupSpec) -> Result<Option<GroupState>, Unreadable> {
    let log = log(session, spec).await?;
    Ok(history(&log).await?.state)
}

/// Reads the log of a group, and what `lakedr verify` found last. A verification that does not come in time counts as
/// none.
///
/// # Errors
///
/// As [`read()`].
pub async fn read_proven(
    session: &Session,
    spec: &SyncGroupSpec,
) -> Result<(Option<GroupState>, Option<Verification>), Unreadable> {
    let log = log(session, spec).await?;
    let history = history(&log).await?;
    let verified = timeout(PATIENCE, log.last_verification(&history)).await;
    Ok((history.state, verified.ok().and_then(Result::ok).flatten()))
}

async fn history(log: &GroupLog) -> Result<History, Unreadable> {
    Ok(timeout(PATIENCE, log.read()).await.map_err(|_| Unreadable::Timeout)??)
}

async fn log(session: &Session, spec: &SyncGroupSpec) -> Result<GroupLog, Unreadable> {
    let group: Name = spec.name.parse()?;
    // the log begins where the group is standby at first
    let primary_is_active = spec.primary.region == spec.initial_active_region;
    let (standby, active) =
        if primary_is_active { (&spec.secondary, &spec.primary) } else { (&spec.primary, &spec.secondary) };
    let first = home(session, standby).await?;
    let other = home(session, active).await?;
    Ok(GroupLog::new(group, first, other))
}

/// Reads the catalog of a snapshot schedule.
///
/// # Errors
///
/// [`Unreadable`], after [`PATIENCE`] at the latest.
pub async fn read_catalog(session: &Session, schedule: &ValidSchedule) -> Result<Catalog, Unreadable> {
    let store = location(session, schedule.location.as_str()).await?;
    let catalog = CatalogStore::new(schedule.name.clone(), store, schedule.prefix.clone());
    Ok(timeout(PATIENCE, catalog.read()).await.map_err(|_| Unreadable::Timeout)??)
}

async fn home(session: &Session, side: &SideSpec) -> Result<(String, DocStoreRef), Unreadable> {
    Ok((side.region.clone(), location(session, &side.location).await?))
}

async fn location(session: &Session, name: &str) -> Result<DocStoreRef, Unreadable> {
    let location = || name.to_owned();
    let stored = session.control.get::<ExternalLocationSpec>(name).await?;
    let Some(stored) = stored else { return Err(Unreadable::NoLocation { location: location() }) };
    let opened = timeout(PATIENCE, open(&stored.document.spec)).await.map_err(|_| Unreadable::Timeout)?;
    opened.map_err(|cause| Unreadable::Location { location: location(), cause })
}

/// The region that is active: as the log says, or as the group begins.
#[must_use]
pub fn active_region<'a>(state: Option<&'a GroupState>, spec: &'a SyncGroupSpec) -> &'a str {
    state.map_or(spec.initial_active_region.as_str(), |state| state.role.active.as_str())
}

/// The region that is standby: as the log says, or as the group begins.
#[must_use]
pub fn standby_region<'a>(state: Option<&'a GroupState>, spec: &'a SyncGroupSpec) -> &'a str {
    let initial =
        if spec.primary.region == spec.initial_active_region { &spec.secondary } else { &spec.primary };
    state.map_or(initial.region.as_str(), |state| state.role.standby.as_str())
}

/// The epoch in force.
#[must_use]
pub fn epoch(state: Option<&GroupState>) -> u64 {
    state.map_or(FIRST_EPOCH, |state| state.epoch)
}
