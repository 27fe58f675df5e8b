//! A table at one version, read in bounded memory: its head at once, its files as a stream.

mod checkpoint;
mod json_lines;
mod open;
mod scan;
mod view;

pub(super) use open::open;
pub use view::Snapshot;

pub use crate::delta::checkpoint::read::Columns;
