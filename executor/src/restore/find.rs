//! Which recovery point is meant. Pure.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use lakedr_control::group_log::{GroupState, RecoveryPoint};

use super::refusal::RestoreRefusal;

/// A recovery point, as a person names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// By the number of its entry in the group log.
    Entry(u64),
    /// The newest one that shows this moment or an earlier one.
    AtOrBefore(DateTime<Utc>),
}

/// A text that names no recovery point.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is neither the number of an entry, as `lakedr recovery-points` shows it, nor a moment such as 2026-11-20T08:00:00Z"
)]
pub struct InvalidPoint(String);

impl FromStr for To {
    type Err = InvalidPoint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let entry = text.parse().ok().map(Self::Entry);
        let moment = || text.parse().ok().map(Self::AtOrBefore);
        entry.or_else(moment).ok_or_else(|| InvalidPoint(text.to_owned()))
    }
}

/// The recovery point that is meant, of those that are at hand.
pub(super) fn find(state: &GroupState, to: To) -> Result<&RecoveryPoint, RestoreRefusal> {
    let points = &state.recovery_points;
    let found = match to {
        To::Entry(seq) => points.iter().find(|point| point.seq == seq),
        To::AtOrBefore(at) => points
            .iter()
            .filter(|point| point.cut.as_of <= at)
            .max_by_key(|point| (point.cut.as_of, point.seq)),
    };
    found.ok_or_else(|| RestoreRefusal::NoSuchPoint {
        known: points.iter().rev().map(|point| format!("{} ({})", point.seq, point.cut.describe())).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_have_numbers_and_moments() {
        assert_eq!("12".parse(), Ok(To::Entry(12)));
        let moment = "2026-11-20T08:00:00Z".parse::<DateTime<Utc>>().unwrap();
        assert_eq!("2026-11-20T08:00:00Z".parse(), Ok(To::AtOrBefore(moment)));
        assert!("yesterday".parse::<To>().unwrap_err().to_string().contains("\"yesterday\" is neither"));
    }
}
