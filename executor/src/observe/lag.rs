//! How far behind the standby region is.

use std::time::Duration;

use lakedr_control::group_log::{GroupState, History, RecoveryPoint};

use super::choice::{Runs, holds_all};
use crate::pipeline::Scene;
use crate::plan::retention::{Pace, TooShort, copy_time, interval, too_short};
use crate::record::with_records;

fn newest(history: &History) -> Option<&RecoveryPoint> {
    history.state.as_ref().and_then(GroupState::recovery_point)
}

/// Now minus the end of the run that the newest recovery point holds; none without a recovery point. An end in the future
/// is the error of a clock, and no lag.
#[must_use]
pub fn age(scene: &Scene<'_>, history: &History) -> Option<Duration> {
    let now = scene.world.now();
    newest(history).map(|point| now.signed_duration_since(point.cut.as_of).to_std().unwrap_or_default())
}

/// The RPO lag: [`age`], and zero for a group without a workflow whose tables have not changed since.
pub async fn rpo_lag(scene: &Scene<'_>, history: &History) -> Option<Duration> {
    if holds_all(scene, history).await { Some(Duration::ZERO) } else { age(scene, history) }
}

/// How fast the group is copied. `waiting` is how long something has been waiting to be copied.
#[must_use]
pub fn pace(scene: &Scene<'_>, history: &History, runs: Option<&Runs>, waiting: Duration) -> Pace {
    let interval = interval(scene.group.schedule.as_ref(), scene.world.now());
    let copy = newest(history).map(|point| copy_time(point, interval)).unwrap_or_default();
    Pace { interval, longest_run: runs.and_then(Runs::longest).unwrap_or_default(), copy, waiting }
}

/// Retentions of source tables that are too short, as far as the records of the newest recovery point tell; none when one
/// of the tables has no record, and the others are well.
pub async fn recorded_retention(scene: &Scene<'_>, history: &History, pace: Pace) -> Option<Vec<TooShort>> {
    let sources = scene.stores.sources(scene.active(history), scene.group).await.ok()?;
    let records = with_records(scene, history, sources).await;
    let complete = records.iter().all(|(_, record)| record.is_some());
    let found: Vec<TooShort> = records
        .iter()
        .filter_map(|(table, record)| Some((table, record.as_ref()?)))
        .flat_map(|(table, record)| too_short(&table.name, &record.source.head.metadata, pace))
        .collect();
    (complete || !found.is_empty()).then_some(found)
}
