//! The catalog of a schedule: which snapshots there are, and who is at work. Each version is the whole of it and is written
//! once, so whoever writes the next one has seen the one before. What follows from a version is pure.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::id::SnapshotId;
use crate::codec::{DecodeError, check_format};
use crate::group_log::{Author, FailureClass};
use crate::id::Name;

/// Newest format of catalogs that this program reads, and the one it writes.
///
/// | format | since | changes |
/// |---|---|---|
/// | 1 | 0.1.0 | the first |
const FORMAT: u32 = 1;

/// Who has given no sign of life for so long is taken to be dead. Nothing that is safe rests on it: whoever comes back
/// finds that its work was given up.
const DEAD_AFTER: TimeDelta = TimeDelta::minutes(5);

/// What a call of the executor does to a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Work {
    /// Take a snapshot.
    Take {
        /// Its id.
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        id: SnapshotId,
    },
    /// Delete what no snapshot needs.
    Prune,
}

/// Work that has begun and has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UnderWay {
    /// What.
    pub work: Work,
    /// Since when, by the clock of `by`.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub since: DateTime<Utc>,
    /// Who.
    pub by: Author,
}

/// Whether the caller that has begun some work still shows signs of life; `beat` is the newest one.
#[must_use]
pub fn is_at_work(work: &UnderWay, beat: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    now - beat.map_or(work.since, |beat| beat.max(work.since)) < DEAD_AFTER
}

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
}

/// What a call had begun belongs to somebody else meanwhile, or to nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "what this call had begun was given up meanwhile: another executor took it for dead and went on without it; nothing \
     was changed that a snapshot needs"
)]
pub struct GivenUp;

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

    fn next(&self, at: DateTime<Utc>, by: &Author) -> Self {
        Self { seq: self.seq + 1, at, by: by.clone(), ..self.clone() }
    }

    /// The version in which a caller begins some work, whoever has been at work before.
    #[must_use]
    pub fn begun(&self, work: Work, at: DateTime<Utc>, by: &Author) -> Self {
        Self { under_way: Some(UnderWay { work, since: at, by: by.clone() }), ..self.next(at, by) }
    }

    /// The version in which a snapshot is there that a caller has taken.
    ///
    /// # Errors
    /// [`GivenUp`]
    pub fn taken(&self, kept: Kept, at: DateTime<Utc>, by: &Author) -> Result<Self, GivenUp> {
        self.is_of(by, &Work::Take { id: kept.id.clone() })?;
        let mut next = self.next(at, by);
        next.snapshots.push(kept);
        next.snapshots.sort_by(|a, b| a.id.cmp(&b.id));
        (next.under_way, next.last_failure) = (None, None);
        Ok(next)
    }

    /// The version in which a caller has failed.
    ///
    /// # Errors
    /// [`GivenUp`]
    pub fn failed(&self, failure: CatalogFailure, by: &Author) -> Result<Self, GivenUp> {
        self.holds(by)?;
        let next = self.next(failure.at, by);
        Ok(Self { under_way: None, last_failure: Some(failure), ..next })
    }

    /// The version in which a caller begins to delete what nothing needs but these snapshots.
    #[must_use]
    pub fn without(&self, removed: &[SnapshotId], at: DateTime<Utc>, by: &Author) -> Self {
        let mut next = self.begun(Work::Prune, at, by);
        next.snapshots.retain(|kept| !removed.contains(&kept.id));
        // of what an attempt has left behind anything may be missing from here on
        next.last_failure.iter_mut().for_each(|failure| failure.id = None);
        next
    }

    /// The version in which a caller has deleted what it could.
    ///
    /// # Errors
    /// [`GivenUp`]
    pub fn pruned(&self, at: DateTime<Utc>, by: &Author) -> Result<Self, GivenUp> {
        self.is_of(by, &Work::Prune)?;
        Ok(Self { under_way: None, ..self.next(at, by) })
    }

    /// The version in which a snapshot is pinned, or is not any more; none when that is so already.
    ///
    /// # Errors
    /// [`NoSuchSnapshot`]
    pub fn pin(
        &self,
        id: &SnapshotId,
        pinned: bool,
        at: DateTime<Utc>,
        by: &Author,
    ) -> Result<Option<Self>, NoSuchSnapshot> {
        if self.get(id)?.pinned.is_some() == pinned {
            return Ok(None);
        }
        let mut next = self.next(at, by);
        for kept in next.snapshots.iter_mut().filter(|kept| kept.id == *id) {
            kept.pinned = pinned.then(|| Pinned { at, by: by.clone() });
        }
        Ok(Some(next))
    }

    /// The id of a snapshot that begins at `at`: that of an attempt that came to nothing, whose files are used, or else a
    /// later one than any.
    #[must_use]
    pub fn next_id(&self, at: DateTime<Utc>) -> SnapshotId {
        let cut_short = self.under_way.as_ref().and_then(|under_way| match &under_way.work {
            Work::Take { id } => Some(id),
            Work::Prune => None,
        });
        let failed = || self.last_failure.as_ref().and_then(|failure| failure.id.as_ref());
        let free = cut_short.or_else(failed).filter(|id| self.get(id).is_err());
        free.cloned().unwrap_or_else(|| SnapshotId::behind(at, self.snapshots.iter().map(|kept| &kept.id)))
    }

    /// Whether a call of the executor is the one at work.
    ///
    /// # Errors
    /// [`GivenUp`]
    pub fn holds(&self, by: &Author) -> Result<(), GivenUp> {
        let held = self.under_way.as_ref().is_some_and(|work| work.by.run == by.run);
        if held { Ok(()) } else { Err(GivenUp) }
    }

    fn is_of(&self, by: &Author, work: &Work) -> Result<(), GivenUp> {
        self.holds(by)?;
        let same = self.under_way.as_ref().is_some_and(|under_way| under_way.work == *work);
        if same { Ok(()) } else { Err(GivenUp) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(run: &str) -> Author {
        Author { executor: "0.1.0".to_owned(), host: "h".to_owned(), run: run.to_owned() }
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    fn kept(second: i64) -> Kept {
        Kept {
            id: SnapshotId::at(at(second)),
            taken_at: at(second),
            as_of: at(second - 10),
            run: None,
            document: "sha256:00".to_owned(),
            tables: 1,
            files: 2,
            bytes: 3,
            bytes_added: 4,
            pinned: None,
        }
    }

    fn take(second: i64) -> Work {
        Work::Take { id: SnapshotId::at(at(second)) }
    }

    #[test]
    fn a_snapshot_is_there_when_whoever_began_it_ends_it() {
        let empty = Catalog::empty("weekly".parse().unwrap());
        let begun = empty.begun(take(0), at(0), &by("a"));
        assert_eq!((begun.seq, begun.snapshots.len()), (1, 0));
        let taken = begun.taken(kept(0), at(5), &by("a")).unwrap();
        assert_eq!((taken.seq, taken.newest(), &taken.under_way), (2, Some(&kept(0)), &None));
        // taken for dead, and gone on without it
        let other = begun.begun(take(9), at(9), &by("b"));
        assert_eq!(other.taken(kept(0), at(10), &by("a")), Err(GivenUp));
        assert_eq!(begun.taken(kept(1), at(10), &by("a")), Err(GivenUp));
        assert_eq!(taken.taken(kept(0), at(10), &by("a")), Err(GivenUp));
        let pruning = begun.without(&[], at(9), &by("a"));
        assert_eq!(pruning.taken(kept(0), at(10), &by("a")), Err(GivenUp));
        assert_eq!(pruning.pruned(at(10), &by("b")), Err(GivenUp));
        assert!(pruning.pruned(at(10), &by("a")).is_ok());
    }

    #[test]
    fn a_failure_is_told_until_a_snapshot_is_taken() {
        let begun = Catalog::empty("weekly".parse().unwrap()).begun(take(0), at(0), &by("a"));
        let failure = CatalogFailure {
            at: at(1),
            class: FailureClass::Damaged,
            message: "c.s.t is gone".to_owned(),
            id: Some(kept(0).id),
        };
        let failed = begun.failed(failure.clone(), &by("a")).unwrap();
        assert_eq!((&failed.last_failure, &failed.under_way), (&Some(failure.clone()), &None));
        assert_eq!(failed.failed(failure, &by("a")), Err(GivenUp));
        // the next attempt uses what this one has left, until something is deleted
        assert_eq!((begun.next_id(at(400)), failed.next_id(at(400))), (kept(0).id, kept(0).id));
        assert_eq!(failed.without(&[], at(3), &by("b")).next_id(at(400)), kept(400).id);
        let again = failed.begun(take(2), at(2), &by("b")).taken(kept(2), at(3), &by("b")).unwrap();
        assert_eq!(again.last_failure, None);
    }

    #[test]
    fn pins_and_removals() {
        let mut catalog = Catalog::empty("weekly".parse().unwrap());
        for second in [0, 10, 20] {
            catalog = catalog.begun(take(second), at(second), &by("a"));
            catalog = catalog.taken(kept(second), at(second), &by("a")).unwrap();
        }
        let (first, second) = (kept(0).id, kept(10).id);
        let pinned = catalog.pin(&first, true, at(30), &by("b")).unwrap().unwrap();
        assert!(pinned.get(&first).unwrap().pinned.is_some());
        assert_eq!(pinned.pin(&first, true, at(31), &by("b")), Ok(None));
        let unpinned = pinned.pin(&first, false, at(32), &by("b")).unwrap().unwrap();
        assert_eq!(unpinned.snapshots, catalog.snapshots);
        let left = pinned.without(std::slice::from_ref(&second), at(33), &by("b"));
        let error = left.get(&second).unwrap_err().to_string();
        assert!(error.contains(first.as_str()), "{error}");
        assert_eq!(catalog.at_or_before(at(10)), Some(&kept(20)));
        assert_eq!(catalog.at_or_before(at(9)), Some(&kept(10)));
        assert_eq!(catalog.at_or_before(at(-11)), None);
    }

    #[test]
    fn who_gives_no_sign_of_life_is_taken_for_dead() {
        let begun = Catalog::empty("weekly".parse().unwrap()).begun(Work::Prune, at(0), &by("a"));
        let work = begun.under_way.unwrap();
        assert!(is_at_work(&work, None, at(299)));
        assert!(!is_at_work(&work, None, at(300)));
        assert!(is_at_work(&work, Some(at(200)), at(300)));
        assert!(!is_at_work(&work, Some(at(200)), at(500)));
        assert!(is_at_work(&work, Some(at(-5_000)), at(1)));
    }

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
        assert_eq!(catalog.newest().unwrap().id.as_str(), "20261115T030000Z");
        let again = serde_json::to_vec(&catalog).unwrap();
        assert_eq!(Catalog::decode("k", &again).unwrap(), catalog);
        let prune = text.replace(r#"{"type":"take","id":"20261122T030000Z"}"#, r#"{"type":"prune"}"#);
        assert_eq!(Catalog::decode("k", prune.as_bytes()).unwrap().under_way.unwrap().work, Work::Prune);
    }
}
