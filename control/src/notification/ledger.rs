//! | format | since | changes |
//! |---|---|---|
//! | 1 | 0.1.0 | the first |

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{EventKind, Notice, Part};
use crate::digest::NotCanonical;
use crate::id::Name;

/// The format of ledgers that this program reads and writes. One of any other format is begun anew, which may tell an
/// incident once more.
pub const FORMAT: u32 = 1;

/// What a group has told, and what it has still to tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// Version of the format.
    pub format: u32,
    /// The group.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub group: Name,
    /// When it was begun.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub since: DateTime<Utc>,
    /// Recovery points and changes of roles up to this entry of the group log are told, or wait in `outbox`.
    pub told_up_to: u64,
    /// When the retention of the source tables was last looked at.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::time::rfc3339_millis_option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<DateTime<Utc>>"))]
    pub retention_seen_at: Option<DateTime<Utc>>,
    /// When the age of the newest drill was last looked at.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::time::rfc3339_millis_option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<DateTime<Utc>>"))]
    pub drill_seen_at: Option<DateTime<Utc>>,
    /// What has begun and is not over: of failures at most one for each part, else at most one of each kind.
    pub standing: Vec<Standing>,
    /// What has not been delivered, oldest first.
    pub outbox: Vec<Parcel>,
}

/// Something that has been told and is not over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// What it is.
    pub event: EventKind,
    /// Of a failure: what fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// [`Notice::incident`] of all that is told of it.
    pub incident: String,
    /// When it was told first.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub since: DateTime<Utc>,
    /// When it was told last.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub told_at: DateTime<Utc>,
    /// How often it was told.
    pub told: u32,
    /// The classes of which it was told.
    pub classes: Vec<String>,
}

/// A notice on its way to one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Parcel {
    /// What is told.
    pub notice: Notice,
    /// Where, as the specification declares it; never a secret.
    pub target: String,
    /// The call that is delivering it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken: Option<Taken>,
}

/// A call that is delivering a parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Taken {
    /// Id of the call.
    pub by: String,
    /// Since when.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub at: DateTime<Utc>,
}

/// Why a ledger is of no use.
#[derive(Debug, thiserror::Error)]
pub enum LedgerIgnored {
    /// It is no ledger of this format.
    #[error("it is none of format {FORMAT}")]
    Malformed(#[source] serde_json::Error),
    /// It is of another format, or about another group.
    #[error("its format is {format} and its group {group}")]
    Other {
        /// The format.
        format: u32,
        /// The group.
        group: String,
    },
}

/// Format and group, whatever else there is.
#[derive(Deserialize)]
struct Header {
    format: u32,
    group: String,
}

impl Ledger {
    /// The ledger of a group of which nothing newer than `told_up_to` has been told.
    #[must_use]
    pub fn new(group: Name, since: DateTime<Utc>, told_up_to: u64) -> Self {
        let (standing, outbox) = (Vec::new(), Vec::new());
        Self {
            format: FORMAT,
            group,
            since,
            told_up_to,
            retention_seen_at: None,
            drill_seen_at: None,
            standing,
            outbox,
        }
    }

    /// Reads the ledger of a group.
    ///
    /// # Errors
    /// When it is of no use.
    pub fn decode(group: &Name, bytes: &[u8]) -> Result<Self, LedgerIgnored> {
        let header: Header = serde_json::from_slice(bytes).map_err(LedgerIgnored::Malformed)?;
        if header.format != FORMAT || header.group != group.as_str() {
            return Err(LedgerIgnored::Other { format: header.format, group: header.group });
        }
        serde_json::from_slice(bytes).map_err(LedgerIgnored::Malformed)
    }

    /// The bytes that are stored.
    ///
    /// # Errors
    /// When the ledger has no JSON form (a bug).
    pub fn encode(&self) -> Result<Vec<u8>, NotCanonical> {
        let mut bytes = serde_json::to_vec(self).map_err(NotCanonical)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}
