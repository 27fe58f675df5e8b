//! Bringing tables back: those of a snapshot, or older versions of the source itself; elsewhere as tables of their own, or in
//! place as commits behind the newest ones.

mod origin;
mod place;
mod still_held;

use chrono::{DateTime, Utc};
use lakedr_control::id::TableName;
use lakedr_control::location::StoreUrl;
use lakedr_control::snapshots::SnapshotId;
use serde::Serialize;

use super::desk::Desk;
use super::error::SnapshotError;
use super::partition::Partitions;
use super::partition_seen::Seen;
use super::replicate::{Replica, Said, Wanted, carry_out, plan};
use super::undone::Undone;
use crate::error::{At as _, Failure, Stage};
use crate::report::Progress;
use origin::{Origin, origin};
pub(crate) use place::is_free;
use place::{Target, elsewhere, in_place};

/// Which state.
#[derive(Debug, Clone)]
pub enum Which {
    /// That of this snapshot.
    Id(SnapshotId),
    /// The newest one that shows this moment or an earlier one: of the snapshots, and of what the source still holds.
    AtOrBefore(DateTime<Utc>),
}

/// Where it is brought back to.
#[derive(Debug, Clone)]
pub enum Where {
    /// Below this place, at catalog/schema/table, where there is nothing yet.
    Elsewhere(StoreUrl),
    /// Into the tables that are copied.
    InPlace {
        /// Newer commits may be undone.
        yes: bool,
    },
}

/// Where the tables were brought back from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Picked {
    /// A snapshot.
    Snapshot,
    /// Older versions of tables that the schedule copies, or of their copies at the standby region.
    Source,
}

/// One table that was brought back.
#[derive(Debug, Clone, Serialize)]
pub struct RestoredTable {
    /// The table.
    pub name: TableName,
    /// Where it is.
    pub url: String,
    /// Where it was brought back from.
    pub from: String,
    /// Version there.
    pub of_version: u64,
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
    /// What was picked.
    pub picked: Picked,
    /// Why, when a moment was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// What a newer state could not be had for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// The snapshot; none when the source was picked.
    pub snapshot: Option<SnapshotId>,
    /// The instant that the tables show.
    pub as_of: DateTime<Utc>,
    /// What they hold, in words.
    pub holds: String,
    /// The tables.
    pub tables: Vec<RestoredTable>,
}

/// Brings tables back; all of them when none is named, and of each all partitions when none is named.
///
/// # Errors
/// When there is no such state, the target is in use, or newer commits would be undone that nobody has agreed to lose.
pub async fn restore(
    desk: &Desk<'_>,
    which: &Which,
    (named, partitions): (&[TableName], &Partitions),
    to: &Where,
    progress: &Progress,
) -> Result<RestoreReport, Failure> {
    let name = &desk.schedule.name;
    let catalog = desk.read().await?;
    let origin = Box::pin(origin(desk, &catalog, which, named, to)).await?;
    if let Some(warning) = &origin.warning {
        tracing::warn!(schedule = %name, "{warning}");
    }
    let said = Said { by: format!("restore/{name}/{}", origin.id), id: origin.id.clone(), seq: catalog.seq };
    let target = match to {
        Where::Elsewhere(url) => elsewhere(desk, &origin, url, &said).await?,
        Where::InPlace { yes } => in_place(desk, &origin, &said, *yes).await?,
    };
    let wanted =
        origin.tables.iter().cloned().zip(target.tables.clone()).map(|((source, version), target)| Wanted {
            source,
            version,
            target,
            partitions: partitions.clone(),
            of_its_own: matches!(to, Where::Elsewhere(_)),
        });
    let plans = plan(wanted.collect()).await.at(Stage::Plan, name)?;
    for replica in &plans {
        target.is_unmoved(replica.name(), replica.plan.target_version()).at(Stage::Plan, name)?;
    }
    there_are(&plans, partitions).at(Stage::Plan, name)?;
    let sides = target.sides.clone().reading_as(&origin.sides);
    let restored = carry_out(desk.world, plans, &sides, &said, progress).await.at(Stage::Copy, name)?;
    let tables = restored.iter().map(|replica| table(replica, &target)).collect();
    Ok(report(desk, origin, tables))
}

/// Makes sure that the chosen partitions are there, in one of the tables at least.
fn there_are(plans: &[Replica], partitions: &Partitions) -> Result<(), SnapshotError> {
    let mut seen = Seen::default();
    plans.iter().for_each(|replica| seen.add(replica.seen.clone()));
    let tables: Vec<TableName> = plans.iter().map(|replica| replica.name().clone()).collect();
    seen.all_of(partitions, &tables)
}

fn report(desk: &Desk<'_>, origin: Origin, tables: Vec<RestoredTable>) -> RestoreReport {
    let Origin { snapshot, because, warning, as_of, holds, .. } = origin;
    let snapshot = snapshot.map(|document| document.id);
    let picked = if snapshot.is_some() { Picked::Snapshot } else { Picked::Source };
    let schedule = desk.schedule.name.to_string();
    RestoreReport { schedule, picked, because, warning, snapshot, as_of, holds, tables }
}

fn table(replica: &Replica, target: &Target) -> RestoredTable {
    let plan = &replica.plan;
    RestoredTable {
        name: plan.name().clone(),
        url: plan.target.table.url.to_string(),
        from: plan.source.table.url.to_string(),
        of_version: plan.source.head.version,
        version_before: plan.target_version(),
        version: replica.version,
        files_copied: plan.copies.len(),
        bytes_copied: plan.copies.bytes(),
        undone: target.undone(plan.name()),
    }
}
