//! A network that fails: whatever happens to whichever request, the group ends at one finished cut, equal to its
//! source, and the next sync finds nothing to do.
#![expect(clippy::print_stdout, reason = "what was hit is shown when a test fails")]

mod drill;
mod journey;
mod lab;
mod large;
mod network;
mod nothing_new;
mod race;
mod small;
mod sweep;
mod syncs;
