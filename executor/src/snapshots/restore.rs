//! Bringing a snapshot back: elsewhere as tables of its own, or in place as commits behind the newest ones.

use chrono::{DateTime, Utc};
use lakedr_control::id::TableName;
use lakedr_control::location::StoreUrl;
use lakedr_control::snapshots::{Catalog, SnapshotDocument, SnapshotId, SnapshotTable};
use serde::Serialize;

use super::desk::Desk;
use super::error::SnapshotError;
use super::partition::Partitions;
use super::replicate::{Replica, Said, Wanted, carry_out, plan};
use super::source::home;
use super::undone::{Undone, undone};
use crate::delta::replica::OWN_TXN_PREFIX;
use crate::error::{At as _, Classify as _, Failure, Stage};
use crate::observe::table_error::TableError;
use crate::report::Progress;
use crate::spec::{Sides, TableStore};

/// Which snapshot.
#[derive(Debug, Clone)]
pub enum Which {
    /// This one.
    Id(SnapshotId),
    /// The newest one that shows this moment or an earlier one.
    AtOrBefore(DateTime<Utc>),
}

/// Where a snapshot is brought back to.
#[derive(Debug, Clone)]
pub enum Where {
    /// Below this place, at catalog/schema/table, where there is nothing yet.
    Elsewhere(StoreUrl),
    /// Into the tables that it was taken of.
    InPlace {
        /// Newer commits may be undone.
        yes: bool,
        /// The partitions that are meant; all when none is named.
        partitions: Partitions,
    },
}

/// One table that was brought back.
#[derive(Debug, Clone, Serialize)]
pub struct RestoredTable {
    /// The table.
    pub name: TableName,
    /// Where it is.
    pub url: String,
    /// Its version before; none when there was no table.
    pub version_before: Option<u64>,
    /// Its version.
    pub version: u64,
    /// Files that it lacked.
    pub files_copied: u64,
    /// Bytes of these files.
    pub bytes_copied: u64,
    /// What was undone.
    pub undone: Option<Undone>,
}

/// What restoring came to.
#[derive(Debug, Clone, Serialize)]
pub struct RestoreReport {
    /// The schedule.
    pub schedule: String,
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// What it holds, in words.
    pub holds: String,
    /// Its tables.
    pub tables: Vec<RestoredTable>,
}

/// Brings tables of a snapshot back; all of them when none is named.
///
/// # Errors
/// When there is no such snapshot, the target is in use, or newer commits would be undone that nobody has agreed to lose.
pub async fn restore(
    desk: &Desk<'_>,
    which: &Which,
    named: &[TableName],
    to: &Where,
    progress: &Progress,
) -> Result<RestoreReport, Failure> {
    let name = &desk.schedule.name;
    let catalog = desk.read().await?;
    let id = find(desk, &catalog, which).at(Stage::Observe, name)?;
    let document = desk.document(&catalog, &id).await?;
    let chosen = choose(&document, named).at(Stage::Spec, name)?;
    let said = Said { by: format!("restore/{name}/{id}"), id: id.to_string(), seq: catalog.seq };
    let (wanted, sides, undone) = match to {
        Where::Elsewhere(url) => elsewhere(desk, &chosen, url, &said).await?,
        Where::InPlace { yes, partitions } => in_place(desk, &document, &chosen, *yes, partitions).await?,
    };
    let plans = plan(wanted).await.at(Stage::Plan, name)?;
    let restored = carry_out(desk.world, plans, &sides, &said, progress).await.at(Stage::Copy, name)?;
    let tables = restored.iter().map(|replica| table(replica, &undone)).collect();
    Ok(RestoreReport { schedule: name.to_string(), snapshot: id, holds: document.describe(), tables })
}

fn find(desk: &Desk<'_>, catalog: &Catalog, which: &Which) -> Result<SnapshotId, SnapshotError> {
    match which {
        Which::Id(id) => Ok(catalog.get(id)?.id.clone()),
        Which::AtOrBefore(at) => match catalog.at_or_before(*at) {
            Some(kept) => Ok(kept.id.clone()),
            None => {
                let oldest = catalog.snapshots.iter().map(|kept| kept.as_of).min();
                let text = lakedr_control::time::format;
                let (schedule, at) = (desk.schedule.name.clone(), text(*at));
                Err(SnapshotError::NoneBefore {
                    schedule,
                    at,
                    oldest: oldest.map_or_else(|| "none".to_owned(), text),
                })
            }
        },
    }
}

fn choose<'a>(
    document: &'a SnapshotDocument,
    named: &[TableName],
) -> Result<Vec<&'a SnapshotTable>, SnapshotError> {
    if named.is_empty() {
        return Ok(document.tables.iter().collect());
    }
    let find = |name: &TableName| {
        document.table(name).ok_or_else(|| SnapshotError::NoTable {
            id: document.id.clone(),
            table: name.clone(),
            known: document.tables.iter().map(|table| table.name.to_string()).collect::<Vec<_>>().join(", "),
        })
    };
    named.iter().map(find).collect()
}

type Restoration = (Vec<Wanted>, Sides, Vec<Undone>);

fn wanted(
    desk: &Desk<'_>,
    table: &SnapshotTable,
    target: TableStore,
    partitions: &Partitions,
) -> Result<Wanted, Failure> {
    let source = desk.stores.copy(&table.name, &table.path).at(Stage::Observe, &table.name)?;
    Ok(Wanted { source, version: table.version, target, partitions: partitions.clone() })
}

/// Tables of their own. One that is there already is only gone on with if this very restore has begun it.
async fn elsewhere(
    desk: &Desk<'_>,
    chosen: &[&SnapshotTable],
    url: &StoreUrl,
    said: &Said,
) -> Result<Restoration, Failure> {
    let mut all = Vec::new();
    for table in chosen {
        let (name, url) = (&table.name, url.table(&table.name));
        let target = desk.stores.elsewhere(name, &url).at(Stage::Observe, name)?;
        if !is_free(&target, said).await.at(Stage::Observe, name)? {
            return Err(SnapshotError::TargetTaken { url: url.to_string() }.at(Stage::Observe, name));
        }
        all.push(wanted(desk, table, target, &Partitions::default())?);
    }
    Ok((all, desk.stores.away(url), Vec::new()))
}

/// Whether there is nothing at the place of a table but what a call that was cut short has left there.
pub(crate) async fn is_free(target: &TableStore, said: &Said) -> Result<bool, TableError> {
    let delta = target.table();
    let listing = match delta.listing().await {
        Err(TableError::NotATable { .. }) => return Ok(true),
        listing => listing?,
    };
    let newest = listing.latest_commit().unwrap_or_default();
    let commits = delta.commits(&listing, 0, newest).await?;
    let mark = format!("{OWN_TXN_PREFIX}{}/{}", said.by, target.name);
    Ok(commits.iter().all(|commit| commit.txns.contains_key(&mark)))
}

/// The tables that the workflow writes.
async fn in_place(
    desk: &Desk<'_>,
    document: &SnapshotDocument,
    chosen: &[&SnapshotTable],
    yes: bool,
    partitions: &Partitions,
) -> Result<Restoration, Failure> {
    let home = home(desk).await?;
    let (mut all, mut lost) = (Vec::new(), Vec::new());
    for table in chosen {
        let name = &table.name;
        let target = home.tables.iter().find(|target| target.name == *name).cloned();
        let absent = || SnapshotError::Undeclared { table: name.clone() }.at(Stage::Spec, name);
        let target = target.ok_or_else(absent)?;
        lost.extend(undone(&target, document.as_of).await?);
        all.push(wanted(desk, table, target, partitions)?);
    }
    if !yes && !lost.is_empty() {
        let undone = lost.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        return Err(SnapshotError::WouldUndo { undone }.at(Stage::Plan, &desk.schedule.name));
    }
    Ok((all, home.sides, lost))
}

fn table(replica: &Replica, undone: &[Undone]) -> RestoredTable {
    let plan = &replica.plan;
    RestoredTable {
        name: plan.name().clone(),
        url: plan.target.table.url.to_string(),
        version_before: plan.target_version(),
        version: replica.version,
        files_copied: plan.copies.len(),
        bytes_copied: plan.copies.bytes(),
        undone: undone.iter().find(|undone| undone.table == *plan.name()).cloned(),
    }
}
