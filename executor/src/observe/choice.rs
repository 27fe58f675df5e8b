//! What the choice of a cut rests on, and the choice itself.

use std::borrow::Cow;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::try_join_all;
use lakedr_control::cut::Cut;
use lakedr_control::group_log::{FIRST_EPOCH, GroupState, History};
use lakedr_control::id::TableName;
use lakedr_control::validate::{SideName, Workflow};

use super::history::{begin, extend};
use super::source::{Head, Newer, heads, version_at};
use super::workflow::marker::{Marker, Reign};
use super::workflow::{Held, Listed, RunMemory, RunService, WorkflowError, open};
use crate::cut::{
    Attempt, Before, Choice, Observed, RunState, Step, TableHistory, at_instant, choose_marked, choose_timed,
    finished_after, finished_behind, settles_at, under_way,
};
use crate::error::{At as _, Failure, Stage};
use crate::pipeline::{Scene, Stop};
use crate::record::with_records;

/// The longest wait for a run to be told from the one after it.
const SETTLING: Duration = Duration::from_secs(10);

/// The run records of the group, if it has a marker workflow: those of the region that is active, in this epoch.
///
/// # Errors
/// When the records' store cannot be set up.
pub fn marker(scene: &Scene<'_>, active: SideName, epoch: Option<u64>) -> Result<Option<Marker>, Failure> {
    let Some(Workflow::Marker(places)) = &scene.group.workflow else { return Ok(None) };
    let url = places.at(active);
    let opened = scene.stores.open_url(active, url).at(Stage::Observe, url)?;
    let marker = Marker::new(scene.group.name.clone(), opened.doc_store());
    let region = scene.group.side(active).region.clone();
    Ok(Some(marker.within(Reign { region, is_initial: active == scene.group.initial_active, epoch })))
}

fn tables(scene: &Scene<'_>) -> Vec<TableName> {
    scene.group.tables.iter().map(|table| table.name.clone()).collect()
}

/// The epoch in force.
#[must_use]
pub fn epoch(history: &History) -> u64 {
    history.state.as_ref().map_or(FIRST_EPOCH, |state| state.epoch)
}

/// What the newest recovery point holds, in the roles in force.
fn held(history: &History) -> Option<Cut> {
    history.state.as_ref().and_then(GroupState::held).map(Cow::into_owned)
}

/// The runs of a workflow.
#[derive(Debug)]
pub enum Runs {
    /// Marked, with the versions of the tables at both ends; and the tables of the group.
    Marked(Vec<Attempt>, Vec<TableName>),
    /// Told by a service.
    Listed(Listed),
}

impl Runs {
    /// Ids of those that are under way.
    #[must_use]
    pub fn under_way(&self) -> Vec<String> {
        match self {
            Self::Marked(attempts, _) => under_way(attempts),
            Self::Listed(listed) => {
                let active = listed.runs.iter().filter(|run| run.state == RunState::Active);
                active.map(|run| run.id.clone()).collect()
            }
        }
    }

    /// How many have finished with success after the one that a cut holds.
    #[must_use]
    pub fn behind(&self, cut: Option<&Cut>) -> usize {
        match self {
            Self::Marked(attempts, tables) => finished_after(attempts, tables, cut),
            Self::Listed(listed) => finished_behind(&listed.runs, cut),
        }
    }

    /// How long the longest of those took of which both ends are known.
    #[must_use]
    pub fn longest(&self) -> Option<Duration> {
        let took =
            |began: DateTime<Utc>, ended: DateTime<Utc>| ended.signed_duration_since(began).to_std().ok();
        match self {
            Self::Marked(attempts, _) => attempts
                .iter()
                .filter_map(|attempt| took(attempt.started.as_ref()?.at, attempt.finished.as_ref()?.0.at))
                .max(),
            Self::Listed(listed) => {
                listed.runs.iter().filter_map(|run| took(run.began()?, run.ended()?)).max()
            }
        }
    }
}

/// The runs of the group's workflow that the newest recovery point has not settled; none for a group without one.
///
/// # Errors
/// When the runs cannot be read.
pub async fn runs(scene: &Scene<'_>, history: &History) -> Result<Option<Runs>, Failure> {
    if let Some(service) = service(scene, history).await? {
        let since = held(history).map(|cut| cut.as_of);
        return Ok(Some(Runs::Listed(list(scene, history, service.as_ref(), since).await?)));
    }
    let attempts = marked(scene, history, held(history).as_ref()).await?;
    Ok(attempts.map(|attempts| Runs::Marked(attempts, tables(scene))))
}

/// The service that the group's workflow runs in, if it is not one whose runs are marked.
async fn service(scene: &Scene<'_>, history: &History) -> Result<Option<Box<dyn RunService>>, Failure> {
    let active = scene.active(history);
    match &scene.group.workflow {
        Some(workflow) => {
            open(workflow, (active, scene.group.side(active)), &scene.secrets).await.at_workflow()
        }
        None => Ok(None),
    }
}

trait AtWorkflow<T> {
    fn at_workflow(self) -> Result<T, Failure>;
}

impl<T> AtWorkflow<T> for Result<T, WorkflowError> {
    fn at_workflow(self) -> Result<T, Failure> {
        self.at(Stage::Observe, "workflow")
    }
}

/// The marked runs that matter when `last` is what the standby region holds.
async fn marked(
    scene: &Scene<'_>,
    history: &History,
    last: Option<&Cut>,
) -> Result<Option<Vec<Attempt>>, Failure> {
    let Some(marker) = marker(scene, scene.active(history), Some(epoch(history)))? else { return Ok(None) };
    let memory = RunMemory {
        group: &scene.group.name,
        store: scene.log.home_store(history),
        keeps: scene.keeps_caches,
    };
    let held = Held { cut: last, tables: &tables(scene) };
    Ok(Some(marker.open_attempts(memory, held).await.at(Stage::Observe, "workflow")?))
}

/// What a choice rests on beside runs and tables.
#[derive(Debug, Clone, Copy)]
pub struct Last<'a> {
    /// What the target holds: the newest recovery point, or what has landed last.
    pub cut: Option<&'a Cut>,
    /// Whether the target has lost it.
    pub lost: bool,
}

impl<'a> Last<'a> {
    /// The cut, if the standby region still has it.
    #[must_use]
    pub fn held(self) -> Option<&'a Cut> {
        self.cut.filter(|_| !self.lost)
    }

    /// Whether it holds every table of the group.
    #[must_use]
    pub fn covers(self, scene: &Scene<'_>) -> bool {
        let held = |cut: &Cut| scene.group.tables.iter().all(|table| cut.table(&table.name).is_some());
        self.cut.is_some_and(held)
    }
}

/// What can be said of a group with a workflow before its tables are looked at.
#[derive(Debug)]
pub enum FromRuns {
    /// The choice.
    Choice(Choice),
    /// The histories of the tables have to say which of these is a boundary.
    Listed(Listed),
}

/// Chooses the end of a finished run, for a group with a workflow, as far as runs alone tell; none for a group without one.
///
/// # Errors
/// A refusal when there is no finished state that is newer.
pub async fn choose_run(
    scene: &Scene<'_>,
    history: &History,
    last: Last<'_>,
) -> Result<Option<FromRuns>, Stop> {
    if let Some(service) = service(scene, history).await? {
        return listed(scene, history, service.as_ref(), last).await.map(Some);
    }
    // what is remembered of runs goes by the newest recovery point, whatever has landed since
    let settled = last.held().and_then(|_| held(history));
    let Some(attempts) = marked(scene, history, settled.as_ref()).await? else { return Ok(None) };
    Ok(Some(FromRuns::Choice(choose_marked(&attempts, &tables(scene), last.held())?)))
}

/// Reads the list of runs. Those that finished something in the other region count as finished no more.
async fn list(
    scene: &Scene<'_>,
    history: &History,
    service: &dyn RunService,
    since: Option<DateTime<Utc>>,
) -> Result<Listed, Failure> {
    let listed = service.runs(since).await.at_workflow()?;
    let change = history.state.as_ref().and_then(|state| state.role_change.as_ref());
    let Some(change) = change else { return Ok(listed) };
    let runs = listed.runs.into_iter().map(|run| run.within_reign(change.at, skew(scene)));
    Ok(Listed { runs: runs.collect(), ..listed })
}

/// Reads the list of runs, once more when it was read so shortly after the end of a run that the next may not be in it.
async fn listed(
    scene: &Scene<'_>,
    history: &History,
    service: &dyn RunService,
    last: Last<'_>,
) -> Result<FromRuns, Stop> {
    let (since, skew) = (last.cut.map(|cut| cut.as_of), skew(scene));
    let mut listed = list(scene, history, service, since).await?;
    if let Some(settles) = settles_at(&listed.runs, last.cut, skew, listed.at) {
        // services tell the time in whole seconds
        let wait = (settles - listed.at).to_std().unwrap_or_default().as_secs_f64().ceil();
        let wait = Duration::from_secs_f64(wait);
        if wait <= SETTLING {
            tracing::debug!(group = %scene.group.name, ?wait, "a run finished a moment ago; its end has to settle");
            tokio::time::sleep(wait).await;
            listed = list(scene, history, service, since).await?;
        }
    }
    let unread = |table| TableHistory { table, before: Before::Unread, commits: Vec::new() };
    let histories: Vec<TableHistory> = tables(scene).into_iter().map(unread).collect();
    match choose_timed(&observed(scene, &listed, &histories, last))? {
        Step::Chosen(choice) => Ok(FromRuns::Choice(choice)),
        Step::Older { .. } => Ok(FromRuns::Listed(listed)),
    }
}

fn skew(scene: &Scene<'_>) -> TimeDelta {
    TimeDelta::from_std(scene.group.clock_skew).unwrap_or_default()
}

fn observed<'a>(
    scene: &Scene<'_>,
    listed: &'a Listed,
    tables: &'a [TableHistory],
    last: Last<'a>,
) -> Observed<'a> {
    Observed {
        runs: &listed.runs,
        tables,
        last: last.cut,
        again: last.lost,
        skew: skew(scene),
        listed_at: listed.at,
    }
}

/// Chooses the end of one of these runs by the histories of the tables, which are read from the newest commit backwards, as
/// far as it takes.
///
/// # Errors
/// A refusal when none of them is a boundary.
pub async fn choose_listed(
    scene: &Scene<'_>,
    heads: &[Head],
    listed: &Listed,
    last: Last<'_>,
) -> Result<Choice, Stop> {
    let mut histories = try_join_all(heads.iter().map(begin)).await?;
    loop {
        match choose_timed(&observed(scene, listed, &histories, last))? {
            Step::Chosen(choice) => return Ok(choice),
            Step::Older { since_ms } => {
                let reads =
                    heads.iter().zip(histories).map(|(head, history)| extend(head, history, since_ms));
                histories = try_join_all(reads).await?;
            }
        }
    }
}

/// Chooses what all tables show at one instant, for a group without a workflow.
///
/// # Errors
/// A refusal when a table is younger than the instant.
pub async fn choose_instant(scene: &Scene<'_>, heads: &[Head]) -> Result<(Choice, DateTime<Utc>), Stop> {
    let instant = scene.world.now() - skew(scene);
    let versions =
        try_join_all(heads.iter().map(|head| version_at(head, instant.timestamp_millis()))).await?;
    Ok((at_instant(instant, versions)?, instant))
}

/// Whether the newest recovery point of a group without a workflow still holds all that there is: then the standby
/// region is not behind, however long ago the tables were pinned.
pub async fn holds_all(scene: &Scene<'_>, history: &History) -> bool {
    let Some(state) = &history.state else { return false };
    let Some(point) = state.recovery_point() else { return false };
    if scene.group.workflow.is_some() || state.is_returning() {
        return false;
    }
    let Ok(tables) = scene.stores.sources(scene.active(history), scene.group).await else { return false };
    let Ok(heads) = heads(with_records(scene, history, tables).await, Newer::Leave).await else {
        return false;
    };
    for head in &heads {
        let Some(held) = point.cut.table(&head.table.name) else { return false };
        if head.listing.latest_commit() != Some(held.source_version) {
            return false;
        }
        if head.known.is_none() {
            // a table that was made anew may have come to the same version
            let state = head.table.table().snapshot(&head.listing, None).await;
            if !state.is_ok_and(|state| state.head.metadata.id == held.source_table_id) {
                return false;
            }
        }
    }
    true
}
