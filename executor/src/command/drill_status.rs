//! How long ago a failover of a group was rehearsed, for `lakedr status`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use lakedr_control::drill::DrillReport;
use lakedr_control::group_log::History;
use lakedr_control::time;
use serde::Serialize;

use crate::drill::{ShelfError, newest};
use crate::pipeline::Scene;
use crate::report::duration_text;

/// The newest drill in the region that would take over.
#[derive(Debug, Serialize)]
pub(super) struct DrillStatus {
    /// None when there never was one.
    newest: Option<NewestDrill>,
    /// When the newest one that passed was over.
    #[serde(with = "time::rfc3339_millis_option")]
    last_passed_at: Option<DateTime<Utc>>,
    /// How often one has to pass; none when the specification does not say.
    every_seconds: Option<u64>,
    /// Whether one has to pass by now.
    due: bool,
    #[serde(skip)]
    now: DateTime<Utc>,
}

#[derive(Debug, Serialize)]
struct NewestDrill {
    drill: u64,
    #[serde(with = "time::rfc3339_millis")]
    ended_at: DateTime<Utc>,
    passed: bool,
    rpo_seconds: u64,
    rto_ms: u64,
}

/// What is to be said of drills; nothing when there never was one and none is asked for.
pub(super) async fn drill_status(
    scene: &Scene<'_>,
    history: &History,
) -> Result<Option<DrillStatus>, ShelfError> {
    let standby = scene.standby(history);
    let newest = newest(&scene.group.name, scene.stores.location(standby)).await?;
    let report = newest.map(|newest| newest.report);
    Ok(of(report.as_ref(), scene.group.drill_every, scene.world.now()))
}

fn of(report: Option<&DrillReport>, every: Option<Duration>, now: DateTime<Utc>) -> Option<DrillStatus> {
    if report.is_none() && every.is_none() {
        return None;
    }
    let last_passed_at = report.and_then(|report| report.last_passed_at);
    let age = last_passed_at.map(|at| now.signed_duration_since(at).to_std().unwrap_or_default());
    Some(DrillStatus {
        newest: report.map(|report| NewestDrill {
            drill: report.drill,
            ended_at: report.ended_at,
            passed: report.passed,
            rpo_seconds: report.rpo_seconds,
            rto_ms: report.rto_ms,
        }),
        last_passed_at,
        every_seconds: every.map(|every| every.as_secs()),
        due: every.is_some_and(|every| age.is_none_or(|age| age > every)),
        now,
    })
}

impl DrillStatus {
    /// One line for people.
    pub(super) fn line(&self) -> String {
        let ago = |at: DateTime<Utc>| {
            duration_text(self.now.signed_duration_since(at).to_std().unwrap_or_default())
        };
        let newest = match &self.newest {
            None => "never".to_owned(),
            Some(NewestDrill { drill, ended_at, passed: true, rto_ms, .. }) => {
                let rto = humantime::format_duration(Duration::from_millis(*rto_ms));
                format!("{drill} passed {} ago, RTO {rto}", ago(*ended_at))
            }
            Some(NewestDrill { drill, ended_at, .. }) => {
                let passed = self.last_passed_at.map_or_else(
                    || "none ever passed".to_owned(),
                    |at| format!("the last one passed {} ago", ago(at)),
                );
                format!("{drill} FAILED {} ago, {passed}", ago(*ended_at))
            }
        };
        let every = self.every_seconds.map(|every| duration_text(Duration::from_secs(every)));
        let due = match every.filter(|_| self.due) {
            Some(every) => format!("; DUE, one has to pass every {every}"),
            None => String::new(),
        };
        format!("  drill: {newest}{due}")
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn the_age_of_a_drill_is_told_against_what_is_asked_for() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(100);
        let every = Some(Duration::from_secs(90 * 86_400));
        assert!(of(None, None, now).is_none());
        let never = of(None, every, now).unwrap();
        assert_eq!(never.line(), "  drill: never; DUE, one has to pass every 90days");
        let newest = |passed| NewestDrill {
            drill: 2,
            ended_at: now - TimeDelta::hours(1),
            passed,
            rpo_seconds: 3,
            rto_ms: 1_500,
        };
        let status = |passed, last_passed_at, due| DrillStatus {
            newest: Some(newest(passed)),
            last_passed_at,
            every_seconds: Some(7_200),
            due,
            now,
        };
        assert_eq!(status(true, Some(now), false).line(), "  drill: 2 passed 1h ago, RTO 1s 500ms");
        let failed = status(false, Some(now - TimeDelta::hours(3)), true).line();
        assert_eq!(
            failed,
            "  drill: 2 FAILED 1h ago, the last one passed 3h ago; DUE, one has to pass every 2h"
        );
    }
}
