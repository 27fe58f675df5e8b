//! What comes from outside and is handed in: the clock, the name of this call, cancellation.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use lakedr_control::group_log::Author;
use lakedr_control::location::StoreUrl;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::copy::Copying;
use crate::drill::Claims;
use crate::publish::Statements;
use crate::services::Paused;

/// One call of the executor.
#[derive(Debug, Clone)]
pub struct World {
    /// Who writes log entries.
    pub author: Author,
    /// What all copies share.
    pub copying: Copying,
    /// Groups write to the sync metadata table in turns: at once they would only lose versions to each other.
    pub metadata_turn: Arc<Mutex<()>>,
    /// What SQL warehouses are carrying out for this call.
    pub statements: Statements,
    /// Drills that this call is carrying out.
    pub drills: Claims,
    /// Schedules that this call pauses for failbacks.
    pub paused: Paused,
    /// Region that this process runs in, if it has been told.
    pub region: Option<String>,
    /// Control store of the other region, if it has been told.
    pub other_control: Option<StoreUrl>,
    /// How far the clock of this call is ahead of the machine's. Not at all, but in tests that let weeks pass.
    pub ahead: TimeDelta,
}

impl World {
    /// The real world.
    #[must_use]
    pub fn new() -> Self {
        let host = gethostname::gethostname().to_string_lossy().into_owned();
        let executor = env!("CARGO_PKG_VERSION").to_owned();
        let author = Author { executor, host, run: Uuid::new_v4().to_string() };
        Self {
            author,
            copying: Copying::default(),
            metadata_turn: Arc::default(),
            statements: Statements::default(),
            drills: Claims::default(),
            paused: Paused::default(),
            region: None,
            other_control: None,
            ahead: TimeDelta::zero(),
        }
    }

    /// The present moment, by this machine's clock. For people and for the RPO lag: what is safe never rests on it.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        Utc::now() + self.ahead
    }

    /// A fresh id.
    #[must_use]
    pub fn fresh_id(&self) -> Uuid {
        Uuid::new_v4()
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}
