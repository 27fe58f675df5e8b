//! What the choice of a cut rests on, and the choice itself.

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::try_join_all;
use lakedr_control::cut::Cut;
use lakedr_control::group_log::{FailureClass, History};
use lakedr_control::id::TableName;
use lakedr_control::validate::{SideName, Workflow};

use super::source::{Head, Newer, heads, version_at};
use super::workflow::marker::Marker;
use super::workflow::{Held, RunMemory};
use crate::cut::{Attempt, Choice, at_instant, choose_marked};
use crate::error::{At as _, Classify, Failure, Stage};
use crate::pipeline::{Scene, Stop};
use crate::record::with_records;

/// A kind of workflow that this version cannot observe.
#[derive(Debug, thiserror::Error)]
#[error(
    "workflow {kind} is declared, but this version of lakedr observes marker workflows only; use marker with `lakedr mark`, or leave workflow out"
)]
pub struct NotObserved {
    kind: &'static str,
}

impl Classify for NotObserved {
    fn class(&self) -> FailureClass {
        FailureClass::Configuration
    }
}

/// The run records of the group, if it has a marker workflow.
///
/// # Errors
/// When the records' store cannot be set up, or the workflow is of a kind that is not observed.
pub fn marker(scene: &Scene<'_>, active: SideName) -> Result<Option<Marker>, Failure> {
    let unobserved = |kind| Err(NotObserved { kind }.at(Stage::Observe, &scene.group.name));
    match &scene.group.workflow {
        None => Ok(None),
        Some(Workflow::DatabricksJob(_)) => unobserved("databricks_job"),
        Some(Workflow::AirflowDag(_)) => unobserved("airflow_dag"),
        Some(Workflow::Marker(url)) => {
            let opened = scene.stores.open_url(active, url).at(Stage::Observe, url)?;
            Ok(Some(Marker::new(scene.group.name.clone(), opened.doc_store())))
        }
    }
}

fn tables(scene: &Scene<'_>) -> Vec<TableName> {
    scene.group.tables.iter().map(|table| table.name.clone()).collect()
}

/// What the newest recovery point holds.
fn held(history: &History) -> Option<&Cut> {
    history.state.as_ref().and_then(|state| state.recovery_point()).map(|point| &point.cut)
}

/// The runs of the group's workflow that the newest recovery point has not settled; none for a group without one.
///
/// # Errors
/// When the runs cannot be read.
pub async fn runs(scene: &Scene<'_>, history: &History) -> Result<Option<Vec<Attempt>>, Failure> {
    runs_beyond(scene, history, held(history)).await
}

/// The runs that matter when `last` is what the standby region holds.
async fn runs_beyond(
    scene: &Scene<'_>,
    history: &History,
    last: Option<&Cut>,
) -> Result<Option<Vec<Attempt>>, Failure> {
    let Some(marker) = marker(scene, scene.active(history))? else { return Ok(None) };
    let memory = RunMemory {
        group: &scene.group.name,
        store: scene.log.home_store(history),
        keeps: scene.keeps_caches,
    };
    let held = Held { cut: last, tables: &tables(scene) };
    Ok(Some(marker.open_attempts(memory, held).await.at(Stage::Observe, "workflow")?))
}

/// Chooses the end of a finished run, for a group with a workflow; none for a group without one. `last` is the newest
/// recovery point, unless the standby region has lost it.
///
/// # Errors
/// A refusal when there is no finished state that is newer.
pub async fn choose_run(
    scene: &Scene<'_>,
    history: &History,
    last: Option<&Cut>,
) -> Result<Option<Choice>, Stop> {
    let Some(attempts) = runs_beyond(scene, history, last).await? else { return Ok(None) };
    Ok(Some(choose_marked(&attempts, &tables(scene), last)?))
}

/// Chooses what all tables show at one instant, for a group without a workflow.
///
/// # Errors
/// A refusal when a table is younger than the instant.
pub async fn choose_instant(scene: &Scene<'_>, heads: &[Head]) -> Result<(Choice, DateTime<Utc>), Stop> {
    let skew = TimeDelta::from_std(scene.group.clock_skew).unwrap_or_default();
    let instant = scene.world.now() - skew;
    let versions =
        try_join_all(heads.iter().map(|head| version_at(head, instant.timestamp_millis()))).await?;
    Ok((at_instant(instant, versions)?, instant))
}

/// Whether the newest recovery point of a group without a workflow still holds all that there is: then the standby
/// region is not behind, however long ago the tables were pinned.
pub async fn holds_all(scene: &Scene<'_>, history: &History) -> bool {
    let Some(point) = history.state.as_ref().and_then(|state| state.recovery_point()) else { return false };
    if scene.group.workflow.is_some() {
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
