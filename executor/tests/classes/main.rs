//! What a range of commits changes at the target: file by file, and row by row where a compaction is skipped.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod cases;
mod golden;
mod history;
mod log;
mod net;
mod property;
mod table;
#[expect(dead_code, reason = "shared with another test binary, which uses the rest")]
#[path = "../delta/golden.rs"]
mod tables;
mod terms;
