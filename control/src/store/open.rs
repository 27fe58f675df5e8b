use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};

use super::{CloudStore, DocStoreRef, LocalStore};
use crate::location::{StoreKind, StoreUrl};

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// An option that this kind of store does not have.
    #[error(
        "{url}: {key:?} is not an option of this kind of store; the options are those of the object_store crate, for example {example}"
    )]
    UnknownOption {
        /// The store.
        url: StoreUrl,
        /// The option.
        key: String,
        /// One that exists.
        example: &'static str,
    },
    /// The options do not fit together.
    #[error("{url}: the store cannot be set up")]
    Setup {
        /// The store.
        url: StoreUrl,
        /// Why.
        #[source]
        cause: object_store::Error,
    },
    /// The path of the URL cannot be a key.
    #[error("{url}: the path of the URL cannot be the key of an object")]
    Path {
        /// The store.
        url: StoreUrl,
        /// Why.
        #[source]
        cause: object_store::path::Error,
    },
}

/// An object store, and the place in it that the URL names.
#[derive(Debug, Clone)]
pub struct OpenedStore {
    /// The bucket, the container, or the file system.
    pub store: Arc<dyn ObjectStore>,
    /// The path of the URL.
    pub root: Path,
    /// The URL.
    pub url: StoreUrl,
}

/// How requests are repeated that failed in a way that may pass. Short: a region that is gone must be known to be gone
/// within seconds, and the executor tries whole groups again with the patience that the group asks for.
fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(200),
            max_backoff: Duration::from_secs(5),
            base: 2.0,
        },
        max_retries: 4,
        retry_timeout: Duration::from_secs(60),
    }
}

/// Opens the store of a URL. Credentials come from the environment; `options` (keys of the `object_store` crate)
/// win over it. Nothing is sent.
///
/// # Errors
/// See [`OpenError`].
pub fn open_object_store(
    url: &StoreUrl,
    options: &BTreeMap<String, String>,
) -> Result<OpenedStore, OpenError> {
    let setup = |cause| OpenError::Setup { url: url.clone(), cause };
    let root = Path::parse(url.path()).map_err(|cause| OpenError::Path { url: url.clone(), cause })?;
    let store: Arc<dyn ObjectStore> = match url.kind() {
        StoreKind::File => Arc::new(local(url, options)?),
        StoreKind::S3 => Arc::new(s3(url, options)?.build().map_err(setup)?),
        StoreKind::Azure => Arc::new(azure(url, options)?.build().map_err(setup)?),
        StoreKind::Gcs => Arc::new(gcs(url, options)?.build().map_err(setup)?),
    };
    Ok(OpenedStore { store, root, url: url.clone() })
}

/// Opens the same place as a store of documents.
///
/// # Errors
/// See [`OpenError`].
pub fn open_doc_store(url: &StoreUrl, options: &BTreeMap<String, String>) -> Result<DocStoreRef, OpenError> {
    let opened = open_object_store(url, options)?;
    Ok(opened.doc_store())
}

impl OpenedStore {
    /// Another place in the same bucket or container, over the same connections.
    ///
    /// # Errors
    /// When the path of the URL cannot be a key.
    pub fn place(&self, url: &StoreUrl) -> Result<Self, OpenError> {
        let root = Path::parse(url.path()).map_err(|cause| OpenError::Path { url: url.clone(), cause })?;
        Ok(Self { store: Arc::clone(&self.store), root, url: url.clone() })
    }

    /// The same place as a store of documents.
    #[must_use]
    pub fn doc_store(&self) -> DocStoreRef {
        match self.url.kind() {
            StoreKind::File => Arc::new(LocalStore::new(PathBuf::from(format!("/{}", self.url.path())))),
            _ => Arc::new(CloudStore::new(Arc::clone(&self.store), self.root.clone(), self.url.to_string())),
        }
    }
}

fn unknown(url: &StoreUrl, key: &str, example: &'static str) -> OpenError {
    OpenError::UnknownOption { url: url.clone(), key: key.to_owned(), example }
}

fn local(url: &StoreUrl, options: &BTreeMap<String, String>) -> Result<LocalFileSystem, OpenError> {
    match options.keys().next() {
        Some(key) => Err(unknown(url, key, "none: a local directory has no options")),
        None => Ok(LocalFileSystem::new()),
    }
}

fn s3(url: &StoreUrl, options: &BTreeMap<String, String>) -> Result<AmazonS3Builder, OpenError> {
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(url.authority()).with_retry(retries());
    for (key, value) in options {
        let parsed = AmazonS3ConfigKey::from_str(&key.to_ascii_lowercase()).map_err(|_| {
            unknown(url, key, "aws_region, aws_endpoint, aws_allow_http, aws_virtual_hosted_style_request")
        })?;
        builder = builder.with_config(parsed, value);
    }
    Ok(builder)
}

fn azure(url: &StoreUrl, options: &BTreeMap<String, String>) -> Result<MicrosoftAzureBuilder, OpenError> {
    let (container, host) = url.authority().split_once('@').unwrap_or((url.authority(), ""));
    let mut builder = MicrosoftAzureBuilder::from_env().with_container_name(container).with_retry(retries());
    if let Some(account) = host.split('.').next().filter(|account| !account.is_empty()) {
        builder = builder.with_account(account);
    }
    for (key, value) in options {
        let parsed = AzureConfigKey::from_str(&key.to_ascii_lowercase()).map_err(|_| {
            unknown(
                url,
                key,
                "azure_storage_account_name, azure_storage_endpoint, azure_storage_use_emulator",
            )
        })?;
        builder = builder.with_config(parsed, value);
    }
    Ok(builder)
}

fn gcs(url: &StoreUrl, options: &BTreeMap<String, String>) -> Result<GoogleCloudStorageBuilder, OpenError> {
    let mut builder =
        GoogleCloudStorageBuilder::from_env().with_bucket_name(url.authority()).with_retry(retries());
    for (key, value) in options {
        let parsed = GoogleConfigKey::from_str(&key.to_ascii_lowercase()).map_err(|_| {
            unknown(url, key, "google_service_account, google_base_url, google_skip_signature")
        })?;
        builder = builder.with_config(parsed, value);
    }
    Ok(builder)
}
