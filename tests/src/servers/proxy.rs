//! The network in front of an S3 server: everything passes through it, is counted by what it is, and meets the one
//! fault that was asked for.
//!
//! Clients use the proxy's endpoint. Their `Host` header goes on unchanged, so signatures stay valid. Bodies stream.

mod counts;
mod fault;
mod passage;
mod request;
mod watch;
mod wire;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context as _, Result};
use tokio::runtime;
use tokio::sync::oneshot;

use super::ObjectServer;
use passage::Passage;

pub use counts::Counts;
pub use fault::Fault;
pub use request::Kind;
pub use watch::Watch;

/// A running proxy, in a thread of its own. Dropping it breaks its connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    options: BTreeMap<String, String>,
    passage: Passage,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Starts a proxy in front of a server.
    ///
    /// # Errors
    /// No port or no thread is to be had.
    pub fn start(server: &dyn ObjectServer) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let passage = Passage::to(&server.endpoint())?;
        let (stop, stopped) = oneshot::channel();
        let serving = passage.clone().serve(listener);
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let run = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serving => {}
                    _ = stopped => {}
                }
            });
        };
        let thread = std::thread::Builder::new().name("proxy".to_owned()).spawn(run).context("a thread")?;
        let endpoint = |value: String| {
            if value == server.endpoint() { format!("http://{address}") } else { value }
        };
        let options = server.options().into_iter().map(|(key, value)| (key, endpoint(value))).collect();
        Ok(Self { address, options, passage, stop: Some(stop), thread: Some(thread) })
    }

    /// Where the proxy listens, `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The `object_store` options that reach the server through the proxy, credentials included.
    #[must_use]
    pub fn options(&self) -> BTreeMap<String, String> {
        self.options.clone()
    }

    /// Watches the requests whose key, or listed prefix, has `segment` between two slashes. A request belongs to the
    /// first of its segments that is watched.
    #[must_use]
    pub fn watch(&self, segment: &str) -> Arc<Watch> {
        self.passage.watch(segment)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
