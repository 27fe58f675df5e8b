//! The requests of one segment: counted, and one of them hit.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::counts::Counts;
use super::fault::Fault;
use super::request::{Asked, Kind};

/// The requests that belong to one watched segment.
#[derive(Debug, Default)]
pub struct Watch(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    counts: Counts,
    bytes: u64,
    injection: Option<Injection>,
}

#[derive(Debug)]
struct Injection {
    fault: Fault,
    kinds: Vec<Kind>,
    /// Requests that the fault can hit and that still pass unharmed.
    spare: u64,
    hit: Option<Asked>,
}

impl Watch {
    /// Lets the fault happen to the `nth` request, from 1, of these kinds that it can hit, from this moment on.
    /// Replaces what was asked for before.
    pub fn inject(&self, fault: Fault, kinds: &[Kind], nth: u64) {
        let kinds = kinds.iter().copied().filter(|kind| fault.can_hit(*kind)).collect();
        self.state().injection = Some(Injection { fault, kinds, spare: nth.saturating_sub(1), hit: None });
    }

    /// Whether the fault has happened.
    #[must_use]
    pub fn has_hit(&self) -> bool {
        self.state().injection.as_ref().is_some_and(|injection| injection.hit.is_some())
    }

    /// Lets no fault happen any more. The request that one happened to, in words, if it did.
    pub fn disarm(&self) -> Option<String> {
        self.state().injection.take()?.hit.map(|asked| asked.to_string())
    }

    /// The requests since the watch began, or since the last call.
    #[must_use]
    pub fn take_counts(&self) -> Counts {
        std::mem::take(&mut self.state().counts)
    }

    /// The bytes that requests brought to the server since the watch began, or since the last call.
    #[must_use]
    pub fn take_bytes(&self) -> u64 {
        std::mem::take(&mut self.state().bytes)
    }

    /// Counts a request, and says what has to happen to it.
    pub(super) fn note(&self, asked: &Asked) -> Option<Fault> {
        let mut state = self.state();
        state.counts.add(asked.kind);
        state.bytes += asked.bytes;
        let injection = state.injection.as_mut().filter(|injection| injection.hit.is_none())?;
        if !injection.kinds.contains(&asked.kind) {
            return None;
        }
        if injection.spare > 0 {
            injection.spare -= 1;
            return None;
        }
        injection.hit = Some(asked.clone());
        Some(injection.fault)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(kind: Kind) -> Asked {
        Asked { kind, place: "b/x".to_owned(), bytes: 5 }
    }

    #[test]
    fn a_fault_happens_once_to_the_request_that_was_asked_for() {
        let watch = Watch::default();
        watch.inject(Fault::Twice, &Kind::ALL, 2);
        let fates: Vec<_> = [Kind::Put, Kind::Get, Kind::Put, Kind::Put]
            .into_iter()
            .map(|kind| watch.note(&asked(kind)))
            .collect();
        assert_eq!(fates, [None, None, Some(Fault::Twice), None]);
        assert_eq!(watch.disarm().as_deref(), Some("put b/x"));
        let counts = watch.take_counts();
        assert_eq!((counts.total(), counts.of(Kind::Put)), (4, 3));
        assert_eq!(counts.to_string(), "4: 1 get, 3 put");
        assert_eq!((watch.take_counts().total(), watch.take_bytes(), watch.take_bytes()), (0, 20, 0));
    }
}
