//! Where secrets lie, and fetching them: each reference once per run, all of them at the same time.
//!
//! A new kind of place is a kind of [`SecretRef`](crate::secret::SecretRef) and a [`Vault`] that holds it.

mod databricks;
mod error;
mod local;
mod secrets;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

pub use databricks::DatabricksVault;
pub use error::{MissingSecrets, SecretError};
pub use local::{EnvironmentVault, FileVault};
pub use secrets::Secrets;

use crate::secret::{Secret, SecretRef};

/// A place that keeps secrets.
#[async_trait]
pub trait Vault: fmt::Debug + Send + Sync {
    /// Whether references of this kind point here.
    fn holds(&self, reference: &SecretRef) -> bool;

    /// Fetches a secret.
    ///
    /// # Errors
    /// When it cannot be had, by its reference.
    async fn fetch(&self, reference: &SecretRef) -> Result<Secret, SecretError>;
}

/// The value of an environment variable.
pub type Lookup = fn(&str) -> Option<String>;

/// The vaults that a process reaches by itself: its environment, its files, and the Databricks workspace that its
/// environment names.
#[must_use]
pub fn of_process() -> Vec<Arc<dyn Vault>> {
    let lookup: Lookup = |name| std::env::var(name).ok();
    vec![
        Arc::new(EnvironmentVault::new(lookup)),
        Arc::new(FileVault),
        Arc::new(DatabricksVault::of_environment(lookup)),
    ]
}
