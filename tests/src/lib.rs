//! Harness of the lakedr stories: where the built programs and the tools are, object stores and Spark as child
//! processes.
//!
//! `cargo xtask test --only RING` builds and installs everything a ring needs. Nothing here is skipped when
//! something is missing: it fails and says what to run.

pub mod declared;
pub mod environment;
pub mod judge;
pub mod lake;
pub mod noise;
pub mod plugin;
pub mod process_group;
pub mod regions;
pub mod running;
pub mod servers;
pub mod spark;
pub mod terraform;
pub mod world;
