//! `cargo xtask demo`: the main job on this machine, with local directories as regions. Every claim that it prints
//! is checked; the first that does not hold ends it.

mod stage;
mod story;

pub(crate) use story::run;
