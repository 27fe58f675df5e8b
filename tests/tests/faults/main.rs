//! A network that fails: whatever happens to whichever request, the group ends at one finished cut, equal to its
//! source, and the next sync finds nothing to do.

mod lab;
mod network;
mod sweep;
