//! Cron expressions of five fields: minute, hour, day of month, month, day of week.

use std::str::FromStr as _;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;

/// What an expression should look like.
pub const FIELDS: &str = "write minute, hour, day of month, month and day of week, for example */15 * * * *";

/// What a time zone should look like.
pub const ZONE: &str = "write an IANA name, for example UTC or Europe/Berlin";

/// Why there is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCron {
    /// The expression has more or fewer fields.
    #[error("{given:?} does not have five fields")]
    Fields {
        /// The expression.
        given: String,
    },
    /// A field makes no sense.
    #[error("{given:?} is not a cron expression ({cause})")]
    Expression {
        /// The expression.
        given: String,
        /// Which field, and why.
        cause: String,
    },
    /// There is no such time zone.
    #[error("{given:?} is not a time zone")]
    Zone {
        /// The name.
        given: String,
    },
}

/// A schedule by the clock of a time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronSchedule {
    cron: Cron,
    timezone: Tz,
}

/// Reads a time zone.
///
/// # Errors
/// [`InvalidCron::Zone`]
pub fn timezone(name: &str) -> Result<Tz, InvalidCron> {
    name.parse().map_err(|_| InvalidCron::Zone { given: name.to_owned() })
}

impl CronSchedule {
    /// Reads an expression.
    ///
    /// # Errors
    /// [`InvalidCron::Fields`] or [`InvalidCron::Expression`]
    pub fn parse(expression: &str, timezone: Tz) -> Result<Self, InvalidCron> {
        let given = || expression.to_owned();
        if expression.split_whitespace().count() != 5 {
            return Err(InvalidCron::Fields { given: given() });
        }
        let cron = Cron::from_str(expression)
            .map_err(|cause| InvalidCron::Expression { given: given(), cause: cause.to_string() })?;
        Ok(Self { cron, timezone })
    }

    /// The time zone by whose clock the expression is read.
    #[must_use]
    pub fn timezone(&self) -> Tz {
        self.timezone
    }

    /// The moments behind `after`, one after the other.
    pub fn moments(&self, after: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
        let moments = self.cron.iter_after(after.with_timezone(&self.timezone));
        moments.map(|moment| moment.with_timezone(&Utc))
    }

    /// The first moment behind `after`; none when the expression never comes true, such as on 30 February.
    #[must_use]
    pub fn next(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let next = self.cron.find_next_occurrence(&after.with_timezone(&self.timezone), false);
        next.ok().map(|next| next.with_timezone(&Utc))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(expression: &str, zone: &str, after: &str) -> Result<Option<String>, InvalidCron> {
        let schedule = CronSchedule::parse(expression, timezone(zone)?)?;
        let next = schedule.next(after.parse().unwrap());
        Ok(next.map(|next| next.to_rfc3339()))
    }

    #[test]
    fn the_next_moment_by_the_clock_of_a_zone() {
        let at = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(next("*/15 * * * *", "UTC", "2026-11-20T08:15:00Z"), at("2026-11-20T08:30:00+00:00"));
        assert_eq!(
            next("0 3 * * *", "Europe/Berlin", "2026-11-20T01:59:59Z"),
            at("2026-11-20T02:00:00+00:00")
        );
        assert_eq!(next("0 3 * * 0", "UTC", "2026-11-20T08:00:00Z"), at("2026-11-22T03:00:00+00:00"));
        // clocks were put forward in the night
        assert_eq!(
            next("0 4 * * *", "Europe/Berlin", "2027-03-27T12:00:00Z"),
            at("2027-03-28T02:00:00+00:00")
        );
    }

    #[test]
    fn what_is_no_schedule() {
        assert_eq!(
            next("0 3 * *", "UTC", "2026-11-20T08:00:00Z").unwrap_err().to_string(),
            "\"0 3 * *\" does not have five fields"
        );
        assert!(matches!(
            next("0 25 * * *", "UTC", "2026-11-20T08:00:00Z"),
            Err(InvalidCron::Expression { .. })
        ));
        assert_eq!(
            next("0 3 * * *", "Mars", "2026-11-20T08:00:00Z"),
            Err(InvalidCron::Zone { given: "Mars".to_owned() })
        );
    }
}
