//! The runs of a workflow, one file per source of truth.

mod attempts;
mod known;
pub mod marker;
mod memory;

pub use known::Held;
pub use memory::RunMemory;
