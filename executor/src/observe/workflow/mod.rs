//! The runs of a workflow, one file per source of truth.

pub mod marker;
