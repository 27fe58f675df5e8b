//! Publishing under crashes, foreign commits and contention, on two regions that are local directories.
//!
//! [`lab`] is a group of three tables with a workflow, [`writes`] takes a sync apart into its single writes, so that
//! every state in which a crash can leave a group is built and not waited for, and [`interleave`] polls executors in
//! an order drawn from a seed.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod checks;
mod clocks;
mod contention;
mod crash;
mod damaged;
mod failover;
mod foreign;
mod interleave;
mod lab;
mod open_intent;
mod overtaken;
mod prune;
mod recreated;
mod restore;
mod services;
mod staged;
mod tree;
mod writes;
