//! The copy that is judged: tables of their own, equal to those of the recovery point, in the drill's own folder.

use lakedr_control::group_log::{GroupState, RecoveryPoint};
use lakedr_control::layout;
use lakedr_control::validate::SideName;

use super::validation::CopiedTable;
use crate::error::{At as _, Failure, Stage};
use crate::pipeline::Scene;
use crate::report::Progress;
use crate::snapshots::{Said, Wanted, carry_out, plan};
use crate::spec::TableStore;

/// Copies the tables of a recovery point, which are whole, and reads them back. Within a store the store does it.
pub(super) async fn copy(
    scene: &Scene<'_>,
    (standby, state, point): (SideName, &GroupState, &RecoveryPoint),
    drill: u64,
    progress: &Progress,
) -> Result<Vec<CopiedTable>, Failure> {
    let name = &scene.group.name;
    let folder = scene.stores.below_location(standby, &layout::drill_copy(name, drill));
    let folder = folder.at(Stage::Copy, name)?.url;
    let said = Said { by: format!("drill/{name}/{drill}"), id: point.cut.id.clone(), seq: point.seq };
    let mut wanted = Vec::new();
    for table in scene.stores.sources(standby, scene.group).await.at(Stage::Observe, name)? {
        let Some(version) = state.standby_version(point, &table.name) else { continue };
        let place =
            scene.stores.open_url(standby, &folder.table(&table.name)).at(Stage::Copy, &table.name)?;
        let target = TableStore::at(table.name.clone(), place);
        wanted.push(Wanted::whole(table, version, target));
    }
    let plans = Box::pin(plan(wanted)).await.at(Stage::Plan, name)?;
    let sides = scene.stores.sides(standby, standby);
    let copied = Box::pin(carry_out(scene.world, plans, &sides, &said, progress)).await;
    let tables = copied.at(Stage::Copy, name)?.into_iter().map(|replica| CopiedTable {
        name: replica.name().to_string(),
        url: replica.url().to_string(),
        version: replica.version,
    });
    Ok(tables.collect())
}
