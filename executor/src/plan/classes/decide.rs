//! The sides are chosen: the difference between what the target has and what it is to have.

use std::collections::{BTreeMap, BTreeSet};

use super::advance::Advanced;
use super::change::{AddChange, Changes, RemoveChange, Transfer};
use super::document::{Class, Classes};
use super::member::Member;
use super::reason::Reason;
use crate::delta::replica::file::differing_fields;
use crate::delta::state::{AddFile, FileKey};

/// What the target takes over, and what it owes to later compactions.
#[derive(Debug)]
pub struct Decision {
    /// The file actions of the commit.
    pub changes: Changes,
    /// The classes once the commit is made; to be persisted with its recovery point.
    pub classes: Classes,
    /// Files that the range compacted and that stay at home.
    pub skipped_files: u64,
    /// Bytes of these files.
    pub skipped_bytes: u64,
    /// Compacted files that move after all, by reason.
    pub materialised: BTreeMap<Reason, Materialised>,
}

/// Compacted files that move.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Materialised {
    /// Files.
    pub files: u64,
    /// Bytes of the data files.
    pub bytes: u64,
}

/// A file that the target is to have.
struct Wanted {
    member: Member,
    /// It holds rows that the target lacks.
    data_change: bool,
    reason: Option<Reason>,
}

/// The target in the making.
struct Choice {
    wanted: BTreeMap<FileKey, Wanted>,
    /// Files of the target whose rows it keeps in others.
    swapped: BTreeSet<FileKey>,
    kept: Vec<Class>,
}

impl Decision {
    pub(super) fn of(advanced: Advanced, exists: &BTreeSet<FileKey>) -> Self {
        let Advanced { open, singles, target, .. } = advanced;
        let singles = singles.into_iter().map(|(key, single)| {
            let member = Member::added(key.clone(), single.add);
            (key, Wanted { member, data_change: true, reason: single.reason })
        });
        let mut choice = Choice { wanted: singles.collect(), swapped: BTreeSet::new(), kept: Vec::new() };
        for (open, verdict) in open {
            choice.take(open.class, verdict, &target, exists);
        }
        let Choice { wanted, swapped, kept } = choice;
        let compacted = kept.iter().flat_map(|class| &class.image);
        let skipped: Vec<&AddFile> =
            compacted.filter(|(key, _)| !advanced.images_before.contains(key)).map(|(_, add)| add).collect();
        let (skipped_files, skipped_bytes) = (skipped.len() as u64, skipped.iter().map(|add| add.size).sum());
        let mut materialised: BTreeMap<Reason, Materialised> = BTreeMap::new();
        let paths: BTreeSet<Box<str>> = target.keys().map(|key| key.path.clone()).collect();
        let mut changes = Changes::default();
        for (key, member) in &target {
            if !wanted.contains_key(key) {
                let data_change = !advanced.quiet && !advanced.append_only && !swapped.contains(key);
                changes.removes.push(RemoveChange {
                    key: key.clone(),
                    raw: member.raw().clone(),
                    data_change,
                });
            }
        }
        for (key, file) in wanted {
            let held = target.get(&key);
            let Some(add) = file.member.add().filter(|add| held.is_none_or(|held| differs(add, held))) else {
                continue;
            };
            let transfer = Transfer::of(held.is_some(), paths.contains(&key.path));
            if let Some(reason) = file.reason.filter(|_| transfer == Transfer::Data) {
                let entry = materialised.entry(reason).or_default();
                entry.files += 1;
                entry.bytes += add.size;
            }
            let data_change = held.is_none() && !advanced.quiet && file.data_change;
            changes.adds.push(AddChange { add: add.clone(), key, data_change, transfer });
        }
        let classes = Classes { version: advanced.version, table_id: advanced.table_id, classes: kept };
        Self { changes, classes, skipped_files, skipped_bytes, materialised }
    }
}

/// Whether the log of the target has to say it anew. What it says of a file that only a remove tells of is not
/// known for certain.
fn differs(add: &AddFile, held: &Member) -> bool {
    held.add().is_none_or(|held| !differing_fields(add, held).is_empty())
}

impl Choice {
    fn take(
        &mut self,
        class: Class,
        verdict: Result<(), Reason>,
        target: &BTreeMap<FileKey, Member>,
        exists: &BTreeSet<FileKey>,
    ) {
        let mut lacking = class.preimage.keys().filter(|key| !target.contains_key(key)).peekable();
        let complete = lacking.peek().is_none();
        let verdict = verdict.and_then(|()| {
            if lacking.all(|key| exists.contains(key)) { Ok(()) } else { Err(Reason::PreimageGone) }
        });
        match verdict {
            Ok(()) => {
                let files = class.preimage.iter().map(|(key, member)| {
                    let member = member.clone();
                    (key.clone(), Wanted { member, data_change: true, reason: None })
                });
                self.wanted.extend(files);
                self.kept.push(class);
            }
            Err(reason) => {
                if complete {
                    self.swapped.extend(class.preimage.into_keys());
                }
                let files = class.image.into_iter().map(|(key, add)| {
                    let member = Member::added(key.clone(), add);
                    (key, Wanted { member, data_change: !complete, reason: Some(reason) })
                });
                self.wanted.extend(files);
            }
        }
    }
}
