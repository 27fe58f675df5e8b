use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::manifest::{ManifestError, Transfer, Transfers};

/// Transfers of several sorted pieces as one sorted sequence.
pub(super) struct Merged<'a> {
    runs: Vec<Transfers<'a>>,
    heads: BinaryHeap<Reverse<Head>>,
}

impl<'a> Merged<'a> {
    pub(super) fn new(runs: Vec<Transfers<'a>>) -> Result<Self, ManifestError> {
        let mut merged = Self { heads: BinaryHeap::with_capacity(runs.len()), runs };
        for run in 0..merged.runs.len() {
            merged.advance(run)?;
        }
        Ok(merged)
    }

    fn advance(&mut self, run: usize) -> Result<(), ManifestError> {
        if let Some(transfer) = self.runs.get_mut(run).and_then(Iterator::next).transpose()? {
            self.heads.push(Reverse(Head { transfer, run }));
        }
        Ok(())
    }
}

impl Iterator for Merged<'_> {
    type Item = Result<Transfer, ManifestError>;

    fn next(&mut self) -> Option<Self::Item> {
        let Reverse(Head { transfer, run }) = self.heads.pop()?;
        Some(self.advance(run).map(|()| transfer))
    }
}

/// The next transfer of a piece.
struct Head {
    transfer: Transfer,
    run: usize,
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        self.transfer.by_target(&other.transfer).then(self.run.cmp(&other.run))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head {}
