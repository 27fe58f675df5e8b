//! A table at one version, read in bounded memory: its head at once, its files as a stream.

mod checkpoint;
mod head;
mod json_lines;
mod open;
mod row_group;
mod scan;
#[cfg(test)]
mod tests;
mod view;
mod windows;

pub(super) use open::open;
pub use view::Snapshot;

pub use crate::delta::checkpoint::read::Columns;
