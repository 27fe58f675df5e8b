//! Which statements an intent offers, by where the tables stand.

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use lakedr_control::cut::Cut;
use lakedr_control::group_log::{GroupState, History, OpenIntent, WarehouseAct, WarehouseSlot};
use lakedr_control::id::TableName;

use super::client::Warehouse;
use super::rows::{Standing, TableHead, standing};
use super::script;
use crate::cut::Refusal;
use crate::error::{At as _, Failure, Stage};
use crate::pipeline::{Scene, Stop};
use crate::publish::intent::{Offer, next_seq};

/// Histories that are asked for at the same time.
const LOOKS_IN_FLIGHT: usize = 8;

/// A table of the standby region that a warehouse writes.
#[derive(Debug)]
pub(crate) struct Held {
    /// The table.
    pub(crate) table: TableName,
    /// Its newest version but for maintenance; none when there is no table.
    pub(crate) head: Option<TableHead>,
    /// Whether it holds what the newest recovery point names.
    pub(crate) at_recovery_point: bool,
}

/// The declared tables of the standby region, by what its warehouse says of them.
///
/// # Errors
/// See [`held_tables`].
pub(crate) async fn warehouse_tables(scene: &Scene<'_>, history: &History) -> Result<Vec<Held>, Stop> {
    let warehouse = Warehouse::open(scene, history).await.at(Stage::Observe, &scene.group.name)?;
    held_tables(scene, &warehouse, history).await
}

/// The declared tables of the standby region.
///
/// # Errors
/// A refusal when somebody else has written to one; after a change of roles they may have.
pub(crate) async fn held_tables(
    scene: &Scene<'_>,
    warehouse: &Warehouse,
    history: &History,
) -> Result<Vec<Held>, Stop> {
    let tables: Vec<TableName> = scene.group.tables.iter().map(|table| table.name.clone()).collect();
    let returning = scene.is_returning(history);
    let mut held = Vec::new();
    for (table, standing) in stand(scene, warehouse, history, tables).await? {
        let (head, at_recovery_point) = match standing {
            Standing::Absent => (None, false),
            Standing::AtPoint { head } => (Some(head), !returning),
            Standing::Ours { head } => (Some(head), false),
            Standing::Foreign { head, .. } if returning => (Some(head), false),
            Standing::Foreign { version, author, .. } => {
                return Err(diverged(scene, history, table, version, author).into());
            }
        };
        held.push(Held { table, head, at_recovery_point });
    }
    Ok(held)
}

fn diverged(scene: &Scene<'_>, history: &History, table: TableName, version: u64, author: String) -> Refusal {
    let recorded = scene.recorded_version(history, &table);
    let expected =
        recorded.map_or_else(|| "none, there should be no table".to_owned(), |version| version.to_string());
    Refusal::Diverged { table, version, author, expected }
}

async fn stand(
    scene: &Scene<'_>,
    warehouse: &Warehouse,
    history: &History,
    tables: Vec<TableName>,
) -> Result<Vec<(TableName, Standing)>, Failure> {
    let cut = history.state.as_ref().and_then(GroupState::held);
    let looks = tables.into_iter().map(|table| {
        let landed = cut.as_ref().and_then(|cut| cut.table(&table)?.landed_version);
        let recorded = scene.recorded_version(history, &table).map(|version| (version, landed));
        let landing = landing_url(scene, history, &table);
        async move {
            let rows = warehouse.history(&table).await.at(Stage::Observe, &table)?;
            let standing = standing(&landing, recorded, rows.as_deref());
            Ok::<_, Failure>((table, standing))
        }
    });
    let looks: Vec<_> = looks.collect();
    stream::iter(looks).buffered(LOOKS_IN_FLIGHT).try_collect().await
}

fn landing_url(scene: &Scene<'_>, history: &History, table: &TableName) -> String {
    scene.stores.landing_url(scene.standby(history), table).to_string()
}

/// The statements that publish a cut which has landed: none for a table that holds its part of it already.
pub(crate) fn clone_offers(
    scene: &Scene<'_>,
    warehouse: &Warehouse,
    history: &History,
    (cut, held): (&Cut, &[Held]),
) -> Vec<Offer> {
    let state = history.state.as_ref().and_then(GroupState::held);
    let changed = held.iter().filter_map(|held| {
        let version = cut.table(&held.table)?.landed_version?;
        let landed = state.as_ref().and_then(|cut| cut.table(&held.table)?.landed_version);
        let same = held.at_recovery_point && landed == Some(version);
        (!same).then(|| {
            let source = landing_url(scene, history, &held.table);
            let slot = slot(held.head, WarehouseAct::Clone { source, version });
            offer(scene, warehouse, history, &held.table, slot)
        })
    });
    changed.collect()
}

/// The statements that bring the tables of a broken intent back to the newest recovery point: for each that lakedr alone has
/// written to since, also when nothing of the intent reached it, so that a late statement of the intent finds it moved on.
pub(super) async fn restore_offers(
    scene: &Scene<'_>,
    warehouse: &Warehouse,
    history: &History,
    broken: &OpenIntent,
) -> Result<Vec<Offer>, Failure> {
    // after a change of roles there is no recovery point in these tables yet
    let recorded =
        |table: &TableName| scene.recorded_version(history, table).filter(|_| !scene.is_returning(history));
    let tables = broken.slots.iter().map(|slot| slot.table.clone()).filter(|table| recorded(table).is_some());
    let mut offers = Vec::new();
    for (table, standing) in stand(scene, warehouse, history, tables.collect()).await? {
        let (Standing::AtPoint { head } | Standing::Ours { head }) = standing else { continue };
        let Some(version) = recorded(&table) else { continue };
        let slot = slot(Some(head), WarehouseAct::Restore { version });
        offers.push(offer(scene, warehouse, history, &table, slot));
    }
    Ok(offers)
}

fn slot(head: Option<TableHead>, act: WarehouseAct) -> WarehouseSlot {
    let after_committed_at = head.and_then(|head| head.committed_at);
    WarehouseSlot { after: head.map(|head| head.version), after_committed_at, act }
}

fn offer(
    scene: &Scene<'_>,
    warehouse: &Warehouse,
    history: &History,
    table: &TableName,
    slot: WarehouseSlot,
) -> Offer {
    let mark = script::mark(&scene.group.name, next_seq(history));
    Offer {
        table: table.clone(),
        url: warehouse.workspace().to_owned(),
        version: slot.after.map_or(0, |after| after + 1),
        hidden: false,
        body: Bytes::from(script::statement(&mark, table, &slot)),
        warehouse: Some(slot),
    }
}
