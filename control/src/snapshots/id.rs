use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// How an id is written: the second at which taking the snapshot began, UTC.
const FORM: &str = "%Y%m%dT%H%M%SZ";

/// A text that is no id of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} is not the id of a snapshot: write one that `lakedr snapshot list` shows, such as 20261122T030000Z"
)]
pub struct InvalidSnapshotId {
    given: String,
}

/// Names a snapshot within its schedule: `20261122T030000Z`, the second at which taking it began. Ids sort by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SnapshotId(String);

impl SnapshotId {
    /// The id of a snapshot that begins at `at`.
    #[must_use]
    pub fn at(at: DateTime<Utc>) -> Self {
        Self(at.format(FORM).to_string())
    }

    /// The first id at `at` or behind it that is behind all of `others`.
    #[must_use]
    pub fn behind<'a>(at: DateTime<Utc>, others: impl IntoIterator<Item = &'a Self>) -> Self {
        let own = Self::at(at);
        match others.into_iter().max().filter(|newest| own <= **newest).and_then(Self::moment) {
            Some(newest) => Self::at(newest + TimeDelta::seconds(1)),
            None => own,
        }
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn moment(&self) -> Option<DateTime<Utc>> {
        NaiveDateTime::parse_from_str(&self.0, FORM).ok().map(|at| at.and_utc())
    }
}

impl FromStr for SnapshotId {
    type Err = InvalidSnapshotId;

    fn from_str(given: &str) -> Result<Self, InvalidSnapshotId> {
        let id = Self(given.to_owned());
        // what is read must be what would be written: no spaces, no missing digits
        match id.moment() {
            Some(at) if Self::at(at) == id => Ok(id),
            _ => Err(InvalidSnapshotId { given: given.to_owned() }),
        }
    }
}

impl TryFrom<String> for SnapshotId {
    type Error = InvalidSnapshotId;
    fn try_from(given: String) -> Result<Self, InvalidSnapshotId> {
        given.parse()
    }
}

impl From<SnapshotId> for String {
    fn from(id: SnapshotId) -> Self {
        id.0
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_seconds_and_rise() {
        let at: DateTime<Utc> = "2026-11-22T03:00:00.900Z".parse().unwrap();
        let first = SnapshotId::at(at);
        assert_eq!(first.as_str(), "20261122T030000Z");
        assert_eq!(first.as_str().parse(), Ok(first.clone()));
        assert_eq!(SnapshotId::behind(at, [&first]).as_str(), "20261122T030001Z");
        // a clock that was set back
        let later: SnapshotId = "20261231T235959Z".parse().unwrap();
        assert_eq!(SnapshotId::behind(at, [&later, &first]).as_str(), "20270101T000000Z");
        assert_eq!(SnapshotId::behind(at, []), first);
        for bad in
            ["", "latest", "20261122", "20261322T030000Z", "20261122T030000", "../x", " 20261122T030000Z"]
        {
            assert!(bad.parse::<SnapshotId>().is_err(), "{bad}");
        }
    }
}
