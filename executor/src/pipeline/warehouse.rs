//! The receiver's way where a SQL warehouse publishes: no file is moved here, and nothing is planned file by file.

use lakedr_control::cut::Cut;
use lakedr_control::group_log::{History, IntentKind};

use super::attempt::{End, settled_or_stop};
use super::leg::Leg;
use super::prepare::{goes_forward, last};
use super::receive::landed;
use super::scene::{Scene, Stop};
use crate::error::{At as _, Stage};
use crate::failover::keep_lost_of;
use crate::observe::choice::Last;
use crate::publish::{
    Held, Intention, Warehouse, announce, clone_offers, held_tables, next_seq, settle, store_body,
};
use crate::report::{Done, Outcome};

/// What the warehouse has to publish: a cut that has landed, and where the tables stand.
#[derive(Debug)]
pub struct Cloning {
    warehouse: Warehouse,
    /// The cut.
    pub cut: Cut,
    held: Vec<Held>,
}

/// What there is to publish; none when the tables hold it.
///
/// # Errors
/// A refusal when somebody else has written to a table, a failure when something cannot be read.
pub async fn to_clone(scene: &Scene<'_>, history: &History) -> Result<Option<Cloning>, Stop> {
    let name = &scene.group.name;
    let warehouse = Warehouse::open(scene, history).await.at(Stage::Observe, name)?;
    let held = held_tables(scene, &warehouse, history).await?;
    let lost = !scene.begins_again(history) && !held.iter().all(|table| table.at_recovery_point);
    let before = last(scene, history);
    let last = Last { cut: before.as_deref(), lost };
    let sources = scene.sources(history).await.at(Stage::Observe, name)?;
    let Some((mut cut, _)) = landed(scene, history, sources, last).await? else { return Ok(None) };
    goes_forward(&cut, last.cut)?;
    for table in &mut cut.tables {
        let head =
            held.iter().find(|held| held.table == table.name).and_then(|held| Some(held.head?.version));
        table.target_version = head;
    }
    Ok(Some(Cloning { warehouse, cut, held }))
}

/// Publishes what has landed through the warehouse of the region.
///
/// # Errors
/// A refusal or a failure. Whatever was begun, the next attempt finishes.
pub(super) async fn receive(
    scene: &Scene<'_>,
    history: History,
    finished: bool,
    read_up_to: &mut u64,
) -> Result<End, Stop> {
    debug_assert!(scene.leg == Leg::Receive, "the engine asks for staged delivery");
    let Some(Cloning { warehouse, cut, held }) = to_clone(scene, &history).await? else {
        let outcome = if finished { Outcome::Published } else { Outcome::UpToDate };
        return Ok(End::Done(Done::new(outcome, &history)));
    };
    keep_lost(scene, &history, &held).await?;
    let mut slots = Vec::new();
    for offer in clone_offers(scene, &warehouse, &history, (&cut, &held)) {
        slots.push(store_body(scene, &history, &offer).await?);
    }
    let spec_digest = scene.spec_digest.clone();
    let intention = Intention { kind: IntentKind::Publish, replaces: None, spec_digest, cut };
    let Some(history) = announce(scene, history, intention, slots).await? else { return Ok(End::Raced) };
    *read_up_to = next_seq(&history);
    let settled = Box::pin(settle(scene, history)).await?;
    *read_up_to = next_seq(&settled.history);
    let (history, _) = settled_or_stop(settled)?;
    Ok(End::Done(Done::new(Outcome::Published, &history)))
}

/// After a change of roles: what the tables hold behind the recovery point is kept before it is replaced.
async fn keep_lost(scene: &Scene<'_>, history: &History, held: &[Held]) -> Result<(), Stop> {
    if !scene.is_returning(history) || held.iter().all(|table| table.head.is_none()) {
        return Ok(());
    }
    let tables = scene.stores.sources(scene.standby(history), scene.group).await;
    for table in tables.at(Stage::Observe, &scene.group.name)? {
        keep_lost_of(scene, history, &table).await?;
    }
    Ok(())
}
