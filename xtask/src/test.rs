//! `cargo xtask test`: every check and test that CI runs, in the order in which a mistake shows soonest.

mod cargo_test;
mod report;
mod steps;
mod targets;

pub(crate) use steps::{Args, run};
