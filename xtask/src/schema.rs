//! `cargo xtask schema`: what has changed for users of the provider since the last release, and whether its version says so.

mod change;
mod compare;
mod run;

pub(crate) use run::{Args, run};
