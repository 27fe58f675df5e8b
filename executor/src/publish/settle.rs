use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::try_join_all;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use lakedr_control::digest;
use lakedr_control::group_log::{Appended, Event, FailureClass, History, IntentKind, IntentSlot, OpenIntent};
use lakedr_control::id::TableName;
use lakedr_control::layout;

use super::decide::{Next, Slot, SlotState, next};
use super::intent::{Intention, announce, next_seq, store_body};
use super::rollback::{RollbackContext, offer};
use super::slot::{fill, look};
use super::warehouse;
use crate::cut::Refusal;
use crate::error::{At as _, Classify, Failure, Stage};
use crate::pipeline::Scene;
use crate::spec::TableStore;

/// Slots that are looked at, at the same time.
const SLOTS_IN_FLIGHT: usize = 128;

/// Large bodies that are in memory at the same time.
const BODIES_IN_FLIGHT: usize = 4;

/// What settling came to. No intent is open any more.
#[derive(Debug)]
pub struct Settled {
    /// The history after it.
    pub history: History,
    /// Milliseconds between the first and the last slot that this process filled, if it finished a publish.
    pub published_in_ms: Option<u64>,
    /// The foreign commit that broke an intent, if one did.
    pub diverged: Option<Refusal>,
    /// Why a SQL warehouse could not carry an intent out, which was given up for it.
    pub failed: Option<Failure>,
}

impl Settled {
    /// Nothing was done yet.
    fn at(history: History) -> Self {
        Self { history, published_in_ms: None, diverged: None, failed: None }
    }

    /// What it came to when a later step is counted in.
    fn and(self, later: Self) -> Self {
        let broken = later.diverged.is_some() || later.failed.is_some();
        let (diverged, failed) =
            if broken { (later.diverged, later.failed) } else { (self.diverged, self.failed) };
        let published_in_ms = later.published_in_ms.or(self.published_in_ms);
        Self { history: later.history, published_in_ms, diverged, failed }
    }
}

/// A body that an open intent names is not there.
#[derive(Debug, thiserror::Error)]
#[error(
    "the body of the commit for version {version} of {table} is missing or damaged ({key}); restore that object, the intent cannot be finished without it"
)]
struct BodyLost {
    table: String,
    version: u64,
    key: String,
}

impl Classify for BodyLost {
    fn class(&self) -> FailureClass {
        FailureClass::Damaged
    }
}

/// Finishes whatever intent is open, whoever announced it.
///
/// # Errors
/// When a store cannot be used; the intent stays open and the next call finishes it.
pub async fn settle(scene: &Scene<'_>, history: History) -> Result<Settled, Failure> {
    let mut settled = Settled::at(history);
    while let Some(intent) = settled.history.state.as_ref().and_then(|state| state.open_intent.clone()) {
        match Box::pin(step(scene, settled.history.clone(), &intent)).await {
            Ok(step) => settled = settled.and(step),
            Err(failure) => settled.history = overtaken(scene, settled.history, failure).await?,
        }
    }
    Ok(settled)
}

/// One step of settling an open intent.
async fn step(scene: &Scene<'_>, history: History, intent: &OpenIntent) -> Result<Settled, Failure> {
    let mut settled = Settled::at(history);
    if intent.slots.iter().any(|slot| slot.warehouse.is_some()) {
        // boxed: few calls go this way, and all of them have its future in theirs
        return Box::pin(warehouse::settle(scene, settled, intent)).await;
    }
    let (slots, window) = Box::pin(fill_free(scene, &settled.history, intent)).await?;
    match next(&slots) {
        // a slot that could neither be filled nor is taken: look again
        Next::Fill(_) | Next::FillHidden(_) => {}
        Next::Publish => {
            let window = u64::try_from(window.as_millis()).unwrap_or(u64::MAX);
            settled.history = say_published(scene, settled.history, intent, window).await?;
            if intent.kind == IntentKind::Publish {
                settled.published_in_ms = Some(window);
            }
            forget_bodies(scene, &settled.history, intent.seq).await;
        }
        Next::RollBack { foreign, author } => {
            settled.diverged = diverged(scene, &settled.history, intent.slots.get(foreign), &author);
            settled.history = Box::pin(roll_back(scene, settled.history, intent, &author)).await?;
        }
    }
    Ok(settled)
}

/// The history to go on with when a body is not there: whoever settles an intent removes its bodies behind the entry that says
/// so. Where the log has not gone on, the body is lost.
async fn overtaken(scene: &Scene<'_>, history: History, failure: Failure) -> Result<History, Failure> {
    if failure.cause.downcast_ref::<BodyLost>().is_none() {
        return Err(failure);
    }
    let read_up_to = next_seq(&history);
    let later = scene.log.read_on(history).await.at(Stage::Publish, &scene.group.name)?;
    if next_seq(&later) > read_up_to { Ok(later) } else { Err(failure) }
}

/// Looks at all slots of an intent and, unless one is taken by somebody else, fills those that are free: first those that
/// no reader can see yet. What the slots hold after that, and how long it took from the first to the last that are seen.
async fn fill_free(
    scene: &Scene<'_>,
    history: &History,
    intent: &OpenIntent,
) -> Result<(Vec<Slot>, Duration), Failure> {
    let tables = open_tables(scene, history, intent).await?;
    let looks = intent.slots.iter().zip(&tables).map(|(slot, table)| async move {
        let state = look(slot, table).await?;
        Ok::<_, Failure>(Slot { state, hidden: slot.hidden })
    });
    let looks: Vec<_> = looks.collect();
    let hidden = intent.slots.iter().any(|slot| slot.hidden);
    let at_once = if hidden { BODIES_IN_FLIGHT } else { SLOTS_IN_FLIGHT };
    let mut slots: Vec<Slot> = stream::iter(looks).buffered(at_once).try_collect().await?;
    let mut window = Duration::ZERO;
    loop {
        let filled = match next(&slots) {
            Next::FillHidden(free) => fill_hidden(scene, history, intent, &tables, free).await?,
            Next::Fill(free) => {
                let (filled, took) = fill_seen(scene, history, intent, &tables, free).await?;
                window = took;
                filled
            }
            Next::Publish | Next::RollBack { .. } => return Ok((slots, window)),
        };
        let progress = filled.iter().any(|(_, state)| *state != SlotState::Free);
        for (index, state) in filled {
            if let Some(slot) = slots.get_mut(index) {
                slot.state = state;
            }
        }
        if !progress {
            // slots that could neither be filled nor are taken: the caller looks again
            return Ok((slots, window));
        }
    }
}

/// Fills slots that no reader can see yet, a few at a time: their bodies are large.
async fn fill_hidden(
    scene: &Scene<'_>,
    history: &History,
    intent: &OpenIntent,
    tables: &[TableStore],
    free: Vec<usize>,
) -> Result<Vec<(usize, SlotState)>, Failure> {
    let fills = free.into_iter().filter_map(|index| {
        let (slot, table) = (intent.slots.get(index)?, tables.get(index)?);
        Some(async move {
            let body = body(scene, history, intent, slot).await?;
            Ok::<_, Failure>((index, fill(slot, table, body).await?))
        })
    });
    let fills: Vec<_> = fills.collect();
    stream::iter(fills).buffer_unordered(BODIES_IN_FLIGHT).try_collect().await
}

/// Fills slots that readers see: all bodies are fetched first, so that nothing but the commits happens between the first
/// and the last.
async fn fill_seen(
    scene: &Scene<'_>,
    history: &History,
    intent: &OpenIntent,
    tables: &[TableStore],
    free: Vec<usize>,
) -> Result<(Vec<(usize, SlotState)>, Duration), Failure> {
    let slots: Vec<(usize, &IntentSlot, &TableStore)> = free
        .into_iter()
        .filter_map(|index| Some((index, intent.slots.get(index)?, tables.get(index)?)))
        .collect();
    let bodies = try_join_all(slots.iter().map(|(_, slot, _)| body(scene, history, intent, slot))).await?;
    let begun = Instant::now();
    let fills = slots.into_iter().zip(bodies).map(|((index, slot, table), body)| async move {
        fill(slot, table, body).await.map(|state| (index, state))
    });
    let filled = try_join_all(fills).await?;
    Ok((filled, begun.elapsed()))
}

async fn open_tables(
    scene: &Scene<'_>,
    history: &History,
    intent: &OpenIntent,
) -> Result<Vec<TableStore>, Failure> {
    let standby = scene.standby(history);
    let open = |slot: &IntentSlot| {
        let table = slot.table.clone();
        let url = slot.url.parse().map_err(BadUrl).at(Stage::Publish, &table);
        async move {
            let opened = scene.stores.target_at(standby, scene.group, &table, &url?).await;
            opened.at(Stage::Publish, &table)
        }
    };
    try_join_all(intent.slots.iter().map(open)).await
}

#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct BadUrl(lakedr_control::location::InvalidUrl);

impl Classify for BadUrl {
    fn class(&self) -> FailureClass {
        FailureClass::Damaged
    }
}

/// The body of a slot, which must be what the intent says.
pub(super) async fn body(
    scene: &Scene<'_>,
    history: &History,
    intent: &OpenIntent,
    slot: &IntentSlot,
) -> Result<Bytes, Failure> {
    let home = scene.log.home_store(history);
    let key = layout::pending_commit(&scene.group.name, intent.seq, &slot.table, &slot.body_digest);
    let object = home.read(&key).await.at(Stage::Publish, &slot.table)?;
    match object.filter(|object| digest::of_bytes(&object.bytes) == slot.body_digest) {
        Some(object) => Ok(Bytes::from(object.bytes)),
        None => {
            let lost = BodyLost { table: slot.table.to_string(), version: slot.version, key };
            Err(lost.at(Stage::Publish, &slot.table))
        }
    }
}

/// Finishes the first clones of a broken intent that are out of sight so far: version 0 of such a table would be the
/// only one that is missing, and nobody else could ever publish the table in its place. What it then shows is its state
/// at the broken cut, which no recovery point names; the next sync goes on from there.
async fn finish_hidden(scene: &Scene<'_>, history: &History, broken: &OpenIntent) -> Result<(), Failure> {
    let begun = |slot: &&IntentSlot| slot.hidden && scene.recorded_version(history, &slot.table).is_none();
    let tables: BTreeSet<TableName> =
        broken.slots.iter().filter(begun).map(|slot| slot.table.clone()).collect();
    for table in tables {
        let mut intent = broken.clone();
        intent.slots.retain(|slot| slot.table == table);
        fill_free(scene, history, &intent).await?;
    }
    Ok(())
}

async fn say_published(
    scene: &Scene<'_>,
    history: History,
    intent: &OpenIntent,
    publish_window_ms: u64,
) -> Result<History, Failure> {
    let event = Event::Published { intent: intent.seq, cut: intent.cut.clone(), publish_window_ms };
    append_or_read_on(scene, history, event).await
}

/// Appends an event; if somebody else was first, what they appended is what counts.
pub(super) async fn append_or_read_on(
    scene: &Scene<'_>,
    history: History,
    event: Event,
) -> Result<History, Failure> {
    let name = &scene.group.name;
    let at = scene.world.now();
    let appended = scene.log.append(history.clone(), event, at, scene.world.author.clone()).await;
    match appended.at(Stage::Publish, name)? {
        Appended::Done(history) => Ok(*history),
        Appended::Lost => scene.log.read_on(history).await.at(Stage::Publish, name),
    }
}

/// The bodies of a settled intent are of no more use. Best effort: what stays behind is small and harmless.
pub(super) async fn forget_bodies(scene: &Scene<'_>, history: &History, seq: u64) {
    let home = scene.log.home_store(history);
    let folder = layout::pending_commits(&scene.group.name, seq);
    let keys = home.list(&folder).await.unwrap_or_default();
    for key in keys {
        if let Err(error) = home.delete(&key).await {
            tracing::debug!(%key, %error, "a settled commit body stays behind");
        }
    }
}

pub(super) fn diverged(
    scene: &Scene<'_>,
    history: &History,
    slot: Option<&IntentSlot>,
    author: &str,
) -> Option<Refusal> {
    let slot = slot?;
    let recorded = scene.recorded_version(history, &slot.table);
    Some(Refusal::Diverged {
        table: slot.table.clone(),
        version: slot.version,
        author: author.to_owned(),
        expected: recorded.map_or_else(|| "none".to_owned(), |version| version.to_string()),
    })
}

/// Replaces a broken intent by one that brings its tables back to the newest recovery point; where there is nothing
/// to bring back, gives it up.
async fn roll_back(
    scene: &Scene<'_>,
    history: History,
    broken: &OpenIntent,
    author: &str,
) -> Result<History, Failure> {
    finish_hidden(scene, &history, broken).await?;
    let point = history.state.as_ref().and_then(|state| state.recovery_point().cloned());
    let mut cut = point.map_or_else(|| broken.cut.clone(), |point| point.cut);
    let at = scene.world.now();
    let seq = history.state.as_ref().map_or(0, |state| state.next_seq);
    let mut offers = Vec::new();
    for (slot, table) in broken.slots.iter().zip(open_tables(scene, &history, broken).await?) {
        // after a change of roles there is no recovery point in these tables yet
        let recorded =
            scene.recorded_version(&history, &slot.table).filter(|_| !scene.is_returning(&history));
        let Some(recorded) = recorded else { continue };
        let context =
            RollbackContext { group: &scene.group.name, cut: &cut, seq, at, txn_id: scene.world.fresh_id() };
        offers.extend(offer(&context, &table, recorded).await?);
    }
    if offers.is_empty() {
        let reason =
            format!("a slot was taken by a foreign commit ({author}), and no table has to be brought back");
        return append_or_read_on(scene, history, Event::Abandoned { intent: broken.seq, reason }).await;
    }
    for table in &mut cut.tables {
        if let Some(offer) = offers.iter().find(|offer| offer.table == table.name) {
            table.target_version = Some(offer.version);
        }
    }
    let spec_digest = broken.spec_digest.clone();
    let intention = Intention { kind: IntentKind::Rollback, replaces: Some(broken.seq), spec_digest, cut };
    let slots = try_join_all(offers.iter().map(|offer| store_body(scene, &history, offer))).await?;
    let announced = announce(scene, history.clone(), intention, slots).await?;
    match announced {
        Some(history) => Ok(history),
        None => scene.log.read_on(history).await.at(Stage::Publish, &scene.group.name),
    }
}
