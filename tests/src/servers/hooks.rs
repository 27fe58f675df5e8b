//! A receiver of webhooks: keeps every request, answers with success or as it is told.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use serde_json::{Value, json};

use super::stand_in::{self, Answer};

#[derive(Debug, Default)]
struct Kept {
    requests: Vec<(String, Value)>,
    troubles: VecDeque<u16>,
}

/// A running receiver. It answers as long as the process lives.
#[derive(Debug)]
pub struct Hooks {
    address: SocketAddr,
    kept: Arc<Mutex<Kept>>,
}

impl Hooks {
    /// Starts a receiver.
    ///
    /// # Errors
    /// No port can be had.
    pub fn start() -> Result<Self> {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let served = Arc::clone(&kept);
        let address = stand_in::serve(move |request| {
            let mut kept = served.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(status) = kept.troubles.pop_front() {
                // as servers do that say what they did not find
                let path = request.path.join("/");
                return Answer::new(status, json!({"message": format!("no such hook: {path}")}));
            }
            let body = serde_json::from_slice(&request.body).unwrap_or_default();
            kept.requests.push((format!("/{}", request.path.join("/")), body));
            Answer::new(200, Value::Null)
        })?;
        Ok(Self { address, kept })
    }

    /// Its URL, without path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next requests are answered with these statuses, and not kept.
    pub fn trouble(&self, statuses: &[u16]) {
        self.lock().troubles.extend(statuses);
    }

    /// Path and JSON body of every request that was answered with success, in order.
    #[must_use]
    pub fn taken(&self) -> Vec<(String, Value)> {
        self.lock().requests.clone()
    }

    /// The bodies of requests to one path.
    #[must_use]
    pub fn at(&self, path: &str) -> Vec<Value> {
        self.taken().into_iter().filter(|(at, _)| at == path).map(|(_, body)| body).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
