//! What `ConfigureProvider` leaves for later calls, and what `StopProvider` interrupts.

use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::lifecycle::report::explain;
use crate::lifecycle::session::Session;
use crate::provider_config::{Configuration, resolve};
use crate::wire::{Diagnostic, Diagnostics, Value};

/// The configuration of the provider, and the work that runs with it.
pub(super) struct Configured {
    state: Mutex<State>,
    /// Ends with the process.
    stop: CancellationToken,
    /// Ends with the work that runs now.
    running: Mutex<CancellationToken>,
}

#[derive(Clone)]
enum State {
    Nothing,
    Unknown(Vec<&'static str>),
    Ready(Arc<Session>),
}

impl Configured {
    pub(super) fn new(stop: CancellationToken) -> Self {
        let running = Mutex::new(stop.child_token());
        Self { state: Mutex::new(State::Nothing), stop, running }
    }

    /// Resolves a provider block, for all calls from here on.
    pub(super) fn configure(&self, config: &Value) -> Result<(), Diagnostics> {
        let state = match resolve(config, |name| std::env::var(name).ok())? {
            Configuration::Unknown(attributes) => State::Unknown(attributes),
            Configuration::Ready(settings) => {
                // without a path: Terraform would print the line of the options, which may hold credentials
                let session = Session::open(&settings).map_err(|error| {
                    Diagnostic::error("Control store cannot be opened", format!("{}.", explain(&error)))
                })?;
                State::Ready(Arc::new(session))
            }
        };
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
        Ok(())
    }

    /// The control store; only here it matters that the provider block was not wholly known.
    pub(super) fn session(&self) -> Result<Arc<Session>, Diagnostics> {
        match self.state.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            State::Ready(session) => Ok(session),
            State::Unknown(attributes) => Err(not_known_yet(&attributes).into()),
            State::Nothing => {
                Err(Diagnostic::bug("a call needs the control store before the provider is configured")
                    .into())
            }
        }
    }

    /// The control store, where it is no matter if there is none yet.
    pub(super) fn ready(&self) -> Option<Arc<Session>> {
        match &*self.state.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Ready(session) => Some(Arc::clone(session)),
            State::Unknown(_) | State::Nothing => None,
        }
    }

    /// Told when the work that begins now is to end.
    pub(super) fn stop(&self) -> CancellationToken {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Interrupts the work that runs now, and only that.
    pub(super) fn stop_running_work(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *running, self.stop.child_token()).cancel();
    }
}

fn not_known_yet(attributes: &[&str]) -> Diagnostic {
    Diagnostic::error(
        "Provider configuration not known yet",
        format!(
            "This needs the control store, but {} of the provider block depends on values that are only known after \
             apply. Apply those first, for example with -target, or give values that are known while planning.",
            attributes.join(", ")
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stopping_ends_what_runs_but_not_what_comes_later() {
        let configured = Configured::new(CancellationToken::new());
        let before = configured.stop();
        configured.stop_running_work();
        assert!(before.is_cancelled());
        assert!(!configured.stop().is_cancelled());
    }

    #[test]
    fn the_end_of_the_process_ends_everything() {
        let process = CancellationToken::new();
        let configured = Configured::new(process.clone());
        configured.stop_running_work();
        let after = configured.stop();
        process.cancel();
        assert!(after.is_cancelled());
    }
}
