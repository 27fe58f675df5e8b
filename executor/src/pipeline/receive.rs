//! What the receiver takes: the newest cut that has landed, whoever landed it.

use futures::future::try_join_all;
use lakedr_control::cut::Cut;
use lakedr_control::group_log::{History, Landed};

use super::scene::{Scene, Stop};
use crate::cut::Refusal;
use crate::observe::choice::Last;
use crate::observe::source::{Newer, Pinned, heads, pin};
use crate::record::with_records;
use crate::spec::TableStore;

/// The newest cut that has landed, and its landing tables at their versions; none when the target holds it.
///
/// # Errors
/// A refusal when the landing area is not what the group log says, a failure when it cannot be read.
pub(super) async fn landed(
    scene: &Scene<'_>,
    history: &History,
    tables: Vec<TableStore>,
    last: Last<'_>,
) -> Result<Option<(Cut, Vec<Pinned>)>, Stop> {
    let Some(landed) = history.state.as_ref().and_then(|state| state.landed.as_ref()) else {
        return Ok(None);
    };
    if last.held().is_some_and(|held| held.id == landed.cut.id) {
        return Ok(None);
    }
    say_spec(scene, landed);
    let tables = with_records(scene, history, tables).await;
    let mut versions = Vec::with_capacity(tables.len());
    for (table, _) in &tables {
        versions.push(landed_version(landed, table)?);
    }
    let heads = heads(tables, Newer::Leave).await?;
    let pins = heads.iter().zip(versions).map(|(head, version)| pin(head, version));
    Ok(Some((landed.cut.clone(), try_join_all(pins).await?)))
}

fn landed_version(landed: &Landed, table: &TableStore) -> Result<u64, Refusal> {
    let held = landed.cut.table(&table.name).and_then(|table| table.landed_version);
    held.ok_or_else(|| Refusal::TableMissing {
        table: table.name.clone(),
        problem: format!(
            "is not part of what has landed ({}); it was added to the group since, and comes with the next cut that \
             `lakedr send` lands: apply the same configuration in both regions",
            landed.cut.describe()
        ),
    })
}

/// A specification that differs between the two regions is said and never merged.
fn say_spec(scene: &Scene<'_>, landed: &Landed) {
    if landed.spec_digest != scene.spec_digest {
        tracing::warn!(
            group = %scene.group.name,
            "the cut has landed by another specification of the group than the one in this region; apply the same \
             configuration in both regions"
        );
    }
}
