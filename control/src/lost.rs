//! Lost commits: what the region that became standby holds behind the recovery point that the other one went on from.
//! Written before these commits are replaced, for people who want to bring them in again; nothing is decided from it.
//!
//! | format | since | changes |
//! |---|---|---|
//! | 1 | 0.1.0 | the first |

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::codec::{DecodeError, check_format};
use crate::id::{Name, TableName};

/// Newest format of reports on lost commits that this program reads, and the one it writes.
pub const FORMAT: u32 = 1;

/// The commits of one table that no recovery point holds. The commits themselves lie beside the report, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LostCommits {
    /// Version of the format.
    pub format: u32,
    /// The group.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub group: Name,
    /// Epoch in which the region became standby.
    pub epoch: u64,
    /// The region.
    pub region: String,
    /// The table.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub table: TableName,
    /// Where it lies.
    pub url: String,
    /// Sequence number of the recovery point.
    pub recovery_point: u64,
    /// Version of the table at the recovery point; none when the table was dropped and created anew since, so that all of
    /// its commits are behind that point.
    pub recovery_version: Option<u64>,
    /// The commits behind it, oldest first.
    pub commits: Vec<LostCommit>,
}

/// One commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LostCommit {
    /// The version that it made.
    pub version: u64,
    /// When, by the rules of time travel.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub at: DateTime<Utc>,
    /// `commitInfo.operation`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// `commitInfo.engineInfo`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// `commitInfo.userName`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// `commitInfo.job.jobRunId`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_run_id: Option<String>,
    /// Files that it added. They stay in the table's folder until a VACUUM.
    pub files: Vec<LostFile>,
    /// Files that it removed.
    pub files_removed: u64,
}

/// A data file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LostFile {
    /// Its path, as the commit has it.
    pub path: String,
    /// Its bytes.
    pub size: u64,
    /// Its live rows; none when the commit does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
}

impl LostCommits {
    /// Reads a report.
    ///
    /// # Errors
    /// See [`DecodeError`]. `key` is only used to say where.
    pub fn decode(key: &str, bytes: &[u8]) -> Result<Self, DecodeError> {
        check_format(key, "report on lost commits", FORMAT, bytes)?;
        serde_json::from_slice(bytes).map_err(|cause| DecodeError::Malformed {
            key: key.to_owned(),
            what: "report on lost commits",
            cause,
        })
    }
}
