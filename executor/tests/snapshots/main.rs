//! Kept copies, taken from local tables with a clock that lets weeks pass.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "../publish/tree.rs"]
#[expect(dead_code, reason = "shared with another ring, which uses more of it")]
mod tree;

mod crash;
mod failures;
mod lab;
mod moments;
mod paused;
mod quarter;
mod restore_crash;
mod restores;
