//! What follows from a version of a catalog: pure.

use chrono::{DateTime, Utc};

use super::catalog::{Catalog, CatalogFailure, Kept, NoSuchSnapshot, Pinned};
use super::id::SnapshotId;
use super::work::{GivenUp, GivenUpPruning, UnderWay, Work};
use crate::group_log::Author;

/// Versions of a catalog that stay. Whoever was paused while so many were written might take the place of one that is gone;
/// nor is a pruning that was given up so long ago remembered.
pub(super) const VERSIONS_KEPT: u64 = 1_000;

impl Catalog {
    fn next(&self, at: DateTime<Utc>, by: &Author) -> Self {
        Self { seq: self.seq + 1, at, by: by.clone(), ..self.clone() }
    }

    /// The version in which a caller begins some work, whoever has been at work before.
    #[must_use]
    pub fn begun(&self, work: Work, at: DateTime<Utc>, by: &Author) -> Self {
        let mut next = self.next(at, by);
        let before = next.under_way.replace(UnderWay { work, since: at, by: by.clone() });
        if let Some(UnderWay { work: Work::Prune, by: other, .. }) = before {
            next.given_up.push(GivenUpPruning { run: other.run, seq: next.seq });
        }
        next.given_up.retain(|pruning| next.seq - pruning.seq < VERSIONS_KEPT);
        next
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

    /// The version in which a call whose pruning was given up says that it deletes nothing any more; none when nobody waits
    /// for that.
    #[must_use]
    pub fn heard_of(&self, at: DateTime<Utc>, by: &Author) -> Option<Self> {
        let mut next = self.next(at, by);
        next.given_up.retain(|pruning| pruning.run != by.run);
        (next.given_up.len() < self.given_up.len()).then_some(next)
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
    use crate::group_log::FailureClass;

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
    fn a_clock_that_was_ahead_lets_no_schedule_rest() {
        let hour = 3_600;
        let mut catalog = Catalog::empty("weekly".parse().unwrap());
        assert_eq!(catalog.last_taken(at(0)), None);
        for second in [0, 100 * hour] {
            catalog = catalog.begun(take(second), at(second), &by("a"));
            catalog = catalog.taken(kept(second), at(second), &by("a")).unwrap();
        }
        let cases = [(hour, 0), (98 * hour, 0), (99 * hour, 100 * hour), (200 * hour, 100 * hour)];
        for (now, last) in cases {
            assert_eq!(catalog.last_taken(at(now)), Some(at(last)), "{now}");
        }
        assert_eq!(catalog.last_taken(at(-2 * hour)), None, "the first one is due");
    }

    #[test]
    fn a_pruning_that_was_given_up_is_remembered_until_it_is_heard_of() {
        let catalog = Catalog::empty("weekly".parse().unwrap()).without(&[], at(0), &by("a"));
        let given_up = |catalog: &Catalog| -> Vec<String> {
            catalog.given_up.iter().map(|pruning| pruning.run.clone()).collect()
        };
        assert_eq!(given_up(&catalog.pruned(at(1), &by("a")).unwrap()), [""; 0]);
        // two more go on without the one before
        let second = catalog.without(&[], at(100), &by("b"));
        assert_eq!(given_up(&second), ["a"]);
        let taking = second.begun(take(200), at(200), &by("c"));
        assert_eq!(given_up(&taking), ["a", "b"]);
        let taken = taking.taken(kept(200), at(201), &by("c")).unwrap();
        assert_eq!(given_up(&taken), ["a", "b"]);
        // a take that was given up deletes nothing
        assert_eq!(given_up(&taking.begun(take(300), at(300), &by("d"))), ["a", "b"]);
        let heard = taken.heard_of(at(202), &by("a")).unwrap();
        assert_eq!((given_up(&heard), heard.seq), (vec!["b".to_owned()], taken.seq + 1));
        assert_eq!(heard.heard_of(at(203), &by("a")), None);
        let mut later = taken;
        later.seq += VERSIONS_KEPT;
        assert_eq!(given_up(&later.begun(take(400), at(400), &by("d"))), [""; 0]);
    }
}
