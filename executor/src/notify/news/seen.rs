use std::time::Duration;

use chrono::{DateTime, Utc};
use lakedr_control::id::Name;
use lakedr_control::notification::Part;

/// Something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Type of the refusal, or class of the failure.
    pub class: String,
    /// Where, what, cause and remedy.
    pub message: String,
    /// Sequence number of the entry of the group log that says so, if there is one.
    pub seq: Option<u64>,
}

/// How a call left a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// As it should be.
    Good,
    /// An operator has to know.
    Bad(Problem),
    /// That cannot be said: the group waits for a run, or is paused.
    Open,
}

/// A recovery point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// Its entry of the group log.
    pub seq: u64,
    /// Id of its cut.
    pub cut: String,
    /// The cut in words.
    pub described: String,
    /// Number of its tables, of the files that were copied for it, and their bytes.
    pub copied: (usize, u64, u64),
}

/// A change of roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its entry of the group log.
    pub seq: u64,
    /// `failover` or `failback`.
    pub kind: &'static str,
    /// The region that is active from then on.
    pub active: String,
    /// The region that is standby from then on.
    pub standby: String,
    /// Who approved it.
    pub approved_by: String,
    /// What the active region goes on from, in words, and how old that was by then.
    pub from: Option<(String, Duration)>,
    /// What the call that made it measured and found; none when another call tells of it.
    pub outcome: Option<String>,
}

/// A drill that this call carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drill {
    /// The region that was rehearsed to take over, and the number of the drill there.
    pub of: (String, u64),
    /// Whether it passed.
    pub passed: bool,
    /// What it measured and found.
    pub text: String,
}

/// How long ago a drill passed, against how often one has to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillAge {
    /// The region that would take over.
    pub region: String,
    /// When the newest one passed; none when none ever did.
    pub passed_at: Option<DateTime<Utc>>,
    /// What was wrong with the newest one, if it did not pass.
    pub failed: Option<String>,
    /// How often one has to.
    pub every: Duration,
}

/// How far behind the group is, against its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lag {
    /// The RPO lag; none when there is no recovery point.
    pub lag: Option<Duration>,
    /// The RPO target.
    pub target: Duration,
}

/// What a call knows of its group in the end.
#[derive(Debug, Clone)]
pub struct Seen<'a> {
    /// The group.
    pub group: &'a Name,
    /// Who answers for it.
    pub owner: Option<&'a str>,
    /// Its epoch.
    pub epoch: u64,
    /// Which part of the way the call covered.
    pub part: Part,
    /// The present moment.
    pub now: DateTime<Utc>,
    /// Whether what is told now will be known to the next call.
    pub remembered: bool,
    /// Whether this call published.
    pub published: bool,
    /// How it left the group.
    pub condition: Condition,
    /// Recovery points at hand, oldest first.
    pub points: Vec<Point>,
    /// None without an RPO target, or when it is not known.
    pub lag: Option<Lag>,
    /// Retentions that are too short; none when nobody looked.
    pub retention: Option<Vec<String>>,
    /// The newest change of roles.
    pub change: Option<Change>,
    /// Whether this call made it.
    pub changed: bool,
    /// The drill that this call carried out.
    pub drill: Option<Drill>,
    /// Age of the newest drill; none when nobody looked, or none has to be had.
    pub drill_age: Option<DrillAge>,
    /// Services that were tried more than once and are not as they should be; none when nobody looked.
    pub services: Option<Vec<String>>,
}
