//! When a schedule asks for a snapshot.

use chrono::{DateTime, TimeDelta, Utc};

use crate::validate::Schedule;

/// As many moments as are counted: more say nothing else.
const MOST: u64 = 1_000;

/// How a schedule stands at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// A snapshot is to be taken.
    Now {
        /// Since when; none for the first one, which is due as soon as there is a schedule.
        since: Option<DateTime<Utc>>,
        /// Runs that are lost for good: moments that were followed by another one without a snapshot.
        missed: u64,
    },
    /// The newest snapshot is the one that the schedule asks for.
    Later {
        /// When the next one is due; none when that never comes.
        next: Option<DateTime<Utc>>,
    },
}

/// How a schedule stands at `now`, whose newest snapshot began at `last`.
#[must_use]
pub fn due(schedule: &Schedule, last: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Due {
    let Some(last) = last else { return Due::Now { since: None, missed: 0 } };
    let mut passed = match schedule {
        Schedule::Interval(interval) => {
            let step = TimeDelta::from_std(*interval).unwrap_or(TimeDelta::MAX);
            let next = last.checked_add_signed(step);
            let Some(first) = next.filter(|next| *next <= now) else { return Due::Later { next } };
            let intervals = (now - last).num_milliseconds() / step.num_milliseconds().max(1);
            let missed = u64::try_from(intervals - 1).unwrap_or_default().min(MOST);
            return Due::Now { since: Some(first), missed };
        }
        Schedule::Cron(cron) => cron.moments(last).take_while(|moment| *moment <= now),
    };
    match passed.next() {
        Some(first) => {
            let missed = passed.take(usize::try_from(MOST).unwrap_or(usize::MAX)).count() as u64;
            Due::Now { since: Some(first), missed }
        }
        None => {
            let Schedule::Cron(cron) = schedule else { return Due::Later { next: None } };
            Due::Later { next: cron.next(last) }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cron::{CronSchedule, timezone};

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn now(since: &str, missed: u64) -> Due {
        Due::Now { since: Some(at(since)), missed }
    }

    fn later(next: &str) -> Due {
        Due::Later { next: Some(at(next)) }
    }

    #[test]
    fn the_first_snapshot_is_due_at_once() {
        let interval = Schedule::Interval(Duration::from_secs(3600));
        assert_eq!(due(&interval, None, at("2026-11-20T08:00:00Z")), Due::Now { since: None, missed: 0 });
    }

    #[test]
    fn an_interval_counts_from_the_last_snapshot() {
        let hourly = Schedule::Interval(Duration::from_secs(3600));
        let last = Some(at("2026-11-20T08:00:00Z"));
        let cases = [
            ("2026-11-20T07:00:00Z", later("2026-11-20T09:00:00Z")),
            ("2026-11-20T08:59:59Z", later("2026-11-20T09:00:00Z")),
            ("2026-11-20T09:00:00Z", now("2026-11-20T09:00:00Z", 0)),
            ("2026-11-20T09:59:59Z", now("2026-11-20T09:00:00Z", 0)),
            ("2026-11-20T10:00:00Z", now("2026-11-20T09:00:00Z", 1)),
            ("2026-11-21T08:00:00Z", now("2026-11-20T09:00:00Z", 23)),
        ];
        for (moment, expected) in cases {
            assert_eq!(due(&hourly, last, at(moment)), expected, "{moment}");
        }
    }

    #[test]
    fn cron_follows_the_clock_of_its_zone_and_tells_what_was_missed() {
        let berlin = timezone("Europe/Berlin").unwrap();
        let weekly = Schedule::Cron(Box::new(CronSchedule::parse("0 3 * * 0", berlin).unwrap()));
        // taken a little late, on Sunday
        let last = Some(at("2026-10-18T01:07:00Z"));
        let cases = [
            ("2026-10-18T01:08:00Z", later("2026-10-25T02:00:00Z")),
            // the clocks were put back in the night
            ("2026-10-25T01:59:59Z", later("2026-10-25T02:00:00Z")),
            ("2026-10-25T02:00:00Z", now("2026-10-25T02:00:00Z", 0)),
            ("2026-11-08T02:00:00Z", now("2026-10-25T02:00:00Z", 2)),
        ];
        for (moment, expected) in cases {
            assert_eq!(due(&weekly, last, at(moment)), expected, "{moment}");
        }
        let never = Schedule::Cron(Box::new(CronSchedule::parse("0 3 30 2 *", berlin).unwrap()));
        assert_eq!(due(&never, last, at("2030-01-01T00:00:00Z")), Due::Later { next: None });
    }
}
