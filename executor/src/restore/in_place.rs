//! The tables of the standby region go back to an older recovery point, all of them by one intent of kind `restore`.

use lakedr_control::cut::Cut;
use lakedr_control::group_log::{GroupState, History, IntentKind, RecoveryPoint};
use lakedr_control::validate::Publisher;

use super::find::{To, find};
use super::kept::kept;
use super::refusal::RestoreRefusal;
use super::{NotRestored, Restored, RestoredTable, restored};
use crate::cut::Refusal;
use crate::error::{At as _, Classify as _, Failure, Stage};
use crate::failover::check;
use crate::observe::incarnation::Named;
use crate::observe::target::target;
use crate::observe::verify::compare_clone;
use crate::pipeline::{Scene, regions_fit, settled_or_stop};
use crate::prune::window;
use crate::publish::{Intention, Offer, RollbackContext, announce, back_to, next_seq, settle, store_body};
use crate::spec::TableStore;

/// Races with other executors before they count as a reason to stop.
const RACES: usize = 8;

/// A table, and the version that it goes back to.
struct Back {
    table: TableStore,
    version: u64,
    /// Its newest version.
    head: u64,
}

/// Brings the tables of the standby region to a recovery point.
pub(super) async fn restore(
    scene: &Scene<'_>,
    mut history: History,
    to: To,
    yes: bool,
) -> Result<Restored, NotRestored> {
    let name = &scene.group.name;
    for _ in 0..RACES {
        let (settled, _) = settled_or_stop(Box::pin(settle(scene, history)).await?)?;
        let Some(state) = &settled.state else {
            return Err(RestoreRefusal::NoSuchPoint { known: Vec::new() }.into());
        };
        let point = find(state, to)?.clone();
        allowed(scene, state, &point, yes)?;
        let tables = tables(scene, &settled, state, &point).await?;
        // that was the intent which was open, or there is nothing to do
        if let Some(newest) = state.recovery_point().filter(|newest| newest.cut.id == point.cut.id) {
            let mut report = restored(scene, &point, as_they_are(&tables));
            report.seq = Some(newest.seq);
            return Ok(report);
        }
        let window = window(scene, &settled).await?;
        kept(&state.recovery_points, &point, window, scene.world.now())?;
        let (cut, offers) = offers(scene, &settled, &point, &tables).await?;
        let mut slots = Vec::new();
        for offer in &offers {
            slots.push(store_body(scene, &settled, offer).await?);
        }
        // that may have taken long
        kept(&state.recovery_points, &point, window, scene.world.now())?;
        let spec_digest = scene.spec_digest.clone();
        let intention = Intention { kind: IntentKind::Restore, replaces: None, spec_digest, cut };
        let Some(announced) = announce(scene, settled.clone(), intention, slots).await? else {
            history = scene.log.read_on(settled).await.at(Stage::Publish, name)?;
            continue;
        };
        let (history, _) = settled_or_stop(Box::pin(settle(scene, announced)).await?)?;
        let mut report = restored(scene, &point, read_back(&tables, &offers).await?);
        report.seq = history.state.as_ref().and_then(|state| Some(state.recovery_point()?.seq));
        return Ok(report);
    }
    Err(Busy.at(Stage::Publish, name).into())
}

/// Other executors were faster again and again.
#[derive(Debug, thiserror::Error)]
#[error("other executors wrote to the group log {RACES} times in a row; pause the group, then try again")]
struct Busy;

impl crate::error::Classify for Busy {
    fn class(&self) -> lakedr_control::group_log::FailureClass {
        lakedr_control::group_log::FailureClass::Unreachable
    }
}

fn allowed(
    scene: &Scene<'_>,
    state: &GroupState,
    point: &RecoveryPoint,
    yes: bool,
) -> Result<(), NotRestored> {
    regions_fit(scene, state).map_err(|refusal| NotRestored::Stopped(refusal.into()))?;
    if state.is_returning() {
        return Err(RestoreRefusal::Returning { standby: state.role.standby.clone() }.into());
    }
    if scene.group.publisher != Publisher::Native {
        let held = point.cut.tables.iter().filter_map(|table| {
            let version = state.standby_version(point, &table.name)?;
            Some(format!("{} at version {version}", table.name))
        });
        return Err(RestoreRefusal::OfTheWarehouse { versions: held.collect() }.into());
    }
    if !yes && !scene.group.paused && state.paused_by.is_none() {
        return Err(RestoreRefusal::NotPaused.into());
    }
    Ok(())
}

/// The tables of the point, each of which lakedr alone has written to and can be read at its version of the point.
async fn tables(
    scene: &Scene<'_>,
    history: &History,
    state: &GroupState,
    point: &RecoveryPoint,
) -> Result<Vec<Back>, NotRestored> {
    let targets = scene.stores.targets(scene.standby(history), scene.group).await;
    let named = Named::by(scene, state, point, scene.standby(history));
    let mut tables = Vec::new();
    for table in targets.at(Stage::Observe, &scene.group.name)? {
        let Some(version) = named.version(&table.name) else { continue };
        let found = target(scene, history, table).await?;
        let Some(head) = found.head.filter(|_| found.at_recovery_point) else {
            let table = found.table.name.clone();
            let problem = "is not in the standby region, though the recovery point names it; `lakedr sync` clones it anew";
            return Err(NotRestored::Stopped(
                Refusal::TableMissing { table, problem: problem.to_owned() }.into(),
            ));
        };
        let table = found.table;
        is_whole(named, &table, version).await?;
        tables.push(Back { table, version, head });
    }
    Ok(tables)
}

/// Refuses a table of which the point's version cannot be read whole, or is of another table that was cloned in its place.
pub(super) async fn is_whole(named: Named<'_>, table: &TableStore, version: u64) -> Result<(), NotRestored> {
    let mut problems = check(table, version, 0).await.at(Stage::Observe, &table.name)?.problems;
    if problems.is_empty() && !named.is_in_log_of(table).await.at(Stage::Observe, &table.name)? {
        problems.push("the table was created anew since, and its versions began again".to_owned());
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(RestoreRefusal::NotWhole { table: table.name.to_string(), version, problems }.into())
}

/// The commits that bring the tables back, and the cut that they hold then.
async fn offers(
    scene: &Scene<'_>,
    history: &History,
    point: &RecoveryPoint,
    tables: &[Back],
) -> Result<(Cut, Vec<Offer>), Failure> {
    let turned = history.state.as_ref().is_some_and(|state| state.is_turned(point));
    let mut cut = if turned { point.cut.turned() } else { point.cut.clone() };
    let (seq, at) = (next_seq(history), scene.world.now());
    let mut offers = Vec::new();
    for Back { table, version, head } in tables {
        let context =
            RollbackContext { group: &scene.group.name, cut: &cut, seq, at, txn_id: scene.world.fresh_id() };
        offers.push(back_to(&context, table, (*version, *head)).await?);
    }
    // only what goes back belongs to the point that this makes
    cut.tables.retain(|table| offers.iter().any(|offer| offer.table == table.name));
    for table in &mut cut.tables {
        table.target_version =
            offers.iter().find(|offer| offer.table == table.name).map(|offer| offer.version);
    }
    Ok((cut, offers))
}

fn as_they_are(tables: &[Back]) -> Vec<RestoredTable> {
    let table = |Back { table, version, head }: &Back| RestoredTable {
        name: table.name.clone(),
        url: table.url.to_string(),
        version: *head,
        of_version: *version,
    };
    tables.iter().map(table).collect()
}

/// A table is not what it was at the point; a bug.
#[derive(Debug, thiserror::Error)]
#[error("version {version} is not the same as version {of_version}: {}; report this as a bug of lakedr", differences.join("; "))]
struct Otherwise {
    version: u64,
    of_version: u64,
    differences: Vec<String>,
}

impl crate::error::Classify for Otherwise {
    fn class(&self) -> lakedr_control::group_log::FailureClass {
        lakedr_control::group_log::FailureClass::Damaged
    }
}

async fn read_back(tables: &[Back], offers: &[Offer]) -> Result<Vec<RestoredTable>, Failure> {
    let mut restored = Vec::new();
    for Back { table, version: of_version, .. } in tables {
        let Some(offer) = offers.iter().find(|offer| offer.table == table.name) else { continue };
        let (version, of_version) = (offer.version, *of_version);
        let differences =
            compare_clone((table, of_version), (table, version)).await.at(Stage::Verify, &table.name)?;
        if !differences.is_empty() {
            return Err(Otherwise { version, of_version, differences }.at(Stage::Verify, &table.name));
        }
        let url = table.url.to_string();
        restored.push(RestoredTable { name: table.name.clone(), url, version, of_version });
    }
    Ok(restored)
}
