//! Classes at one version, and the commits to the next → what the target keeps, takes and gives up.

use std::collections::{BTreeMap, BTreeSet};

use super::algebra::{Algebra, Open, Single};
use super::decide::Decision;
use super::document::{Class, Classes};
use super::epoch::Terms;
use super::member::Member;
use super::options::SkipOptions;
use super::range::{Range, RangeError};
use super::rearrangement::Kind;
use super::reason::Reason;
use crate::delta::changes::CommitChange;
use crate::delta::state::{AddFile, FileKey, TableHead};

/// Files of which [`advance`] needs the add in the state that the range begins at, or to know that they are
/// not in it: those that a compaction removes without telling their rows or partition, and those of which the
/// range does not tell whether they were live. Empty for most ranges.
///
/// # Errors
/// [`RangeError`] when the commits do not follow each other.
pub fn questions(classes: &Classes, commits: &[CommitChange]) -> Result<BTreeSet<FileKey>, RangeError> {
    Ok(asked(classes, commits, &Range::of(commits)?))
}

fn asked(classes: &Classes, commits: &[CommitChange], range: &Range) -> BTreeSet<FileKey> {
    let mut asked = range.uncertain();
    let mut named: BTreeSet<&FileKey> = BTreeSet::new();
    for commit in commits {
        if Kind::of(commit) == Kind::Claim {
            let first = commit.removes.iter().filter(|(key, _)| !named.contains(key));
            let untold = first.filter(|(key, remove)| {
                let told = Member::removed(key.clone(), remove);
                told.rows().is_none() || told.partition().is_none()
            });
            asked.extend(untold.map(|(key, _)| key.clone()));
        }
        named.extend(commit.removes.iter().map(|(key, _)| key));
        named.extend(commit.adds.iter().map(|(key, _)| key));
    }
    // Of these the classes tell: images are live and not at the target, preimages the other way round.
    for class in classes.iter() {
        asked.retain(|key| !class.image.contains_key(key) && !class.preimage.contains_key(key));
    }
    asked
}

/// The classes at the end of a range, and per class the side that the target may have. One question is open:
/// which files of preimages that the target lacks does the source still store?
#[derive(Debug)]
pub struct Advanced {
    pub(super) version: u64,
    pub(super) table_id: String,
    pub(super) append_only: bool,
    pub(super) quiet: bool,
    /// Live files in no class, as far as the range touches them.
    pub(super) singles: BTreeMap<FileKey, Single>,
    /// Files that the target has, as far as the range or a class of before touches them.
    pub(super) target: BTreeMap<FileKey, Member>,
    pub(super) images_before: BTreeSet<FileKey>,
    pub(super) open: Vec<(Open, Result<(), Reason>)>,
}

/// Takes the classes through the commits `(from, to]`, oldest first. The target must be exactly what the
/// classes say of `from`: its live files without the images, and with the preimages.
///
/// `known` answers [`questions`]: the adds of those files that are live at `from`.
///
/// # Errors
/// [`RangeError`] when commits are missing or the classes are those of another version. The states then have
/// to be compared file by file, and no class goes on.
pub fn advance(
    classes: &Classes,
    from: &TableHead,
    to: &TableHead,
    commits: &[CommitChange],
    known: &BTreeMap<FileKey, AddFile>,
    options: &SkipOptions,
) -> Result<Advanced, RangeError> {
    check_bounds(classes, from, to, commits)?;
    let range = Range::of(commits)?;
    let asked = asked(classes, commits, &range);
    let mut algebra = Algebra::new(classes, Terms::of(from), &range, known, &asked);
    for commit in commits {
        algebra.apply(commit);
    }
    let append_only = to.metadata.is_on("delta.appendOnly");
    let judge = Judge { terms: Terms::of(to), append_only, options, target: &algebra.target };
    let open = algebra.open.into_values().map(|open| (judge.verdict(&open), open));
    Ok(Advanced {
        version: to.version,
        table_id: to.metadata.id.clone(),
        append_only,
        quiet: algebra.quiet,
        open: open.map(|(verdict, open)| (open, verdict)).collect(),
        images_before: classes.iter().flat_map(|class| class.image.keys().cloned()).collect(),
        singles: algebra.singles,
        target: algebra.target,
    })
}

fn check_bounds(
    classes: &Classes,
    from: &TableHead,
    to: &TableHead,
    commits: &[CommitChange],
) -> Result<(), RangeError> {
    if classes.version != from.version || classes.table_id != from.metadata.id {
        let (classes, table) = (classes.version, classes.table_id.clone());
        return Err(RangeError::Unbound { classes, table, from: from.version });
    }
    let mut versions = commits.iter().map(|commit| commit.facts.version);
    for expected in from.version + 1..=to.version {
        let found = versions.next();
        if found != Some(expected) {
            return Err(RangeError::Gap { expected, found });
        }
    }
    match versions.next() {
        Some(version) => Err(RangeError::Beyond { version, to: to.version }),
        None => Ok(()),
    }
}

/// Whether the target may keep a preimage, as far as the log and the target tell.
struct Judge<'a> {
    terms: Terms,
    append_only: bool,
    options: &'a SkipOptions,
    target: &'a BTreeMap<FileKey, Member>,
}

impl Judge<'_> {
    fn verdict(&self, open: &Open) -> Result<(), Reason> {
        self.legal(open)?;
        self.worthwhile(open)
    }

    fn legal(&self, open: &Open) -> Result<(), Reason> {
        let vectors = || open.class.preimage.keys().any(|key| key.vector.is_some());
        match open.doomed {
            Some(reason) => Err(reason),
            None if self.terms.bind_files() => Err(Reason::FilesBound),
            None if !self.terms.allow_vectors() && vectors() => Err(Reason::VectorsForbidden),
            None if self.terms.track_rows() && !open.class.row_ids_kept => Err(Reason::RowIdsLost),
            None => Ok(()),
        }
    }

    fn worthwhile(&self, open: &Open) -> Result<(), Reason> {
        let Class { image, preimage, since_ms, .. } = &open.class;
        let lacking = preimage.values().filter(|member| !self.target.contains_key(member.key()));
        let lacking: Vec<&Member> = lacking.collect();
        if self.append_only
            && !lacking.is_empty()
            && lacking.len() < preimage.len()
            && !self.options.is_exact()
        {
            // The image has rows that the target has and rows that it lacks. To take it, files with the former
            // would have to go in a commit that changes data, which an append-only table forbids. Once the
            // preimage is at the target, the next commit may swap it.
            return Ok(());
        }
        let moved: u64 = lacking.iter().filter_map(|member| member.size()).sum();
        let images = image.iter().filter(|(key, _)| !self.target.contains_key(key));
        let saved: u64 = images.map(|(_, add)| add.size).sum();
        if self.options.is_exact() || preimage.len() > self.options.max_files {
            Err(Reason::TooManyFiles)
        } else if self.options.now_ms.saturating_sub(*since_ms) > self.options.max_age_ms {
            Err(Reason::TooOld)
        } else if moved as f64 >= self.options.alpha * saved as f64 {
            Err(Reason::NothingSaved)
        } else {
            Ok(())
        }
    }
}

impl Advanced {
    /// Files of preimages to be kept that the target lacks. Their data files, and the files of their deletion
    /// vectors, have to be looked for at the source, where they are tombstones.
    #[must_use]
    pub fn wanted(&self) -> Vec<&Member> {
        let kept = self.open.iter().filter(|(_, verdict)| verdict.is_ok());
        let members = kept.flat_map(|(open, _)| open.class.preimage.values());
        members.filter(|member| !self.target.contains_key(member.key())).collect()
    }

    /// Chooses the side of every class. `exists` are those of [`Self::wanted`] that the source still stores.
    #[must_use]
    pub fn decide(self, exists: &BTreeSet<FileKey>) -> Decision {
        Decision::of(self, exists)
    }
}
