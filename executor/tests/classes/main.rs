//! What a range of commits changes at the target: file by file, and row by row where a compaction is skipped.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod history;
mod log;
mod net;
mod property;
mod table;
