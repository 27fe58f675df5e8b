//! Work on a schedule that has begun and not ended, and what is left of it when somebody else goes on.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::id::SnapshotId;
use crate::group_log::Author;

/// Who has given no sign of life for so long is taken to be dead. Nothing that is safe rests on it, nor on clocks: whoever
/// comes back finds that its work was given up, and what it may delete even then is known.
const DEAD_AFTER: TimeDelta = TimeDelta::seconds(90);

/// What a call of the executor does to a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Work {
    /// Take a snapshot.
    Take {
        /// Its id.
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        id: SnapshotId,
    },
    /// Delete what no snapshot needs.
    Prune,
}

/// Work that has begun and has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UnderWay {
    /// What.
    pub work: Work,
    /// Since when, by the clock of `by`.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub since: DateTime<Utc>,
    /// Who.
    pub by: Author,
}

/// Whether the caller that has begun some work still shows signs of life; `beat` is the newest one. One that lies as far in
/// the future is none: it is of a clock that was ahead, and nobody could go on until then.
#[must_use]
pub fn is_at_work(work: &UnderWay, beat: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    let sign = beat.map_or(work.since, |beat| beat.max(work.since));
    (now - sign).abs() < DEAD_AFTER
}

/// A pruning that somebody has gone on without. Whoever was at it may be about to send one more request to delete, so of
/// what it had marked nothing may be named again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct GivenUpPruning {
    /// The call of the executor that was at it: its marks go by that name.
    pub run: String,
    /// Version of the catalog with which somebody went on.
    pub seq: u64,
}

/// What a call had begun belongs to somebody else meanwhile, or to nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "what this call had begun was given up meanwhile: another executor took it for dead and went on without it; nothing \
     was changed that a snapshot needs"
)]
pub struct GivenUp;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_gives_no_sign_of_life_is_taken_for_dead() {
        let at = |second: i64| DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap();
        let by = Author { executor: "0.1.0".to_owned(), host: "h".to_owned(), run: "a".to_owned() };
        let work = UnderWay { work: Work::Prune, since: at(0), by };
        assert!(is_at_work(&work, None, at(89)));
        assert!(!is_at_work(&work, None, at(90)));
        assert!(is_at_work(&work, Some(at(60)), at(100)));
        assert!(!is_at_work(&work, Some(at(60)), at(150)));
        assert!(is_at_work(&work, Some(at(-5_000)), at(1)));
        // by a clock that was ahead
        assert!(is_at_work(&work, None, at(-89)));
        assert!(!is_at_work(&work, None, at(-90)));
        assert!(!is_at_work(&work, Some(at(60)), at(-30)));
    }
}
