use serde::{Deserialize, Serialize};

use super::fold::GroupState;
use crate::digest::{self, NotCanonical};
use crate::id::Name;

/// The format of heads that this program reads and writes. A head of any other format is ignored. A new format of
/// entries, another shape of [`GroupState`] and another effect of an entry on it are new formats of the head: no program
/// may be led past an entry that it would not read or would read otherwise.
///
/// | format | since | changes |
/// |---|---|---|
/// | 1 | 0.1.0 | the first |
pub const HEAD_FORMAT: u32 = 1;

/// The head of a group log: what the entries up to one of them come to.
///
/// A cache: readers begin with it, read the entries behind it and fold on. It may lag behind the log, be damaged or be
/// absent; that costs requests and changes no decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Version of the format.
    pub format: u32,
    /// The group.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub group: Name,
    /// `sha256:` digest of the object that holds the newest entry in `state`.
    pub entry_digest: String,
    /// `sha256:` digest over the canonical JSON of `state`.
    pub digest: String,
    /// The state after that entry, without old recovery points.
    pub state: GroupState,
}

/// Why a head is of no use.
#[derive(Debug, thiserror::Error)]
pub enum HeadIgnored {
    /// It is no head of this format.
    #[error("it is none of format {HEAD_FORMAT}")]
    Malformed(#[source] serde_json::Error),
    /// It is of another format.
    #[error("its format is {found}, this program reads {HEAD_FORMAT}")]
    OtherFormat {
        /// The format.
        found: u32,
    },
    /// It is about another group.
    #[error("it is about group {found}")]
    OtherGroup {
        /// The group.
        found: Name,
    },
    /// It was changed by hand or damaged.
    #[error("its digest is not the one of its state")]
    Damaged,
    /// The log lacks its entry.
    #[error("the log has no entry {seq}")]
    NoEntry {
        /// The entry.
        seq: u64,
    },
    /// The log holds another entry there.
    #[error("entry {seq} of the log is another one")]
    OtherEntry {
        /// The entry.
        seq: u64,
    },
}

/// The format, whatever else there is.
#[derive(Deserialize)]
struct Header {
    format: u32,
}

impl Head {
    /// The head of a log whose newest entry is stored in an object with this digest.
    ///
    /// # Errors
    /// When the state has no canonical form (a bug).
    pub fn new(group: Name, entry_digest: String, state: GroupState) -> Result<Self, NotCanonical> {
        let state = state.without_old_points();
        Ok(Self { format: HEAD_FORMAT, group, entry_digest, digest: digest::of_json(&state)?, state })
    }

    /// Reads the head of the log of a group, and checks what can be checked without the log.
    ///
    /// # Errors
    /// When it is of no use.
    pub fn decode(group: &Name, bytes: &[u8]) -> Result<Self, HeadIgnored> {
        let header: Header = serde_json::from_slice(bytes).map_err(HeadIgnored::Malformed)?;
        if header.format != HEAD_FORMAT {
            return Err(HeadIgnored::OtherFormat { found: header.format });
        }
        let head: Self = serde_json::from_slice(bytes).map_err(HeadIgnored::Malformed)?;
        if head.group != *group {
            return Err(HeadIgnored::OtherGroup { found: head.group });
        }
        if digest::of_json(&head.state).ok().as_ref() != Some(&head.digest) {
            return Err(HeadIgnored::Damaged);
        }
        Ok(head)
    }

    /// Checks that the log holds the entry that the state ends with; `entry` is the digest of the object at its place.
    ///
    /// # Errors
    /// When it does not: the head is one of another log, or the log lost entries.
    pub fn check_entry(&self, entry: Option<&str>) -> Result<(), HeadIgnored> {
        let seq = self.state.seq();
        match entry {
            None => Err(HeadIgnored::NoEntry { seq }),
            Some(digest) if digest != self.entry_digest => Err(HeadIgnored::OtherEntry { seq }),
            Some(_) => Ok(()),
        }
    }

    /// The bytes that are stored.
    ///
    /// # Errors
    /// When the head has no JSON form (a bug).
    pub fn encode(&self) -> Result<Vec<u8>, NotCanonical> {
        let mut bytes = serde_json::to_vec(self).map_err(NotCanonical)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}
