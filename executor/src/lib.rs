//! The lakedr executor: brings each sync group's standby region to the newest finished state of its active region.
//!
//! The flow is one way, and a stage names only the output of the stage before it:
//! [`spec`] → [`observe`] → [`cut`] → [`plan`] → [`copy`] → [`publish`] → [`record`] → [`notify`]. [`pipeline`] strings them
//! together for one group, [`command`] for a call. [`delta`], [`cut`], [`hcl`] and most of [`plan`] are pure.

pub mod cli;
pub mod command;
pub mod copy;
pub mod cut;
pub mod delta;
pub mod drill;
pub mod error;
pub mod exit;
pub mod failover;
pub mod hcl;
pub mod notify;
pub mod observe;
pub mod other_region;
pub mod patience;
pub mod pipeline;
pub mod plan;
pub mod process;
pub mod prune;
pub mod publish;
pub mod record;
pub mod report;
pub mod restore;
pub mod second;
pub mod services;
pub mod snapshots;
pub mod spec;
pub mod world;
