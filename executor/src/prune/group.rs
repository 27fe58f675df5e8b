//! One group: what its log, its roles and its recovery points allow to be removed.

use chrono::{DateTime, Utc};
use futures::future::try_join_all;
use lakedr_control::group_log::{GroupState, History, RecoveryPoint};
use lakedr_control::id::TableName;
use lakedr_control::validate::Publisher;

use super::keep::{Period, Retention, kept_points};
use super::metadata::prune_metadata;
use super::needed::Standby;
use super::report::{MetadataReport, PointCount, PruneReport, TablePrune};
use super::table::{Pruning, log_unmoved, prune_table};
use crate::cut::Refusal;
use crate::error::{At as _, Failure, Stage};
use crate::observe::target::target;
use crate::pipeline::{Scene, Stop, allowed};
use crate::spec::TableStore;

/// A table of the standby region, or why it is left alone.
enum Looked {
    At(Box<Standby>),
    Alone(TableName, Refusal),
}

/// Removes from the standby region's tables of a group what no kept recovery point, no retention and no plan in progress
/// needs at `now`; a dry run removes nothing.
///
/// Nothing is decided on what may be between two states: a group with an open intent is refused, and so is the rest of a
/// call that sees the group log go on.
///
/// # Errors
/// A refusal or a failure that concerns the group; what concerns one table is in the report.
pub async fn prune_group(scene: &Scene<'_>, now: DateTime<Utc>, dry_run: bool) -> Result<PruneReport, Stop> {
    let group = scene.group;
    let log = scene.log.read_all().await.at(Stage::Observe, &group.name)?;
    let nothing =
        |points| PruneReport::new(&group.name, dry_run, points, Vec::new(), MetadataReport::default());
    let Some(state) = &log.history.state else { return Ok(nothing(PointCount::default())) };
    allowed(scene, &log.history)?;
    settled(state)?;
    let Some(point) = state.recovery_point() else { return Ok(nothing(PointCount::default())) };
    if group.publisher != Publisher::Native {
        tracing::info!(group = %group.name, "left alone: its tables are the catalog's, which removes what they need no more");
        return Ok(nothing(PointCount::default()));
    }
    let standbys = look(scene, &log.history, point).await?;
    let kept = kept_points(&state.recovery_points, longest(&standbys), now.timestamp_millis());
    let pruning = Pruning { scene, history: &log.history, now_ms: now.timestamp_millis(), dry_run };
    let tables = prune_tables(&pruning, standbys, state, kept).await?;
    log_unmoved(scene, &log.history).await?;
    let metadata = prune_metadata(scene, &log, kept, now, dry_run).await?;
    let points =
        PointCount { kept: kept.len() as u64, given_up: (state.recovery_points.len() - kept.len()) as u64 };
    Ok(PruneReport::new(&group.name, dry_run, points, tables, metadata))
}

/// While something is under way that others may finish, tables may be anywhere between two states.
fn settled(state: &GroupState) -> Result<(), Refusal> {
    let open = if let Some(intent) = &state.open_intent {
        format!("intent {} ({}) is not finished", intent.seq, intent.cut.describe())
    } else if let Some(landed) = state.unpublished() {
        format!("a cut has landed and is not published ({})", landed.cut.describe())
    } else if let Some(region) = &state.moving_to {
        format!("the group log is moving to the location of {region}")
    } else if state.is_returning() {
        format!("nothing has been published to {} since it became the standby region", state.role.standby)
    } else {
        return Ok(());
    };
    Err(Refusal::Fenced {
        reason: format!("{open}; `lakedr sync` finishes it first, prune again after that"),
    })
}

/// Looks at every table of the standby region.
async fn look(scene: &Scene<'_>, history: &History, point: &RecoveryPoint) -> Result<Vec<Looked>, Stop> {
    let looked = look_at_all(scene, history, point).await?;
    if looked.iter().any(|looked| matches!(looked, Looked::Alone(_, Refusal::Diverged { .. }))) {
        // what looks like a foreign commit may be the next recovery point
        log_unmoved(scene, history).await?;
    }
    Ok(looked)
}

async fn look_at_all(
    scene: &Scene<'_>,
    history: &History,
    point: &RecoveryPoint,
) -> Result<Vec<Looked>, Failure> {
    let tables = scene.stores.targets(scene.standby(history), scene.group).await;
    let tables = tables.at(Stage::Observe, &scene.group.name)?;
    try_join_all(tables.into_iter().map(|table| look_at(scene, history, point, table))).await
}

async fn look_at(
    scene: &Scene<'_>,
    history: &History,
    point: &RecoveryPoint,
    table: TableStore,
) -> Result<Looked, Failure> {
    let name = table.name.clone();
    let held = point.cut.table(&name).cloned();
    let Some((held, version)) = held.and_then(|held| held.target_version.map(|version| (held, version)))
    else {
        return Ok(not_held(name, "is not part of the newest recovery point"));
    };
    let found = match target(scene, history, table).await {
        Ok(found) if found.at_recovery_point => found.table,
        Ok(_) => return Ok(not_held(name, "is not there")),
        Err(Stop::Refused(refusal)) => return Ok(Looked::Alone(name, refusal)),
        Err(Stop::Failed(failure)) => return Err(failure),
    };
    let delta = found.table();
    let listing = delta.listing().await.at(Stage::Observe, &name)?;
    let snapshot = delta.snapshot(&listing, Some(version)).await.at(Stage::Observe, &name)?;
    Ok(Looked::At(Box::new(Standby { table: found, held, version, listing, snapshot })))
}

fn not_held(name: TableName, problem: &str) -> Looked {
    let reason = format!("{name} in the standby region {problem}; sync first, then prune again");
    Looked::Alone(name, Refusal::Fenced { reason })
}

/// How long a prune that began now would keep the recovery points of a group.
pub(crate) async fn window(scene: &Scene<'_>, history: &History) -> Result<Period, Failure> {
    let newest = history.state.as_ref().and_then(|state| state.recovery_point());
    let Some(newest) = newest else { return Ok(longest(&[])) };
    Ok(longest(&look_at_all(scene, history, newest).await?))
}

/// How long recovery points are kept: what the table that asks for most asks for. Of a table that cannot be asked the
/// default counts.
fn longest(standbys: &[Looked]) -> Period {
    let asked = standbys.iter().map(|looked| match looked {
        Looked::At(standby) => Retention::of(&standby.snapshot.head.metadata),
        Looked::Alone(..) => Retention::default(),
    });
    asked.map(Retention::of_points).fold(Period::days(0), Period::or_longer)
}

/// One table after the other: what is needed of each is held in memory.
async fn prune_tables(
    pruning: &Pruning<'_>,
    standbys: Vec<Looked>,
    state: &GroupState,
    kept: &[RecoveryPoint],
) -> Result<Vec<TablePrune>, Failure> {
    let scene = pruning.scene;
    let group = &scene.group.name;
    let sources =
        scene.stores.tables(scene.active(pruning.history), scene.group).await.at(Stage::Observe, group)?;
    let mut reports = Vec::with_capacity(sources.len());
    for (looked, source) in standbys.into_iter().zip(&sources) {
        reports.push(match looked {
            Looked::Alone(name, refusal) => {
                TablePrune::new(name, Default::default(), Default::default()).stopped(group, &refusal.into())
            }
            Looked::At(standby) => {
                let versions = kept.iter().filter_map(|point| state.standby_version(point, &source.name));
                let oldest_kept = versions.min().unwrap_or(standby.version);
                prune_table(pruning, &standby, source, oldest_kept).await
            }
        });
    }
    Ok(reports)
}
