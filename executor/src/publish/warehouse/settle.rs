use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use lakedr_control::group_log::{Event, History, IntentKind, IntentSlot, OpenIntent, WarehouseSlot};

use super::client::Warehouse;
use super::error::WarehouseError;
use super::offer::restore_offers;
use super::read_back::read_back;
use super::rows::judge;
use crate::error::{At as _, Classify as _, Failure, Stage};
use crate::pipeline::Scene;
use crate::publish::intent::{Intention, announce, store_body};
use crate::publish::settle::{Settled, append_or_read_on, body, diverged, forget_bodies};
use crate::publish::{Next, Slot, next};

/// Statements that are under way at the same time.
const STATEMENTS_IN_FLIGHT: usize = 8;

/// A slot, and the version that holds it once it is filled.
type Found = (Slot, Option<u64>);

/// Why an intent is given up.
enum Broken<'a> {
    /// A slot was taken by somebody else.
    Foreign { slot: Option<&'a IntentSlot>, author: String },
    /// A statement cannot be carried out, or a table is not what it should be.
    Failed(Failure),
}

/// What has come of the statements that this call has sent.
#[derive(Default)]
struct Sent {
    carried_out: BTreeSet<usize>,
    failed: BTreeMap<usize, Failure>,
    window: Duration,
}

/// One step of settling: the open intent, whose slots a warehouse fills, is published, or given up for one that brings the
/// tables back.
///
/// # Errors
/// When the warehouse or the home of the log cannot be used; the intent stays open and the next call finishes it.
pub(in crate::publish) async fn settle(
    scene: &Scene<'_>,
    settled: Settled,
    intent: &OpenIntent,
) -> Result<Settled, Failure> {
    let name = &scene.group.name;
    let warehouse = Warehouse::open(scene, &settled.history).await.at(Stage::Publish, name)?;
    let mut sent = Sent::default();
    loop {
        warehouse.quiesce(name, intent.seq).await.at(Stage::Publish, name)?;
        let found = look(&warehouse, intent).await?;
        let slots: Vec<Slot> = found.iter().map(|(slot, _)| slot.clone()).collect();
        match next(&slots) {
            Next::Fill(free) | Next::FillHidden(free) => {
                if let Some(failure) = sent.failure(&warehouse, intent, &free) {
                    return give_up(scene, &warehouse, settled, intent, Broken::Failed(failure)).await;
                }
                fill(scene, &settled.history, &warehouse, intent, free, &mut sent).await?;
            }
            Next::Publish => {
                if intent.kind == IntentKind::Publish
                    && let Err(failure) = read_back(scene, &settled.history, intent, &found).await
                {
                    return give_up(scene, &warehouse, settled, intent, Broken::Failed(failure)).await;
                }
                return publish(scene, settled, intent, &found, sent.window).await;
            }
            Next::RollBack { foreign, author } => {
                let broken = Broken::Foreign { slot: intent.slots.get(foreign), author };
                return give_up(scene, &warehouse, settled, intent, broken).await;
            }
        }
    }
}

impl Sent {
    /// Why a slot that is free all the same will not be filled by sending its statement again.
    fn failure(&mut self, warehouse: &Warehouse, intent: &OpenIntent, free: &[usize]) -> Option<Failure> {
        let failed = free.iter().find_map(|index| self.failed.remove(index));
        failed.or_else(|| {
            let slot = intent.slots.get(*free.iter().find(|index| self.carried_out.contains(index))?)?;
            let error = WarehouseError::NotShown { warehouse: warehouse.id().to_owned() };
            Some(error.at(Stage::Publish, &slot.table))
        })
    }
}

/// What a slot asks of the warehouse. One without it is of an intent that lakedr fills itself, and there are no mixed ones.
fn asked(slot: &IntentSlot) -> Option<&WarehouseSlot> {
    slot.warehouse.as_ref()
}

async fn look(warehouse: &Warehouse, intent: &OpenIntent) -> Result<Vec<Found>, Failure> {
    let looks =
        intent.slots.iter().filter_map(|slot| Some((slot, asked(slot)?))).map(|(slot, asked)| async move {
            let history = warehouse.history(&slot.table).await.at(Stage::Publish, &slot.table)?;
            let (state, version) = judge(asked, history.as_deref());
            Ok::<_, Failure>((Slot { state, hidden: false }, version))
        });
    let looks: Vec<_> = looks.collect();
    stream::iter(looks).buffered(STATEMENTS_IN_FLIGHT).try_collect().await
}

/// Sends the statements of free slots, and waits for their end. What failed is for the next look to judge: somebody else
/// may have done it.
async fn fill(
    scene: &Scene<'_>,
    history: &History,
    warehouse: &Warehouse,
    intent: &OpenIntent,
    free: Vec<usize>,
    sent: &mut Sent,
) -> Result<(), Failure> {
    let mut statements = Vec::new();
    for index in free {
        let Some(slot) = intent.slots.get(index) else { continue };
        let text = body(scene, history, intent, slot).await?;
        statements.push((index, slot, String::from_utf8_lossy(&text).into_owned()));
    }
    let begun = Instant::now();
    let runs = statements.into_iter().map(|(index, slot, text)| async move {
        let ended = warehouse.run(&text).await;
        (index, ended.map(drop).at(Stage::Publish, &slot.table))
    });
    let runs: Vec<_> = runs.collect();
    let mut ended = stream::iter(runs).buffer_unordered(STATEMENTS_IN_FLIGHT);
    while let Some((index, outcome)) = ended.next().await {
        match outcome {
            Ok(()) => drop(sent.carried_out.insert(index)),
            Err(failure) => drop(sent.failed.insert(index, failure)),
        }
    }
    sent.window += begun.elapsed();
    Ok(())
}

async fn publish(
    scene: &Scene<'_>,
    settled: Settled,
    intent: &OpenIntent,
    found: &[Found],
    window: Duration,
) -> Result<Settled, Failure> {
    let mut cut = intent.cut.clone();
    for (slot, (_, version)) in intent.slots.iter().zip(found) {
        if let Some(table) = cut.tables.iter_mut().find(|table| table.name == slot.table) {
            table.target_version = version.or(table.target_version);
        }
    }
    let publish_window_ms = u64::try_from(window.as_millis()).unwrap_or(u64::MAX);
    let event = Event::Published { intent: intent.seq, cut, publish_window_ms };
    let history = append_or_read_on(scene, settled.history, event).await?;
    forget_bodies(scene, &history, intent.seq).await;
    let published = (intent.kind == IntentKind::Publish).then_some(publish_window_ms);
    Ok(Settled { history, published_in_ms: published.or(settled.published_in_ms), ..settled })
}

/// Replaces an intent by one that brings its tables back to the newest recovery point; where there is nothing to bring back,
/// abandons it. What may pass leaves it open: the next call goes on.
async fn give_up(
    scene: &Scene<'_>,
    warehouse: &Warehouse,
    settled: Settled,
    intent: &OpenIntent,
    broken: Broken<'_>,
) -> Result<Settled, Failure> {
    let (reason, refusal, failure) = match broken {
        Broken::Foreign { slot, author } => {
            let reason = format!("a table was written to by somebody else ({author})");
            (reason, diverged(scene, &settled.history, slot, &author), None)
        }
        Broken::Failed(failure) if failure.retryable || intent.kind != IntentKind::Publish => {
            return Err(failure);
        }
        Broken::Failed(failure) => (crate::error::chain(&failure), None, Some(failure)),
    };
    let history = bring_back(scene, warehouse, settled.history, intent, reason).await?;
    let (refused, failed) = (refusal.or(settled.diverged), failure.or(settled.failed));
    Ok(Settled { history, published_in_ms: settled.published_in_ms, diverged: refused, failed })
}

async fn bring_back(
    scene: &Scene<'_>,
    warehouse: &Warehouse,
    history: History,
    broken: &OpenIntent,
    reason: String,
) -> Result<History, Failure> {
    let offers = restore_offers(scene, warehouse, &history, broken).await?;
    let point = history.state.as_ref().and_then(|state| state.recovery_point().cloned());
    let Some(point) = point.filter(|_| !offers.is_empty()) else {
        let reason = format!("{reason}; no table has to be brought back");
        return append_or_read_on(scene, history, Event::Abandoned { intent: broken.seq, reason }).await;
    };
    tracing::warn!(group = %scene.group.name, "the tables go back to the newest recovery point: {reason}");
    let mut slots = Vec::new();
    for offer in &offers {
        slots.push(store_body(scene, &history, offer).await?);
    }
    let intention = Intention {
        kind: IntentKind::Rollback,
        replaces: Some(broken.seq),
        spec_digest: broken.spec_digest.clone(),
        cut: point.cut,
    };
    match announce(scene, history.clone(), intention, slots).await? {
        Some(history) => Ok(history),
        None => scene.log.read_on(history).await.at(Stage::Publish, &scene.group.name),
    }
}
