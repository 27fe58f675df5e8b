//! What a change of roles makes of the state of a group.
//!
//! A recovery point says which version of the active region's table (`source_version`) is which version of the standby
//! region's (`target_version`), for the roles in which it was published. Once they have changed, the same two versions
//! are the same state, the other way round: [`GroupState::held`] says it for the roles in force.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::fold::{GroupState, RecoveryPoint};
use crate::cut::Cut;
use crate::id::TableName;

/// The plan that a change of roles carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApprovedPlan {
    /// Id of the plan, which may be about several groups.
    pub id: String,
    /// Digest over what the plan rested on in this group.
    pub part: String,
}

/// The newest change of roles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RoleChange {
    /// Sequence number of the entry.
    pub seq: u64,
    /// When, by its writer's clock.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub at: DateTime<Utc>,
    /// Sequence number of the recovery point that the active side goes on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// Who approved it.
    pub approved_by: String,
    /// The plan that it carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<ApprovedPlan>,
}

impl GroupState {
    /// Whether nothing has been published since the roles changed: the region that is standby may hold anything, and
    /// the newest recovery point lies in the tables of the region that is active.
    #[must_use]
    pub fn is_returning(&self) -> bool {
        self.recovery_point().is_some_and(|point| point.epoch != self.epoch)
    }

    /// Whether active and standby are the other way round than when a recovery point was published.
    #[must_use]
    pub fn is_turned(&self, point: &RecoveryPoint) -> bool {
        self.epoch.abs_diff(point.epoch) % 2 == 1
    }

    /// What the newest recovery point holds, in the roles in force: `source_version` is of the table in the region that
    /// is active, `target_version` of the one in the region that is standby.
    #[must_use]
    pub fn held(&self) -> Option<Cow<'_, Cut>> {
        let point = self.recovery_point()?;
        let as_published = Cow::Borrowed(&point.cut);
        Some(if self.is_turned(point) { Cow::Owned(point.cut.turned()) } else { as_published })
    }

    /// Version, at a recovery point, of a table in the region that is standby.
    #[must_use]
    pub fn standby_version(&self, point: &RecoveryPoint, table: &TableName) -> Option<u64> {
        let held = point.cut.table(table)?;
        if self.is_turned(point) { Some(held.source_version) } else { held.target_version }
    }
}
