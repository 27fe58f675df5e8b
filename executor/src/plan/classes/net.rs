//! The plain difference of two versions, from the commits between them.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{AddChange, Changes, RemoveChange, Transfer};
use super::member::Member;
use super::range::{Before, Range, RangeError};
use super::rearrangement::{Kind, prove};
use crate::delta::changes::CommitChange;
use crate::delta::state::{AddFile, FileKey};

/// The difference, up to the question which of some files were live before.
#[derive(Debug, Clone)]
pub struct Net {
    range: Range,
    uncertain: BTreeSet<FileKey>,
    /// Every commit only rearranges rows, if those of uncertain files say the truth.
    quiet: bool,
}

/// Follows the commits `(V_last, V]`, oldest first.
///
/// # Errors
/// [`RangeError`] when they do not follow each other.
pub fn net(commits: &[CommitChange]) -> Result<Net, RangeError> {
    let range = Range::of(commits)?;
    Ok(Net { uncertain: range.uncertain(), quiet: quiet(commits), range })
}

impl Net {
    /// Files of which only the state at `V_last` can tell whether they were live. Most ranges have none.
    #[must_use]
    pub fn uncertain(&self) -> &BTreeSet<FileKey> {
        &self.uncertain
    }

    /// The difference. `held` are those of [`Self::uncertain`] that were live at `V_last`; `append_only` is
    /// the table property at `V`, under which no remove may say that it changes data.
    ///
    /// `dataChange` is false on all files when every commit only rearranges rows, and else on none but files
    /// that were live before: false on a file with rows of its own hides them from streaming readers, true on
    /// one without makes these readers fail or read again.
    #[must_use]
    pub fn settle(self, held: &BTreeSet<FileKey>, append_only: bool) -> Changes {
        let files = self.range.0.into_iter();
        let files: Vec<_> =
            files.map(|(key, trace)| (trace.before.live(|| held.contains(&key)), key, trace)).collect();
        let paths = files.iter().filter(|(live, ..)| *live).map(|(_, key, _)| key.path.clone());
        let paths: BTreeSet<Box<str>> = paths.collect();
        let lied = |live: bool, before| before == Before::Unknown { says_live: !live };
        let quiet = self.quiet && !files.iter().any(|(live, _, trace)| lied(*live, trace.before));
        let mut changes = Changes::default();
        for (live, key, trace) in files {
            match (live, trace.after, trace.removed) {
                (_, Some(add), _) => changes.adds.push(AddChange {
                    data_change: !live && !quiet,
                    transfer: Transfer::of(live, paths.contains(&key.path)),
                    key,
                    add,
                }),
                (true, None, Some(raw)) => {
                    changes.removes.push(RemoveChange { key, raw, data_change: !quiet && !append_only });
                }
                (_, None, _) => {}
            }
        }
        changes
    }
}

/// Whether every commit, by what the range tells, leaves the rows as they are.
fn quiet(commits: &[CommitChange]) -> bool {
    // Files that the range has named: with their add while they are live.
    let mut named: BTreeMap<&FileKey, Option<&AddFile>> = BTreeMap::new();
    commits.iter().all(|commit| {
        let dead = |key: &FileKey| matches!(named.get(key), Some(None));
        let live = |key: &FileKey| matches!(named.get(key), Some(Some(_)));
        let quiet = match Kind::of(commit) {
            Kind::NoFiles => true,
            Kind::Words => {
                !commit.adds.iter().any(|(key, _)| dead(key))
                    && !commit.removes.iter().any(|(key, _)| live(key))
            }
            Kind::Claim => {
                let removed = commit.removes.iter().filter(|(key, _)| !dead(key));
                let removed = removed.map(|(key, remove)| match named.get(key) {
                    Some(Some(add)) => Member::added(key.clone(), (*add).clone()),
                    _ => Member::removed(key.clone(), remove),
                });
                prove(commit, removed.collect()).is_ok()
            }
            Kind::Loud => false,
        };
        named.extend(commit.removes.iter().map(|(key, _)| (key, None)));
        named.extend(commit.adds.iter().map(|(key, add)| (key, Some(add))));
        quiet
    })
}
