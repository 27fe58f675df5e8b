//! The Delta layer on tables that Spark and delta-rs wrote: every golden table is replayed, cloned, cloned
//! version by version, written as a checkpoint, or refused.
//!
//! The set lies in `../shared/golden` beside the project, or in the folder that `LAKEDR_GOLDEN` names.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod advance;
mod checksums;
mod clone;
mod commit;
mod elsewhere;
mod golden;
mod guards;
mod incremental;
mod listing;
mod log_lab;
mod once;
mod property;
mod ratified;
mod refusals;
mod replay;
mod second;
mod snapshot;
mod times;
