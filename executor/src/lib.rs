//! The lakedr executor.

pub mod delta;
pub mod observe;
pub mod plan;
