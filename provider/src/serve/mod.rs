//! Serving: from the start of the process to its end, everything but the meaning of the calls.
//!
//! ```text
//! environment → handshake → listener + tls → handshake line on stdout → server → exit
//! ```
//!
//! The first bytes on stdout are the handshake line, and nothing follows it. Everything that is said
//! goes to stderr as JSON lines. A crash leaves nothing but the socket file in a directory of its own.

mod connection;
pub mod crash;
mod debug;
mod environment;
mod error;
#[cfg(debug_assertions)]
pub(crate) mod fault;
mod handshake;
mod listener;
mod logging;
mod orphan;
pub(crate) mod request;
mod run;
mod server;
mod signals;
mod support;
mod tls;

pub use error::ServeError;
pub use run::{Mode, run};
