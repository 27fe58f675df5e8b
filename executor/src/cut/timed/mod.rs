//! Cuts from runs that a service tells of, and from the histories of the tables.
//!
//! A commit is attributed to the run that it names, else by time: to every run that may have made it, clocks being off by
//! no more than the allowance. Where that leaves doubt on which side of a run's end a commit belongs, the end is no
//! boundary.

mod candidate;
mod choose;
mod history;
mod judge;
mod run;
#[cfg(test)]
mod tests;

pub use candidate::{finished_behind, settles_at};
pub use choose::{Observed, Step, choose_timed};
pub use history::{Before, HistoryCommit, TableHistory};
pub use judge::Doubt;
pub use run::{Began, Run, RunState, Spell, merged};
