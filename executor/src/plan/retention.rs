//! Whether the source tables keep what the next cut needs until it is copied.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use lakedr_control::cut::CutKind;
use lakedr_control::group_log::{IntentKind, RecoveryPoint};
use lakedr_control::id::TableName;
use lakedr_control::validate::Schedule;
use serde::Serialize;

use crate::delta::interval::milliseconds;
use crate::delta::state::Metadata;
use crate::report::duration_text;

/// What a version of a table lives by, and the default (protocol, "Table Properties"; Delta's documentation).
const LIMITS: [(&str, &str); 2] = [
    ("delta.deletedFileRetentionDuration", "interval 7 days"),
    ("delta.logRetentionDuration", "interval 30 days"),
];

/// Moments of a cron expression that are looked at for the longest time between two of them.
const MOMENTS: usize = 64;

/// How fast a group is copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pace {
    /// Longest time between two syncs by schedule; zero without one.
    pub interval: Duration,
    /// The longest run of the workflow, where runs are known.
    pub longest_run: Duration,
    /// What the newest sync took from the end of its run, without waiting for its turn.
    pub copy: Duration,
    /// How long something has been waiting to be copied: zero when the standby region holds all there is.
    pub waiting: Duration,
}

impl Pace {
    /// How long a version has to live after the end of its run.
    #[must_use]
    pub fn needed(&self) -> Duration {
        self.interval.saturating_add(self.longest_run).saturating_add(self.copy)
    }
}

/// The longest time between two moments of a schedule.
#[must_use]
pub fn interval(schedule: Option<&Schedule>, now: DateTime<Utc>) -> Duration {
    match schedule {
        None => Duration::ZERO,
        Some(Schedule::Interval(interval)) => *interval,
        Some(Schedule::Cron(cron)) => {
            let moments: Vec<_> = cron.moments(now).take(MOMENTS).collect();
            let gaps = moments.windows(2).filter_map(|pair| match pair {
                [one, next] => next.signed_duration_since(one).to_std().ok(),
                _ => None,
            });
            gaps.max().unwrap_or_default()
        }
    }
}

/// What a sync took, from the end of its run to its publish: without a workflow that is the copy alone, with one it holds
/// up to one interval of waiting, which is taken off.
#[must_use]
pub fn copy_time(point: &RecoveryPoint, interval: Duration) -> Duration {
    if point.kind != IntentKind::Publish {
        return Duration::ZERO;
    }
    let took = point.published_at.signed_duration_since(point.cut.as_of).to_std().unwrap_or_default();
    match point.cut.kind {
        CutKind::Schedule => took,
        CutKind::Workflow => took.saturating_sub(interval),
    }
}

/// A property of a table that lets a version go too early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooShort {
    /// The table.
    pub table: TableName,
    /// The property.
    pub property: &'static str,
    /// What it says.
    pub kept: Duration,
    /// What it would take.
    pub pace: Pace,
}

impl TooShort {
    /// Until what is waiting may be removed.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.kept.saturating_sub(self.pace.waiting)
    }
}

impl fmt::Display for TooShort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, property, kept, pace } = self;
        write!(
            f,
            "{table}: {property} is {}, and a version has to live for {} ({} between two syncs, {} of the longest run, {} of \
             the last copy); {:.1} hours are left before a version may be gone that has not been copied. Raise the property, or \
             sync more often",
            duration_text(*kept),
            duration_text(pace.needed()),
            duration_text(pace.interval),
            duration_text(pace.longest_run),
            duration_text(pace.copy),
            self.left().as_secs_f64() / 3_600.0
        )
    }
}

/// The properties of a table that let a version go before it is copied. One that cannot be counted in milliseconds, such
/// as `interval 1 month`, is left out.
#[must_use]
pub fn too_short(table: &TableName, metadata: &Metadata, pace: Pace) -> Vec<TooShort> {
    let short = LIMITS.into_iter().filter_map(|(property, default)| {
        let kept = milliseconds(metadata.property(property).unwrap_or(default))?;
        let found = TooShort {
            table: table.clone(),
            property,
            kept: Duration::from_millis(u64::try_from(kept).ok()?),
            pace,
        };
        let needed = pace.needed();
        (!needed.is_zero() && (found.kept <= needed || found.left() < needed)).then_some(found)
    });
    short.collect()
}

/// What is left of a retention of a source table, while it holds something that waits to be copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RetentionLeft {
    /// The table.
    pub table: String,
    /// The property.
    pub property: &'static str,
    /// What it says, in seconds.
    pub kept_seconds: u64,
    /// Until then nothing may be removed that the next cut is made of or compared with, in seconds; zero when something may be
    /// gone already.
    pub left_seconds: u64,
}

impl fmt::Display for RetentionLeft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, property, kept_seconds, left_seconds } = self;
        let kept = duration_text(Duration::from_secs(*kept_seconds));
        let hours = Duration::from_secs(*left_seconds).as_secs_f64() / 3_600.0;
        match left_seconds {
            0 => write!(f, "none, {property} of {table} is {kept}: what has not been copied may be gone"),
            _ => write!(f, "{hours:.1} hours ({property} of {table} is {kept})"),
        }
    }
}

/// What is left of the retention of a table that ends first, when what is copied next may have been replaced for so long. One
/// that cannot be counted in milliseconds is left out.
#[must_use]
pub fn retention_left(table: &TableName, metadata: &Metadata, waiting: Duration) -> Option<RetentionLeft> {
    let left = LIMITS.into_iter().filter_map(|(property, default)| {
        let kept = milliseconds(metadata.property(property).unwrap_or(default))?;
        let kept = Duration::from_millis(u64::try_from(kept).ok()?);
        Some(RetentionLeft {
            table: table.to_string(),
            property,
            kept_seconds: kept.as_secs(),
            left_seconds: kept.saturating_sub(waiting).as_secs(),
        })
    });
    left.min_by_key(|left| left.left_seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn metadata(configuration: &str) -> Metadata {
        let text = format!(
            r#"{{"metaData":{{"id":"t","format":{{"provider":"parquet"}},"schemaString":"{{}}","partitionColumns":[],"configuration":{configuration}}}}}"#
        );
        let protocol = r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#;
        let mut replay = crate::delta::replay::Replay::new();
        for action in crate::delta::action::actions(format!("{protocol}\n{text}\n").as_bytes()) {
            replay.apply(action.unwrap()).unwrap();
        }
        replay.finish("file:///t", 0).unwrap().head.metadata
    }

    fn found(configuration: &str, pace: Pace) -> Vec<String> {
        too_short(&"c.s.t".parse().unwrap(), &metadata(configuration), pace)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_version_lives_until_it_is_copied() {
        let pace = Pace { interval: HOUR, longest_run: HOUR, copy: HOUR / 2, waiting: Duration::ZERO };
        assert_eq!(found("{}", pace), [""; 0]);
        assert_eq!(found(r#"{"delta.deletedFileRetentionDuration":"interval 3 hours"}"#, pace), [""; 0]);
        assert_eq!(found(r#"{"delta.logRetentionDuration":"interval 1 month"}"#, pace), [""; 0]);
        let short = found(r#"{"delta.deletedFileRetentionDuration":"interval 2 hours"}"#, pace);
        insta::assert_snapshot!(short.join("\n"), @"c.s.t: delta.deletedFileRetentionDuration is 2h, and a version has to live for 2h 30m (1h between two syncs, 1h of the longest run, 30m of the last copy); 2.0 hours are left before a version may be gone that has not been copied. Raise the property, or sync more often");
        // nothing is scheduled, nothing has been copied: nothing is known to be too short
        assert_eq!(
            found(r#"{"delta.deletedFileRetentionDuration":"interval 0 hours"}"#, Pace::default()),
            [""; 0]
        );
    }

    #[test]
    fn what_waits_uses_up_what_is_left() {
        let pace = Pace { interval: HOUR, waiting: 167 * HOUR + HOUR / 2, ..Pace::default() };
        let short = found("{}", pace);
        assert!(short.len() == 1 && short[0].contains("; 0.5 hours are left"), "{short:?}");
        assert_eq!(found("{}", Pace { waiting: 166 * HOUR, ..pace }), [""; 0]);
    }

    #[test]
    fn what_is_left_is_of_the_retention_that_ends_first() {
        let left = |configuration, hours: u32| {
            retention_left(&"c.s.t".parse().unwrap(), &metadata(configuration), hours * HOUR)
                .unwrap()
                .to_string()
        };
        let all = [
            left("{}", 12),
            left(r#"{"delta.logRetentionDuration":"interval 1 day"}"#, 12),
            left(r#"{"delta.logRetentionDuration":"interval 1 month"}"#, 12),
            left("{}", 24 * 7),
        ];
        let of_files = "delta.deletedFileRetentionDuration of c.s.t is 7days";
        assert_eq!(all[0], format!("156.0 hours ({of_files})"));
        assert_eq!(all[1], "12.0 hours (delta.logRetentionDuration of c.s.t is 1day)");
        assert_eq!(all[2], all[0], "a month is no number of milliseconds");
        assert_eq!(all[3], format!("none, {of_files}: what has not been copied may be gone"));
    }

    #[test]
    fn the_longest_gap_of_a_schedule_counts() {
        let now = DateTime::from_timestamp(1_795_161_600, 0).unwrap();
        let cron = |expression: &str| {
            let utc = lakedr_control::cron::timezone("UTC").unwrap();
            let schedule =
                Schedule::Cron(Box::new(lakedr_control::cron::CronSchedule::parse(expression, utc).unwrap()));
            interval(Some(&schedule), now)
        };
        assert_eq!(cron("*/15 * * * *"), HOUR / 4);
        assert_eq!(cron("0 3,4 * * *"), 23 * HOUR);
        assert_eq!(interval(Some(&Schedule::Interval(HOUR)), now), HOUR);
        assert_eq!(interval(None, now), Duration::ZERO);
    }
}
