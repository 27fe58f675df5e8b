use chrono::{DateTime, Utc};
use lakedr_control::validate::Schedule;

/// Whether a group is due at `now`, when its newest recovery point is of `last`.
///
/// A call that finds nothing new leaves no trace, so the group stays due until there is something: looking costs
/// little, and the next finished run is picked up at the next call.
#[must_use]
pub fn is_due(schedule: Option<&Schedule>, last: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    let (Some(schedule), Some(last)) = (schedule, last) else { return true };
    match schedule {
        Schedule::Interval(interval) => {
            now.signed_duration_since(last).to_std().is_ok_and(|past| past >= *interval)
        }
        Schedule::Cron(cron) => cron.next(last).is_some_and(|next| next <= now),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lakedr_control::cron::CronSchedule;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().with_timezone(&Utc)
    }

    #[test]
    fn without_schedule_or_recovery_point_a_group_is_due() {
        let interval = Schedule::Interval(Duration::from_secs(900));
        assert!(is_due(None, Some(at("2026-11-20T08:00:00Z")), at("2026-11-20T08:00:01Z")));
        assert!(is_due(Some(&interval), None, at("2026-11-20T08:00:00Z")));
    }

    #[test]
    fn an_interval_counts_from_the_last_recovery_point() {
        let interval = Schedule::Interval(Duration::from_secs(900));
        let last = Some(at("2026-11-20T08:00:00Z"));
        assert!(!is_due(Some(&interval), last, at("2026-11-20T08:14:59Z")));
        assert!(is_due(Some(&interval), last, at("2026-11-20T08:15:00Z")));
        // a clock that was set back makes nothing due
        assert!(!is_due(Some(&interval), last, at("2026-11-20T07:00:00Z")));
    }

    #[test]
    fn cron_follows_the_clock_of_its_time_zone() {
        let berlin = lakedr_control::cron::timezone("Europe/Berlin").unwrap();
        let cron = Schedule::Cron(Box::new(CronSchedule::parse("0 3 * * *", berlin).unwrap()));
        let last = Some(at("2026-11-20T01:59:00Z"));
        assert!(!is_due(Some(&cron), last, at("2026-11-20T01:59:59Z")));
        assert!(is_due(Some(&cron), last, at("2026-11-20T02:00:00Z")));
        assert!(!is_due(Some(&cron), Some(at("2026-11-20T02:00:00Z")), at("2026-11-20T20:00:00Z")));
    }
}
