use chrono::{DateTime, Utc};
use futures::{StreamExt as _, stream};
use lakedr_control::group_log::{Appended, Event, GroupState, History, IntentKind, Role};
use lakedr_control::id::TableName;

use super::due::is_due;
use super::home::follow_standby;
use super::leg::Leg;
use super::prepare::{Prepared, prepare};
use super::proof::{read_back, read_back_again};
use super::scene::{Scene, Stop};
use super::warehouse;
use crate::copy::{CopyError, Manifest, ManifestError, Receipt, copy_all};
use crate::cut::Refusal;
use crate::error::{At as _, Failure, Stage};
use crate::failover::keep_lost;
use crate::plan::group::GroupPlan;
use crate::publish::{
    Intention, Settled, TableBodies, announce, commit_landing, next_seq, say_landed, settle, store_bodies,
    write_checkpoints,
};
use crate::record::save;
use crate::report::{Done, Outcome, Progress};
use crate::services::retry as retry_services;

/// Records that are written at the same time.
const RECORDS_IN_FLIGHT: usize = 16;

/// What one attempt came to.
#[derive(Debug)]
pub enum End {
    /// It is done.
    Done(Done),
    /// Another executor was faster: look again.
    Raced,
}

/// One attempt to bring a group to its newest finished state.
///
/// What was decided on a history that somebody else has carried on meanwhile is not the last word, be it a refusal or
/// a failure: the caller looks again.
///
/// # Errors
/// A refusal or a failure. Whatever was begun, the next attempt finishes or reuses.
pub async fn attempt(scene: &Scene<'_>, force: bool, progress: &Progress) -> Result<End, Stop> {
    let history = scene.log.read().await.at(Stage::Observe, &scene.group.name)?;
    let mut read_up_to = next_seq(&history);
    // the stages are boxed one by one: together they would be a large part of a thread's stack
    let ended = Box::pin(stages(scene, history, force, progress, &mut read_up_to)).await;
    let Err(stop) = ended else { return ended };
    match scene.log.read().await {
        Ok(history) if next_seq(&history) > read_up_to => Ok(End::Raced),
        _ => Err(stop),
    }
}

async fn stages(
    scene: &Scene<'_>,
    history: History,
    force: bool,
    progress: &Progress,
    read_up_to: &mut u64,
) -> Result<End, Stop> {
    let Some(history) = create(scene, history).await? else { return Ok(End::Raced) };
    let history = Box::pin(retry_services(scene, history)).await?;
    *read_up_to = next_seq(&history);
    // the sender has no access to what an intent is about
    if scene.leg == Leg::Send {
        *read_up_to = next_seq(&history);
        return Box::pin(send(scene, history, force, progress)).await;
    }
    let settled = Box::pin(settle(scene, history)).await?;
    *read_up_to = next_seq(&settled.history);
    let (history, finished) = settled_or_stop(settled)?;
    allowed(scene, &history)?;
    // what has landed was due when it was sent, and what came back is due at once
    let due = force
        || scene.leg == Leg::Receive
        || scene.is_returning(&history)
        || is_due_now(scene, last_publish(&history));
    if !due {
        let outcome = if finished { Outcome::Published } else { Outcome::NotDue };
        return rest(scene, &history, outcome, &[]).await;
    }
    let Some(history) = follow_standby(scene, history).await? else { return Ok(End::Raced) };
    *read_up_to = next_seq(&history);
    if scene.is_cloned_by_warehouse() {
        return Box::pin(warehouse::receive(scene, history, finished, read_up_to)).await;
    }
    let plan = match Box::pin(prepare(scene, &history)).await? {
        Prepared::Plan(plan) => plan,
        Prepared::UpToDate { unproven } => {
            let outcome = if finished { Outcome::Published } else { Outcome::UpToDate };
            return rest(scene, &history, outcome, &unproven).await;
        }
    };
    keep_lost(scene, &history, &plan).await?;
    let receipt = copy(scene, &history, &plan, progress).await?;
    Box::pin(publish(scene, history, &plan, receipt, read_up_to)).await
}

/// The history after settling, and whether a publish was finished.
pub(crate) fn settled_or_stop(settled: Settled) -> Result<(History, bool), Stop> {
    match settled {
        Settled { diverged: Some(refusal), .. } => Err(refusal.into()),
        Settled { failed: Some(failure), .. } => Err(failure.into()),
        Settled { history, published_in_ms, .. } => Ok((history, published_in_ms.is_some())),
    }
}

fn is_due_now(scene: &Scene<'_>, last: Option<DateTime<Utc>>) -> bool {
    is_due(scene.group.schedule.as_ref(), last, scene.world.now())
}

/// Lands the newest finished state. It has landed only when it reads back and the log says so.
async fn send(scene: &Scene<'_>, history: History, force: bool, progress: &Progress) -> Result<End, Stop> {
    allowed(scene, &history)?;
    if !force && !scene.begins_again(&history) && !is_due_now(scene, last_landing(&history)) {
        return Ok(End::Done(Done::landed(Outcome::NotDue, &history)));
    }
    let Some(history) = follow_standby(scene, history).await? else { return Ok(End::Raced) };
    let plan = match Box::pin(prepare(scene, &history)).await? {
        Prepared::Plan(plan) => plan,
        Prepared::UpToDate { .. } => return Ok(End::Done(Done::landed(Outcome::UpToDate, &history))),
    };
    let receipt = copy(scene, &history, &plan, progress).await?;
    tracing::debug!(group = %scene.group.name, ?receipt, "every file is in place");
    let Some(written) = commit_landing(scene, &history, &plan).await? else { return Ok(End::Raced) };
    let checkpointed = write_checkpoints(scene, &plan).await;
    read_back(scene, &plan, &checkpointed).await?;
    let seq = next_seq(&history);
    let Some(history) = say_landed(scene, history, &plan).await? else { return Ok(End::Raced) };
    remember(scene, &history, &plan, seq, &written).await;
    Ok(End::Done(Done::landed(Outcome::Landed, &history)))
}

/// When a cut landed last.
fn last_landing(history: &History) -> Option<DateTime<Utc>> {
    history.state.as_ref()?.landed.as_ref().map(|landed| landed.at)
}

/// Leaves the group at its newest recovery point, read back where that has not been done: by whoever was interrupted
/// behind the last slot, or because somebody else's intent was finished.
async fn rest(
    scene: &Scene<'_>,
    history: &History,
    outcome: Outcome,
    unproven: &[TableName],
) -> Result<End, Stop> {
    let finished = matches!(outcome, Outcome::Published);
    read_back_again(scene, history, |table| finished || unproven.contains(table)).await?;
    Ok(End::Done(Done::new(outcome, history)))
}

/// When a cut was last published; a rollback brings an old one back and starts no interval.
fn last_publish(history: &History) -> Option<DateTime<Utc>> {
    history.state.as_ref()?.last_publish_at
}

/// The first entry of the log.
async fn create(scene: &Scene<'_>, history: History) -> Result<Option<History>, Failure> {
    if history.state.is_some() {
        return Ok(Some(history));
    }
    let active = scene.group.initial_active;
    let role = Role {
        active: scene.group.side(active).region.clone(),
        standby: scene.group.side(active.other()).region.clone(),
    };
    let event = Event::Created { spec_digest: scene.spec_digest.clone(), role };
    let appended = scene.log.append(history, event, scene.world.now(), scene.world.author.clone()).await;
    Ok(match appended.at(Stage::Observe, &scene.group.name)? {
        Appended::Done(history) => Some(*history),
        Appended::Lost => None,
    })
}

/// Refuses a group that is paused, or of which log and specification have different regions.
pub(crate) fn allowed(scene: &Scene<'_>, history: &History) -> Result<(), Refusal> {
    let Some(state) = &history.state else { return Ok(()) };
    if let Some(operator) = &state.paused_by {
        return Err(Refusal::Paused { by: format!("{operator} (an entry of the group log)") });
    }
    if scene.group.paused {
        return Err(Refusal::Paused { by: "its specification (paused = true)".to_owned() });
    }
    regions_fit(scene, state)
}

/// Refuses a group of which log and specification have different regions.
pub(crate) fn regions_fit(scene: &Scene<'_>, state: &GroupState) -> Result<(), Refusal> {
    let regions = [&state.role.active, &state.role.standby];
    if let Some(region) = regions.iter().find(|region| scene.group.side_of(region).is_none()) {
        let reason = format!(
            "the group log says that {} is active and {} is standby, but the specification has no region {region}; \
             correct the regions of the group",
            state.role.active, state.role.standby
        );
        return Err(Refusal::Fenced { reason });
    }
    Ok(())
}

/// Every object that the tables of a plan lack.
fn manifest(plan: &GroupPlan) -> Result<Manifest, ManifestError> {
    let mut manifest = Manifest::new();
    for transfer in plan.tables.iter().flat_map(|table| table.copies.iter()) {
        manifest.push(&transfer?)?;
    }
    Ok(manifest)
}

async fn copy(
    scene: &Scene<'_>,
    history: &History,
    plan: &GroupPlan,
    progress: &Progress,
) -> Result<Receipt, Stop> {
    let manifest = manifest(plan).at(Stage::Copy, &scene.group.name)?;
    let means = scene.world.copying.of_group(&scene.group.name, scene.group.max_bytes_per_second);
    progress.begin(scene.group.name.as_str(), manifest.len(), manifest.bytes());
    let receipt = copy_all(&manifest, &scene.sides(history), &means, progress).await;
    progress.end();
    receipt.map_err(|failure| gone(plan, failure))
}

/// A file that the source's log names and its store does not have: the version is gone, whatever removed it.
fn gone(plan: &GroupPlan, failure: Failure) -> Stop {
    let Some(CopyError::Gone { .. }) = failure.cause.downcast_ref() else { return Stop::Failed(failure) };
    let table = plan.cut.tables.iter().find(|table| table.name.to_string() == failure.subject);
    match table {
        Some(table) => Stop::Refused(Refusal::VersionGone {
            table: table.name.clone(),
            version: table.source_version,
            cause: failure.cause.to_string(),
        }),
        None => Stop::Failed(failure),
    }
}

/// Announces the cut and fills its slots. The receipt is the proof that every file is in place.
async fn publish(
    scene: &Scene<'_>,
    history: History,
    plan: &GroupPlan,
    receipt: Receipt,
    read_up_to: &mut u64,
) -> Result<End, Stop> {
    tracing::debug!(group = %scene.group.name, ?receipt, "every file is in place");
    let (seq, at) = (next_seq(&history), scene.world.now());
    let written = store_bodies(scene, &history, plan, at).await?;
    let intention = Intention {
        kind: IntentKind::Publish,
        replaces: None,
        spec_digest: scene.spec_digest.clone(),
        cut: plan.cut.clone(),
    };
    let slots = written.iter().flat_map(|table| table.slots.clone()).collect();
    let Some(history) = announce(scene, history, intention, slots).await? else { return Ok(End::Raced) };
    *read_up_to = next_seq(&history);
    let settled = Box::pin(settle(scene, history)).await?;
    *read_up_to = next_seq(&settled.history);
    let (history, _) = settled_or_stop(settled)?;
    remember(scene, &history, plan, seq, &written).await;
    let checkpointed = write_checkpoints(scene, plan).await;
    read_back(scene, plan, &checkpointed).await?;
    Ok(End::Done(Done::new(Outcome::Published, &history)))
}

/// Keeps what is known of each table, if `seq` is what the target of this leg holds.
async fn remember(scene: &Scene<'_>, history: &History, plan: &GroupPlan, seq: u64, written: &[TableBodies]) {
    if scene.base(history).is_none_or(|base| base.seq != Some(seq)) {
        return;
    }
    let records = plan.tables.iter().zip(written).filter_map(|(table, written)| {
        table.record(&scene.group.name, seq, &plan.cut.id, written.head_after.as_ref(), written.last_size)
    });
    let saves: Vec<_> = records.map(|record| save(scene, history, record)).collect();
    stream::iter(saves).buffer_unordered(RECORDS_IN_FLIGHT).collect::<()>().await;
}
