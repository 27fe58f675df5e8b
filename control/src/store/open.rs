use std::collections::BTreeMap;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::client::HttpClient;
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientConfigKey, ObjectStore, RetryConfig};

use super::credentials;
use super::federated::azure::AzureFederation;
use super::federated::{self, FederationError};
use super::handle::{AzureHandle, CloudHandle, GcsHandle, S3Handle};
use super::lend::{Borrower, Lender};
use super::transport::Transport;
use super::{CloudStore, DocStoreRef, LocalStore};
use crate::local_path;
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
    /// A local directory without a drive, on a system whose paths have one.
    #[error("{url} names no drive, and paths of Windows begin with one: write file:///C:/dir")]
    NoDrive {
        /// The store.
        url: StoreUrl,
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
    /// Credentials cannot come from identity federation as the environment wants it.
    #[error("{url}: no credentials by identity federation")]
    Federation {
        /// The store.
        url: StoreUrl,
        /// Why.
        #[source]
        cause: Box<FederationError>,
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
    /// The same store as its provider knows it; none for local directories.
    pub cloud: Option<CloudHandle>,
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
    open(url, options, None)
}

/// Opens the store of a URL with credentials that are lent, and with what the machine has where nothing is. For stores
/// that options and environment have no credentials for ([`has_credentials`]). Nothing is sent.
///
/// # Errors
/// See [`OpenError`].
pub fn open_lent_object_store(
    url: &StoreUrl,
    options: &BTreeMap<String, String>,
    lender: Arc<dyn Lender>,
) -> Result<OpenedStore, OpenError> {
    open(url, options, Some(lender))
}

/// Whether options or environment name credentials for the store of a URL. What the machine itself may have, an
/// instance profile for example, does not show there.
///
/// # Errors
/// See [`OpenError`].
pub fn has_credentials(url: &StoreUrl, options: &BTreeMap<String, String>) -> Result<bool, OpenError> {
    Ok(match url.kind() {
        StoreKind::File => true,
        StoreKind::S3 => credentials::aws(&s3_builder(url, options)?),
        StoreKind::Azure => {
            credentials::azure(&azure_builder(url, options)?)
                || federated::azure::is_asked_for(credentials::variable)
        }
        StoreKind::Gcs => credentials::gcs(&gcs_builder(url, options)?),
    })
}

fn open(
    url: &StoreUrl,
    options: &BTreeMap<String, String>,
    lender: Option<Arc<dyn Lender>>,
) -> Result<OpenedStore, OpenError> {
    let root = Path::parse(url.path()).map_err(|cause| OpenError::Path { url: url.clone(), cause })?;
    let (store, cloud): (Arc<dyn ObjectStore>, _) = match url.kind() {
        StoreKind::File => (Arc::new(local(url, options)?), None),
        StoreKind::S3 => {
            let handle = s3(url, options, lender)?;
            (Arc::<object_store::aws::AmazonS3>::clone(&handle.store), Some(CloudHandle::S3(handle)))
        }
        StoreKind::Azure => {
            let handle = azure(url, options, lender)?;
            (
                Arc::<object_store::azure::MicrosoftAzure>::clone(&handle.store),
                Some(CloudHandle::Azure(handle)),
            )
        }
        StoreKind::Gcs => {
            let handle = gcs(url, options, lender)?;
            (
                Arc::<object_store::gcp::GoogleCloudStorage>::clone(&handle.store),
                Some(CloudHandle::Gcs(handle)),
            )
        }
    };
    Ok(OpenedStore { store, root, url: url.clone(), cloud })
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
        Ok(Self { store: Arc::clone(&self.store), root, url: url.clone(), cloud: self.cloud.clone() })
    }

    /// The same place as a store of documents.
    #[must_use]
    pub fn doc_store(&self) -> DocStoreRef {
        match self.url.kind() {
            StoreKind::File => {
                // without a drive nothing was opened
                let root = local_path::of_url(&format!("/{}", self.url.path())).unwrap_or_default();
                Arc::new(LocalStore::new(root, self.url.to_string()))
            }
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
        None if local_path::of_url(&format!("/{}", url.path())).is_none() => {
            Err(OpenError::NoDrive { url: url.clone() })
        }
        None => Ok(LocalFileSystem::new()),
    }
}

/// The time limit on whole requests that a store has unless it is set. [`Transport`] gives up on silence instead.
const PRESET_TIMEOUT: &str = "30 seconds";

/// The option with the key of SSE-C, which the crate names no constant for.
const CUSTOMER_KEY: &str = "aws_sse_customer_key_base64";

/// As good as no limit.
const NO_TIMEOUT: &str = "1 day";

fn connections(transport: &Transport, url: &StoreUrl) -> Result<HttpClient, OpenError> {
    let missing = || object_store::Error::Generic { store: "store", source: "it has no connections".into() };
    transport.client().ok_or_else(|| OpenError::Setup { url: url.clone(), cause: missing() })
}

fn is_set(value: Option<String>) -> bool {
    value.is_some_and(|value| value == "true")
}

fn s3_builder(url: &StoreUrl, options: &BTreeMap<String, String>) -> Result<AmazonS3Builder, OpenError> {
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(url.authority()).with_retry(retries());
    for (key, value) in options {
        let parsed = AmazonS3ConfigKey::from_str(&key.to_ascii_lowercase()).map_err(|_| {
            unknown(url, key, "aws_region, aws_endpoint, aws_allow_http, aws_virtual_hosted_style_request")
        })?;
        builder = builder.with_config(parsed, value);
    }
    Ok(builder)
}

fn s3(
    url: &StoreUrl,
    options: &BTreeMap<String, String>,
    lender: Option<Arc<dyn Lender>>,
) -> Result<S3Handle, OpenError> {
    let mut builder = s3_builder(url, options)?;
    let timeout = AmazonS3ConfigKey::Client(ClientConfigKey::Timeout);
    if builder.get_config_value(&timeout).as_deref() == Some(PRESET_TIMEOUT) {
        builder = builder.with_config(timeout, NO_TIMEOUT);
    }
    let value = |key| builder.get_config_value(&key);
    let endpoint = value(AmazonS3ConfigKey::S3Endpoint).or_else(|| value(AmazonS3ConfigKey::Endpoint));
    let region = value(AmazonS3ConfigKey::Region).unwrap_or_else(|| "us-east-1".to_owned());
    let plain_signatures =
        !is_set(value(AmazonS3ConfigKey::SkipSignature)) && !is_set(value(AmazonS3ConfigKey::S3Express));
    let request_payer = is_set(value(AmazonS3ConfigKey::RequestPayer));
    let customer_key = AmazonS3ConfigKey::from_str(CUSTOMER_KEY).ok().and_then(value).is_some();
    let setup = |cause| OpenError::Setup { url: url.clone(), cause };
    if let Some(lender) = lender {
        let own = builder.clone().build().map_err(setup)?;
        let borrower = Borrower::new(lender, Arc::clone(own.credentials()));
        builder = builder.with_credentials(Arc::new(borrower));
    }
    let transport = Transport::default();
    let store = builder.with_http_connector(transport.clone()).build().map_err(setup)?;
    Ok(S3Handle {
        store: Arc::new(store),
        http: connections(&transport, url)?,
        bucket: url.authority().to_owned(),
        region,
        endpoint,
        request_payer,
        plain_signatures,
        customer_key,
    })
}

fn azure_builder(
    url: &StoreUrl,
    options: &BTreeMap<String, String>,
) -> Result<MicrosoftAzureBuilder, OpenError> {
    let (container, host) = container_of(url);
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

/// Container, and the host of the account.
fn container_of(url: &StoreUrl) -> (&str, &str) {
    url.authority().split_once('@').unwrap_or((url.authority(), ""))
}

fn azure(
    url: &StoreUrl,
    options: &BTreeMap<String, String>,
    lender: Option<Arc<dyn Lender>>,
) -> Result<AzureHandle, OpenError> {
    let (container, _) = container_of(url);
    let mut builder = azure_builder(url, options)?;
    let timeout = AzureConfigKey::Client(ClientConfigKey::Timeout);
    if builder.get_config_value(&timeout).as_deref() == Some(PRESET_TIMEOUT) {
        builder = builder.with_config(timeout, NO_TIMEOUT);
    }
    let value = |key| builder.get_config_value(&key);
    let account = value(AzureConfigKey::AccountName).unwrap_or_default();
    let service = value(AzureConfigKey::Endpoint)
        .unwrap_or_else(|| format!("https://{account}.blob.core.windows.net"))
        .trim_end_matches('/')
        .to_owned();
    let anonymous = is_set(value(AzureConfigKey::SkipSignature));
    let setup = |cause| OpenError::Setup { url: url.clone(), cause };
    if !credentials::azure(&builder) {
        let federation = AzureFederation::of(credentials::variable, value(AzureConfigKey::AuthorityHost));
        if let Some(lender) = federation.map_err(federated_at(url))? {
            builder = builder.with_credentials(Arc::new(Borrower::alone(Arc::new(lender))));
        }
    }
    if let Some(lender) = lender {
        let own = builder.clone().build().map_err(setup)?;
        let borrower = Borrower::new(lender, Arc::clone(own.credentials()));
        builder = builder.with_credentials(Arc::new(borrower));
    }
    let transport = Transport::default();
    let store = builder.with_http_connector(transport.clone()).build().map_err(setup)?;
    Ok(AzureHandle {
        store: Arc::new(store),
        http: connections(&transport, url)?,
        account,
        container: container.to_owned(),
        service,
        anonymous,
    })
}

fn gcs_builder(
    url: &StoreUrl,
    options: &BTreeMap<String, String>,
) -> Result<GoogleCloudStorageBuilder, OpenError> {
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

fn gcs(
    url: &StoreUrl,
    options: &BTreeMap<String, String>,
    lender: Option<Arc<dyn Lender>>,
) -> Result<GcsHandle, OpenError> {
    let mut builder = gcs_builder(url, options)?;
    let timeout = GoogleConfigKey::Client(ClientConfigKey::Timeout);
    if builder.get_config_value(&timeout).as_deref() == Some(PRESET_TIMEOUT) {
        builder = builder.with_config(timeout, NO_TIMEOUT);
    }
    let service = gcs_service(&builder);
    let anonymous = is_set(builder.get_config_value(&GoogleConfigKey::SkipSignature));
    let setup = |cause| OpenError::Setup { url: url.clone(), cause };
    let federation = credentials::external_account(&builder);
    if let Some(lender) = federation.map_err(federated_at(url))? {
        builder = builder.with_credentials(Arc::new(Borrower::alone(Arc::new(lender))));
    }
    if let Some(lender) = lender {
        let own = builder.clone().build().map_err(setup)?;
        let borrower = Borrower::new(lender, Arc::clone(own.credentials()));
        builder = builder.with_credentials(Arc::new(borrower));
    }
    let transport = Transport::default();
    let store = builder.with_http_connector(transport.clone()).build().map_err(setup)?;
    Ok(GcsHandle {
        store: Arc::new(store),
        http: connections(&transport, url)?,
        bucket: url.authority().to_owned(),
        service,
        anonymous,
    })
}

fn federated_at(url: &StoreUrl) -> impl FnOnce(FederationError) -> OpenError {
    let url = url.clone();
    move |cause| OpenError::Federation { url, cause: Box::new(cause) }
}

/// Where Google Cloud Storage is: the option, else what the service account's key says, else Google.
fn gcs_service(builder: &GoogleCloudStorageBuilder) -> String {
    let value = |key| builder.get_config_value(&key);
    let of_key = || {
        let key = value(GoogleConfigKey::ServiceAccountKey)
            .or_else(|| std::fs::read_to_string(value(GoogleConfigKey::ServiceAccount)?).ok())?;
        let key: serde_json::Value = serde_json::from_str(&key).ok()?;
        key.get("gcs_base_url")?.as_str().map(str::to_owned)
    };
    let service = value(GoogleConfigKey::BaseUrl).or_else(of_key);
    let service = service.unwrap_or_else(|| "https://storage.googleapis.com".to_owned());
    service.trim_end_matches('/').to_owned()
}
