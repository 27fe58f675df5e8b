use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::roles::ApprovedPlan;
use super::services::Power;
use super::warehouse::WarehouseSlot;
use crate::codec::{DecodeError, check_format};
use crate::cut::Cut;
use crate::id::{Name, TableName};

/// Newest format of log entries that this program reads, and the one it writes.
///
/// | format | since | changes |
/// |---|---|---|
/// | 1 | 0.1.0 | the first |
pub const FORMAT: u32 = 1;

/// Sequence number of the first entry of a log.
pub const FIRST_SEQ: u64 = 1;

/// Epoch that a group is created with; each failover and failback raises it by one.
pub const FIRST_EPOCH: u64 = 1;

/// One entry of a group log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Version of the entry format.
    pub format: u32,
    /// The group.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub group: Name,
    /// Position in the log, from [`FIRST_SEQ`], without gaps.
    pub seq: u64,
    /// Epoch in force from this entry on.
    pub epoch: u64,
    /// When it was written, by the writer's clock. For people: no decision rests on it.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub at: DateTime<Utc>,
    /// Who wrote it.
    pub by: Author,
    /// What happened.
    pub event: Event,
}

/// Who wrote an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Author {
    /// Version of the executor.
    pub executor: String,
    /// Host name.
    pub host: String,
    /// Id of this call of the executor.
    pub run: String,
}

/// Active and standby region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Region whose tables the workflow writes.
    pub active: String,
    /// Region whose tables lakedr writes.
    pub standby: String,
}

/// What an intent is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum IntentKind {
    /// Make a new cut visible.
    Publish,
    /// Bring tables back to the last recovery point after a foreign commit slipped between the slots.
    Rollback,
    /// Bring the group to an older recovery point on request.
    Restore,
}

/// One commit of an intent: where it goes and what exactly it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct IntentSlot {
    /// The table.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub table: TableName,
    /// URL of the final table; that of the workspace, where a SQL warehouse commits to the table.
    pub url: String,
    /// Version of the final table that the commit goes to; the lowest that it can be, where a SQL warehouse commits.
    pub version: u64,
    /// No reader sees this version before version 0 of the same table is there. Such slots are filled first; only a
    /// first clone of many files has them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
    /// `sha256:` digest of the commit body, or of the statement, which is stored where
    /// [`crate::layout::pending_commit`] says.
    pub body_digest: String,
    /// What a SQL warehouse does, where it commits instead of lakedr.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warehouse: Option<WarehouseSlot>,
}

/// Why an attempt failed, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// Somebody else wrote into a table of the standby region.
    Diverged,
    /// A store or service could not be reached or did not answer in time.
    Unreachable,
    /// A store or service refused the credentials.
    Denied,
    /// A table is not as it has to be: damaged log, missing file, size that does not match.
    Damaged,
    /// A table uses a feature that lakedr cannot carry.
    Unsupported,
    /// The specification cannot be carried out as it stands.
    Configuration,
    /// A bug of lakedr.
    Internal,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// The group exists.
    Created {
        /// Digest of the spec.
        spec_digest: String,
        /// Who is active.
        role: Role,
    },
    /// Staged delivery: the cut is complete in the landing area.
    Landed {
        /// Digest of the spec that the cut was made with.
        spec_digest: String,
        /// The cut; of each table it says which version of the landing table holds it.
        cut: Cut,
    },
    /// The cut is about to be published; every byte it needs is in place.
    Intent {
        /// What it is about.
        kind: IntentKind,
        /// Sequence number of the intent that this one replaces.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replaces: Option<u64>,
        /// Digest of the spec that the cut was made with.
        spec_digest: String,
        /// The cut.
        cut: Cut,
        /// The slots of each table that changes: one, or several for a first clone of many files.
        slots: Vec<IntentSlot>,
    },
    /// Every slot of an intent is filled: a recovery point.
    Published {
        /// Sequence number of the intent.
        intent: u64,
        /// The cut.
        cut: Cut,
        /// Milliseconds from the first to the last slot, as the process saw them that filled the last one.
        publish_window_ms: u64,
    },
    /// An intent was given up before any slot was written.
    Abandoned {
        /// Sequence number of the intent.
        intent: u64,
        /// Why.
        reason: String,
    },
    /// An attempt failed; the group stays at its last recovery point.
    Failed {
        /// Attempt within its call of the executor, from 1.
        attempt: u32,
        /// Stage that failed.
        stage: String,
        /// Class of the failure.
        class: FailureClass,
        /// What happened, and what to do.
        message: String,
    },
    /// Failover or failback: active and standby change places. The entry's epoch is one higher than the one before.
    Role {
        /// Who is active from here on.
        role: Role,
        /// Sequence number of the `published` entry that the new active side goes on from.
        from: Option<u64>,
        /// Who approved it.
        approved_by: String,
        /// The plan that it carries out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plan: Option<ApprovedPlan>,
    },
    /// The log goes on in the other region's location.
    Moved {
        /// Region whose location holds the next entry.
        to_region: String,
    },
    /// An operator stopped the group.
    Paused {
        /// Who.
        operator: String,
    },
    /// An operator let the group go on.
    Resumed {
        /// Who.
        operator: String,
    },
    /// The shutdown ledger: what became of a service that a failover or failback stops or starts.
    Shutdown {
        /// Region, kind and name of the service.
        service: String,
        /// `on` or `off`: what it should be.
        wanted: String,
        /// What was seen: `on`, `off`, or what the service or the way to it says.
        seen: String,
        /// How often something was done about it since it should be so, this time included.
        attempts: u32,
        /// What it was before anything was done about it, as far as that was seen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Power>,
        /// What else there is to know.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// An operator has seen something and takes it as it is.
    Acknowledged {
        /// What.
        subject: String,
        /// Who.
        operator: String,
    },
}

impl Event {
    /// The `type` field.
    #[must_use]
    pub fn tag(&self) -> &'static str {
        match self {
            Self::Created { .. } => "created",
            Self::Landed { .. } => "landed",
            Self::Intent { .. } => "intent",
            Self::Published { .. } => "published",
            Self::Abandoned { .. } => "abandoned",
            Self::Failed { .. } => "failed",
            Self::Role { .. } => "role",
            Self::Moved { .. } => "moved",
            Self::Paused { .. } => "paused",
            Self::Resumed { .. } => "resumed",
            Self::Shutdown { .. } => "shutdown",
            Self::Acknowledged { .. } => "acknowledged",
        }
    }
}

impl Entry {
    /// Reads an entry.
    ///
    /// # Errors
    /// See [`DecodeError`]. `key` is only used to say where.
    pub fn decode(key: &str, bytes: &[u8]) -> Result<Self, DecodeError> {
        let what = "group log entry";
        check_format(key, what, FORMAT, bytes)?;
        serde_json::from_slice(bytes).map_err(|cause| DecodeError::Malformed {
            key: key.to_owned(),
            what,
            cause,
        })
    }
}
