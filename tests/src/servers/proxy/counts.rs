//! How many requests of each kind there were.

use std::collections::BTreeMap;
use std::fmt;

use super::fault::Fault;
use super::request::Kind;

/// Requests by kind; kinds without a request are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<Kind, u64>);

impl Counts {
    /// Adds one.
    pub(super) fn add(&mut self, kind: Kind) {
        *self.0.entry(kind).or_default() += 1;
    }

    /// Requests of a kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> u64 {
        self.0.get(&kind).copied().unwrap_or_default()
    }

    /// Requests of these kinds that the fault can hit.
    #[must_use]
    pub fn targets(&self, fault: Fault, kinds: &[Kind]) -> u64 {
        kinds.iter().filter(|kind| fault.can_hit(**kind)).map(|kind| self.of(*kind)).sum()
    }

    /// All requests.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

/// `12: 7 get, 3 list, 2 put`
impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<String> = self.0.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        write!(formatter, "{}: {}", self.total(), kinds.join(", "))
    }
}
