//! From what is observed to a plan. Writes nothing; `plan` and `sync` share it.

use chrono::{DateTime, Utc};
use futures::future::try_join_all;
use lakedr_control::cut::{Cut, Pin};
use lakedr_control::group_log::{FailureClass, History};
use lakedr_control::spec::{Compaction, Delivery, PublishEngine};

use super::scene::{Scene, Stop};
use crate::cut::{Choice, Chosen, Refusal};
use crate::delta::state::TableState;
use crate::error::{At as _, Classify, Failure, Stage};
use crate::observe::choice::choose;
use crate::observe::group::{Head, heads, source_state, target};
use crate::plan::diff::TableDiff;
use crate::plan::group::{GroupPlan, TablePlan, TargetFacts, check_target};
use crate::spec::TableStore;

/// What a group is about to do.
#[derive(Debug)]
pub enum Prepared {
    /// Nothing: the newest recovery point holds the newest finished state.
    UpToDate,
    /// This.
    Plan(Box<GroupPlan>),
}

/// A setting that this version cannot carry out.
#[derive(Debug, thiserror::Error)]
#[error("{setting} is declared, but this version of lakedr carries out {instead} only; change the group")]
pub struct NotCarriedOut {
    setting: &'static str,
    instead: &'static str,
}

impl Classify for NotCarriedOut {
    fn class(&self) -> FailureClass {
        FailureClass::Configuration
    }
}

/// Refuses settings that would otherwise be ignored in silence.
///
/// # Errors
/// The first such setting.
pub fn carried_out(scene: &Scene<'_>) -> Result<(), Failure> {
    let group = scene.group;
    let problem = if group.delivery == Delivery::Staged {
        Some(("delivery = \"staged\"", "delivery = \"direct\""))
    } else if group.engine == PublishEngine::DatabricksSql {
        Some(("publish.engine = \"databricks_sql\"", "publish.engine = \"native\""))
    } else if group.compaction == Compaction::Skip {
        Some(("compaction = \"skip\"", "compaction = \"copy\""))
    } else {
        None
    };
    match problem {
        Some((setting, instead)) => Err(NotCarriedOut { setting, instead }.at(Stage::Spec, &group.name)),
        None => Ok(()),
    }
}

/// While an intent is open its tables may be anywhere between two recovery points: nothing can be planned on them.
fn settled(history: &History) -> Result<(), Refusal> {
    let Some(intent) = history.state.as_ref().and_then(|state| state.open_intent.as_ref()) else {
        return Ok(());
    };
    let reason = format!(
        "intent {} ({}) is not finished; `lakedr sync` finishes it first, plan again after that",
        intent.seq,
        intent.cut.describe()
    );
    Err(Refusal::Fenced { reason })
}

/// A source table at the version of the cut.
struct Pinned {
    table: TableStore,
    state: TableState,
    commit_timestamp_ms: Option<i64>,
}

/// Observes both sides, chooses a cut, and plans it.
///
/// # Errors
/// A refusal when there is no cut, a failure when something cannot be read.
pub async fn prepare(scene: &Scene<'_>, history: &History) -> Result<Prepared, Stop> {
    carried_out(scene)?;
    settled(history)?;
    let sources =
        scene.stores.tables(scene.active(history), scene.group).at(Stage::Observe, &scene.group.name)?;
    let heads = heads(sources).await?;
    let (choice, as_of) = choose(scene, history, &heads).await?;
    let Choice::Chosen(chosen) = choice else { return Ok(Prepared::UpToDate) };
    let pinned = pin(&heads, &chosen).await?;
    let cut = cut(scene, chosen, as_of, &pinned);
    let last = history.state.as_ref().and_then(|state| state.recovery_point()).map(|point| &point.cut);
    if last.is_some_and(|last| last.id == cut.id) {
        return Ok(Prepared::UpToDate);
    }
    goes_forward(&cut, last)?;
    let targets =
        scene.stores.tables(scene.standby(history), scene.group).at(Stage::Plan, &scene.group.name)?;
    let plans =
        pinned.into_iter().zip(targets).map(|(source, target)| table(scene, history, last, source, target));
    let plans = try_join_all(plans).await?;
    Ok(Prepared::Plan(Box::new(GroupPlan::new(cut, plans))))
}

async fn pin(heads: &[Head], chosen: &Chosen) -> Result<Vec<Pinned>, Stop> {
    let pins = heads.iter().zip(&chosen.versions).map(|(head, (_, version))| async move {
        let state = source_state(head, *version).await?;
        let delta = head.table.table();
        let facts =
            delta.commits(&head.listing, *version, *version).await.at(Stage::Observe, &head.table.name)?;
        let commit_timestamp_ms = facts.first().map(|facts| facts.timestamp_ms);
        Ok::<_, Stop>(Pinned { table: head.table.clone(), state, commit_timestamp_ms })
    });
    try_join_all(pins).await
}

fn cut(scene: &Scene<'_>, chosen: Chosen, as_of: DateTime<Utc>, pinned: &[Pinned]) -> Cut {
    let pins = pinned
        .iter()
        .map(|pinned| Pin {
            table: pinned.table.name.clone(),
            source_table_id: pinned.state.head.metadata.id.clone(),
            source_version: pinned.state.head.version,
        })
        .collect();
    match chosen.run {
        Some(run) => Cut::of_run(&scene.group.name, run, pins),
        None => Cut::at_instant(&scene.group.name, as_of, pins),
    }
}

/// A cut never goes back: a table that is still the same table keeps or raises its version.
fn goes_forward(cut: &Cut, last: Option<&Cut>) -> Result<(), Refusal> {
    for table in &cut.tables {
        let Some(held) = last.and_then(|last| last.table(&table.name)) else { continue };
        if held.source_table_id == table.source_table_id && table.source_version < held.source_version {
            return Err(Refusal::GoesBack {
                table: table.name.clone(),
                run: cut.describe(),
                version: table.source_version,
                recorded: held.source_version,
            });
        }
    }
    Ok(())
}

async fn table(
    scene: &Scene<'_>,
    history: &History,
    last: Option<&Cut>,
    source: Pinned,
    target_store: TableStore,
) -> Result<TablePlan, Stop> {
    let name = &source.table.name;
    let found = target(scene, history, &target_store).await?;
    let author = found.first_unrecorded.as_ref().map(|(version, author)| (*version, author.as_str()));
    check_target(
        name,
        TargetFacts {
            recorded: scene.recorded_version(history, name),
            head: found.state.as_ref().map(|state| state.head.version),
            head_is_ours: found.head_is_ours,
            first_unrecorded: author,
        },
    )?;
    let root = source.table.table_root().at(Stage::Plan, name)?;
    let diff = TableDiff::between_at(&root, &source.state, found.state.as_ref()).at(Stage::Plan, name)?;
    let held = last.and_then(|last| last.table(name));
    let recreated = held.is_some_and(|held| held.source_table_id != source.state.head.metadata.id);
    if recreated {
        tracing::warn!(table = %name, "the table was recreated in the active region; its new state replaces the old one");
    }
    let checkpoint_interval =
        source.state.head.metadata.property("delta.checkpointInterval").and_then(|v| v.parse().ok());
    let target_head = found.state.as_ref().map(|state| state.head.version);
    let target_in_commit_timestamp = found.state.as_ref().and_then(|state| state.head.in_commit_timestamp);
    let source_commit_timestamp_ms = source.commit_timestamp_ms.unwrap_or_default();
    Ok(TablePlan {
        source: source.table,
        target: target_store,
        diff,
        target_head,
        target_in_commit_timestamp,
        source_commit_timestamp_ms,
        checkpoint_interval,
    })
}
