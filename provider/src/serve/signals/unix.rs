//! As a Unix says it.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Signals that are listened for. From then on they no longer end the process by themselves, even after this is dropped.
pub(crate) struct Signals {
    interrupt: Signal,
    termination: Signal,
}

impl Signals {
    /// Listens for SIGINT and SIGTERM.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            termination: signal(SignalKind::terminate())?,
        })
    }

    /// This process is asked to end.
    pub(crate) async fn terminated(&mut self) {
        self.termination.recv().await;
    }

    /// The same, or Ctrl-C, which reaches every process in the foreground of the terminal.
    pub(crate) async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.termination.recv() => {}
        }
    }
}
