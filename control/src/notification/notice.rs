use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::EventKind;
use crate::id::Name;

/// One event, as it is told. A webhook is sent exactly this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// Names the event: whoever is told it twice is told the same id twice.
    pub id: String,
    /// What it is.
    pub event: EventKind,
    /// What is over, of [`EventKind::Recovered`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovered_from: Option<EventKind>,
    /// The same for everything that is told of one incident, from its begin to its end.
    pub incident: String,
    /// The group.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub group: Name,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Its epoch.
    pub epoch: u64,
    /// When it was found, by the clock of the machine that did.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub at: DateTime<Utc>,
    /// One line.
    pub title: String,
    /// What happened, and what to do.
    pub text: String,
    /// Type of the refusal or class of the failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Sequence number of the newest recovery point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// Id of the cut that it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<String>,
}
