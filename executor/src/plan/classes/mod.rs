//! What a range of commits changes at the target, and which of it has to move.
//!
//! [`net`] is the plain difference: the target follows file by file. [`advance`] follows rows instead: where
//! an OPTIMIZE only rearranged rows, the target may keep the files from before (the *preimage*) and leave the
//! compacted ones (the *image*) at home, for as long as both hold the same rows. A set of files that stands for
//! another one is a class; [`Classes`] are persisted with the recovery point, since the log of the target
//! cannot tell them.
//!
//! Equality of rows is proven by count, partition by partition; that the rows themselves are the same ones is
//! the word of the writer, and only OPTIMIZE is believed (protocol, "Add File and Remove File", `dataChange`).
//! What cannot be proven is not skipped.

mod advance;
mod algebra;
mod change;
mod decide;
mod document;
mod epoch;
mod layout;
mod member;
mod net;
mod options;
mod range;
mod rearrangement;
mod reason;
mod view;

pub use advance::{Advanced, advance, questions};
pub use change::{AddChange, Changes, RemoveChange, Transfer};
pub use decide::{Decision, Materialised};
pub use document::{Class, Classes, ClassesError};
pub use member::Member;
pub use net::{Net, net};
pub use options::SkipOptions;
pub use range::RangeError;
pub use reason::Reason;
pub use view::{Expected, ViewError, logical_view};
