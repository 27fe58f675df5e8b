//! The state of a sync group, as its log tells it.

use lakedr_control::group_log::{FIRST_EPOCH, GroupLog, GroupState, History, LogError};
use lakedr_control::id::{InvalidName, Name};
use lakedr_control::snapshots::{Catalog, CatalogError, CatalogStore};
use lakedr_control::spec::{ExternalLocationSpec, SideSpec, SyncGroupSpec};
use lakedr_control::store::{ControlStoreError, DocStoreRef};
use lakedr_control::validate::ValidSchedule;
use lakedr_control::verification::Verification;
use tokio::time::timeout;

use super::homes::Pair;
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
    /// Others have waited for it in vain.
    #[error("external locations {locations} did not answer before; they are not asked again")]
    Lost {
        /// The locations of the group.
        locations: Pair,
    },
}

impl Unreadable {
    /// Whether the locations do not answer: nothing is wrong with the group itself.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Timeout | Self::Lost { .. } => true,
            Self::Log(cause) => cause.is_retryable(),
            _ => false,
        }
    }
}

/// Reads the log of a group. `None` when nothing has happened to the group yet.
///
/// # Errors
///
/// [`Unreadable`], after [`PATIENCE`] at the latest.
pub async fn read(session: &Session, spec: &SyncGroupSpec) -> Result<Option<GroupState>, Unreadable> {
    Ok(read_log(session, spec).await?.1.state)
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
    let (log, history) = read_log(session, spec).await?;
    let verified = timeout(PATIENCE, log.last_verification(&history)).await;
    Ok((history.state, verified.ok().and_then(Result::ok).flatten()))
}

/// Gives up at once where another group of the same locations has waited in vain.
async fn read_log(session: &Session, spec: &SyncGroupSpec) -> Result<(GroupLog, History), Unreadable> {
    let pair = Pair::of(spec);
    if session.homes.are_lost(&pair) {
        return Err(Unreadable::Lost { locations: pair });
    }
    let looked = async {
        let log = log(session, spec).await?;
        let history = log.read().await?;
        Ok((log, history))
    };
    let looked = timeout(PATIENCE, looked).await.unwrap_or(Err(Unreadable::Timeout));
    if looked.as_ref().is_err_and(Unreadable::is_outage) {
        session.homes.lose(pair);
    }
    looked
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
    let looked = async {
        let store = location(session, schedule.location.as_str()).await?;
        let catalog = CatalogStore::new(schedule.name.clone(), store, schedule.prefix.clone());
        Ok(catalog.read().await?)
    };
    timeout(PATIENCE, looked).await.unwrap_or(Err(Unreadable::Timeout))
}

async fn home(session: &Session, side: &SideSpec) -> Result<(String, DocStoreRef), Unreadable> {
    Ok((side.region.clone(), location(session, &side.location).await?))
}

async fn location(session: &Session, name: &str) -> Result<DocStoreRef, Unreadable> {
    let opened = async {
        let location = || name.to_owned();
        let stored = session.control.get::<ExternalLocationSpec>(name).await?;
        let stored = stored.ok_or_else(|| Unreadable::NoLocation { location: location() })?;
        let opened = open(&stored.document.spec).await;
        opened.map_err(|cause| Unreadable::Location { location: location(), cause })
    };
    session.homes.store(name, opened).await
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
