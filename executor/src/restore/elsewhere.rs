//! Tables of their own, equal to those of a recovery point. Nothing else is written.

use lakedr_control::group_log::History;
use lakedr_control::location::StoreUrl;
use lakedr_control::validate::SideName;

use super::find::{To, find};
use super::in_place::is_whole;
use super::refusal::RestoreRefusal;
use super::{NotRestored, Restored, RestoredTable, restored};
use crate::error::{At as _, Failure, Stage};
use crate::observe::incarnation::Named;
use crate::pipeline::Scene;
use crate::report::Progress;
use crate::snapshots::{Said, Wanted, carry_out, is_free, plan};
use crate::spec::TableStore;

/// Copies the tables of a recovery point to a place of their own. A call that was cut short is gone on with.
pub(super) async fn restore(
    scene: &Scene<'_>,
    history: &History,
    to: To,
    url: &StoreUrl,
    progress: &Progress,
) -> Result<Restored, NotRestored> {
    let name = &scene.group.name;
    let Some(state) = &history.state else {
        return Err(RestoreRefusal::NoSuchPoint { known: Vec::new() }.into());
    };
    let point = find(state, to)?;
    // the tables that were written for the point may be of the region that is active by now
    let standby = scene.standby(history);
    let side = if state.is_turned(point) { standby.other() } else { standby };
    let said = Said { by: format!("restore/{name}/{}", point.seq), id: point.cut.id.clone(), seq: point.seq };
    let wanted = wanted(scene, Named::by(scene, state, point, side), side, (url, &said)).await?;
    let versions: Vec<u64> = wanted.iter().map(|wanted| wanted.version).collect();
    let plans = plan(wanted).await.at(Stage::Plan, name)?;
    let sides = scene.stores.sides(side, side);
    let replicas = carry_out(scene.world, plans, &sides, &said, progress).await.at(Stage::Copy, name)?;
    let tables = replicas.iter().zip(versions).map(|(replica, of_version)| RestoredTable {
        name: replica.name().clone(),
        url: replica.url().to_string(),
        version: replica.version,
        of_version,
    });
    Ok(restored(scene, point, tables.collect()))
}

async fn wanted(
    scene: &Scene<'_>,
    named: Named<'_>,
    side: SideName,
    (url, said): (&StoreUrl, &Said),
) -> Result<Vec<Wanted>, NotRestored> {
    let sources = scene.stores.sources(side, scene.group).await.at(Stage::Observe, &scene.group.name)?;
    let mut all = Vec::new();
    for source in sources {
        let Some(version) = named.version(&source.name) else { continue };
        let target = target(scene, side, &source, url)?;
        if !is_free(&target, said).await.at(Stage::Observe, &source.name)? {
            return Err(RestoreRefusal::TargetTaken { url: target.url.to_string() }.into());
        }
        is_whole(named, &source, version).await?;
        all.push(Wanted::whole(source, version, target));
    }
    Ok(all)
}

fn target(
    scene: &Scene<'_>,
    side: SideName,
    source: &TableStore,
    url: &StoreUrl,
) -> Result<TableStore, Failure> {
    let opened = scene.stores.open_url(side, &url.table(&source.name)).at(Stage::Observe, &source.name)?;
    Ok(TableStore::at(source.name.clone(), opened))
}
