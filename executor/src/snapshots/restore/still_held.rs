//! What the source still holds of a moment: listed tables at that instant, or the tables of a group at the newest recovery
//! point of that moment or before. All tables or none, and only when every file is there.

use chrono::{DateTime, Utc};
use futures::{StreamExt as _, stream};
use lakedr_control::cut::Cut;
use lakedr_control::group_log::{History, RecoveryPoint};
use lakedr_control::id::{Name, TableName};
use lakedr_control::location::StoreUrl;
use lakedr_control::snapshots::SnapshotDocument;
use lakedr_control::time;
use lakedr_control::validate::{SideName, SnapshotSource};

use super::origin::Origin;
use crate::delta::state::TableHead;
use crate::error::{At as _, Classify as _, Failure, Stage};
use crate::failover::check;
use crate::observe::incarnation::Named;
use crate::pipeline::Scene;
use crate::snapshots::desk::Desk;
use crate::snapshots::error::SnapshotError;
use crate::snapshots::replicate::{IN_FLIGHT, failed};
use crate::snapshots::source::{group, settled, side_to_read, version};
use crate::spec::{Sides, TableStore};

/// What the source holds of a moment.
#[derive(Debug)]
pub(super) enum Held {
    /// A state that is newer than the snapshot.
    Newer(Box<Origin>),
    /// Nothing newer, and why that is known.
    NothingNewer(String),
}

/// What the source holds of a moment. `snapshot` is what it has to be newer than.
///
/// # Errors
/// When it cannot be told, or what there was cannot be read any more.
pub(super) async fn still_held(
    desk: &Desk<'_>,
    at: DateTime<Utc>,
    snapshot: Option<&SnapshotDocument>,
    named: &[TableName],
    in_place: bool,
) -> Result<Held, Failure> {
    match &desk.schedule.source {
        SnapshotSource::Tables { tables, .. } => listed(desk, at, tables, snapshot, named).await,
        SnapshotSource::SyncGroup(group) => of_group(desk, group, at, (snapshot, named), in_place).await,
    }
}

/// The tables that are meant: those that were named, or all of the source; then none of the snapshot may be missing.
fn meant(
    desk: &Desk<'_>,
    declared: Vec<TableStore>,
    snapshot: Option<&SnapshotDocument>,
    named: &[TableName],
) -> Result<Vec<TableStore>, Failure> {
    let mut tables: Vec<TableStore> =
        declared.into_iter().filter(|table| !desk.schedule.excludes(&table.name)).collect();
    let of_snapshot = snapshot.into_iter().flat_map(|document| &document.tables).map(|table| &table.name);
    let needed: Vec<&TableName> =
        if named.is_empty() { of_snapshot.collect() } else { named.iter().collect() };
    for name in needed {
        if !tables.iter().any(|table| table.name == *name) {
            return Err(SnapshotError::NotOfSource { table: name.clone() }.at(Stage::Spec, name));
        }
    }
    tables.retain(|table| named.is_empty() || named.contains(&table.name));
    Ok(tables)
}

/// A table at a version that is to be brought back.
struct Version {
    table: TableStore,
    version: u64,
    head: TableHead,
}

impl Version {
    async fn of(table: TableStore, version: u64) -> Result<Self, Failure> {
        let name = &table.name;
        let delta = table.table();
        let listing = delta.listing().await.at(Stage::Observe, name)?;
        let snapshot = delta.snapshot(&listing, Some(version)).await.at(Stage::Observe, name)?;
        Ok(Self { table, version, head: snapshot.head })
    }

    fn is_in(&self, document: &SnapshotDocument) -> bool {
        let held = document.table(&self.table.name);
        held.is_some_and(|held| {
            held.source_table_id == self.head.metadata.id && held.source_version >= self.version
        })
    }
}

async fn listed(
    desk: &Desk<'_>,
    at: DateTime<Utc>,
    declared: &[(TableName, StoreUrl)],
    snapshot: Option<&SnapshotDocument>,
    named: &[TableName],
) -> Result<Held, Failure> {
    let open = |(name, url): &(TableName, StoreUrl)| desk.stores.listed(name, url).at(Stage::Observe, name);
    let declared = declared.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let instant = settled(at, desk.world.now());
    let looks = meant(desk, declared, snapshot, named)?.into_iter().map(|table| async move {
        let version = version(&table, instant).await?.ok_or_else(|| {
            let instant = time::format(instant);
            SnapshotError::NotSince { instant }.at(Stage::Observe, &table.name)
        })?;
        Version::of(table, version).await
    });
    let versions = all(looks.collect(), desk).await?;
    if snapshot.is_some_and(|document| versions.iter().all(|version| version.is_in(document))) {
        let instant = time::format(instant);
        return Ok(Held::NothingNewer(format!("nothing was committed to its source from then to {instant}")));
    }
    let tables = whole(desk, versions.into_iter().map(|v| (v.table, v.version)).collect()).await?;
    Ok(Held::Newer(Box::new(Origin {
        id: time::format(at),
        snapshot: None,
        because: None,
        warning: None,
        as_of: instant,
        holds: format!("state of {}", time::format(instant)),
        tables,
        sides: desk.stores.sides(),
    })))
}

async fn of_group(
    desk: &Desk<'_>,
    name: &Name,
    at: DateTime<Utc>,
    (snapshot, named): (Option<&SnapshotDocument>, &[TableName]),
    in_place: bool,
) -> Result<Held, Failure> {
    let (spec, group) = group(desk, name)?;
    let scene = Scene::open_in_an_outage(desk.world, desk.loaded, spec, &group).await?;
    let history = scene.log.read().await.at(Stage::Observe, name)?;
    let points = history.state.iter().flat_map(|state| &state.recovery_points);
    let point = points.filter(|point| point.cut.as_of <= at).max_by_key(|point| (point.cut.as_of, point.seq));
    let newer = point.filter(|point| snapshot.is_none_or(|document| point.cut.as_of > document.as_of));
    let Some(point) = newer else {
        return Ok(Held::NothingNewer(format!(
            "sync group {name} has no newer recovery point of {} or before",
            time::format(at)
        )));
    };
    // what is to be there again is best read where it is; else where the copies are made of
    let active = scene.active(&history);
    let first = if in_place { active } else { side_to_read(&scene, &history, desk.stores.region()) };
    let mut failure = None;
    for side in [first, first.other()] {
        let read = side_at(desk, &scene, &history, point, side, (snapshot, named)).await;
        match read {
            Ok((tables, sides)) => return Ok(Held::Newer(Box::new(of_cut(&point.cut, tables, sides)))),
            Err(other) => {
                let region = &group.side(side).region;
                tracing::debug!(schedule = %desk.schedule.name, %region, "{}", crate::error::chain(&other));
                failure.get_or_insert(other);
            }
        }
    }
    Err(failure
        .unwrap_or_else(|| SnapshotError::NoRecoveryPoint { group: name.clone() }.at(Stage::Observe, name)))
}

fn of_cut(cut: &Cut, tables: Vec<(TableStore, u64)>, sides: Sides) -> Origin {
    Origin {
        id: cut.id.clone(),
        snapshot: None,
        because: None,
        warning: None,
        as_of: cut.as_of,
        holds: cut.describe(),
        tables,
        sides,
    }
}

/// The tables of a side at a recovery point.
async fn side_at(
    desk: &Desk<'_>,
    scene: &Scene<'_>,
    history: &History,
    point: &RecoveryPoint,
    side: SideName,
    (snapshot, named): (Option<&SnapshotDocument>, &[TableName]),
) -> Result<(Vec<(TableStore, u64)>, Sides), Failure> {
    let name = &scene.group.name;
    let by_point = history.state.as_ref().map(|state| Named::by(scene, state, point, side));
    let stores = if side == scene.active(history) {
        scene.stores.sources(side, scene.group).await
    } else {
        scene.stores.tables(side, scene.group).await
    };
    let tables = meant(desk, stores.at(Stage::Observe, name)?, snapshot, named)?;
    let looks = tables.into_iter().map(|table| async move {
        let version = by_point.and_then(|point| point.version(&table.name));
        let (absent, of) = (table.name.clone(), name.clone());
        let version = version.ok_or_else(|| {
            SnapshotError::NotInPoint { table: absent, group: of }.at(Stage::Observe, &table.name)
        })?;
        let version = Version::of(table, version).await?;
        if by_point.is_some_and(|point| !point.holds(&version.table.name, &version.head)) {
            let table = version.table.name.clone();
            return Err(SnapshotError::Recreated { table: table.clone() }.at(Stage::Observe, &table));
        }
        Ok(version)
    });
    let versions = all(looks.collect(), desk).await?;
    let tables = whole(desk, versions.into_iter().map(|v| (v.table, v.version)).collect()).await?;
    Ok((tables, scene.stores.sides(side, side)))
}

async fn all<T>(
    looks: Vec<impl Future<Output = Result<T, Failure>>>,
    desk: &Desk<'_>,
) -> Result<Vec<T>, Failure> {
    let found: Vec<Result<T, Failure>> = stream::iter(looks).buffered(IN_FLIGHT).collect().await;
    failed(found).at(Stage::Observe, &desk.schedule.name)
}

/// Makes sure that all files of these versions are there: a log may name what VACUUM has removed.
async fn whole(desk: &Desk<'_>, versions: Vec<(TableStore, u64)>) -> Result<Vec<(TableStore, u64)>, Failure> {
    let looks = versions.into_iter().map(|(table, version)| async move {
        let name = &table.name;
        let found = check(&table, version, 0).await.at(Stage::Observe, name)?;
        if found.is_usable() {
            return Ok((table, version));
        }
        let problems = found.problems.join("; ");
        Err(SnapshotError::NotWhole { version, problems }.at(Stage::Observe, name))
    });
    all(looks.collect(), desk).await
}
