//! Run records: what `lakedr mark` writes for workflows that no service keeps runs of.
//!
//! A run has one or more attempts. `started.json` of an attempt says at which table versions it began,
//! `finished.json` at which it ended and how; both are written once, with put-if-absent. Because both hold
//! versions, a cut needs no clock: a later attempt of the same run replaces an earlier one that never finished.
//!
//! | format | since | changes |
//! |---|---|---|
//! | 1 | 0.1.0 | the first |

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::codec::{DecodeError, check_format};
use crate::id::{Name, TableName};

/// Newest format of run records that this program reads, and the one it writes.
pub const FORMAT: u32 = 1;

/// How an attempt of a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Everything the run had to write is written.
    Success,
    /// The run gave up.
    Failed,
}

/// Version of every table of the group at one moment; a table that does not exist is absent.
pub type TableVersions = BTreeMap<TableName, u64>;

/// `metaData.id` of every table of the group at one moment.
pub type TableIds = BTreeMap<TableName, String>;

/// Where the tables of a group are at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableStates {
    /// Their versions.
    pub versions: TableVersions,
    /// Their ids, as far as they are known: versions of a table that is created anew begin again.
    pub ids: TableIds,
}

impl From<TableVersions> for TableStates {
    fn from(versions: TableVersions) -> Self {
        Self { versions, ids: TableIds::new() }
    }
}

/// One record. `ended_at` and `status` are set in `finished.json` and absent in `started.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// Version of the record format.
    pub format: u32,
    /// The group whose tables the run writes.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub group: Name,
    /// Id of the run, chosen by the workflow.
    pub run: String,
    /// Attempt of the run, from 1.
    pub attempt: u32,
    /// Region whose tables the run writes; without it, the one that the group began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Epoch of the group when the record was written; none when the group log was out of reach then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// When the attempt began, by the clock of the machine that said so.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::time::rfc3339_millis_option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<DateTime<Utc>>"))]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::time::rfc3339_millis_option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<DateTime<Utc>>"))]
    pub ended_at: Option<DateTime<Utc>>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<RunStatus>,
    /// The versions at the moment of the record.
    #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<String, u64>"))]
    pub versions: TableVersions,
    /// `metaData.id` of the tables at that moment. Without it, a table that is dropped and created anew behind the end of a
    /// run is only told from the one of before by its versions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<String, String>"))]
    pub table_ids: TableIds,
}

impl RunRecord {
    /// Reads a record.
    ///
    /// # Errors
    /// See [`DecodeError`]. `key` is only used to say where.
    pub fn decode(key: &str, bytes: &[u8]) -> Result<Self, DecodeError> {
        check_format(key, "run record", FORMAT, bytes)?;
        serde_json::from_slice(bytes).map_err(|cause| DecodeError::Malformed {
            key: key.to_owned(),
            what: "run record",
            cause,
        })
    }
}
