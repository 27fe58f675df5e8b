//! What a sync remembers of the run records of a marker workflow, so that the next one reads only those that it has not
//! seen. A cache: it is kept beside the group log, may be lost, stale or damaged, and changes no choice.
//!
//! | format | since | changes |
//! |---|---|---|
//! | 1 | 0.1.0 | the first |

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::cut::Cut;
use crate::digest::{self, NotCanonical};
use crate::id::Name;
use crate::run_record::{RunRecord, TableVersions};
use crate::store::Listed;

/// The format that this program reads and writes. A document of any other format is ignored; a new format of run records
/// is a new format of this.
pub const FORMAT: u32 = 1;

/// What is known of the records in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KnownRuns {
    /// Version of the format.
    pub format: u32,
    /// The group.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub group: Name,
    /// Where the records are.
    pub url: String,
    /// `sha256:` digest over the canonical JSON of `runs`.
    pub digest: String,
    /// The runs.
    pub runs: Runs,
}

/// Runs, by the folders of their records.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Runs {
    /// The recovery point that `settled` is about; none while there is no settled run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_by: Option<SettledBy>,
    /// Fingerprints of runs that no choice depends on any more, because that recovery point or an earlier one holds
    /// them.
    pub settled: BTreeMap<String, String>,
    /// All other runs.
    pub open: BTreeMap<String, KnownRun>,
}

/// The end of the run that a recovery point holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SettledBy {
    /// When it ended.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub ended_at: DateTime<Utc>,
    /// The source versions that the recovery point holds.
    #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<String, u64>"))]
    pub versions: TableVersions,
}

/// A run and its records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KnownRun {
    /// [`fingerprint`] of the objects that hold the records.
    pub fingerprint: String,
    /// The records.
    pub records: Vec<RunRecord>,
}

/// Why what was remembered is of no use.
#[derive(Debug, thiserror::Error)]
pub enum Forgotten {
    /// It is no document of this format.
    #[error("it is none of format {FORMAT}")]
    Malformed(#[source] serde_json::Error),
    /// It is of another format.
    #[error("its format is {found}, this program reads {FORMAT}")]
    OtherFormat {
        /// The format.
        found: u32,
    },
    /// It is about other records.
    #[error("it is about the records of group {group} in {url}")]
    OtherPlace {
        /// The group.
        group: Name,
        /// Where they are.
        url: String,
    },
    /// It was changed by hand or damaged.
    #[error("its digest is not the one of its runs")]
    Damaged,
}

/// The format, whatever else there is.
#[derive(Deserialize)]
struct Header {
    format: u32,
}

impl KnownRuns {
    /// What is known of the records of a group.
    ///
    /// # Errors
    /// When it has no canonical form (a bug).
    pub fn new(group: Name, url: String, runs: Runs) -> Result<Self, NotCanonical> {
        Ok(Self { format: FORMAT, group, url, digest: digest::of_json(&runs)?, runs })
    }

    /// Reads what is known of the records of a group in a place.
    ///
    /// # Errors
    /// When it is of no use.
    pub fn decode(group: &Name, url: &str, bytes: &[u8]) -> Result<Runs, Forgotten> {
        let header: Header = serde_json::from_slice(bytes).map_err(Forgotten::Malformed)?;
        if header.format != FORMAT {
            return Err(Forgotten::OtherFormat { found: header.format });
        }
        let known: Self = serde_json::from_slice(bytes).map_err(Forgotten::Malformed)?;
        if known.group != *group || known.url != url {
            return Err(Forgotten::OtherPlace { group: known.group, url: known.url });
        }
        if digest::of_json(&known.runs).ok().as_ref() != Some(&known.digest) {
            return Err(Forgotten::Damaged);
        }
        Ok(known.runs)
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

impl SettledBy {
    /// The end of the run that a cut holds; none for a cut of a group without a workflow.
    #[must_use]
    pub fn of(cut: &Cut) -> Option<Self> {
        let versions = cut.tables.iter().map(|table| (table.name.clone(), table.source_version)).collect();
        cut.run.as_ref().map(|run| Self { ended_at: run.ended_at, versions })
    }

    /// Whether this is `earlier` or comes after it: of the same tables, none at an older version, and not ended before.
    #[must_use]
    pub fn follows(&self, earlier: &Self) -> bool {
        self.ended_at >= earlier.ended_at
            && self.versions.keys().eq(earlier.versions.keys())
            && self.versions.iter().zip(&earlier.versions).all(|((_, is), (_, was))| is >= was)
    }
}

/// 16 hex digits that tell whether the objects that hold the records of a run are the same as before.
#[must_use]
pub fn fingerprint<'a>(objects: impl IntoIterator<Item = &'a Listed>) -> String {
    let lines: Vec<String> =
        objects.into_iter().map(|object| format!("{}\n{}\n", object.key, object.stamp)).collect();
    digest::of_bytes(lines.concat().as_bytes()).trim_start_matches("sha256:").chars().take(16).collect()
}
