//! Does a commit only rearrange rows? The claim, and the proof by count.

use std::collections::BTreeMap;

use super::member::{Member, PartitionTuple};
use super::range::data_change;
use super::reason::Reason;
use crate::delta::changes::CommitChange;
use crate::delta::state::{AddFile, FileKey};

/// The only operation whose word is taken: `dataChange` is an option that any user may set on a write.
const COMPACTION: &str = "OPTIMIZE";

/// Files of one partition that trade places, row for row.
#[derive(Debug, Default)]
pub(super) struct Swap {
    pub(super) removed: Vec<Member>,
    pub(super) added: Vec<(FileKey, AddFile)>,
    rows_removed: u64,
    rows_added: u64,
}

/// How a commit bears on rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It says nothing of files.
    NoFiles,
    /// By its own words it adds words about files that are live already, or removes files that are not:
    /// nothing, if that is true.
    Words,
    /// It claims to rearrange rows, and is of a kind that is believed once the counts agree.
    Claim,
    /// It may change anything.
    Loud,
}

impl Kind {
    pub(super) fn of(commit: &CommitChange) -> Self {
        let raws = commit.adds.iter().map(|(_, add)| &add.raw);
        let mut raws = raws.chain(commit.removes.iter().map(|(_, remove)| &remove.raw));
        if commit.adds.is_empty() && commit.removes.is_empty() {
            Self::NoFiles
        } else if raws.any(data_change) {
            Self::Loud
        } else if commit.adds.is_empty() || commit.removes.is_empty() {
            Self::Words
        } else if commit.facts.operation.as_deref() == Some(COMPACTION)
            && commit.metadata.is_none()
            && commit.protocol.is_none()
        {
            Self::Claim
        } else {
            Self::Loud
        }
    }
}

/// Proves a claim: partition by partition, as many rows come as go. `removed` are the files that the commit
/// removes, as far as they were live.
///
/// The writer of another text for the same timestamp partition is not believed: which instant the older form
/// means depends on the reader's time zone, so the files are not equally readable.
///
/// # Errors
/// The [`Reason`] why not.
pub(super) fn prove(commit: &CommitChange, removed: Vec<Member>) -> Result<Vec<Swap>, Reason> {
    if removed.len() != commit.removes.len() {
        return Err(Reason::RowsDiffer);
    }
    let mut swaps: BTreeMap<PartitionTuple, Swap> = BTreeMap::new();
    for member in removed {
        let (tuple, rows) = counted(&member)?;
        let swap = swaps.entry(tuple).or_default();
        swap.rows_removed += rows;
        swap.removed.push(member);
    }
    for (key, add) in &commit.adds {
        let (tuple, rows) = counted(&Member::added(key.clone(), add.clone()))?;
        let swap = swaps.entry(tuple).or_default();
        swap.rows_added += rows;
        swap.added.push((key.clone(), add.clone()));
    }
    let swaps: Vec<Swap> = swaps.into_values().collect();
    let equal = swaps.iter().all(|swap| swap.rows_removed == swap.rows_added);
    if equal { Ok(swaps) } else { Err(Reason::RowsDiffer) }
}

fn counted(member: &Member) -> Result<(PartitionTuple, u64), Reason> {
    member.partition().zip(member.rows()).ok_or(Reason::RowsUnknown)
}
