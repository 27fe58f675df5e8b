use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a group tells people of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// There is a new recovery point.
    Success,
    /// A call did not bring the group to its newest finished state, and an operator has to know.
    Failure,
    /// What was told of as a failure, as stale or as a retention is over.
    Recovered,
    /// The RPO lag is above the target, or nothing was ever published within it.
    Stale,
    /// A source table may remove what the next cut needs before it is copied.
    Retention,
    /// The regions have changed places.
    Failover,
    /// A service is not as a failover or failback wants it.
    Services,
    /// A failover was rehearsed, or has to be again.
    Drill,
}

impl EventKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Success,
        Self::Failure,
        Self::Recovered,
        Self::Stale,
        Self::Retention,
        Self::Failover,
        Self::Services,
        Self::Drill,
    ];

    /// How specifications and messages spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Recovered => "recovered",
            Self::Stale => "stale",
            Self::Retention => "retention",
            Self::Failover => "failover",
            Self::Services => "services",
            Self::Drill => "drill",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which part of the way from the active to the standby tables a call covers. Each has failures of its own, since with staged
/// delivery the one may work while the other does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// All of it.
    Sync,
    /// To the landing area.
    Send,
    /// From there to the final tables.
    Receive,
}

impl Part {
    /// How messages spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Send => "send",
            Self::Receive => "receive",
        }
    }
}

/// A text that names no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} is no event: write success, failure, recovered, stale, retention, failover, services or drill"
)]
pub struct UnknownEvent {
    given: String,
}

impl FromStr for EventKind {
    type Err = UnknownEvent;

    fn from_str(given: &str) -> Result<Self, UnknownEvent> {
        let known = Self::ALL.into_iter().find(|kind| kind.as_str() == given);
        known.ok_or_else(|| UnknownEvent { given: given.to_owned() })
    }
}
