//! How long the active region keeps what waits to be copied.

use futures::future::join_all;
use lakedr_control::cut::Cut;
use lakedr_control::group_log::History;

use super::loss::Seen;
use crate::delta::state::Metadata;
use crate::error::{At as _, Failure, Stage};
use crate::patience::in_time;
use crate::pipeline::Scene;
use crate::plan::retention::{RetentionLeft, retention_left};
use crate::record::with_records;
use crate::spec::TableStore;

/// What is left of the retention that ends first, of the tables that are not known to be as the recovery point has them. What
/// is on record of a table is enough, so that a region that is lost is no reason not to say it; where nothing can be said of
/// one, `seen` says so.
pub(super) async fn left(
    scene: &Scene<'_>,
    history: &History,
    held: Option<&Cut>,
    seen: &mut Seen,
) -> Option<RetentionLeft> {
    let held = held?;
    // that they cannot be opened has been said
    let mut tables = scene.stores.sources(scene.active(history), scene.group).await.ok()?;
    tables.retain(|table| held.table(&table.name).is_some() && !seen.current.contains(&table.name));
    // no file or commit that the next cut needs was replaced before the run that is held had ended
    let waiting = scene.world.now().signed_duration_since(held.as_of).to_std().unwrap_or_default();
    let tables = with_records(scene, history, tables).await;
    let looks = tables.iter().map(|(table, record)| async move {
        match record {
            Some(record) => Ok(retention_left(&table.name, &record.source.head.metadata, waiting)),
            None => {
                let metadata = in_time(metadata(table)).await?;
                Ok::<_, String>(retention_left(&table.name, &metadata, waiting))
            }
        }
    });
    let mut found = Vec::new();
    for ((table, _), look) in tables.iter().zip(join_all(looks).await) {
        match look {
            Ok(left) => found.extend(left),
            Err(why) => seen.unseen.push(format!("the retention of {}: {why}", table.name)),
        }
    }
    found.into_iter().min_by_key(|left| left.left_seconds)
}

async fn metadata(table: &TableStore) -> Result<Metadata, Failure> {
    let delta = table.table();
    let listing = delta.listing().await.at(Stage::Observe, &table.name)?;
    let snapshot = delta.snapshot(&listing, None).await.at(Stage::Observe, &table.name)?;
    Ok(snapshot.head.metadata)
}
