//! Drills: rehearsals of a failover, and what they came to. Written by `lakedr drill` into the external location of the region
//! that would take over; nothing is decided from them.
//!
//! A drill is begun by a claim, so that no two are under way at once, and ends with a report. Each report carries the digest of
//! the one before it: none can be changed or taken out without a trace.
//!
//! | format | since | changes |
//! |---|---|---|
//! | 1 | 0.1.0 | the first |

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::codec::{DecodeError, check_format};
use crate::group_log::Author;
use crate::id::Name;

/// Newest format of claims and reports that this program reads, and the one it writes.
pub const FORMAT: u32 = 1;

/// Silence after which a drill counts as cut short.
pub const DEAD_AFTER: TimeDelta = TimeDelta::minutes(5);

/// That a drill has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DrillClaim {
    /// Version of the format.
    pub format: u32,
    /// The group.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub group: Name,
    /// Number of the drill.
    pub drill: u64,
    /// When it began.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub begun_at: DateTime<Utc>,
    /// Its newest sign of life.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub alive_at: DateTime<Utc>,
    /// Whether its call has ended, well or not.
    pub over: bool,
    /// Who carries it out.
    pub by: Author,
}

/// What a drill came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DrillReport {
    /// Version of the format.
    pub format: u32,
    /// The group.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub group: Name,
    /// Number of the drill, counted in each region.
    pub drill: u64,
    /// The region that was rehearsed to take over.
    pub region: String,
    /// The region that was taken for lost.
    pub lost_region: String,
    /// The epoch of the group.
    pub epoch: u64,
    /// When it began.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub begun_at: DateTime<Utc>,
    /// When it was over.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub ended_at: DateTime<Utc>,
    /// Who carried it out.
    pub by: Author,
    /// The report before this one; none for the first in the region.
    pub previous: Option<PreviousDrill>,
    /// Whether a failover would have worked, within its targets.
    pub passed: bool,
    /// When the newest drill that passed was over, this one included; none when none ever passed.
    #[serde(with = "crate::time::rfc3339_millis_option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<DateTime<Utc>>"))]
    pub last_passed_at: Option<DateTime<Utc>>,
    /// Why it did not pass.
    pub problems: Vec<String>,
    /// What is worth knowing besides.
    pub warnings: Vec<String>,
    /// What a failover would have gone on from.
    pub recovery_point: DrilledPoint,
    /// Age of that state when the drill began: what would have been lost, in seconds.
    pub rpo_seconds: u64,
    /// The RPO target of the group.
    pub rpo_target_seconds: Option<u64>,
    /// Whether it was met; none without a target.
    pub rpo_met: Option<bool>,
    /// Sum of the steps that a failover has as well, in milliseconds.
    pub rto_ms: u64,
    /// The RTO target of the group.
    pub rto_target_seconds: Option<u64>,
    /// Whether it was met; none without a target, and when it is something else that is wrong: then the time says nothing.
    pub rto_met: Option<bool>,
    /// What was done, in order.
    pub steps: Vec<DrillStep>,
    /// The tables of the standby region, as they were looked at in their place.
    pub tables: Vec<DrilledTable>,
    /// The services that a failover would start, as they were looked at.
    pub services: Vec<DrilledService>,
    /// What the command of the user said; none when none was given.
    pub validation: Option<DrillValidation>,
    /// Where the copy was left on demand, for people to look at; the next drill removes it.
    pub kept: Option<String>,
    /// Earlier drills whose copies this one removed.
    pub removed: Vec<u64>,
}

/// The report before another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PreviousDrill {
    /// Its drill.
    pub drill: u64,
    /// `sha256:` digest of its bytes.
    pub digest: String,
}

/// A recovery point that was rehearsed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DrilledPoint {
    /// Its entry of the group log.
    pub seq: u64,
    /// Id of its cut.
    pub cut: String,
    /// What it holds, in words.
    pub holds: String,
    /// The moment that it shows.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub as_of: DateTime<Utc>,
}

/// One step of a drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DrillStep {
    /// What: `log`, `services`, `check`, `copy`, `validate`, `clean`.
    pub step: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Whether a failover has it as well, so that its time counts.
    pub counts: bool,
    /// What came of it, in words.
    pub result: String,
}

/// One table that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DrilledTable {
    /// The table.
    pub name: String,
    /// Its version at the recovery point.
    pub version: u64,
    /// Objects that the version names, all of which were looked for.
    pub files: u64,
    /// Bytes of the data files among them.
    pub bytes: u64,
    /// Data files of which rows were read.
    pub opened: u64,
    /// What is wrong; the first few.
    pub problems: Vec<String>,
}

/// One service that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DrilledService {
    /// The service, as the shutdown ledger names it.
    pub service: String,
    /// What keeps it from being started; none when it answers.
    pub problem: Option<String>,
}

/// What the command of the user said of the copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DrillValidation {
    /// The command.
    pub command: String,
    /// Whether it was content.
    pub passed: bool,
    /// How it ended: `exit status: 0`.
    pub ended: String,
    /// The beginning of what it wrote to its standard output.
    pub said: String,
}

impl DrillClaim {
    /// Whether whoever has claimed the drill still shows signs of life. One that lies as far in the future is of a clock that was
    /// ahead, and is none.
    #[must_use]
    pub fn is_under_way(&self, now: DateTime<Utc>) -> bool {
        !self.over && (now - self.alive_at.max(self.begun_at)).abs() < DEAD_AFTER
    }

    /// Reads a claim.
    ///
    /// # Errors
    /// See [`DecodeError`]. `key` is only used to say where.
    pub fn decode(key: &str, bytes: &[u8]) -> Result<Self, DecodeError> {
        decode(key, "claim on a drill", bytes)
    }
}

impl DrillReport {
    /// Reads a report.
    ///
    /// # Errors
    /// See [`DecodeError`]. `key` is only used to say where.
    pub fn decode(key: &str, bytes: &[u8]) -> Result<Self, DecodeError> {
        decode(key, "report of a drill", bytes)
    }
}

fn decode<T: for<'a> Deserialize<'a>>(key: &str, what: &'static str, bytes: &[u8]) -> Result<T, DecodeError> {
    check_format(key, what, FORMAT, bytes)?;
    serde_json::from_slice(bytes).map_err(|cause| DecodeError::Malformed { key: key.to_owned(), what, cause })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drill_without_a_sign_of_life_was_cut_short() {
        let at = |minute: i64| DateTime::UNIX_EPOCH + TimeDelta::minutes(minute);
        let by = Author { executor: "0.1.0".to_owned(), host: "h".to_owned(), run: "r".to_owned() };
        let group = "etl".parse().unwrap();
        let claim =
            DrillClaim { format: 1, group, drill: 1, begun_at: at(0), alive_at: at(7), over: false, by };
        assert!(claim.is_under_way(at(11)));
        assert!(!claim.is_under_way(at(12)));
        assert!(claim.is_under_way(at(3)) && !claim.is_under_way(at(2)), "by a clock that was ahead");
        assert!(!DrillClaim { over: true, ..claim }.is_under_way(at(8)));
    }
}
