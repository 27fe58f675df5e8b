//! The classes on their way through a range of commits.
//!
//! What holds after each commit: the files of a class's preimage have the rows of its image; images and
//! single files together are the live files of the source; no path of a preimage is a path of a live file
//! outside of images, nor of another preimage. The last makes every choice of sides a legal table.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{Class, Classes};
use super::epoch::Terms;
use super::member::Member;
use super::range::{Before, Range};
use super::rearrangement::{Kind, Swap, prove};
use super::reason::Reason;
use crate::delta::changes::CommitChange;
use crate::delta::state::{AddFile, FileKey, RemoveFile};

/// Operations that exist to rewrite files as such, whatever the rows: REORG purges, upgrades for Iceberg and
/// rewrites widened types under one name.
const REWRITES: [&str; 3] = ["REORG", "REMOVE COLUMN MAPPING", "DROP FEATURE"];

/// A class in progress.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) class: Class,
    /// Why its preimage cannot be kept, whatever comes.
    pub(super) doomed: Option<Reason>,
}

/// A live file in no class.
#[derive(Debug)]
pub(super) struct Single {
    pub(super) add: AddFile,
    /// Why it is not in a class, when it was or could have been.
    pub(super) reason: Option<Reason>,
}

#[derive(Debug)]
pub(super) struct Algebra<'a> {
    range: &'a Range,
    /// Adds of uncertain or uncounted files that were live before.
    known: &'a BTreeMap<FileKey, AddFile>,
    asked: &'a BTreeSet<FileKey>,
    terms: Terms,
    next_id: usize,
    pub(super) open: BTreeMap<usize, Open>,
    /// The class whose image a file is in.
    image_of: BTreeMap<FileKey, usize>,
    /// The class whose preimage a path is in.
    preimage_of: BTreeMap<Box<str>, usize>,
    /// Images of before: live at the source, and not at the target.
    images_before: BTreeSet<FileKey>,
    /// Live files in no class, of those that the range touches.
    pub(super) singles: BTreeMap<FileKey, Single>,
    /// Files that the target has, of those that the range or a class of before touches.
    pub(super) target: BTreeMap<FileKey, Member>,
    /// No commit changed rows.
    pub(super) quiet: bool,
}

impl<'a> Algebra<'a> {
    pub(super) fn new(
        classes: &Classes,
        terms: Terms,
        range: &'a Range,
        known: &'a BTreeMap<FileKey, AddFile>,
        asked: &'a BTreeSet<FileKey>,
    ) -> Self {
        let preimages = classes.iter().flat_map(|class| &class.preimage);
        let mut algebra = Self {
            range,
            known,
            asked,
            terms,
            next_id: 0,
            open: BTreeMap::new(),
            image_of: BTreeMap::new(),
            preimage_of: BTreeMap::new(),
            images_before: classes.iter().flat_map(|class| class.image.keys().cloned()).collect(),
            singles: BTreeMap::new(),
            target: preimages.map(|(key, member)| (key.clone(), member.clone())).collect(),
            quiet: true,
        };
        for class in classes.iter() {
            algebra.install(Open { class: class.clone(), doomed: None });
        }
        algebra
    }

    pub(super) fn apply(&mut self, commit: &CommitChange) {
        self.take_terms(commit);
        if commit.facts.operation.as_deref().is_some_and(|name| REWRITES.contains(&name)) {
            self.doom(Reason::Rewritten);
        }
        match Kind::of(commit) {
            Kind::NoFiles => {}
            Kind::Claim => match self.prove(commit) {
                Ok(swaps) => swaps.into_iter().for_each(|swap| self.merge(swap, commit)),
                Err(reason) => {
                    self.quiet = false;
                    self.change(commit, Some(reason));
                }
            },
            kind => {
                self.quiet &= kind == Kind::Words && self.only_words(commit);
                self.change(commit, None);
            }
        }
    }

    fn take_terms(&mut self, commit: &CommitChange) {
        if commit.protocol.is_none() && commit.metadata.is_none() {
            return;
        }
        let mut next = self.terms.clone();
        next.protocol = commit.protocol.clone().unwrap_or(next.protocol);
        next.metadata = commit.metadata.clone().unwrap_or(next.metadata);
        if self.terms.reinterpreted(&next) {
            self.doom(Reason::Reinterpreted);
        }
        self.terms = next;
    }

    fn doom(&mut self, reason: Reason) {
        for open in self.open.values_mut() {
            open.doomed.get_or_insert(reason);
        }
    }

    /// Whether a file that the range has not come to yet was live at its beginning, outside of images: the
    /// target has it.
    fn untouched(&self, key: &FileKey) -> bool {
        let Some(trace) = self.range.0.get(key) else { return false };
        let live = if self.asked.contains(key) {
            self.known.contains_key(key)
        } else {
            trace.before == Before::Live
        };
        live && !self.images_before.contains(key) && !self.target.contains_key(key)
    }

    fn is_live(&self, key: &FileKey) -> bool {
        self.image_of.contains_key(key) || self.singles.contains_key(key) || self.untouched(key)
    }

    /// Whether a commit that only has words about files says the truth.
    fn only_words(&self, commit: &CommitChange) -> bool {
        commit.adds.iter().all(|(key, _)| self.is_live(key))
            && !commit.removes.iter().any(|(key, _)| self.is_live(key))
    }

    /// What is known best of a live file.
    fn told(&self, key: &FileKey, remove: &RemoveFile) -> Member {
        let image = self.image_of.get(key).and_then(|id| self.open.get(id)?.class.image.get(key));
        let add = image.or_else(|| Some(&self.singles.get(key)?.add)).or_else(|| self.known.get(key));
        match add {
            Some(add) => Member::added(key.clone(), add.clone()),
            None => Member::removed(key.clone(), remove),
        }
    }

    fn prove(&self, commit: &CommitChange) -> Result<Vec<Swap>, Reason> {
        let live = commit.removes.iter().filter(|(key, _)| self.is_live(key));
        let swaps = prove(commit, live.map(|(key, remove)| self.told(key, remove)).collect())?;
        let gone: BTreeSet<&str> = commit.removes.iter().map(|(key, _)| &*key.path).collect();
        let mut added = commit.adds.iter().map(|(key, _)| key);
        let returns = |key: &FileKey| {
            self.preimage_of.contains_key(&key.path) || gone.contains(&*key.path) || self.is_live(key)
        };
        if added.any(returns) { Err(Reason::PathReturned) } else { Ok(swaps) }
    }

    /// Puts the files of a proven swap, and the classes that they were in, into one class.
    fn merge(&mut self, swap: Swap, commit: &CommitChange) {
        let mut merged = Open {
            class: Class {
                image: BTreeMap::new(),
                preimage: BTreeMap::new(),
                since_ms: commit.facts.timestamp_ms,
                row_ids_kept: commit.facts.row_ids_preserved,
            },
            doomed: None,
        };
        let owners: BTreeSet<usize> =
            swap.removed.iter().filter_map(|member| self.image_of.get(member.key()).copied()).collect();
        for Open { class, doomed } in owners.into_iter().filter_map(|id| self.uninstall(id)) {
            merged.class.image.extend(class.image);
            merged.class.preimage.extend(class.preimage);
            merged.class.since_ms = merged.class.since_ms.min(class.since_ms);
            merged.class.row_ids_kept &= class.row_ids_kept;
            merged.doomed = merged.doomed.or(doomed);
        }
        for member in swap.removed {
            let key = member.key().clone();
            if merged.class.image.remove(&key).is_none() {
                if self.untouched(&key) {
                    self.target.insert(key.clone(), member.clone());
                }
                self.singles.remove(&key);
                merged.class.preimage.insert(key, member);
            }
        }
        merged.class.image.extend(swap.added);
        self.install(merged);
    }

    /// Follows a commit that may change anything.
    fn change(&mut self, commit: &CommitChange, reason: Option<Reason>) {
        let mut torn = BTreeSet::new();
        for (key, remove) in &commit.removes {
            if let Some(id) = self.image_of.remove(key) {
                self.open.get_mut(&id).map(|open| open.class.image.remove(key));
                torn.insert(id);
            } else if self.untouched(key) {
                self.target.insert(key.clone(), self.told(key, remove));
            } else {
                self.singles.remove(key);
            }
        }
        for id in torn {
            self.split(id, Reason::Changed);
        }
        for (key, add) in &commit.adds {
            self.add(key, add, reason);
        }
    }

    fn add(&mut self, key: &FileKey, add: &AddFile, reason: Option<Reason>) {
        let image = self.image_of.get(key).and_then(|id| self.open.get_mut(id)?.class.image.get_mut(key));
        if let Some(image) = image {
            *image = add.clone();
            return;
        }
        if self.untouched(key)
            && let Some(before) = self.known.get(key)
        {
            self.target.insert(key.clone(), Member::added(key.clone(), before.clone()));
        }
        if let Some(id) = self.preimage_of.get(&key.path).copied() {
            self.split(id, Reason::PathReturned);
        }
        let single = self.singles.entry(key.clone()).or_insert_with(|| Single { add: add.clone(), reason });
        single.add = add.clone();
    }

    /// Gives up a class: what is left of its image are files like any other.
    fn split(&mut self, id: usize, reason: Reason) {
        let Some(Open { class, doomed }) = self.uninstall(id) else { return };
        let reason = Some(doomed.unwrap_or(reason));
        self.singles.extend(class.image.into_iter().map(|(key, add)| (key, Single { add, reason })));
    }

    /// A class without image stands for no rows.
    fn install(&mut self, open: Open) {
        if open.class.image.is_empty() {
            return;
        }
        let id = self.next_id;
        self.next_id += 1;
        self.image_of.extend(open.class.image.keys().map(|key| (key.clone(), id)));
        self.preimage_of.extend(open.class.preimage.keys().map(|key| (key.path.clone(), id)));
        self.open.insert(id, open);
    }

    fn uninstall(&mut self, id: usize) -> Option<Open> {
        let open = self.open.remove(&id)?;
        for key in open.class.image.keys() {
            self.image_of.remove(key);
        }
        for key in open.class.preimage.keys() {
            self.preimage_of.remove(&key.path);
        }
        Some(open)
    }
}
