use lakedr_control::time;

use crate::failover::SwitchRefusal;

/// Why no drill takes place. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DrillRefusal {
    /// There would be no failover either.
    #[error(transparent)]
    NoFailover(SwitchRefusal),
    /// Another drill of the group is under way.
    #[error(
        "drill {drill} of the group is under way on {host} since {}; wait for it. One that was killed counts as over five \
         minutes after its last sign of life", time::format(*.since)
    )]
    UnderWay {
        /// Its number.
        drill: u64,
        /// Where.
        host: String,
        /// Since when.
        since: chrono::DateTime<chrono::Utc>,
    },
}

impl DrillRefusal {
    /// The name of the refusal, for programs.
    #[must_use]
    pub fn tag(&self) -> &'static str {
        match self {
            Self::NoFailover(refusal) => refusal.tag(),
            Self::UnderWay { .. } => "drill_under_way",
        }
    }
}
