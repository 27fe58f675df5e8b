//! Specification and state of a group → the attributes of its status. Pure.

use chrono::{DateTime, Utc};
use lakedr_control::group_log::{GroupState, LastFailure, RecoveryPoint};
use lakedr_control::spec::SyncGroupSpec;
use lakedr_control::time;
use lakedr_control::verification::Verification;

use crate::lifecycle::group_state::{active_region, epoch, standby_region};
use crate::wire::Value;

/// The status of a group whose log could be read; `state` is none while the log is empty.
pub(super) fn reachable(
    region: &str,
    spec: &SyncGroupSpec,
    state: Option<&GroupState>,
    verified: Option<&Verification>,
    at: DateTime<Utc>,
) -> Value {
    let (active, standby) = (active_region(state, spec), standby_region(state, spec));
    let role = [(active, "active"), (standby, "standby")].into_iter().find(|(place, _)| *place == region);
    let newest = state.and_then(GroupState::recovery_point);
    let lag = newest.map(|point| lag_seconds(point, at));
    Value::object([
        ("group", spec.name.as_str().into()),
        ("reachable", true.into()),
        ("role", role.map(|(_, role)| role).into()),
        ("active_region", active.into()),
        ("standby_region", standby.into()),
        ("epoch", epoch(state).into()),
        ("seq", state.map_or(0, |state| state.next_seq.saturating_sub(1)).into()),
        ("paused", (spec.paused || state.is_some_and(|state| state.paused_by.is_some())).into()),
        ("recovery_point", newest.map(recovery_point).into()),
        ("rpo_lag_seconds", lag.into()),
        ("rpo_target", spec.rpo_target.as_deref().into()),
        ("rpo_met", rpo_met(spec, lag).into()),
        ("last_error", state.and_then(|state| state.last_failure.as_ref()).map(last_error).into()),
        ("last_verified_at", verified.map(|verified| time::format(verified.at)).into()),
        ("last_verified_level", verified.map(|verified| verified.level.as_str()).into()),
        ("last_verified_equal", verified.map(|verified| verified.equal).into()),
        ("last_verified_seq", verified.map(|verified| verified.seq).into()),
    ])
}

/// The status of a group whose log could not be read.
pub(super) fn out_of_reach(spec: &SyncGroupSpec) -> Value {
    Value::object([
        ("group", spec.name.as_str().into()),
        ("reachable", false.into()),
        ("role", Value::Null),
        ("active_region", Value::Null),
        ("standby_region", Value::Null),
        ("epoch", Value::Null),
        ("seq", Value::Null),
        ("paused", spec.paused.then_some(true).into()),
        ("recovery_point", Value::Null),
        ("rpo_lag_seconds", Value::Null),
        ("rpo_target", spec.rpo_target.as_deref().into()),
        ("rpo_met", Value::Null),
        ("last_error", Value::Null),
        ("last_verified_at", Value::Null),
        ("last_verified_level", Value::Null),
        ("last_verified_equal", Value::Null),
        ("last_verified_seq", Value::Null),
    ])
}

/// Never negative: a clock that is behind the run's own shows no lag.
fn lag_seconds(point: &RecoveryPoint, at: DateTime<Utc>) -> u64 {
    u64::try_from((at - point.cut.as_of).num_seconds()).unwrap_or(0)
}

/// The lag of a group without a workflow is at most the one given: its tables may not have changed since, which only they
/// can tell. So it may be known to be within the target, but never that it is not.
fn rpo_met(spec: &SyncGroupSpec, lag: Option<u64>) -> Option<bool> {
    let target = time::parse_duration(spec.rpo_target.as_deref()?).ok()?;
    let within = lag.is_some_and(|lag| lag <= target.as_secs());
    (within || lag.is_none() || spec.workflow.is_some()).then_some(within)
}

fn recovery_point(point: &RecoveryPoint) -> Value {
    let tables = point.cut.tables.iter().map(|table| {
        Value::object([
            ("name", table.name.to_string().into()),
            ("source_version", table.source_version.into()),
            ("target_version", table.target_version.into()),
        ])
    });
    let run = point.cut.run.as_ref();
    Value::object([
        ("seq", point.seq.into()),
        ("cut_id", point.cut.id.as_str().into()),
        ("run_id", run.map(|run| run.id.as_str()).into()),
        ("run_ended_at", run.map(|run| time::format(run.ended_at)).into()),
        ("as_of", time::format(point.cut.as_of).into()),
        ("published_at", time::format(point.published_at).into()),
        ("tables", Value::List(tables.collect())),
    ])
}

fn last_error(failure: &LastFailure) -> Value {
    let class = serde_json::to_value(failure.class).ok();
    let class = class.as_ref().and_then(serde_json::Value::as_str);
    Value::object([
        ("at", time::format(failure.at).into()),
        ("stage", failure.stage.as_str().into()),
        ("class", class.into()),
        ("message", failure.message.as_str().into()),
    ])
}
