//! What a caller needs to talk to a provider beyond the calls of `object_store`: copies inside the store, lists of
//! unfinished uploads, uploads that complete only if the object is absent.

use std::sync::Arc;

use object_store::aws::AmazonS3;
use object_store::azure::MicrosoftAzure;
use object_store::client::HttpClient;
use object_store::gcp::GoogleCloudStorage;

/// A cloud store, and the connections it uses.
#[derive(Debug, Clone)]
pub enum CloudHandle {
    /// Amazon S3, or a server that speaks its protocol.
    S3(S3Handle),
    /// Azure Blob Storage.
    Azure(AzureHandle),
    /// Google Cloud Storage.
    Gcs(GcsHandle),
}

/// A bucket of S3.
#[derive(Debug, Clone)]
pub struct S3Handle {
    /// The store.
    pub store: Arc<AmazonS3>,
    /// Its connections.
    pub http: HttpClient,
    /// The bucket.
    pub bucket: String,
    /// The region that requests are signed for.
    pub region: String,
    /// The server, when it is not Amazon's.
    pub endpoint: Option<String>,
    /// Whether requests say that the requester pays.
    pub request_payer: bool,
    /// Whether requests may be signed with the credentials as they are: neither anonymous nor a directory bucket,
    /// which signs with credentials of a session.
    pub plain_signatures: bool,
    /// Whether objects are written with a key that every request has to bring.
    pub customer_key: bool,
}

/// A container of Azure Blob Storage.
#[derive(Debug, Clone)]
pub struct AzureHandle {
    /// The store.
    pub store: Arc<MicrosoftAzure>,
    /// Its connections.
    pub http: HttpClient,
    /// The storage account.
    pub account: String,
    /// The container.
    pub container: String,
    /// URL of the account's blob service, without trailing slash.
    pub service: String,
    /// Whether requests are sent without credentials.
    pub anonymous: bool,
}

/// A bucket of Google Cloud Storage.
#[derive(Debug, Clone)]
pub struct GcsHandle {
    /// The store.
    pub store: Arc<GoogleCloudStorage>,
    /// Its connections.
    pub http: HttpClient,
    /// The bucket.
    pub bucket: String,
    /// URL of the service, without trailing slash.
    pub service: String,
    /// Whether requests are sent without credentials.
    pub anonymous: bool,
}
