//! A configured provider: the control store of its region, opened.

use std::error::Error;

use lakedr_control::codec::Writer;
use lakedr_control::store::{ControlStore, DocStoreRef, OpenError, open_doc_store};
use tokio::sync::Mutex;

use crate::provider_config::Settings;

/// What every call that needs the control store works with.
#[derive(Debug)]
pub struct Session {
    /// Region of the provider.
    pub region: String,
    /// The control store of that region.
    pub control: ControlStore,
    /// The same place as plain objects, for documents that cannot be decoded.
    pub objects: DocStoreRef,
    /// Held while rules between documents are checked and the document that keeps them is written: Terraform applies
    /// several resources at once, and two of them must not pass each other's checks.
    pub admission: Mutex<()>,
}

impl Session {
    /// Opens the control store. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if the options do not fit the store.
    pub fn open(settings: &Settings) -> Result<Self, OpenError> {
        let objects = open_doc_store(&settings.control_url, &settings.storage_options)?;
        Ok(Self::over(settings.region.clone(), objects))
    }

    /// A session on an open store.
    #[must_use]
    pub fn over(region: String, objects: DocStoreRef) -> Self {
        let control = ControlStore::new(DocStoreRef::clone(&objects));
        Self { region, control, objects, admission: Mutex::new(()) }
    }

    /// How this provider signs the documents that it writes.
    #[must_use]
    pub fn writer(&self) -> Writer {
        Writer { provider: env!("CARGO_PKG_VERSION").to_owned(), region: self.region.clone() }
    }
}

/// Work was given up because Terraform was interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("interrupted")
    }
}

impl Error for Interrupted {}

/// Does the work unless it is told to stop before the work is done.
///
/// # Errors
///
/// [`Interrupted`]. The work has been dropped half-way, so it must be harmless to begin it again.
pub async fn unless_stopped<F: Future>(
    stop: &tokio_util::sync::CancellationToken,
    work: F,
) -> Result<F::Output, Interrupted> {
    stop.run_until_cancelled(work).await.ok_or(Interrupted)
}
