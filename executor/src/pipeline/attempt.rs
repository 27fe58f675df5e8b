use chrono::{DateTime, Utc};
use futures::{StreamExt as _, stream};
use lakedr_control::group_log::{Appended, Event, GroupState, History, IntentKind, Role};
use lakedr_control::validate::SideName;

use super::due::is_due;
use super::home::follow_standby;
use super::prepare::{Prepared, prepare};
use super::proof::{read_back, read_back_again};
use super::scene::{Scene, Stop};
use crate::copy::{CopyError, Manifest, ManifestError, Receipt, copy_all};
use crate::cut::Refusal;
use crate::error::{At as _, Failure, Stage};
use crate::failover::keep_lost;
use crate::plan::group::GroupPlan;
use crate::publish::{
    Intention, Settled, TableBodies, announce, next_seq, settle, store_bodies, write_checkpoints,
    write_checksums,
};
use crate::record::save;
use crate::report::{Done, Outcome, Progress};

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
    let ended = stages(scene, history, force, progress, &mut read_up_to).await;
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
    let settled = settle(scene, history).await?;
    *read_up_to = next_seq(&settled.history);
    if let Some(refusal) = settled.diverged {
        return Err(refusal.into());
    }
    let (history, finished) = (settled.history, settled.published_in_ms.is_some());
    allowed(scene, &history)?;
    let due = || is_due(scene.group.schedule.as_ref(), last_publish(&history), scene.world.now());
    if !force && !scene.is_returning(&history) && !due() {
        return rest(scene, &history, if finished { Outcome::Published } else { Outcome::NotDue }).await;
    }
    let Some(history) = follow_standby(scene, history).await? else { return Ok(End::Raced) };
    *read_up_to = next_seq(&history);
    let plan = match prepare(scene, &history).await? {
        Prepared::Plan(plan) => plan,
        Prepared::UpToDate => {
            return rest(scene, &history, if finished { Outcome::Published } else { Outcome::UpToDate })
                .await;
        }
    };
    keep_lost(scene, &history, &plan).await?;
    let receipt = copy(scene, scene.active(&history), &plan, progress).await?;
    publish(scene, history, &plan, receipt, read_up_to).await
}

/// Leaves the group at its newest recovery point, unless that is known not to read back.
async fn rest(scene: &Scene<'_>, history: &History, outcome: Outcome) -> Result<End, Stop> {
    read_back_again(scene, history).await?;
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
    active: SideName,
    plan: &GroupPlan,
    progress: &Progress,
) -> Result<Receipt, Stop> {
    let manifest = manifest(plan).at(Stage::Copy, &scene.group.name)?;
    let means = scene.world.copying.of_group(&scene.group.name, scene.group.max_bytes_per_second);
    progress.begin(scene.group.name.as_str(), manifest.len(), manifest.bytes());
    let receipt = copy_all(&manifest, &scene.stores.sides(active), &means, progress).await;
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
    let Settled { history, diverged, .. } = settle(scene, history).await?;
    *read_up_to = next_seq(&history);
    if let Some(refusal) = diverged {
        return Err(refusal.into());
    }
    remember(scene, &history, plan, seq, &written).await;
    let checkpointed = write_checkpoints(scene, plan, &written).await;
    read_back(scene, plan, &checkpointed).await?;
    write_checksums(plan, &written).await;
    Ok(End::Done(Done::new(Outcome::Published, &history)))
}

/// Keeps what is known of each table, if this intent made the newest recovery point.
async fn remember(
    scene: &Scene<'_>,
    history: &History,
    plan: &GroupPlan,
    intent: u64,
    written: &[TableBodies],
) {
    let newest = history.state.as_ref().and_then(|state| state.recovery_point());
    if newest.is_none_or(|point| point.intent != intent) {
        return;
    }
    let records = plan.tables.iter().zip(written).filter_map(|(table, written)| {
        table.record(&scene.group.name, intent, &plan.cut.id, written.head_after.as_ref(), written.last_size)
    });
    let saves: Vec<_> = records.map(|record| save(scene, history, record)).collect();
    stream::iter(saves).buffer_unordered(RECORDS_IN_FLIGHT).collect::<()>().await;
}
