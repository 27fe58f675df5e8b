//! S3: multipart uploads that complete only if the object is absent, unfinished uploads, copies inside the store.

use std::ops::Range;
use std::time::Duration;

use chrono::{DateTime, Utc};
use http::Method;
use lakedr_control::store::S3Handle;
use object_store::multipart::PartId;
use object_store::path::Path;
use object_store::signer::Signer as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Answer, Request, Signing, send};
use crate::copy::error::WireError;
use crate::copy::retry::Patience;

/// What `x-amz-copy-source` has to escape: everything but the unreserved characters of RFC 3986 and `/`.
const COPY_SOURCE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// Requests to one bucket.
#[derive(Debug, Clone, Copy)]
pub(in crate::copy) struct S3<'a> {
    pub(in crate::copy) handle: &'a S3Handle,
    pub(in crate::copy) patience: &'a Patience,
}

/// An upload that was begun and not completed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::copy) struct ListedUpload {
    pub(in crate::copy) key: String,
    pub(in crate::copy) upload_id: String,
    pub(in crate::copy) initiated: DateTime<Utc>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedUploads {
    #[serde(default)]
    is_truncated: bool,
    #[serde(default)]
    next_key_marker: String,
    #[serde(default)]
    next_upload_id_marker: String,
    #[serde(default, rename = "Upload")]
    uploads: Vec<ListedUpload>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedParts {
    #[serde(default)]
    is_truncated: bool,
    #[serde(default)]
    next_part_number_marker: String,
    #[serde(default, rename = "Part")]
    parts: Vec<ListedPart>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedPart {
    last_modified: DateTime<Utc>,
}

/// The answer to a copy of an object or a part.
#[derive(Debug, Deserialize)]
struct Copied {
    #[serde(rename = "ETag")]
    e_tag: String,
}

/// What `object_store` tells of a part when checksums are on; else it is the bare tag.
#[derive(Debug, Deserialize)]
struct TaggedPart {
    e_tag: String,
    checksum_sha256: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename = "CompleteMultipartUpload")]
struct Completion {
    #[serde(rename = "Part")]
    parts: Vec<CompletedPart>,
}

#[derive(Debug, Serialize)]
struct CompletedPart {
    #[serde(rename = "ETag")]
    e_tag: String,
    #[serde(rename = "PartNumber")]
    number: usize,
    #[serde(rename = "ChecksumSHA256", skip_serializing_if = "Option::is_none")]
    checksum: Option<String>,
}

fn completed_part((index, part): (usize, PartId)) -> CompletedPart {
    let tagged = quick_xml::de::from_str(&part.content_id)
        .unwrap_or(TaggedPart { e_tag: part.content_id, checksum_sha256: None });
    CompletedPart { e_tag: tagged.e_tag, number: index + 1, checksum: tagged.checksum_sha256 }
}

impl S3<'_> {
    /// The URL of a key, whatever style of address the store has.
    async fn url(&self, verb: &'static str, path: &Path) -> Result<Url, WireError> {
        let signed = self.handle.store.signed_url(Method::GET, path, Duration::from_secs(60)).await;
        let mut url = signed.map_err(|cause| WireError::Sign {
            verb,
            url: format!("s3://{}/{path}", self.handle.bucket),
            cause: cause.into(),
        })?;
        url.set_query(None);
        Ok(url)
    }

    async fn send(&self, request: &Request) -> Result<Answer, WireError> {
        send(Signing::S3(self.handle), request, self.patience).await
    }

    async fn read<T: DeserializeOwned>(&self, request: &Request) -> Result<(T, Answer), WireError> {
        let answer = self.send(request).await?;
        let text = String::from_utf8_lossy(&answer.body);
        let read = quick_xml::de::from_str(&text).map_err(|cause| WireError::Answer {
            verb: request.verb,
            url: request.url.path().to_owned(),
            problem: cause.to_string(),
        })?;
        Ok((read, answer))
    }

    /// Completes an upload if the object is absent.
    pub(in crate::copy) async fn complete(
        &self,
        path: &Path,
        id: &str,
        parts: Vec<PartId>,
    ) -> Result<(), WireError> {
        const VERB: &str = "complete the upload of";
        let parts = parts.into_iter().enumerate().map(completed_part).collect();
        let body = quick_xml::se::to_string(&Completion { parts }).map_err(|cause| WireError::Sign {
            verb: VERB,
            url: path.to_string(),
            cause: cause.into(),
        })?;
        let request =
            Request::new(VERB, Method::POST, self.url(VERB, path).await?).query("uploadId", id).body(body);
        let request = request.header("if-none-match", "*");
        self.send(&request).await.map(drop)
    }

    /// Uploads below a prefix that were not completed, and what time it is at the store.
    pub(in crate::copy) async fn uploads(
        &self,
        prefix: &str,
    ) -> Result<(Vec<ListedUpload>, DateTime<Utc>), WireError> {
        const VERB: &str = "list the unfinished uploads of";
        let (mut uploads, mut markers) = (Vec::new(), None::<(String, String)>);
        loop {
            let request = Request::new(VERB, Method::GET, self.url(VERB, &Path::default()).await?);
            let mut request = request.query("uploads", "").query("prefix", prefix);
            if let Some((key, id)) = &markers {
                request = request.query("key-marker", key).query("upload-id-marker", id);
            }
            let (page, answer) = self.read::<ListedUploads>(&request).await?;
            uploads.extend(page.uploads);
            if !page.is_truncated || page.next_key_marker.is_empty() {
                let date = answer.header("date").and_then(|date| DateTime::parse_from_rfc2822(date).ok());
                return Ok((uploads, date.map_or_else(Utc::now, |date| date.to_utc())));
            }
            markers = Some((page.next_key_marker, page.next_upload_id_marker));
        }
    }

    /// When something last happened to an unfinished upload.
    pub(in crate::copy) async fn last_part(&self, upload: &ListedUpload) -> Result<DateTime<Utc>, WireError> {
        const VERB: &str = "list the parts of an unfinished upload of";
        let path = Path::parse(&upload.key).map_err(|cause| WireError::Sign {
            verb: VERB,
            url: upload.key.clone(),
            cause: cause.into(),
        })?;
        let (mut newest, mut marker) = (upload.initiated, String::new());
        loop {
            let request = Request::new(VERB, Method::GET, self.url(VERB, &path).await?);
            let mut request = request.query("uploadId", &upload.upload_id);
            if !marker.is_empty() {
                request = request.query("part-number-marker", &marker);
            }
            let (page, _) = self.read::<ListedParts>(&request).await?;
            newest = page.parts.iter().map(|part| part.last_modified).fold(newest, DateTime::max);
            if !page.is_truncated || page.next_part_number_marker.is_empty() {
                return Ok(newest);
            }
            marker = page.next_part_number_marker;
        }
    }

    /// Copies an object of the same store, if the target is absent and the source still has the tag.
    pub(in crate::copy) async fn copy(
        &self,
        from: &CopySource,
        to: &Path,
    ) -> Result<Option<String>, WireError> {
        const VERB: &str = "copy inside the store to";
        let request = Request::new(VERB, Method::PUT, self.url(VERB, to).await?).header("if-none-match", "*");
        let (Copied { e_tag }, _) = self.read(&from.on(request)).await?;
        Ok(Some(e_tag))
    }

    /// Copies a range of an object of the same store as a part of an upload.
    pub(in crate::copy) async fn copy_part(
        &self,
        from: &CopySource,
        to: &Path,
        id: &str,
        index: usize,
        range: &Range<u64>,
    ) -> Result<PartId, WireError> {
        const VERB: &str = "copy a part inside the store to";
        let request = Request::new(VERB, Method::PUT, self.url(VERB, to).await?)
            .query("partNumber", &(index + 1).to_string())
            .query("uploadId", id)
            .header("x-amz-copy-source-range", format!("bytes={}-{}", range.start, range.end - 1));
        let (Copied { e_tag }, _) = self.read(&from.on(request)).await?;
        Ok(PartId { content_id: e_tag })
    }
}

/// The source of a copy inside the store.
#[derive(Debug)]
pub(in crate::copy) struct CopySource {
    pub(in crate::copy) bucket: String,
    pub(in crate::copy) path: Path,
    pub(in crate::copy) e_tag: Option<String>,
}

impl CopySource {
    fn on(&self, request: Request) -> Request {
        let source = format!("/{}/{}", self.bucket, self.path);
        let source = utf8_percent_encode(&source, COPY_SOURCE).to_string();
        let request = request.header("x-amz-copy-source", source);
        match &self.e_tag {
            Some(e_tag) => request.header("x-amz-copy-source-if-match", e_tag),
            None => request,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_with_any_character_can_be_the_source_of_a_copy() {
        let url = "https://west.s3.amazonaws.com/x".parse().unwrap();
        let path = Path::parse("p=ü/a b+c%20#1.parquet").unwrap();
        let source = CopySource { bucket: "east".to_owned(), path, e_tag: Some("\"x\"".to_owned()) };
        let request = source.on(Request::new("copy", Method::PUT, url));
        assert_eq!(
            request.headers,
            [
                ("x-amz-copy-source", "/east/p%3D%C3%BC/a%20b%2Bc%2520%231.parquet".to_owned()),
                ("x-amz-copy-source-if-match", "\"x\"".to_owned()),
            ]
        );
    }

    #[test]
    fn parts_are_told_with_their_checksums_where_the_store_keeps_them() {
        let parts = [
            "\"a\"",
            "<PartMetadata><e_tag>\"b\"</e_tag><checksum_sha256>c=</checksum_sha256></PartMetadata>",
        ];
        let parts = parts.map(|content_id| PartId { content_id: content_id.to_owned() });
        let completion = Completion { parts: parts.into_iter().enumerate().map(completed_part).collect() };
        assert_eq!(
            quick_xml::se::to_string(&completion).unwrap(),
            "<CompleteMultipartUpload><Part><ETag>\"a\"</ETag><PartNumber>1</PartNumber></Part>\
             <Part><ETag>\"b\"</ETag><PartNumber>2</PartNumber><ChecksumSHA256>c=</ChecksumSHA256></Part>\
             </CompleteMultipartUpload>"
        );
    }

    #[test]
    fn lists_of_uploads_are_read_with_and_without_entries() {
        let listed: ListedUploads = quick_xml::de::from_str(
            "<ListMultipartUploadsResult><Bucket>b</Bucket><IsTruncated>false</IsTruncated>\
             <Upload><Key>t/a.parquet</Key><UploadId>1</UploadId><Initiator><ID>x</ID></Initiator>\
             <Initiated>2026-11-20T08:00:00.000Z</Initiated></Upload></ListMultipartUploadsResult>",
        )
        .unwrap();
        assert_eq!((listed.uploads.len(), listed.uploads[0].key.as_str()), (1, "t/a.parquet"));
        let none: ListedUploads = quick_xml::de::from_str(
            "<ListMultipartUploadsResult><Bucket>b</Bucket></ListMultipartUploadsResult>",
        )
        .unwrap();
        assert!(none.uploads.is_empty() && !none.is_truncated);
    }
}
