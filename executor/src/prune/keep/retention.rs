//! How long what is not needed any more is kept all the same.

use crate::delta::interval;
use crate::delta::state::Metadata;

/// A length of time; the longest one has no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Milliseconds; none for good.
    milliseconds: Option<i64>,
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The least age of an object that is removed: what an attempt under way has just copied is named by no log yet.
pub const GRACE: Period = Period::days(7);

impl Period {
    /// A number of days.
    #[must_use]
    pub const fn days(days: i64) -> Self {
        Self { milliseconds: Some(days * DAY_MS) }
    }

    /// The period that a table property spells; one that has no length in milliseconds keeps for good.
    fn of_property(metadata: &Metadata, property: &str, default: Self) -> Self {
        let spelt = metadata.property(property);
        spelt.map_or(default, |text| Self { milliseconds: interval::milliseconds(text) })
    }

    /// The longer of two periods.
    #[must_use]
    pub fn or_longer(self, other: Self) -> Self {
        let longer = self.milliseconds.zip(other.milliseconds).map(|(one, other)| one.max(other));
        Self { milliseconds: longer }
    }

    /// Whether what happened at `then_ms` is not longer ago than that. Nothing is within a period of no length, but for
    /// what lies in the future.
    #[must_use]
    pub fn holds(self, then_ms: i64, now_ms: i64) -> bool {
        self.milliseconds.is_none_or(|period| now_ms.saturating_sub(then_ms) < period)
    }
}

/// The retention that a table asks for, in its properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How long removed files stay (`delta.deletedFileRetentionDuration`, a week unless it is set).
    pub removed_files: Period,
    /// How long versions can be read (`delta.logRetentionDuration`, 30 days unless it is set).
    pub history: Period,
}

impl Default for Retention {
    fn default() -> Self {
        Self { removed_files: Period::days(7), history: Period::days(30) }
    }
}

impl Retention {
    /// The retention that the properties of a table ask for.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        let default = Self::default();
        let period = |property, default| Period::of_property(metadata, property, default);
        Self {
            removed_files: period("delta.deletedFileRetentionDuration", default.removed_files),
            history: period("delta.logRetentionDuration", default.history),
        }
    }

    /// How long recovery points that hold the table are kept: as long as either property asks for.
    #[must_use]
    pub fn of_points(self) -> Period {
        self.removed_files.or_longer(self.history)
    }

    /// How old an object of the table has to be before it may be removed.
    #[must_use]
    pub fn of_objects(self) -> Period {
        self.removed_files.or_longer(GRACE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delta::json::RawObject;

    fn retention(configuration: &str) -> Retention {
        let text = format!(
            r#"{{"id":"t","format":{{"provider":"parquet"}},"schemaString":"{{}}","partitionColumns":[],"configuration":{{{configuration}}}}}"#
        );
        Retention::of(&Metadata::parse(RawObject::parse(&text).unwrap()).unwrap())
    }

    #[test]
    fn properties_of_a_table() {
        let no_end = Period { milliseconds: None };
        let hours = |hours: i64| Period { milliseconds: Some(hours * DAY_MS / 24) };
        // configuration, removed files, recovery points, objects
        let cases = [
            ("", Period::days(7), Period::days(30), Period::days(7)),
            (
                r#""delta.deletedFileRetentionDuration":"interval 0 hours","delta.logRetentionDuration":"interval 0 hours""#,
                hours(0),
                hours(0),
                GRACE,
            ),
            (
                r#""delta.deletedFileRetentionDuration":"interval 60 days""#,
                Period::days(60),
                Period::days(60),
                Period::days(60),
            ),
            (r#""delta.logRetentionDuration":"interval 1 month""#, Period::days(7), no_end, GRACE),
            (r#""delta.deletedFileRetentionDuration":"whenever""#, no_end, no_end, no_end),
        ];
        for (configuration, removed, points, objects) in cases {
            let found = retention(configuration);
            assert_eq!(
                (found.removed_files, found.of_points(), found.of_objects()),
                (removed, points, objects),
                "{configuration}"
            );
        }
    }

    #[test]
    fn a_period_ends_when_it_has_passed() {
        let week = Period::days(7);
        assert!(week.holds(1, 7 * DAY_MS) && !week.holds(0, 7 * DAY_MS));
        assert!(Period::days(0).holds(1, 0) && !Period::days(0).holds(0, 0));
        assert!(Period { milliseconds: None }.holds(i64::MIN, i64::MAX));
    }
}
