//! A configured provider: the control store of its region, opened.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use lakedr_control::codec::{DecodeError, Document, Writer};
use lakedr_control::layout;
use lakedr_control::spec::{Kind, Spec, SyncGroupSpec};
use lakedr_control::store::{
    ControlStore, ControlStoreError, DocStoreRef, Object, OpenError, open_doc_store,
};
use lakedr_control::validate;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::documents::{Documents, KnownGroup};
use super::homes::Homes;
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
    /// The locations of group logs.
    pub homes: Homes,
    documents: Documents,
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
        Self {
            region,
            control,
            objects,
            admission: Mutex::new(()),
            homes: Homes::default(),
            documents: Documents::default(),
        }
    }

    /// The specs of all documents of a kind, as far as they can be read. One damaged document must not stand in the way
    /// of mending it, or of changing others: its spec counts if it can still be made out, and is left out otherwise.
    ///
    /// # Errors
    ///
    /// [`ControlStoreError`] if the store is out of reach, or a document has a format that is not known here.
    pub async fn specs<S: Spec + 'static>(&self) -> Result<Vec<S>, ControlStoreError> {
        let specs = self.documents.all(&self.objects, S::KIND, |name, object| self.spec::<S>(name, object));
        Ok(specs.await?.iter().filter_map(|spec| Option::clone(spec)).collect())
    }

    /// All sync groups, as [`Self::specs`] gives them.
    ///
    /// # Errors
    ///
    /// As [`Self::specs`].
    pub async fn groups(&self) -> Result<Vec<Arc<KnownGroup>>, ControlStoreError> {
        let known = |name: &str, object: &Object| {
            let spec = self.spec::<SyncGroupSpec>(name, object)?;
            let known = |spec: SyncGroupSpec| {
                let valid = validate::sync_group(&spec).ok();
                Arc::new(KnownGroup { spec, valid })
            };
            Ok::<_, ControlStoreError>(spec.map(known))
        };
        let groups = self.documents.all(&self.objects, Kind::SyncGroup, known).await?;
        Ok(groups.iter().filter_map(|group| Option::clone(group)).collect())
    }

    fn spec<S: Spec>(&self, name: &str, object: &Object) -> Result<Option<S>, ControlStoreError> {
        match Document::decode(&layout::document(S::KIND, name), &object.bytes) {
            Ok(document) => Ok(Some(document.spec)),
            Err(DecodeError::Inconsistent { .. } | DecodeError::Malformed { .. }) => {
                Ok(salvage::<S>(name, object).map(|document| document.spec))
            }
            Err(cause) => Err(ControlStoreError::Document { url: self.control.url().to_owned(), cause }),
        }
    }

    /// The sync groups as they were when a plan first asked for them.
    ///
    /// # Errors
    ///
    /// As [`Self::specs`].
    pub async fn groups_once(&self) -> Result<Arc<Vec<Arc<KnownGroup>>>, ControlStoreError> {
        self.documents.groups_once(self.groups()).await
    }

    /// How this provider signs the documents that it writes.
    #[must_use]
    pub fn writer(&self) -> Writer {
        Writer { provider: env!("CARGO_PKG_VERSION").to_owned(), region: self.region.clone() }
    }
}

/// What can still be made out of a document that was changed by hand: everything, as long as it has its name and the
/// fields of its format.
pub(super) fn salvage<S: Spec>(name: &str, object: &Object) -> Option<Document<S>> {
    let document = serde_json::from_slice::<Document<S>>(&object.bytes).ok();
    let document = document.filter(|document| document.spec.name() == name);
    if document.is_none() {
        tracing::warn!(kind = %S::KIND, name, "a damaged document in the control store is left out");
    }
    document
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

/// How long a write that was under way when Terraform was interrupted may still take.
const GRACE: Duration = Duration::from_secs(10);

/// Sees a write through, even when it is told to stop, so that it is known what became of it. Gives up on one that
/// still takes [`GRACE`] from then on.
///
/// # Errors
///
/// [`Interrupted`]. It is not known whether the write was done.
pub(super) async fn seen_through<F: Future>(
    stop: &CancellationToken,
    write: F,
) -> Result<F::Output, Interrupted> {
    let given_up = async {
        stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        biased;
        written = write => Ok(written),
        () = given_up => Err(Interrupted),
    }
}

/// Does the work unless it is told to stop before the work is done.
///
/// # Errors
///
/// [`Interrupted`]. The work has been dropped half-way, so it must be harmless to begin it again.
pub async fn unless_stopped<F: Future>(stop: &CancellationToken, work: F) -> Result<F::Output, Interrupted> {
    stop.run_until_cancelled(work).await.ok_or(Interrupted)
}
