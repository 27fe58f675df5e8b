use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use crate::secret::Secret;

/// A token is replaced this long before it ends.
const BEFORE_THE_END: Duration = Duration::from_secs(60);

/// How long a token is taken to live when the service does not say.
const UNTOLD_LIFE: Duration = Duration::from_secs(600);

/// What a service answers that grants a token (RFC 6749, section 5.1; Airflow 3 the same without an end).
#[derive(Deserialize)]
pub(super) struct Grant {
    access_token: String,
    #[serde(default)]
    expires_in: Option<u64>,
}

/// A token that was granted.
#[derive(Debug)]
pub(super) struct Granted {
    token: Secret,
    until: Instant,
}

impl Granted {
    /// The moment from which on the life of a token is counted: before it is asked for.
    pub(super) fn ask_begins() -> Instant {
        Instant::now()
    }

    pub(super) fn of(grant: Grant, asked: Instant) -> Self {
        let life = grant.expires_in.map_or(UNTOLD_LIFE, Duration::from_secs);
        Self { token: Secret::new(grant.access_token), until: asked + life }
    }

    /// Whether it can be used for a call that is made soon.
    pub(super) fn lives(&self) -> bool {
        self.until > Instant::now() + BEFORE_THE_END
    }

    pub(super) fn token(&self) -> Secret {
        self.token.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_replaced_before_it_ends_and_never_shown() {
        let granted = |seconds| {
            let grant = Grant { access_token: "hunter2".to_owned(), expires_in: seconds };
            Granted::of(grant, Granted::ask_begins())
        };
        assert!(granted(Some(120)).lives() && granted(None).lives());
        assert!(!granted(Some(59)).lives());
        assert!(!format!("{:?}", granted(None)).contains("hunter2"));
    }
}
