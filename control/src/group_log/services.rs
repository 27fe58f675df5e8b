//! The shutdown ledger: what became of the services of a group since its roles changed.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::entry::{Entry, Event};
use super::fold::GroupState;

/// What a service should be, or was, in the words of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Power {
    /// Started, running, not paused.
    On,
    /// Stopped, terminated, paused.
    Off,
}

impl Power {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
        }
    }
}

/// What the ledger says of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ServiceRecord {
    /// Region, kind and name.
    pub service: String,
    /// Sequence number of the newest entry about it.
    pub seq: u64,
    /// When that was written, by its writer's clock.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub at: DateTime<Utc>,
    /// `on` or `off`: what it should be.
    pub wanted: String,
    /// What was seen last: `on`, `off`, or what the service or the way to it says.
    pub seen: String,
    /// How often something was done about it since it should be so.
    pub attempts: u32,
    /// What it was before anything was done about it; none when that could not be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Power>,
    /// What else there is to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl ServiceRecord {
    /// Whether it has not been seen as it should be.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.seen != self.wanted
    }

    /// Whether this is what it should be.
    #[must_use]
    pub fn wants(&self, power: Power) -> bool {
        self.wanted == power.word()
    }
}

impl GroupState {
    /// What the ledger says of a service.
    #[must_use]
    pub fn service(&self, id: &str) -> Option<&ServiceRecord> {
        self.services.iter().find(|record| record.service == id)
    }

    /// Services that have not been seen as they should be.
    pub fn open_services(&self) -> impl Iterator<Item = &ServiceRecord> {
        self.services.iter().filter(|record| record.is_open())
    }
}

/// What an entry of the ledger changes.
pub(super) fn enter(state: &mut GroupState, entry: &Entry) {
    let Event::Shutdown { service, wanted, seen, attempts, before, note } = &entry.event else { return };
    let known = state.services.iter().position(|record| record.service == *service);
    let carried = known.and_then(|index| {
        let known = state.services.get(index)?;
        known.before.filter(|_| known.wanted == *wanted)
    });
    let record = ServiceRecord {
        service: service.clone(),
        seq: entry.seq,
        at: entry.at,
        wanted: wanted.clone(),
        seen: seen.clone(),
        attempts: *attempts,
        before: before.or(carried),
        note: note.clone(),
    };
    match known.and_then(|index| state.services.get_mut(index)) {
        Some(known) => *known = record,
        None => state.services.push(record),
    }
}
