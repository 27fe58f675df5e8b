//! One table of the standby region: what nothing needs is removed.

use lakedr_control::group_log::History;

use super::delete::{AT_ONCE, Deleted, delete};
use super::keep::{Count, Retention};
use super::listing::{Age, Doomed, inventory};
use super::needed::{Standby, needed};
use super::report::TablePrune;
use crate::cut::Refusal;
use crate::error::{At as _, Stage};
use crate::pipeline::{Scene, Stop};
use crate::publish::next_seq;
use crate::spec::TableStore;

/// What all tables of a group share.
pub(super) struct Pruning<'a> {
    pub(super) scene: &'a Scene<'a>,
    /// The group log as everything was decided on.
    pub(super) history: &'a History,
    pub(super) now_ms: i64,
    pub(super) dry_run: bool,
}

/// Removes from a table what nothing needs; `oldest_kept` is its version at the oldest recovery point that is kept.
pub(super) async fn prune_table(
    pruning: &Pruning<'_>,
    standby: &Standby,
    source: &TableStore,
    oldest_kept: u64,
) -> TablePrune {
    let group = &pruning.scene.group.name;
    let empty = || TablePrune::new(standby.table.name.clone(), Default::default(), Count::default());
    let found = match look(pruning, standby, source, oldest_kept).await {
        Ok(found) => found,
        Err(stop) => return empty().stopped(group, &stop),
    };
    let report = TablePrune::new(standby.table.name.clone(), found.kept.clone(), found.left);
    if pruning.dry_run {
        return TablePrune { removed: found.doomed_count(), ..report };
    }
    remove(pruning, standby, &found.doomed, report).await
}

async fn look(
    pruning: &Pruning<'_>,
    standby: &Standby,
    source: &TableStore,
    oldest_kept: u64,
) -> Result<super::listing::Inventory, Stop> {
    let needed = needed(standby, source, oldest_kept, pruning.now_ms).await?;
    let period = Retention::of(&standby.snapshot.head.metadata).of_objects();
    let age = Age { period, now_ms: pruning.now_ms };
    Ok(inventory(&standby.table, &needed, age).await.at(Stage::Observe, &standby.table.name)?)
}

async fn remove(
    pruning: &Pruning<'_>,
    standby: &Standby,
    doomed: &[Doomed],
    mut report: TablePrune,
) -> TablePrune {
    let (mut deleted, mut tried) = (Deleted::default(), 0);
    let mut stopped = None;
    for batch in doomed.chunks(AT_ONCE) {
        if let Err(stop) = unmoved(pruning, standby).await {
            stopped = Some(stop);
            break;
        }
        delete(&standby.table, batch, &mut deleted).await;
        tried += batch.len();
    }
    doomed.iter().skip(tried).for_each(|object| report.left.add(object.size));
    for answer in &deleted.said {
        tracing::warn!(table = %standby.table.name, "{answer}");
    }
    let report = TablePrune { removed: deleted.done, refused: deleted.refused, ..report };
    match stopped {
        Some(stop) => report.stopped(&pruning.scene.group.name, &stop),
        None => report,
    }
}

/// Makes sure that group log and table are still what everything was decided on.
async fn unmoved(pruning: &Pruning<'_>, standby: &Standby) -> Result<(), Stop> {
    let Pruning { scene, history, .. } = pruning;
    log_unmoved(scene, history).await?;
    let (table, version) = (&standby.table, standby.version);
    let listing = table.table().listing_since(version).await.at(Stage::Observe, &table.name)?;
    if listing.latest_commit() == Some(version) {
        return Ok(());
    }
    let reason = format!(
        "{} in the standby region is not at version {version} any more: somebody has just written to it; prune again",
        table.name
    );
    Err(Refusal::Fenced { reason }.into())
}

/// Makes sure that the group log has not gone on.
pub(super) async fn log_unmoved(scene: &Scene<'_>, history: &History) -> Result<(), Stop> {
    let current = scene.log.read().await.at(Stage::Observe, &scene.group.name)?;
    if next_seq(&current) == next_seq(history) {
        return Ok(());
    }
    let reason = "the group log has gone on since this call has read it; prune again".to_owned();
    Err(Refusal::Fenced { reason }.into())
}
