//! What breaks no rule and is hardly meant: said as a warning, never refused.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Schedule, Step, Violation, snapshot_schedule, sync_group};
use crate::spec::{SnapshotScheduleSpec, SyncGroupSpec};
use crate::time::parse_duration;

/// Firings of a cron schedule whose distances are looked at: a year of months, and more than a week of days.
const FIRINGS: usize = 13;

/// The longest time between two starts, as far as a year shows it. `None` for a schedule that starts once at most.
fn longest_pause(schedule: &Schedule) -> Option<TimeDelta> {
    match schedule {
        Schedule::Interval(interval) => TimeDelta::from_std(*interval).ok(),
        Schedule::Cron(cron) => {
            let moments: Vec<DateTime<Utc>> = cron.moments(DateTime::UNIX_EPOCH).take(FIRINGS).collect();
            moments.windows(2).map(|pair| pair[1] - pair[0]).max()
        }
    }
}

fn doubt(path: &[&str], problem: String, remedy: &str) -> Violation {
    let path = path.iter().map(|step| Step::Attribute((*step).to_owned())).collect();
    Violation { path, problem, remedy: remedy.to_owned() }
}

/// What is doubtful about a group by itself: a target that its schedule cannot meet.
#[must_use]
pub fn group_doubts(spec: &SyncGroupSpec) -> Vec<Violation> {
    let Ok(group) = sync_group(spec) else { return Vec::new() };
    let (Some(target), Some(pause)) = (group.rpo_target, group.schedule.as_ref().and_then(longest_pause))
    else {
        return Vec::new();
    };
    if TimeDelta::from_std(target).is_ok_and(|target| target < pause) {
        let target = spec.rpo_target.as_deref().unwrap_or_default();
        return vec![doubt(
            &["rpo_target"],
            format!(
                "{target} is shorter than the longest time between two starts of the schedule, and will be missed"
            ),
            "start more often, or allow the group to be staler",
        )];
    }
    Vec::new()
}

/// What is doubtful about a schedule by itself: copies that are gone before the next one is there.
#[must_use]
pub fn schedule_doubts(spec: &SnapshotScheduleSpec) -> Vec<Violation> {
    let (Ok(schedule), Some(retention)) = (snapshot_schedule(spec), &spec.retention) else {
        return Vec::new();
    };
    let counts = [retention.keep_last, retention.keep_daily, retention.keep_weekly, retention.keep_monthly];
    let Some(within) = retention.keep_within.as_deref().filter(|_| counts.iter().all(Option::is_none)) else {
        return Vec::new();
    };
    let kept = parse_duration(within).ok().and_then(|within| TimeDelta::from_std(within).ok());
    match (kept, longest_pause(&schedule.schedule)) {
        (Some(kept), Some(pause)) if kept < pause => vec![doubt(
            &["retention"],
            format!(
                "keeps copies for {within}, which is shorter than the longest time between two of them: there are \
                     times without any"
            ),
            "keep copies for longer, or add keep_last = 1",
        )],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(more: &str) -> SyncGroupSpec {
        let text = format!(
            r#"{{"name":"etl","initial_active_region":"e","primary":{{"region":"e","location":"e","table_root":"s3://e"}},
                "secondary":{{"region":"w","location":"w","table_root":"s3://w"}},"tables":[{{"name":"a.b.c"}}]{more}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn schedule(when: &str, retention: &str) -> SnapshotScheduleSpec {
        let text = format!(
            r#"{{"name":"w","source":{{"sync_group":"etl"}},"target":{{"location":"w"}},"schedule":{when},
                "retention":{retention}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_target_below_the_schedule_is_doubtful() {
        let doubts = |more: &str| group_doubts(&group(more)).len();
        assert_eq!(doubts(r#","rpo_target":"10m","schedule":{"interval":"15m"}"#), 1);
        assert_eq!(doubts(r#","rpo_target":"15m","schedule":{"interval":"15m"}"#), 0);
        assert_eq!(doubts(r#","rpo_target":"1h","schedule":{"cron":"0 3 * * 1-5"}"#), 1);
        assert_eq!(doubts(r#","rpo_target":"4d","schedule":{"cron":"0 3 * * 1-5"}"#), 0, "over a weekend");
        assert_eq!(doubts(r#","schedule":{"interval":"15m"}"#), 0);
    }

    #[test]
    fn a_retention_below_the_schedule_is_doubtful() {
        let doubts = |when: &str, retention: &str| schedule_doubts(&schedule(when, retention)).len();
        assert_eq!(doubts(r#"{"interval":"7d"}"#, r#"{"keep_within":"3d"}"#), 1);
        assert_eq!(doubts(r#"{"cron":"0 3 * * 0"}"#, r#"{"keep_within":"6d"}"#), 1);
        assert_eq!(doubts(r#"{"cron":"0 3 1 * *"}"#, r#"{"keep_within":"30d"}"#), 1, "months of 31 days");
        assert_eq!(doubts(r#"{"cron":"0 3 * * 0"}"#, r#"{"keep_within":"8d"}"#), 0);
        assert_eq!(doubts(r#"{"interval":"7d"}"#, r#"{"keep_within":"3d","keep_last":1}"#), 0);
    }
}
