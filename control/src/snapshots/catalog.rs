//! The catalog of a schedule: which snapshots there are, and who is at work. Each version is the whole of it and is written
//! once, so whoever writes the next one has seen the one before.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::id::SnapshotId;
use super::work::{GivenUpPruning, UnderWay};
use crate::codec::{DecodeError, check_format};
use crate::group_log::{Author, FailureClass};
use crate::id::Name;

/// Newest format of catalogs that this program reads, and the one it writes.
///
/// | format | since | changes |
/// |---|---|---|
/// | 1 | 0.1.0 | the first |
const FORMAT: u32 = 1;

/// How far clocks of machines that take snapshots are taken to differ.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::hours(1);

/// That a snapshot stays, whatever the retention says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Pinned {
    /// Since when.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub at: DateTime<Utc>,
    /// Who said so.
    pub by: Author,
}

/// A snapshot that there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Its id.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub id: SnapshotId,
    /// When taking it began.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub taken_at: DateTime<Utc>,
    /// The instant that it shows.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub as_of: DateTime<Utc>,
    /// Id of the finished run that it holds; none for a snapshot of an instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// `sha256:` digest of its document.
    pub document: String,
    /// Tables.
    pub tables: u64,
    /// Live data files of all of them.
    pub files: u64,
    /// Bytes of these files: what a complete copy takes.
    pub bytes: u64,
    /// Bytes that were copied for it.
    pub bytes_added: u64,
    /// That it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Pinned>,
}

/// The newest failure since the newest snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CatalogFailure {
    /// When.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub at: DateTime<Utc>,
    /// Its class.
    pub class: FailureClass,
    /// Where, what, cause and remedy.
    pub message: String,
    /// The snapshot that was not taken, if its files may be used by the next attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub id: Option<SnapshotId>,
}

/// One version of the catalog of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    /// Version of the format.
    pub format: u32,
    /// The schedule.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub schedule: Name,
    /// Which version this is, from 1 on; 0 before there is one.
    pub seq: u64,
    /// When it was written, by the writer's clock.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub at: DateTime<Utc>,
    /// Who wrote it.
    pub by: Author,
    /// Who is at work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under_way: Option<UnderWay>,
    /// The snapshots there are, oldest first.
    pub snapshots: Vec<Kept>,
    /// The newest failure since the newest snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<CatalogFailure>,
    /// Prunings that were given up and have not been heard of since.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given_up: Vec<GivenUpPruning>,
}

/// There is no such snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("schedule {schedule} has no snapshot {id}; it has {}", told(known))]
pub struct NoSuchSnapshot {
    /// The schedule.
    pub schedule: Name,
    /// The snapshot that was asked for.
    pub id: SnapshotId,
    /// Those that there are.
    pub known: Vec<SnapshotId>,
}

fn told(known: &[SnapshotId]) -> String {
    let ids: Vec<&str> = known.iter().map(SnapshotId::as_str).collect();
    if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }
}

impl Catalog {
    /// The catalog of a schedule that nobody has worked on.
    #[must_use]
    pub fn empty(schedule: Name) -> Self {
        let by = Author { executor: String::new(), host: String::new(), run: String::new() };
        let at = DateTime::UNIX_EPOCH;
        Self {
            format: FORMAT,
            schedule,
            seq: 0,
            at,
            by,
            under_way: None,
            snapshots: Vec::new(),
            last_failure: None,
            given_up: Vec::new(),
        }
    }

    /// Reads a version.
    ///
    /// # Errors
    /// See [`DecodeError`]. `key` is only used to say where.
    pub fn decode(key: &str, bytes: &[u8]) -> Result<Self, DecodeError> {
        let what = "snapshot catalog";
        check_format(key, what, FORMAT, bytes)?;
        serde_json::from_slice(bytes).map_err(|cause| DecodeError::Malformed {
            key: key.to_owned(),
            what,
            cause,
        })
    }

    /// The newest snapshot.
    #[must_use]
    pub fn newest(&self) -> Option<&Kept> {
        self.snapshots.last()
    }

    /// When taking the newest snapshot began: what the schedule counts from. One that says a moment well behind `now` was
    /// taken by a clock that was wrong and tells nothing; else its schedule would rest until then.
    #[must_use]
    pub fn last_taken(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let taken = self.snapshots.iter().map(|kept| kept.taken_at);
        taken.filter(|taken| *taken - now <= CLOCKS_DIFFER).max()
    }

    /// A snapshot.
    ///
    /// # Errors
    /// [`NoSuchSnapshot`]
    pub fn get(&self, id: &SnapshotId) -> Result<&Kept, NoSuchSnapshot> {
        self.snapshots.iter().find(|kept| kept.id == *id).ok_or_else(|| NoSuchSnapshot {
            schedule: self.schedule.clone(),
            id: id.clone(),
            known: self.snapshots.iter().map(|kept| kept.id.clone()).collect(),
        })
    }

    /// The newest snapshot that shows an instant at or before `at`.
    #[must_use]
    pub fn at_or_before(&self, at: DateTime<Utc>) -> Option<&Kept> {
        self.snapshots.iter().filter(|kept| kept.as_of <= at).max_by_key(|kept| (kept.as_of, &kept.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshots::Work;

    #[test]
    fn format_1() {
        let text = r#"{"format":1,"schedule":"weekly","seq":3,"at":"2026-11-22T03:00:00.000Z",
            "by":{"executor":"0.1.0","host":"h","run":"r"},
            "under_way":{"work":{"type":"take","id":"20261122T030000Z"},"since":"2026-11-22T03:00:00.000Z",
            "by":{"executor":"0.1.0","host":"h","run":"r"}},
            "snapshots":[{"id":"20261115T030000Z","taken_at":"2026-11-15T03:00:00.000Z",
            "as_of":"2026-11-15T02:00:00.000Z","run":"6","document":"sha256:00","tables":2,"files":4,"bytes":400,
            "bytes_added":40,"pinned":{"at":"2026-11-16T00:00:00.000Z","by":{"executor":"0.1.0","host":"h","run":"q"}}}],
            "last_failure":{"at":"2026-11-22T02:59:00.000Z","class":"damaged","message":"m"}}"#;
        let catalog = Catalog::decode("k", text.as_bytes()).unwrap();
        assert_eq!(catalog.given_up, []);
        assert_eq!(catalog.newest().unwrap().id.as_str(), "20261115T030000Z");
        let again = serde_json::to_vec(&catalog).unwrap();
        assert_eq!(Catalog::decode("k", &again).unwrap(), catalog);
        let prune = text.replace(r#"{"type":"take","id":"20261122T030000Z"}"#, r#"{"type":"prune"}"#);
        assert_eq!(Catalog::decode("k", prune.as_bytes()).unwrap().under_way.unwrap().work, Work::Prune);
        let given_up = text.replace(r#""snapshots":"#, r#""given_up":[{"run":"q","seq":2}],"snapshots":"#);
        assert_eq!(Catalog::decode("k", given_up.as_bytes()).unwrap().given_up[0].run, "q");
    }
}
