//! The tables of the standby region as they are.

use lakedr_control::group_log::History;

use super::incarnation::Named;
use super::snapshot::Snapshot;
use super::table_error::TableError;

use crate::delta::listing::LogListing;
use crate::delta::log_name::LogName;
use crate::error::{At as _, Classify as _, Failure, Stage};
use crate::pipeline::{Leg, Scene, Stop};
use crate::plan::group::{TargetFacts, check_target};
use crate::spec::TableStore;

/// A table of the standby region whose log has been listed, and that may be written to.
#[derive(Debug)]
pub struct Target {
    /// The table.
    pub table: TableStore,
    /// Version of its head; none when there is no table.
    pub head: Option<u64>,
    /// Whether it is exactly where the newest recovery point left it.
    pub at_recovery_point: bool,
    /// Its log: all of it, or what came since the recorded version, that version included.
    listing: LogListing,
    whole: bool,
}

impl Target {
    /// Bytes of its newest commit, as it was listed.
    #[must_use]
    pub fn commit_size(&self) -> Option<u64> {
        self.listing.commit(self.head?).map(|entry| entry.size)
    }

    /// Whether its newest version has been proven equal to its source: it has a checksum then, which is written last.
    #[must_use]
    pub fn proven(&self) -> bool {
        let checksum = self.head.map(|version| LogName::Checksum { version });
        self.listing.others().any(|entry| Some(entry.name) == checksum)
    }

    /// Its state; none when there is no table.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn snapshot(&self) -> Result<Option<Snapshot>, TableError> {
        if self.head.is_none() {
            return Ok(None);
        }
        let delta = self.table.table();
        if self.whole {
            return delta.snapshot(&self.listing, self.head).await.map(Some);
        }
        let listing = delta.listing().await?;
        delta.snapshot(&listing, self.head).await.map(Some)
    }
}

/// Looks at a table of the standby region: one listing of what came since the newest recovery point.
///
/// # Errors
/// A refusal when somebody else has written to it.
pub async fn target(scene: &Scene<'_>, history: &History, table: TableStore) -> Result<Target, Stop> {
    let recorded = scene.recorded_version(history, &table.name);
    let delta = table.table();
    if let Some(recorded) = recorded {
        let listing = delta.listing_since(recorded).await.at(Stage::Observe, &table.name)?;
        if listing.latest_commit() == Some(recorded) && is_still(scene, history, &table).await? {
            let head = Some(recorded);
            return Ok(Target { table, head, at_recovery_point: true, listing, whole: false });
        }
    }
    let listing = match delta.listing().await {
        Ok(listing) => listing,
        Err(TableError::NotATable { .. }) => {
            let listing = LogListing::default();
            return Ok(Target { table, head: None, at_recovery_point: false, listing, whole: true });
        }
        Err(error) => return Err(error.at(Stage::Observe, &table.name).into()),
    };
    let head = listing.latest_commit();
    if scene.is_returning(history) && recorded.is_some() {
        // what came behind the recovery point, or in its place, is kept before it is replaced
        return Ok(Target { table, head, at_recovery_point: false, listing, whole: true });
    }
    if scene.leg != Leg::Send || !ours_alone(scene, &table, &listing, recorded, head).await? {
        let (head_is_ours, first_unrecorded) = writers(scene, &table, &listing, recorded, head).await?;
        let first_unrecorded = first_unrecorded.as_ref().map(|(version, author)| (*version, author.as_str()));
        check_target(&table.name, TargetFacts { recorded, head, head_is_ours, first_unrecorded })?;
    }
    Ok(Target { table, head, at_recovery_point: false, listing, whole: true })
}

/// Whether a table at the recorded version is the one that was recorded. While lakedr alone writes to it, it is.
async fn is_still(scene: &Scene<'_>, history: &History, table: &TableStore) -> Result<bool, Failure> {
    let state = history.state.as_ref().filter(|_| scene.is_returning(history));
    let named = state.and_then(|state| Named::by_newest(scene, state, scene.standby(history)));
    let Some(named) = named else { return Ok(true) };
    named.is_in_log_of(table).await.at(Stage::Observe, &table.name)
}

/// Whether lakedr wrote all that came to a landing table since: a sender that was killed, or that lost a race, leaves
/// versions behind that no entry of the log names.
async fn ours_alone(
    scene: &Scene<'_>,
    table: &TableStore,
    listing: &LogListing,
    recorded: Option<u64>,
    head: Option<u64>,
) -> Result<bool, Failure> {
    let (Some(recorded), Some(head)) = (recorded, head) else { return Ok(false) };
    if head < recorded {
        return Ok(false);
    }
    let since = table.table().commits(listing, recorded + 1, head).await.at(Stage::Observe, &table.name)?;
    Ok(since.iter().all(|commit| crate::publish::is_ours(commit, &scene.group.name, &table.name)))
}

type Author = Option<(u64, String)>;

/// Whether lakedr wrote the head, and who wrote the oldest version behind the recorded one.
async fn writers(
    scene: &Scene<'_>,
    table: &TableStore,
    listing: &LogListing,
    recorded: Option<u64>,
    head: Option<u64>,
) -> Result<(bool, Author), Failure> {
    let Some(head) = head else { return Ok((false, None)) };
    let delta = table.table();
    let commits = delta.commits(listing, head, head).await.at(Stage::Observe, &table.name)?;
    let ours =
        commits.last().is_some_and(|commit| crate::publish::is_ours(commit, &scene.group.name, &table.name));
    let suspect = recorded.map_or(head, |recorded| recorded + 1);
    let bytes = delta.commit_bytes(suspect).await.at(Stage::Observe, &table.name)?;
    let author = bytes.map_or_else(|| "unknown".to_owned(), |bytes| crate::publish::author(suspect, &bytes));
    Ok((ours, Some((suspect, author))))
}
