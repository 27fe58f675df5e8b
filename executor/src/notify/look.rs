//! What is looked at only because somebody may have to be told.

use std::time::Duration;

use chrono::TimeDelta;
use lakedr_control::drill::DrillReport;
use lakedr_control::group_log::History;
use lakedr_control::notification::{EventKind, Ledger, Part};

use super::news::{Condition, DrillAge, Lag, Seen};
use crate::drill::newest;
use crate::error::chain;
use crate::observe::lag::{age, pace, recorded_retention, rpo_lag};
use crate::pipeline::Scene;
use crate::report::{GroupReport, Outcome, duration_text};

/// Retentions are looked at after a publish, and after this time; drills after this time.
const LOOK_AGAIN_AFTER: TimeDelta = TimeDelta::hours(6);

/// Whether the standby region held all there was when the call ended.
fn holds_newest(report: &GroupReport) -> bool {
    matches!(report.outcome, Outcome::Published | Outcome::UpToDate)
}

/// How far behind the group is, where there is a target.
pub(super) async fn lag(
    scene: &Scene<'_>,
    history: &History,
    report: &GroupReport,
    part: Part,
) -> Option<Lag> {
    let target =
        scene.group.rpo_target.filter(|_| scene.group.notifications.events.contains(&EventKind::Stale))?;
    let lag = match age(scene, history) {
        Some(age) if age <= target => Some(age),
        // only the tables could tell, and they are in the other region
        Some(_) if scene.group.workflow.is_none() && part == Part::Receive => return None,
        Some(_) if scene.group.workflow.is_none() && holds_newest(report) => Some(Duration::ZERO),
        // the tables are asked only when the answer matters
        Some(_) => rpo_lag(scene, history).await,
        None => None,
    };
    Some(Lag { lag, target })
}

/// Whether the retention of the source tables is to be looked at.
pub(super) fn looks_at_retention(ledger: Option<&Ledger>, seen: &Seen<'_>) -> bool {
    let seen_at = ledger.and_then(|ledger| ledger.retention_seen_at);
    seen.published || seen_at.is_none_or(|at| seen.now.signed_duration_since(at) >= LOOK_AGAIN_AFTER)
}

/// Retentions of source tables that are too short; none when nobody is told of them, or nobody can tell.
pub(super) async fn retention(scene: &Scene<'_>, history: &History, seen: &Seen<'_>) -> Option<Vec<String>> {
    let told_of = scene.group.notifications.events.contains(&EventKind::Retention);
    // what has landed waits for nothing
    if !told_of || seen.part == Part::Receive {
        return None;
    }
    let waiting = if seen.condition == Condition::Good { Duration::ZERO } else { age(scene, history)? };
    let found = recorded_retention(scene, history, pace(scene, history, None, waiting)).await?;
    Some(found.iter().map(ToString::to_string).collect())
}

/// Whether the drills are to be looked at.
pub(super) fn looks_at_drills(ledger: Option<&Ledger>, seen: &Seen<'_>) -> bool {
    let seen_at = ledger.and_then(|ledger| ledger.drill_seen_at);
    seen_at.is_none_or(|at| seen.now.signed_duration_since(at) >= LOOK_AGAIN_AFTER)
}

/// Age of the newest drill in the region that would take over; none when none has to be had, or nobody can tell.
pub(super) async fn drill_age(scene: &Scene<'_>, history: &History) -> Option<DrillAge> {
    let told_of = scene.group.notifications.events.contains(&EventKind::Drill);
    let every = scene.group.drill_every.filter(|_| told_of)?;
    let standby = scene.standby(history);
    let newest = newest(&scene.group.name, scene.stores.location(standby)).await;
    let newest = newest
        .inspect_err(|error| tracing::debug!("no look at the drills: {}", chain(error)))
        .ok()?
        .map(|newest| newest.report);
    Some(DrillAge {
        region: scene.group.side(standby).region.clone(),
        passed_at: newest.as_ref().and_then(|report| report.last_passed_at),
        failed: newest.as_ref().filter(|report| !report.passed).map(outcome),
        every,
    })
}

/// What a drill came to, for a message.
pub(super) fn outcome(report: &DrillReport) -> String {
    let rpo = duration_text(Duration::from_secs(report.rpo_seconds));
    let rto = humantime::format_duration(Duration::from_millis(report.rto_ms));
    let mut lines = vec![format!(
        "drill {} in {} would have gone on from {}; RPO {rpo}, RTO {rto}",
        report.drill, report.region, report.recovery_point.holds
    )];
    lines.extend(report.problems.iter().cloned());
    lines.join("\n")
}
