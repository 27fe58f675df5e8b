//! Azure Blob Storage: block lists that are put only if the blob is absent, copies from the URL of another blob.

use std::ops::Range;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use lakedr_control::store::AzureHandle;
use object_store::azure::AzureCredential;
use object_store::multipart::PartId;
use object_store::path::Path;
use object_store::signer::Signer as _;
use url::Url;

use super::{Request, Signing, send};
use crate::copy::error::WireError;
use crate::copy::retry::Patience;

/// How long the service may read the source with the URL that it is given.
const READABLE_FOR: Duration = Duration::from_secs(6 * 3600);

/// Requests to one container.
#[derive(Debug, Clone, Copy)]
pub(in crate::copy) struct Azure<'a> {
    pub(in crate::copy) handle: &'a AzureHandle,
    pub(in crate::copy) patience: &'a Patience,
}

/// The source of a copy: a URL that the service can read, and what it has to say to be let in.
#[derive(Debug)]
pub(in crate::copy) struct BlobSource {
    url: Url,
    authorization: Option<String>,
    e_tag: Option<String>,
}

/// The URL of a blob.
fn blob_url(verb: &'static str, handle: &AzureHandle, path: &Path) -> Result<Url, WireError> {
    let invalid = |cause: Box<dyn std::error::Error + Send + Sync>| WireError::Sign {
        verb,
        url: format!("{}/{}/{path}", handle.service, handle.container),
        cause,
    };
    let mut url: Url = handle.service.parse().map_err(|cause| invalid(Box::new(cause)))?;
    match url.path_segments_mut() {
        Ok(mut segments) => {
            segments
                .pop_if_empty()
                .push(&handle.container)
                .extend(path.parts().map(|part| part.as_ref().to_owned()));
        }
        Err(()) => return Err(invalid("the URL of the service has no path".into())),
    }
    Ok(url)
}

impl Azure<'_> {
    /// Puts a block list together if the blob is absent.
    pub(in crate::copy) async fn complete(&self, path: &Path, parts: Vec<PartId>) -> Result<(), WireError> {
        const VERB: &str = "complete the upload of";
        let blocks = parts
            .iter()
            .map(|part| format!("<Uncommitted>{}</Uncommitted>", STANDARD.encode(&part.content_id)));
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>{}</BlockList>",
            blocks.collect::<String>()
        );
        let request = Request::new(VERB, Method::PUT, blob_url(VERB, self.handle, path)?)
            .query("comp", "blocklist")
            .header("if-none-match", "*")
            .header("content-type", "application/xml")
            .body(body);
        send(Signing::Azure(self.handle), &request, self.patience).await.map(drop)
    }

    /// Makes a blob readable for the service: a signed URL, or the bearer's own token.
    pub(in crate::copy) async fn readable(
        source: &AzureHandle,
        path: &Path,
        e_tag: Option<String>,
    ) -> Result<BlobSource, WireError> {
        const VERB: &str = "sign the URL of";
        let mut url = blob_url(VERB, source, path)?;
        if source.anonymous {
            return Ok(BlobSource { url, authorization: None, e_tag });
        }
        let failed = |cause: object_store::Error| WireError::Sign {
            verb: VERB,
            url: path.to_string(),
            cause: cause.into(),
        };
        let credential = source.store.credentials().get_credential().await.map_err(failed)?;
        match credential.as_ref() {
            AzureCredential::BearerToken(token) => {
                Ok(BlobSource { url, authorization: Some(format!("Bearer {token}")), e_tag })
            }
            AzureCredential::SASToken(pairs) => {
                url.query_pairs_mut().extend_pairs(pairs);
                Ok(BlobSource { url, authorization: None, e_tag })
            }
            AzureCredential::AccessKey(_) => {
                let url = source.store.signed_url(Method::GET, path, READABLE_FOR).await.map_err(failed)?;
                Ok(BlobSource { url, authorization: None, e_tag })
            }
        }
    }

    /// Copies a blob of at most 256 MiB, if the target is absent.
    pub(in crate::copy) async fn copy(
        &self,
        from: &BlobSource,
        to: &Path,
    ) -> Result<Option<String>, WireError> {
        const VERB: &str = "copy inside the store to";
        let request = Request::new(VERB, Method::PUT, blob_url(VERB, self.handle, to)?)
            .header("if-none-match", "*")
            .header("x-ms-requires-sync", "true");
        let answer = send(Signing::Azure(self.handle), &from.on(request), self.patience).await?;
        Ok(answer.header("etag").map(str::to_owned))
    }

    /// Copies a range of a blob as a block.
    pub(in crate::copy) async fn copy_part(
        &self,
        from: &BlobSource,
        to: &Path,
        range: &Range<u64>,
    ) -> Result<PartId, WireError> {
        const VERB: &str = "copy a block inside the store to";
        let content_id = uuid::Uuid::new_v4().simple().to_string();
        let request = Request::new(VERB, Method::PUT, blob_url(VERB, self.handle, to)?)
            .query("comp", "block")
            .query("blockid", &STANDARD.encode(&content_id))
            .header("x-ms-source-range", format!("bytes={}-{}", range.start, range.end - 1));
        send(Signing::Azure(self.handle), &from.on(request), self.patience).await?;
        Ok(PartId { content_id })
    }
}

impl BlobSource {
    fn on(&self, request: Request) -> Request {
        let mut request = request.header("x-ms-copy-source", self.url.as_str());
        if let Some(authorization) = &self.authorization {
            request = request.header("x-ms-copy-source-authorization", authorization);
        }
        match &self.e_tag {
            Some(e_tag) => request.header("x-ms-source-if-match", e_tag),
            None => request,
        }
    }
}
