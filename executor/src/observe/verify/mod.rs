//! Proving that a target equals its source: by the logs, by the sizes of the files, by their bytes.

mod advance;
mod checksum;
mod cloned;
mod logs;
mod objects;
mod proof;
mod prove;

pub use advance::{Advance, prove_advance};
pub use cloned::{compare_clone, prove_clone};
pub use logs::{LogProof, compare_logs};
pub use proof::{Proof, VerifyError};
pub use prove::{Look, Pinned, prove};
