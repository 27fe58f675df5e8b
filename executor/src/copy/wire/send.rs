use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use lakedr_control::store::{AzureHandle, GcsHandle, S3Handle};
use object_store::aws::AwsAuthorizer;
use object_store::azure::AzureAuthorizer;
use object_store::client::{HttpClient, HttpRequest};
use url::Url;

use super::said::said;
use crate::copy::error::WireError;
use crate::copy::retry::Patience;

/// A request before it is signed.
#[derive(Debug)]
pub(in crate::copy) struct Request {
    /// What is tried, for messages.
    pub(in crate::copy) verb: &'static str,
    pub(in crate::copy) method: Method,
    pub(in crate::copy) url: Url,
    pub(in crate::copy) headers: Vec<(&'static str, String)>,
    pub(in crate::copy) body: String,
}

impl Request {
    pub(in crate::copy) fn new(verb: &'static str, method: Method, url: Url) -> Self {
        Self { verb, method, url, headers: Vec::new(), body: String::new() }
    }

    pub(in crate::copy) fn query(mut self, key: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(key, value);
        self
    }

    pub(in crate::copy) fn header(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((key, value.into()));
        self
    }

    pub(in crate::copy) fn body(mut self, body: String) -> Self {
        self.body = body;
        self
    }

    /// Without the query, which may hold a signature.
    fn place(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        url.into()
    }

    fn unsigned(&self) -> Result<HttpRequest, Box<dyn std::error::Error + Send + Sync>> {
        let mut request = HttpRequest::new(Bytes::from(self.body.clone()).into());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.url.as_str().parse::<Uri>()?;
        if self.method != Method::GET {
            request.headers_mut().insert(http::header::CONTENT_LENGTH, HeaderValue::from(self.body.len()));
        }
        for (key, value) in &self.headers {
            request.headers_mut().insert(HeaderName::from_static(key), HeaderValue::from_str(value)?);
        }
        Ok(request)
    }
}

/// Whose credentials sign.
#[derive(Debug, Clone, Copy)]
pub(in crate::copy) enum Signing<'a> {
    S3(&'a S3Handle),
    Azure(&'a AzureHandle),
    Gcs(&'a GcsHandle),
}

impl Signing<'_> {
    fn http(&self) -> &HttpClient {
        match self {
            Self::S3(handle) => &handle.http,
            Self::Azure(handle) => &handle.http,
            Self::Gcs(handle) => &handle.http,
        }
    }

    async fn sign(&self, request: &Request) -> Result<HttpRequest, Box<dyn std::error::Error + Send + Sync>> {
        let mut signed = request.unsigned()?;
        match self {
            Self::S3(handle) => {
                let credential = handle.store.credentials().get_credential().await?;
                AwsAuthorizer::new(&credential, "s3", &handle.region)
                    .with_request_payer(handle.request_payer)
                    .authorize(&mut signed, None);
            }
            Self::Azure(handle) if !handle.anonymous => {
                let credential = handle.store.credentials().get_credential().await?;
                AzureAuthorizer::new(&credential, &handle.account).authorize(&mut signed);
            }
            Self::Gcs(handle) if !handle.anonymous => {
                let credential = handle.store.credentials().get_credential().await?;
                if !credential.bearer.is_empty() {
                    let bearer = HeaderValue::from_str(&format!("Bearer {}", credential.bearer))?;
                    signed.headers_mut().insert(http::header::AUTHORIZATION, bearer);
                }
            }
            Self::Azure(_) | Self::Gcs(_) => {}
        }
        Ok(signed)
    }
}

/// A successful answer.
#[derive(Debug)]
pub(in crate::copy) struct Answer {
    pub(in crate::copy) headers: HeaderMap,
    pub(in crate::copy) body: Bytes,
}

impl Answer {
    /// A header as text.
    pub(in crate::copy) fn header(&self, key: &str) -> Option<&str> {
        self.headers.get(key)?.to_str().ok()
    }
}

/// Sends a request, signing it anew each time it has to be repeated.
///
/// # Errors
/// An answer that is no success, among them those of S3 that say so in the body only; or none.
pub(in crate::copy) async fn send(
    signing: Signing<'_>,
    request: &Request,
    patience: &Patience,
) -> Result<Answer, WireError> {
    loop {
        match once(signing, request).await {
            Ok(answer) => return Ok(answer),
            Err(error) => patience.after(error).await?,
        }
    }
}

async fn once(signing: Signing<'_>, request: &Request) -> Result<Answer, WireError> {
    let (verb, url) = (request.verb, request.place());
    let signed =
        signing.sign(request).await.map_err(|cause| WireError::Sign { verb, url: url.clone(), cause })?;
    let lost = |cause| WireError::Connection { verb, url: url.clone(), cause };
    let (parts, body) = signing.http().execute(signed).await.map_err(lost)?.into_parts();
    let body = body.bytes().await.map_err(lost)?;
    let (code, message) = said(&parts.headers, &body);
    // copies inside S3 begin their answer before they have succeeded
    let late = parts.status.is_success() && matches!(signing, Signing::S3(_)) && !code.is_empty();
    if parts.status.is_success() && !late {
        return Ok(Answer { headers: parts.headers, body });
    }
    Err(WireError::Status { verb, url, status: parts.status.as_u16(), code, message })
}
