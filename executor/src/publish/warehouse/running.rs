//! Statements that a warehouse is carrying out for this call: an interrupted call cancels them before it ends.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use lakedr_control::service::{Call, Service};

/// The statements of this call that have not ended. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Statements(Arc<Mutex<BTreeMap<String, Service>>>);

impl Statements {
    pub(super) fn began(&self, id: &str, service: &Service) {
        self.lock().insert(id.to_owned(), service.clone());
    }

    pub(super) fn ended(&self, id: &str) {
        self.lock().remove(id);
    }

    /// Cancels all of them, within this time. Best effort: what goes on all the same is ended by whoever settles the intent.
    pub async fn cancel(&self, within: Duration) {
        let running = std::mem::take(&mut *self.lock());
        let cancels = running.iter().map(|(id, service)| async move {
            if let Err(error) = service.tell(&cancel(id)).await {
                tracing::warn!(statement = %id, "could not be cancelled: {error}");
            }
        });
        if tokio::time::timeout(within, join_all(cancels)).await.is_err() {
            tracing::warn!("the SQL warehouse did not take all cancellations in time");
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Service>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The call that cancels a statement. That it is taken does not mean that the statement ends.
pub(super) fn cancel(id: &str) -> Call {
    Call::post(format!("{}/cancel", path(id)))
}

/// Where a statement is asked for.
pub(super) fn path(id: &str) -> String {
    format!(
        "/api/2.0/sql/statements/{}",
        percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC)
    )
}
