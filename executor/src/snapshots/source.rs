//! What a snapshot is of: tables, each at a version.

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt as _, stream};
use lakedr_control::group_log::History;
use lakedr_control::id::{Name, TableName};
use lakedr_control::location::StoreUrl;
use lakedr_control::snapshots::{SnapshotDocument, SnapshotOrigin};
use lakedr_control::spec::SyncGroupSpec;
use lakedr_control::validate::{self, SideName, SnapshotSource, ValidGroup};

use super::desk::Desk;
use super::error::SnapshotError;
use super::replicate::{IN_FLIGHT, failed};
use crate::error::{At as _, Classify as _, Failure, Stage};
use crate::observe::incarnation::Named;
use crate::observe::source::{Head, version_at};
use crate::observe::table_error::TableError;
use crate::pipeline::Scene;
use crate::spec::{Sides, TableStore};

/// How far the clocks of writers may be ahead of that of this call.
const SKEW: TimeDelta = TimeDelta::seconds(2);

/// Tables to copy, each at its version.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) origin: SnapshotOrigin,
    /// The instant that they show.
    pub(super) as_of: DateTime<Utc>,
    pub(super) tables: Vec<(TableStore, u64)>,
    pub(super) sides: Sides,
}

/// What a schedule copies at this moment.
pub(super) async fn sources(desk: &Desk<'_>) -> Result<Sources, Failure> {
    match &desk.schedule.source {
        SnapshotSource::SyncGroup(group) => of_group(desk, group).await,
        SnapshotSource::Tables { region, tables } => listed(desk, region, tables).await,
    }
}

/// The tables of a group at its newest recovery point: in the region of the copies if they are there, else in the standby
/// region. Versions that the log of the group names do not change, whatever is being published meanwhile.
async fn of_group(desk: &Desk<'_>, name: &Name) -> Result<Sources, Failure> {
    let (spec, group) = group(desk, name)?;
    let scene = Scene::open(desk.world, desk.loaded, spec, &group).await?;
    let history = scene.log.read().await.at(Stage::Observe, name)?;
    let state = history.state.as_ref();
    let newest = state.and_then(|state| Some((state, state.recovery_point()?)));
    let none = || SnapshotError::NoRecoveryPoint { group: name.clone() }.at(Stage::Observe, name);
    let (state, point) = newest.ok_or_else(none)?;
    let cut = &point.cut;
    let side = side_to_read(&scene, &history, desk.stores.region());
    let named = Named::by(&scene, state, point, side);
    let active = side == scene.active(&history);
    let stores = if active {
        scene.stores.sources(side, &group).await
    } else {
        scene.stores.tables(side, &group).await
    };
    let wanted = stores.at(Stage::Observe, name)?.into_iter();
    let wanted = wanted.filter(|table| !desk.schedule.excludes(&table.name));
    let looks: Vec<_> = wanted.map(|table| at_point(named, table, name)).collect();
    let found: Vec<Result<_, Failure>> = stream::iter(looks).buffered(IN_FLIGHT).collect().await;
    let tables = failed(found).at(Stage::Observe, &desk.schedule.name)?;
    if tables.is_empty() {
        return Err(SnapshotError::AllExcluded { group: name.clone() }.at(Stage::Spec, &desk.schedule.name));
    }
    let origin = SnapshotOrigin::Cut {
        group: name.clone(),
        cut: cut.id.clone(),
        region: group.side(side).region.clone(),
        run: cut.run.clone(),
    };
    let sides = scene.stores.onto(side, &desk.stores);
    Ok(Sources { origin, as_of: cut.as_of, tables, sides })
}

/// A table at its version of a recovery point, which it still has.
async fn at_point(named: Named<'_>, table: TableStore, group: &Name) -> Result<(TableStore, u64), Failure> {
    let name = &table.name;
    let absent = || SnapshotError::NotInPoint { table: name.clone(), group: group.clone() };
    let version = named.version(name).ok_or_else(|| absent().at(Stage::Observe, name))?;
    if !named.is_in_log_of(&table).await.at(Stage::Observe, name)? {
        return Err(SnapshotError::Recreated { table: name.clone() }.at(Stage::Observe, name));
    }
    Ok((table, version))
}

/// The last instant up to a moment that the clocks of all writers have passed.
pub(super) fn settled(moment: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    moment.min(now - SKEW)
}

pub(super) fn side_to_read(scene: &Scene<'_>, history: &History, region: &str) -> SideName {
    scene.group.side_of(region).unwrap_or(scene.standby(history))
}

/// Listed tables, all at one instant: a moment before their logs are listed, so that no commit of that instant is missed.
async fn listed(
    desk: &Desk<'_>,
    region: &str,
    declared: &[(TableName, StoreUrl)],
) -> Result<Sources, Failure> {
    let now = desk.world.now();
    let instant = settled(now, now);
    let wanted = declared.iter().filter(|(name, _)| !desk.schedule.excludes(name));
    let looks = wanted.map(|(name, url)| async move {
        let table = desk.stores.listed(name, url).at(Stage::Observe, name)?;
        let younger = || {
            let instant = lakedr_control::time::format(instant);
            SnapshotError::Younger { instant }.at(Stage::Observe, name)
        };
        let version = version(&table, instant).await?.ok_or_else(younger)?;
        Ok((table, version))
    });
    let looks: Vec<_> = looks.collect();
    let found: Vec<Result<_, Failure>> = stream::iter(looks).buffered(IN_FLIGHT).collect().await;
    let tables = failed(found).at(Stage::Observe, &desk.schedule.name)?;
    let origin = SnapshotOrigin::Instant { region: region.to_owned() };
    Ok(Sources { origin, as_of: instant, tables, sides: desk.stores.sides() })
}

/// Whether a schedule could take a snapshot as things are: everything that it needs can be read. A group without a
/// recovery point is none of its mistakes.
///
/// # Errors
/// What is in the way.
pub async fn check(desk: &Desk<'_>) -> Result<(), Failure> {
    desk.read().await?;
    match sources(desk).await {
        Ok(_) => Ok(()),
        Err(failure) => match failure.cause.downcast_ref() {
            Some(SnapshotError::NoRecoveryPoint { .. }) => Ok(()),
            _ => Err(failure),
        },
    }
}

/// The version of a table at an instant; none when the table, or what is left of its history, is younger.
pub(super) async fn version(table: &TableStore, instant: DateTime<Utc>) -> Result<Option<u64>, Failure> {
    let name = &table.name;
    let listing = match table.table().listing().await {
        Err(TableError::NotATable { url }) => {
            return Err(SnapshotError::Missing { url }.at(Stage::Observe, name));
        }
        listing => listing.at(Stage::Observe, name)?,
    };
    let head = Head { table: table.clone(), listing, known: None, newer: None };
    Ok(version_at(&head, instant.timestamp_millis()).await?.1)
}

/// Where the tables of a schedule are that a workflow writes: what a snapshot is brought back to.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) tables: Vec<TableStore>,
    /// Both ends of a copy from the snapshots to them.
    pub(super) sides: Sides,
}

/// The tables of the source as they are: of a group those of the active region.
pub(super) async fn home(desk: &Desk<'_>) -> Result<Home, Failure> {
    let name = match &desk.schedule.source {
        SnapshotSource::Tables { tables, .. } => {
            let listed =
                tables.iter().map(|(name, url)| desk.stores.listed(name, url).at(Stage::Observe, name));
            let tables = listed.collect::<Result<_, _>>()?;
            return Ok(Home { tables, sides: desk.stores.back() });
        }
        SnapshotSource::SyncGroup(name) => name,
    };
    let (spec, group) = group(desk, name)?;
    let scene = Scene::open(desk.world, desk.loaded, spec, &group).await?;
    let history = scene.log.read().await.at(Stage::Observe, name)?;
    let active = scene.active(&history);
    let tables = scene.stores.targets(active, &group).await.at(Stage::Observe, name)?;
    Ok(Home { tables, sides: scene.stores.back_from(&desk.stores, active) })
}

/// The tables that a snapshot was copied from, where they were.
pub(super) async fn origins(
    desk: &Desk<'_>,
    document: &SnapshotDocument,
) -> Result<Vec<TableStore>, Failure> {
    match (&desk.schedule.source, &document.origin) {
        (SnapshotSource::SyncGroup(name), SnapshotOrigin::Cut { region, .. }) => {
            let (spec, group) = group(desk, name)?;
            let scene = Scene::open(desk.world, desk.loaded, spec, &group).await?;
            let side = group.side_of(region).unwrap_or(group.initial_active);
            scene.stores.tables(side, &group).await.at(Stage::Observe, name)
        }
        (SnapshotSource::Tables { tables, .. }, SnapshotOrigin::Instant { .. }) => {
            let listed =
                tables.iter().map(|(name, url)| desk.stores.listed(name, url).at(Stage::Observe, name));
            listed.collect()
        }
        // the schedule has another source meanwhile
        _ => Ok(Vec::new()),
    }
}

pub(super) fn group<'a>(desk: &Desk<'a>, name: &Name) -> Result<(&'a SyncGroupSpec, ValidGroup), Failure> {
    let spec = desk.loaded.specs.sync_groups.iter().find(|spec| spec.name == name.as_str());
    let valid = spec.and_then(|spec| Some((spec, validate::sync_group(spec).ok()?)));
    valid.ok_or_else(|| SnapshotError::NoGroup { group: name.clone() }.at(Stage::Spec, &desk.schedule.name))
}
