use lakedr_control::time;

use super::basis::Kind;
use crate::cut::Refusal;

/// Why the roles of a group are not changed, and what would have worked. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SwitchRefusal {
    /// There is nothing to go on from.
    #[error(
        "the group has no recovery point, so there is nothing to go on from in the standby region; a finished run has to be \
         synced first"
    )]
    NoRecoveryPoint,
    /// The region that is standby has not been brought to a recovery point since the roles changed.
    #[error(
        "nothing has been published to {standby} since it became the standby region in epoch {epoch}; its tables are at no \
         recovery point. `lakedr sync` brings them to one, plan again after that"
    )]
    Returning {
        /// The region.
        standby: String,
        /// The epoch in force.
        epoch: u64,
    },
    /// The group is where it began.
    #[error("{active} is active, the region that the group began with: there is no way home to go")]
    AtHome {
        /// The region.
        active: String,
    },
    /// Something that a failback must see cannot be seen.
    #[error(
        "a failback loses nothing, so it has to see everything, and this cannot be seen: {what}. If the active region is lost, \
         this is a failover: `lakedr failover plan`"
    )]
    Unseen {
        /// What, and why.
        what: String,
    },
    /// The workflow is not at rest.
    #[error(
        "run(s) {} of the workflow are under way in {active}; stop its schedule, let them finish, sync, then plan again",
        runs.join(", ")
    )]
    UnderWay {
        /// The region.
        active: String,
        /// Ids of the runs.
        runs: Vec<String>,
    },
    /// The standby region does not hold everything.
    #[error("{active} holds what the recovery point lacks: {}. {remedy}", lacks.join("; "))]
    Lacks {
        /// The region.
        active: String,
        /// What.
        lacks: Vec<String>,
        /// What to do.
        remedy: &'static str,
    },
    /// The plan is about something else by now.
    #[error(
        "plan {plan} does not describe the group(s) as they are: {found}. Something changed since it was made: plan again \
         with `lakedr {} plan`, for the same groups", kind.command()
    )]
    StalePlan {
        /// Its id.
        plan: String,
        /// How the roles were to change.
        kind: Kind,
        /// What was found.
        found: String,
    },
    /// What stops a sync stops this, too.
    #[error(transparent)]
    Group(#[from] Refusal),
}

impl SwitchRefusal {
    /// The type that JSON output and exit code 3 refer to.
    #[must_use]
    pub fn tag(&self) -> &'static str {
        match self {
            Self::NoRecoveryPoint => "no_recovery_point",
            Self::Returning { .. } | Self::AtHome { .. } => "fenced",
            Self::Unseen { .. } => "unseen",
            Self::UnderWay { .. } => "under_way",
            Self::Lacks { .. } => "not_up_to_date",
            Self::StalePlan { .. } => "stale_plan",
            Self::Group(refusal) => refusal.tag(),
        }
    }
}

/// A group as it is, for somebody who has a plan of something else.
#[must_use]
pub(super) fn as_it_is(group: &str, state: &lakedr_control::group_log::GroupState) -> String {
    let point = match (&state.open_intent, state.recovery_point()) {
        (Some(open), _) => format!("intent {} open ({})", open.seq, open.cut.describe()),
        (None, Some(point)) => format!("recovery point {} ({})", point.seq, point.cut.describe()),
        (None, None) => "no recovery point".to_owned(),
    };
    let changed = state
        .role_change
        .as_ref()
        .map(|change| format!(", roles changed at {} by {}", time::format(change.at), change.approved_by));
    let paused = state.paused_by.as_ref().map(|by| format!(", paused by {by}"));
    format!(
        "{group} is in epoch {}, {} active, {point}{}{}",
        state.epoch,
        state.role.active,
        changed.unwrap_or_default(),
        paused.unwrap_or_default()
    )
}
