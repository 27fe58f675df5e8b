//! What the control store of the other region said of a group when a sync saw it last, so that a region that takes over can
//! still be compared with the one that is lost. It is kept beside the group log, may be lost or stale, and decides nothing.
//! Like the documents that it holds it has references in the place of secrets.
//!
//! | format | since | changes |
//! |---|---|---|
//! | 1 | 0.1.0 | the first |

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::codec::Document;
use crate::digest::NotCanonical;
use crate::id::Name;
use crate::location::StoreUrl;
use crate::spec::{ExternalLocationSpec, SyncGroupSpec};

/// The format that this program reads and writes. A document of any other format is ignored.
pub const FORMAT: u32 = 1;

/// What was seen, where, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Sighting {
    /// Version of the format.
    pub format: u32,
    /// The group.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub group: Name,
    /// The control store of the other region.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub control: StoreUrl,
    /// When it was read.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub seen_at: DateTime<Utc>,
    /// What it held.
    pub declared: Declared,
}

/// How a region declares a group and the external locations that the group names in the region that looked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// The group; none when there is none of that name.
    pub sync_group: Option<Document<SyncGroupSpec>>,
    /// The external locations that were looked for, by name; none where there is none of that name.
    pub external_locations: BTreeMap<String, Option<Document<ExternalLocationSpec>>>,
}

/// Why what was kept is of no use.
#[derive(Debug, thiserror::Error)]
pub enum SightingIgnored {
    /// It is no document of this format.
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

impl Sighting {
    /// What was seen just now.
    #[must_use]
    pub fn new(group: Name, control: StoreUrl, seen_at: DateTime<Utc>, declared: Declared) -> Self {
        Self { format: FORMAT, group, control, seen_at, declared }
    }

    /// Reads what was kept about a group.
    ///
    /// # Errors
    /// When it is of no use.
    pub fn decode(group: &Name, bytes: &[u8]) -> Result<Self, SightingIgnored> {
        let header: Header = serde_json::from_slice(bytes).map_err(SightingIgnored::Malformed)?;
        if header.format != FORMAT || header.group != group.as_str() {
            return Err(SightingIgnored::Other { format: header.format, group: header.group });
        }
        serde_json::from_slice(bytes).map_err(SightingIgnored::Malformed)
    }

    /// The bytes that are stored.
    ///
    /// # Errors
    /// When it has no JSON form (a bug).
    pub fn encode(&self) -> Result<Vec<u8>, NotCanonical> {
        let mut bytes = serde_json::to_vec(self).map_err(NotCanonical)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}
