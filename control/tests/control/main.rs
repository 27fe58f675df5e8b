//! What the shared documents promise.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod dr_sync;
mod formats;
mod head;
mod history;
mod reference;
mod rules;
#[cfg(all(feature = "object-store", feature = "contract"))]
mod stores;
