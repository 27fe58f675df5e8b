//! What the region that became standby holds behind the recovery point is kept before it is replaced.

use bytes::Bytes;
use chrono::DateTime;
use lakedr_control::group_log::{FailureClass, GroupState, History};
use lakedr_control::layout;
use lakedr_control::lost::{FORMAT, LostCommit, LostCommits, LostFile};
use lakedr_control::store::{DocStoreRef, Written};

use crate::delta::changes::CommitChange;
use crate::error::{At as _, Classify, Failure, Stage};
use crate::observe::incarnation::Named;
use crate::pipeline::Scene;
use crate::plan::classes::Member;
use crate::plan::group::GroupPlan;
use crate::publish::is_ours;
use crate::spec::TableStore;

/// A commit that has to be kept cannot be kept.
#[derive(Debug, thiserror::Error)]
enum NotKept {
    /// It is not there.
    #[error(
        "commit {version} of {url} is behind the recovery point and cannot be read; it is not replaced before it is kept"
    )]
    Gone { version: u64, url: String },
    /// Something else lies in its place.
    #[error(
        "{key} holds other bytes than the commit that is to be kept there; move that object away and sync again"
    )]
    Taken { key: String },
    /// It has no JSON form; a bug.
    #[error("the report on lost commits cannot be written")]
    Encode(#[source] serde_json::Error),
}

impl Classify for NotKept {
    fn class(&self) -> FailureClass {
        match self {
            Self::Gone { .. } | Self::Taken { .. } => FailureClass::Damaged,
            Self::Encode(_) => FailureClass::Internal,
        }
    }
}

/// After a change of roles: keeps what every table of a plan holds behind the recovery point, up to the version that the
/// plan replaces, in the location of the region that is standby. Doing it again changes nothing.
///
/// # Errors
/// When a commit cannot be read or not be written: then nothing of the plan may be carried out.
pub(crate) async fn keep_lost(scene: &Scene<'_>, history: &History, plan: &GroupPlan) -> Result<(), Failure> {
    let Some(state) = history.state.as_ref().filter(|state| state.is_returning()) else { return Ok(()) };
    for table in &plan.tables {
        if let Some(head) = table.target_version() {
            keep_table(scene, state, &table.target.table, Some(head)).await?;
        }
    }
    Ok(())
}

/// The same for one table that nothing is planned for file by file, up to its newest version.
pub(crate) async fn keep_lost_of(
    scene: &Scene<'_>,
    history: &History,
    table: &TableStore,
) -> Result<(), Failure> {
    match history.state.as_ref().filter(|state| state.is_returning()) {
        Some(state) => keep_table(scene, state, table, None).await,
        None => Ok(()),
    }
}

async fn keep_table(
    scene: &Scene<'_>,
    state: &GroupState,
    target: &TableStore,
    up_to: Option<u64>,
) -> Result<(), Failure> {
    let name = &target.name;
    let standby = scene.group.side_of(&state.role.standby).unwrap_or(scene.group.initial_active);
    let Some(point) = state.recovery_point() else { return Ok(()) };
    let named = Named::by(scene, state, point, standby);
    let Some(recorded) = named.version(name) else { return Ok(()) };
    let delta = target.table();
    let listing = delta.listing().await.at(Stage::Observe, name)?;
    let Some(head) = up_to.or(listing.latest_commit()) else { return Ok(()) };
    // of a table that was created anew in the place of the one that the point names, all commits are behind it
    let recovery_version = named.is_in(target, &listing).await.at(Stage::Observe, name)?.then_some(recorded);
    let changes = match recovery_version {
        Some(version) => delta.changes(&listing, version, head).await,
        None => delta.all_changes(&listing, head).await,
    };
    let changes = changes.at(Stage::Observe, name)?;
    let location = scene.stores.location(standby);
    let mut commits = Vec::new();
    for change in changes.iter().filter(|change| !is_ours(&change.facts, &scene.group.name, name)) {
        let version = change.facts.version;
        let bytes = delta.commit_bytes(version).await.at(Stage::Observe, name)?;
        let gone = || NotKept::Gone { version, url: target.url.to_string() }.at(Stage::Observe, name);
        let key = layout::lost_commit(&scene.group.name, state.epoch, name, version);
        put(&location, &key, &bytes.ok_or_else(gone)?, name).await?;
        commits.push(lost(change));
    }
    if commits.is_empty() {
        return Ok(());
    }
    let report = LostCommits {
        format: FORMAT,
        group: scene.group.name.clone(),
        epoch: state.epoch,
        region: state.role.standby.clone(),
        table: name.clone(),
        url: target.url.to_string(),
        recovery_point: point.seq,
        recovery_version,
        commits,
    };
    let mut bytes = serde_json::to_vec_pretty(&report).map_err(NotKept::Encode).at(Stage::Observe, name)?;
    bytes.push(b'\n');
    let key = layout::lost_report(&scene.group.name, state.epoch, name, head);
    // one that is there is about the same commits, which were compared byte for byte
    let written = location.create(&key, &bytes).await.at(Stage::Observe, name)?;
    if written == Written::Lost {
        return Ok(());
    }
    tracing::warn!(
        table = %name, region = %report.region, commits = report.commits.len(),
        "commits behind the recovery point are replaced; they are kept at {}/{key}", location.url()
    );
    Ok(())
}

async fn put(
    location: &DocStoreRef,
    key: &str,
    bytes: &Bytes,
    table: &lakedr_control::id::TableName,
) -> Result<(), Failure> {
    match location.create(key, bytes).await.at(Stage::Observe, table)? {
        Written::Done(_) => Ok(()),
        Written::Lost => Err(NotKept::Taken { key: key.to_owned() }.at(Stage::Observe, table)),
    }
}

fn lost(change: &CommitChange) -> LostCommit {
    let facts = &change.facts;
    let files = change.adds.iter().map(|(key, add)| LostFile {
        path: key.path.to_string(),
        size: add.size,
        rows: Member::added(key.clone(), add.clone()).rows(),
    });
    LostCommit {
        version: facts.version,
        at: DateTime::from_timestamp_millis(facts.timestamp_ms).unwrap_or_default(),
        operation: facts.operation.clone(),
        engine: facts.engine_info.clone(),
        user: facts.user_name.clone(),
        job_run_id: facts.job_run_id.clone(),
        files: files.collect(),
        files_removed: change.removes.len() as u64,
    }
}
