//! What there is, why it is kept, and what was missed.

use chrono::{DateTime, Utc};
use lakedr_control::snapshots::due::{Due, due};
use lakedr_control::snapshots::retention::{self, Reason};
use lakedr_control::snapshots::{Catalog, CatalogFailure, Kept, SnapshotId, UnderWay};
use serde::Serialize;

use super::desk::Desk;
use crate::error::Failure;

/// A snapshot, and why it is kept.
#[derive(Debug, Clone, Serialize)]
pub struct ListedSnapshot {
    /// What the catalog says of it.
    #[serde(flatten)]
    pub kept: Kept,
    /// Why it is kept; empty when the next pruning removes it.
    pub kept_because: Vec<Reason>,
}

/// Who is at work.
#[derive(Debug, Clone, Serialize)]
pub struct UnderWayReport {
    /// What the catalog says of it.
    #[serde(flatten)]
    pub work: UnderWay,
    /// Whether there are signs of life.
    pub alive: bool,
}

/// The snapshots of a schedule.
#[derive(Debug, Clone, Serialize)]
pub struct Listed {
    /// The schedule.
    pub schedule: String,
    /// Oldest first.
    pub snapshots: Vec<ListedSnapshot>,
    /// Since when a snapshot is due that is not there.
    pub due_since: Option<DateTime<Utc>>,
    /// When the next one is due.
    pub next_due: Option<DateTime<Utc>>,
    /// Moments of the schedule that went by without a snapshot.
    pub missed: u64,
    /// No snapshots are taken.
    pub paused: bool,
    /// Who is at work.
    pub under_way: Option<UnderWayReport>,
    /// The newest failure since the newest snapshot.
    pub last_failure: Option<CatalogFailure>,
}

/// The snapshots of a schedule, with the reasons to keep each.
///
/// # Errors
/// When the catalog cannot be read.
pub async fn list(desk: &Desk<'_>) -> Result<Listed, Failure> {
    let catalog = desk.read().await?;
    let under_way = match &catalog.under_way {
        Some(work) => Some(UnderWayReport { work: work.clone(), alive: desk.is_busy(&catalog).await? }),
        None => None,
    };
    let now = desk.world.now();
    let (due_since, next_due, missed) = match due(&desk.schedule.schedule, catalog.last_taken(now), now) {
        Due::Now { since, missed } => (Some(since.unwrap_or(now)), None, missed),
        Due::Later { next } => (None, next, 0),
    };
    let snapshots = judged(desk, &catalog).into_iter();
    Ok(Listed {
        schedule: desk.schedule.name.to_string(),
        snapshots: snapshots.map(|(kept, kept_because)| ListedSnapshot { kept, kept_because }).collect(),
        due_since,
        next_due,
        missed,
        paused: desk.schedule.paused,
        under_way,
        last_failure: catalog.last_failure,
    })
}

/// Every snapshot with the reasons to keep it.
pub(super) fn judged(desk: &Desk<'_>, catalog: &Catalog) -> Vec<(Kept, Vec<Reason>)> {
    let judged = retention::judged(catalog, desk.schedule.rules(), desk.world.now()).into_iter();
    judged.map(|(kept, reasons)| (kept.clone(), reasons.into_iter().collect())).collect()
}

/// The snapshots that no rule keeps.
pub(super) fn doomed(desk: &Desk<'_>, catalog: &Catalog) -> Vec<SnapshotId> {
    let judged = judged(desk, catalog).into_iter();
    judged.filter(|(_, reasons)| reasons.is_empty()).map(|(kept, _)| kept.id).collect()
}
