use async_trait::async_trait;
use lakedr_control::group_log::Power;

use super::fault::ServiceFault;

/// What a look at a service shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What it is.
    pub state: State,
    /// The same in the service's own words.
    pub word: String,
}

/// What a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// On or off.
    Is(Power),
    /// On its way there: nothing is gained by asking again.
    Towards(Power),
    /// Nothing that could be on or off; as good as either.
    Neither,
    /// Anything else.
    Other,
}

impl Seen {
    /// A service in a state, in its own words.
    #[must_use]
    pub fn new(state: State, word: impl Into<String>) -> Self {
        Self { state, word: word.into() }
    }

    /// A service that is one or the other.
    #[must_use]
    pub fn of(power: Power) -> Self {
        Self::new(State::Is(power), power.word())
    }

    /// Whether it is as it should be.
    #[must_use]
    pub fn is(&self, wanted: Power) -> bool {
        self.state == State::Is(wanted) || self.state == State::Neither
    }
}

/// Something that can be looked at, stopped and started.
#[async_trait]
pub trait Switch: Send + Sync + std::fmt::Debug {
    /// What it is. Changes nothing. None where there is nothing to look at: then only asking tells.
    ///
    /// # Errors
    /// When the service does not say.
    async fn look(&self) -> Result<Option<Seen>, ServiceFault>;

    /// Asks for it to be so. That it was asked for does not mean that it is so. Asking again does no harm.
    ///
    /// # Errors
    /// When the service refuses, or does not answer.
    async fn ask(&self, wanted: Power) -> Result<(), ServiceFault>;

    /// Runs that it started and that are under way, by their ids: those are left to finish.
    ///
    /// # Errors
    /// When the service does not say.
    async fn runs_under_way(&self) -> Result<Vec<String>, ServiceFault> {
        Ok(Vec::new())
    }
}
