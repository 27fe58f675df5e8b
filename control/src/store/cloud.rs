use std::sync::Arc;

use async_trait::async_trait;
use futures::TryStreamExt as _;
use object_store::client::HttpError;
use object_store::path::Path;
use object_store::{
    Error, ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload, PutResult,
    UpdateVersion,
};

use super::{DocStore, Listed, Object, StoreError, StoreErrorKind, Tag, Written};

/// A store in a bucket or container.
#[derive(Debug)]
pub struct CloudStore {
    store: Arc<dyn ObjectStore>,
    root: Path,
    url: String,
}

/// Between the ETag and the generation or version id of a tag.
const TAG_SEPARATOR: char = '\n';

impl CloudStore {
    /// A store below `root` of a bucket or container; `url` is where that is, for messages.
    #[must_use]
    pub fn new(store: Arc<dyn ObjectStore>, root: Path, url: String) -> Self {
        Self { store, root, url }
    }

    fn path(&self, key: &str) -> Path {
        key.split('/').filter(|segment| !segment.is_empty()).fold(self.root.clone(), Path::join)
    }

    fn error(&self, verb: &'static str, key: &str, cause: Error) -> StoreError {
        let url = if key.is_empty() { self.url.clone() } else { format!("{}/{key}", self.url) };
        StoreError { verb, url, kind: classify(&cause), cause: Box::new(cause) }
    }

    async fn put(&self, key: &str, bytes: &[u8], mode: PutMode) -> Result<PutResult, Error> {
        let payload = PutPayload::from(bytes.to_vec());
        self.store.put_opts(&self.path(key), payload, PutOptions { mode, ..PutOptions::default() }).await
    }
}

fn tag_of(e_tag: Option<&String>, version: Option<&String>) -> Tag {
    Tag(format!("{}{TAG_SEPARATOR}{}", e_tag.map_or("", |s| s), version.map_or("", |s| s)))
}

/// Size and ETag; the time of the last change where a listing has no ETag.
fn stamp(object: &ObjectMeta) -> String {
    let changed = || object.last_modified.timestamp_micros().to_string();
    format!("{}-{}", object.size, object.e_tag.clone().unwrap_or_else(changed))
}

fn update_version(tag: &Tag) -> UpdateVersion {
    let (e_tag, version) = tag.0.split_once(TAG_SEPARATOR).unwrap_or((&tag.0, ""));
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    UpdateVersion { e_tag: some(e_tag), version: some(version) }
}

/// What a caller can do about an error of a store.
pub fn classify(error: &Error) -> StoreErrorKind {
    match error {
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => StoreErrorKind::Denied,
        Error::NotFound { .. } => StoreErrorKind::NoBucket,
        Error::NotImplemented { .. } | Error::NotSupported { .. } => StoreErrorKind::Unsupported,
        Error::Generic { source, .. } => classify_source(source.as_ref()),
        _ => StoreErrorKind::Other,
    }
}

/// The store's client keeps the status of an answer in the text of an error only, behind these words.
const STATUS: &str = "status code: ";

/// What S3 says, with the status of a bad request, about the token of temporary credentials.
const TOKENS: [&str; 3] = ["ExpiredToken", "InvalidToken", "TokenRefreshRequired"];

fn classify_source(source: &(dyn std::error::Error + 'static)) -> StoreErrorKind {
    let mut cause = Some(source);
    let mut text = String::new();
    while let Some(error) = cause {
        if error.is::<HttpError>() {
            // no answer at all: no connection, or one that broke off
            return StoreErrorKind::Unreachable;
        }
        text.push_str(&error.to_string());
        cause = error.source();
    }
    if ["<Code>NoSuchBucket</Code>", "<Code>ContainerNotFound</Code>"].iter().any(|code| text.contains(code))
    {
        return StoreErrorKind::NoBucket;
    }
    if TOKENS.iter().any(|code| text.contains(&format!("<Code>{code}</Code>"))) {
        return StoreErrorKind::Denied;
    }
    let status =
        text.split_once(STATUS).and_then(|(_, rest)| rest.get(..3)).and_then(|digits| digits.parse().ok());
    match status {
        Some(401 | 403) => StoreErrorKind::Denied,
        Some(408 | 409 | 429 | 500..=599) => StoreErrorKind::Unreachable,
        _ => StoreErrorKind::Other,
    }
}

#[async_trait]
impl DocStore for CloudStore {
    fn url(&self) -> &str {
        &self.url
    }

    async fn read(&self, key: &str) -> Result<Option<Object>, StoreError> {
        let found = match self.store.get(&self.path(key)).await {
            Ok(found) => found,
            Err(Error::NotFound { source, .. })
                if classify_source(source.as_ref()) != StoreErrorKind::NoBucket =>
            {
                return Ok(None);
            }
            Err(cause) => return Err(self.error("read", key, cause)),
        };
        let tag = tag_of(found.meta.e_tag.as_ref(), found.meta.version.as_ref());
        let bytes = found.bytes().await.map_err(|cause| self.error("read", key, cause))?;
        Ok(Some(Object { bytes: bytes.to_vec(), tag }))
    }

    async fn list_after(&self, folder: &str, after: &str) -> Result<Vec<Listed>, StoreError> {
        let prefix = self.path(folder);
        let objects = if after.is_empty() {
            self.store.list(Some(&prefix))
        } else {
            self.store.list_with_offset(Some(&prefix), &self.path(after))
        };
        let objects: Vec<ObjectMeta> = match objects.try_collect().await {
            Ok(objects) => objects,
            Err(cause) => return Err(self.error("list", folder, cause)),
        };
        let root = if self.root.as_ref().is_empty() { String::new() } else { format!("{}/", self.root) };
        let listed = |object: &ObjectMeta| {
            let key = object.location.as_ref().strip_prefix(&root)?.to_owned();
            // not every server keeps to the offset
            (key.as_str() > after).then(|| Listed { key, stamp: stamp(object) })
        };
        let mut listed: Vec<Listed> = objects.iter().filter_map(listed).collect();
        listed.sort();
        Ok(listed)
    }

    async fn create(&self, key: &str, bytes: &[u8]) -> Result<Written, StoreError> {
        match self.put(key, bytes, PutMode::Create).await {
            Ok(put) => Ok(Written::Done(tag_of(put.e_tag.as_ref(), put.version.as_ref()))),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => match self.read(key).await? {
                Some(object) if object.bytes == bytes => Ok(Written::Done(object.tag)),
                Some(_) => Ok(Written::Lost),
                // S3 says "conflict" while another conditional write is under way, which may yet fail
                None => Err(self.error(
                    "write",
                    key,
                    Error::Generic {
                        store: "store",
                        source: "status code: 409: a conditional write of the object is under way".into(),
                    },
                )),
            },
            Err(cause) => Err(self.error("write", key, cause)),
        }
    }

    async fn replace(&self, key: &str, bytes: &[u8], tag: &Tag) -> Result<Written, StoreError> {
        match self.put(key, bytes, PutMode::Update(update_version(tag))).await {
            Ok(put) => Ok(Written::Done(tag_of(put.e_tag.as_ref(), put.version.as_ref()))),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotFound { .. }) => {
                Ok(Written::Lost)
            }
            Err(cause) => Err(self.error("write", key, cause)),
        }
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        match self.store.delete(&self.path(key)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(cause) => Err(self.error("delete", key, cause)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_is_no_longer_good_is_no_permission() {
        let kind = |said: &str| classify(&Error::Generic { store: "S3", source: said.into() });
        let expired = "status code: 400 Bad Request: <Error><Code>ExpiredToken</Code></Error>";
        assert_eq!(kind(expired), StoreErrorKind::Denied);
        assert_eq!(kind("status code: 403 Forbidden"), StoreErrorKind::Denied);
        assert_eq!(kind("status code: 400 Bad Request: <Code>InvalidRequest</Code>"), StoreErrorKind::Other);
        assert_eq!(kind("status code: 503 Slow Down"), StoreErrorKind::Unreachable);
    }
}
