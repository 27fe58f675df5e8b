//! Which snapshots stay: pure. Moments and rules go in; for each snapshot the reasons to keep it come out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use super::catalog::{Catalog, Kept};
use super::id::SnapshotId;

/// Calendar periods, by the clock of the schedule's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// An hour. The hour that is there twice when clocks are put back counts as two.
    Hourly,
    /// A day.
    Daily,
    /// A week from Monday to Sunday, by ISO 8601.
    Weekly,
    /// A month.
    Monthly,
    /// A year.
    Yearly,
}

impl Period {
    /// The period that holds a moment.
    fn label(self, at: DateTime<Tz>) -> String {
        let form = match self {
            Self::Hourly => "%Y-%m-%dT%H%:z",
            Self::Daily => "%Y-%m-%d",
            Self::Weekly => "%G-W%V",
            Self::Monthly => "%Y-%m",
            Self::Yearly => "%Y",
        };
        at.format(form).to_string()
    }
}

/// Which snapshots are kept. A snapshot is kept when any of the rules keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retention {
    /// So many of the newest.
    pub last: Option<u32>,
    /// For each period, the newest of each of the last so many of them that have one.
    pub calendar: BTreeMap<Period, u32>,
    /// Every one that is younger.
    pub within: Option<Duration>,
}

/// What decides about the snapshots of a schedule.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The rules; none when all are kept.
    pub retention: Option<&'a Retention>,
    /// Only the newest is kept, whatever the rules say: each replaces the one before.
    pub overwrite: bool,
    /// Whose calendar counts.
    pub zone: Tz,
}

/// A snapshot, as far as it matters here.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Its id.
    pub id: &'a SnapshotId,
    /// When taking it began.
    pub taken_at: DateTime<Utc>,
    /// Somebody wants it to stay.
    pub pinned: bool,
}

/// Why a snapshot is kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Reason {
    /// It is the newest one, which is never removed.
    Newest,
    /// It is pinned.
    Pinned,
    /// The schedule has no retention: all are kept.
    All,
    /// It is one of the newest.
    KeepLast,
    /// It is the newest of a calendar period.
    Calendar {
        /// Which kind of period.
        period: Period,
        /// Which one: `2026-W47`.
        of: String,
    },
    /// It is young.
    KeepWithin,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newest => f.write_str("the newest"),
            Self::Pinned => f.write_str("pinned"),
            Self::All => f.write_str("no retention declared"),
            Self::KeepLast => f.write_str("keep_last"),
            Self::Calendar { period, of } => {
                let rule = match period {
                    Period::Hourly => "keep_hourly",
                    Period::Daily => "keep_daily",
                    Period::Weekly => "keep_weekly",
                    Period::Monthly => "keep_monthly",
                    Period::Yearly => "keep_yearly",
                };
                write!(f, "{rule} {of}")
            }
            Self::KeepWithin => f.write_str("keep_within"),
        }
    }
}

/// The reasons to keep each of the snapshots, in their order; one without a reason is to be removed.
#[must_use]
pub fn reasons(snapshots: &[Candidate<'_>], rules: Rules<'_>, now: DateTime<Utc>) -> Vec<BTreeSet<Reason>> {
    let mut newest_first: Vec<usize> = (0..snapshots.len()).collect();
    // ids rise in the order in which snapshots were taken, whatever clocks say
    newest_first.sort_by_key(|at| snapshots[*at].id);
    newest_first.reverse();
    let mut kept = vec![BTreeSet::new(); snapshots.len()];
    let mut keep = |at: usize, reason: Reason| {
        kept[at].insert(reason);
    };
    if let Some(newest) = newest_first.first() {
        keep(*newest, Reason::Newest);
    }
    for at in newest_first.iter().filter(|at| snapshots[**at].pinned) {
        keep(*at, Reason::Pinned);
    }
    match rules.retention {
        _ if rules.overwrite => {}
        None => newest_first.iter().for_each(|at| keep(*at, Reason::All)),
        Some(retention) => {
            let last = retention.last.unwrap_or_default() as usize;
            newest_first.iter().take(last).for_each(|at| keep(*at, Reason::KeepLast));
            for (period, count) in &retention.calendar {
                let label = |at: usize| period.label(snapshots[at].taken_at.with_timezone(&rules.zone));
                for (at, of) in newest_of_each(&newest_first, label, *count) {
                    keep(at, Reason::Calendar { period: *period, of });
                }
            }
            let within = retention.within.map(|within| TimeDelta::from_std(within).unwrap_or(TimeDelta::MAX));
            let young = |at: &&usize| within.is_some_and(|within| now - snapshots[**at].taken_at <= within);
            newest_first.iter().filter(young).for_each(|at| keep(*at, Reason::KeepWithin));
        }
    }
    kept
}

/// Every snapshot of a catalog with the reasons to keep it, oldest first.
#[must_use]
pub fn judged<'a>(
    catalog: &'a Catalog,
    rules: Rules<'_>,
    now: DateTime<Utc>,
) -> Vec<(&'a Kept, BTreeSet<Reason>)> {
    let candidate =
        |kept: &'a Kept| Candidate { id: &kept.id, taken_at: kept.taken_at, pinned: kept.pinned.is_some() };
    let candidates: Vec<Candidate<'_>> = catalog.snapshots.iter().map(candidate).collect();
    catalog.snapshots.iter().zip(reasons(&candidates, rules, now)).collect()
}

/// The first of each group, for the first `count` groups. A clock that was set back takes up groups again.
fn newest_of_each(
    newest_first: &[usize],
    label: impl Fn(usize) -> String,
    count: u32,
) -> Vec<(usize, String)> {
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    for at in newest_first {
        let label = label(*at);
        if found.len() == count as usize {
            break;
        }
        if seen.insert(label.clone()) {
            found.push((*at, label));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Case {
        ids: Vec<SnapshotId>,
        times: Vec<DateTime<Utc>>,
        pinned: BTreeSet<usize>,
    }

    impl Case {
        fn of(times: &[&str]) -> Self {
            Self::at(times.iter().map(|time| time.parse().unwrap()).collect())
        }

        fn at(times: Vec<DateTime<Utc>>) -> Self {
            Self {
                ids: times.iter().map(|time| SnapshotId::at(*time)).collect(),
                times,
                pinned: BTreeSet::new(),
            }
        }

        fn reasons(&self, rules: Rules<'_>, now: DateTime<Utc>) -> Vec<BTreeSet<Reason>> {
            let candidates: Vec<_> = (0..self.ids.len())
                .map(|at| Candidate {
                    id: &self.ids[at],
                    taken_at: self.times[at],
                    pinned: self.pinned.contains(&at),
                })
                .collect();
            reasons(&candidates, rules, now)
        }

        fn kept(&self, rules: Rules<'_>, now: &str) -> Vec<usize> {
            let reasons = self.reasons(rules, now.parse().unwrap());
            (0..reasons.len()).filter(|at| !reasons[*at].is_empty()).collect()
        }
    }

    fn calendar(period: Period, count: u32) -> Retention {
        Retention { calendar: [(period, count)].into(), ..Retention::default() }
    }

    fn rules(retention: &Retention, zone: Tz) -> Rules<'_> {
        Rules { retention: Some(retention), overwrite: false, zone }
    }

    const NOW: &str = "2027-01-10T00:00:00Z";

    #[test]
    fn the_last_ones_and_the_young_ones() {
        let case = Case::of(&[
            "2027-01-01T00:00:00Z",
            "2027-01-03T00:00:00Z",
            "2027-01-02T00:00:00Z",
            "2027-01-09T00:00:00Z",
        ]);
        let last = Retention { last: Some(2), ..Retention::default() };
        assert_eq!(case.kept(rules(&last, Tz::UTC), NOW), [1, 3]);
        let within = Retention { within: Some(Duration::from_secs(8 * 86_400)), ..Retention::default() };
        assert_eq!(case.kept(rules(&within, Tz::UTC), NOW), [1, 2, 3]);
        // the newest one stays, however old
        assert_eq!(case.kept(rules(&within, Tz::UTC), "2030-01-01T00:00:00Z"), [3]);
        // a clock that was set back makes none old
        assert_eq!(case.kept(rules(&within, Tz::UTC), "2026-01-01T00:00:00Z"), [0, 1, 2, 3]);
    }

    #[test]
    fn what_was_taken_last_is_the_newest_whatever_clocks_say() {
        // the first clock was a year ahead; the ids go on behind it
        let mut case = Case::of(&["2028-01-08T12:00:00Z", "2027-01-08T12:00:00Z", "2027-01-09T12:00:00Z"]);
        case.ids = (0..3).map(|second| SnapshotId::at(case.times[0] + TimeDelta::seconds(second))).collect();
        let overwrite = Rules { retention: None, overwrite: true, zone: Tz::UTC };
        assert_eq!(case.kept(overwrite, NOW), [2]);
        let last = Retention { last: Some(2), ..Retention::default() };
        assert_eq!(case.kept(rules(&last, Tz::UTC), NOW), [1, 2]);
        let yearly = calendar(Period::Yearly, 1);
        assert_eq!(case.kept(rules(&yearly, Tz::UTC), NOW), [2]);
        // the day that the clock has come to by now was there before
        case.times[2] = case.times[0];
        let daily = calendar(Period::Daily, 3);
        assert_eq!(case.kept(rules(&daily, Tz::UTC), "2028-01-09T00:00:00Z"), [1, 2]);
    }

    #[test]
    fn without_retention_all_stay_and_with_overwrite_one() {
        let mut case = Case::of(&["2027-01-01T00:00:00Z", "2027-01-02T00:00:00Z", "2027-01-03T00:00:00Z"]);
        let all = Rules { retention: None, overwrite: false, zone: Tz::UTC };
        assert_eq!(case.kept(all, NOW), [0, 1, 2]);
        assert_eq!(case.kept(Rules { overwrite: true, ..all }, NOW), [2]);
        case.pinned.insert(0);
        assert_eq!(case.kept(Rules { overwrite: true, ..all }, NOW), [0, 2]);
        let last = Retention { last: Some(1), ..Retention::default() };
        assert_eq!(case.kept(rules(&last, Tz::UTC), NOW), [0, 2]);
    }

    #[test]
    fn the_newest_of_each_period_that_has_one() {
        let times = [
            "2026-10-31T23:30:00Z", // Saturday; Sunday the 1st of November in Tokyo
            "2026-11-01T10:00:00Z", // Sunday
            "2026-11-02T10:00:00Z", // Monday
            "2026-11-02T12:00:00Z",
            "2027-01-01T12:00:00Z", // Friday, in week 53 of 2026
            "2027-01-03T12:00:00Z",
            "2027-01-04T12:00:00Z", // Monday, week 1
        ];
        let case = Case::of(&times);
        let kept = |period, count, zone| {
            let retention = calendar(period, count);
            case.kept(rules(&retention, zone), NOW)
        };
        assert_eq!(kept(Period::Daily, 3, Tz::UTC), [4, 5, 6]);
        assert_eq!(kept(Period::Daily, 5, Tz::UTC), [1, 3, 4, 5, 6]);
        assert_eq!(kept(Period::Daily, 50, Tz::UTC), [0, 1, 3, 4, 5, 6]);
        assert_eq!(kept(Period::Daily, 50, Tz::Asia__Tokyo), [1, 3, 4, 5, 6]);
        assert_eq!(kept(Period::Weekly, 2, Tz::UTC), [5, 6]);
        assert_eq!(kept(Period::Weekly, 4, Tz::UTC), [1, 3, 5, 6]);
        assert_eq!(kept(Period::Monthly, 9, Tz::UTC), [0, 3, 6]);
        assert_eq!(kept(Period::Monthly, 9, Tz::Asia__Tokyo), [3, 6]);
        assert_eq!(kept(Period::Yearly, 2, Tz::UTC), [3, 6]);
        assert_eq!(kept(Period::Yearly, 1, Tz::UTC), [6]);
    }

    #[test]
    fn the_hour_that_is_there_twice_counts_twice() {
        // in Berlin 02:30 summer time, then 02:30 winter time
        let case = Case::of(&["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T01:45:00Z"]);
        let hourly = calendar(Period::Hourly, 10);
        assert_eq!(case.kept(rules(&hourly, Tz::Europe__Berlin), NOW), [0, 2]);
        let reasons = case.reasons(rules(&hourly, Tz::Europe__Berlin), NOW.parse().unwrap());
        let text: Vec<String> = reasons[0].iter().map(ToString::to_string).collect();
        assert_eq!(text, ["keep_hourly 2026-10-25T02+02:00"]);
        // and a day is a day, of 23 or of 25 hours
        let daily = calendar(Period::Daily, 1);
        assert_eq!(case.kept(rules(&daily, Tz::Europe__Berlin), NOW), [2]);
    }

    #[test]
    fn every_reason_is_told() {
        let mut case = Case::of(&["2027-01-08T00:00:00Z", "2027-01-09T00:00:00Z"]);
        case.pinned.insert(0);
        let retention = Retention {
            last: Some(1),
            calendar: [(Period::Monthly, 1), (Period::Weekly, 1)].into(),
            within: Some(Duration::from_secs(86_400)),
        };
        let reasons = case.reasons(rules(&retention, Tz::UTC), NOW.parse().unwrap());
        let text = |at: usize| reasons[at].iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        assert_eq!(text(0), "pinned");
        assert_eq!(text(1), "the newest, keep_last, keep_weekly 2027-W01, keep_monthly 2027-01, keep_within");
    }

    fn retentions() -> impl Strategy<Value = Retention> {
        let period = prop::sample::select(vec![
            Period::Hourly,
            Period::Daily,
            Period::Weekly,
            Period::Monthly,
            Period::Yearly,
        ]);
        (
            prop::option::of(1_u32..6),
            prop::collection::btree_map(period, 1_u32..6, 0..4),
            prop::option::of((1_u64..4_000_000).prop_map(Duration::from_secs)),
        )
            .prop_map(|(last, calendar, within)| Retention { last, calendar, within })
    }

    proptest! {
        /// Removing what has no reason changes no reason of what stays, so pruning twice removes nothing the second time;
        /// the newest and the pinned ones stay; a rule that keeps more removes no more.
        #[test]
        fn removal_is_stable_and_spares_the_newest_and_the_pinned(
            retention in retentions(),
            times in prop::collection::btree_set(1_790_000_000_i64..1_830_000_000, 1..60),
            pins in prop::collection::vec(any::<bool>(), 60),
            age in 0_i64..40_000_000,
        ) {
            let times: Vec<DateTime<Utc>> =
                times.into_iter().filter_map(|second| DateTime::from_timestamp(second, 0)).collect();
            let now = times[times.len() - 1] + TimeDelta::seconds(age);
            let mut case = Case::at(times);
            case.pinned = (0..case.ids.len()).filter(|at| pins[*at]).collect();
            let rules = rules(&retention, Tz::America__New_York);
            let before = case.reasons(rules, now);
            let stays: Vec<usize> = (0..before.len()).filter(|at| !before[*at].is_empty()).collect();
            prop_assert!(stays.contains(&(before.len() - 1)));
            prop_assert!(case.pinned.iter().all(|at| stays.contains(at)));
            let mut after = Case::at(stays.iter().map(|at| case.times[*at]).collect());
            after.pinned = (0..stays.len()).filter(|at| case.pinned.contains(&stays[*at])).collect();
            let again = after.reasons(rules, now);
            for (at, reasons) in again.iter().enumerate() {
                prop_assert_eq!(reasons, &before[stays[at]]);
            }
            let more = Retention { last: Some(retention.last.unwrap_or_default() + 1), ..retention.clone() };
            let more = case.reasons(Rules { retention: Some(&more), ..rules }, now);
            prop_assert!(stays.iter().all(|at| !more[*at].is_empty()));
        }
    }
}
