//! A second opinion. What a table holds is read once more by an implementation that shares no replay with ours, the
//! Delta kernel, and both are compared: a mistake in reading or writing a log would have to be made twice to pass.
//!
//! The kernel reads fewer tables than this program carries ([`SecondError::CannotRead`]) and sees less of each file:
//! `dataChange` and fields beyond the protocol are not compared.

mod changes;
mod compare;
mod error;
mod executor;
mod live_file;
mod opinion;
mod read;
mod rows;
mod view;

pub use changes::{SecondChanges, changes};
pub use compare::{LiveSet, Match};
pub use error::SecondError;
pub use live_file::{LiveFile, Stats, Values, Vector};
pub use opinion::{Opinion, OpinionError, compare, compare_changes, second_opinion};
pub use read::{SecondHead, SecondTable, read};
