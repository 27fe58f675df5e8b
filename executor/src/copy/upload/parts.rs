use std::path::PathBuf;

use lakedr_control::store::CloudHandle;
use object_store::multipart::{MultipartStore, PartId};
use object_store::{MultipartId, PutPayload};

use super::local::LocalUpload;
use crate::copy::error::{CopyError, WireError};
use crate::copy::object::Object;
use crate::copy::retry::Patience;
use crate::copy::wire::azure::Azure;
use crate::copy::wire::s3::S3;

/// An upload in parts that is under way.
#[derive(Debug)]
pub(in crate::copy) enum Upload {
    Cloud { object: Object, handle: CloudHandle, id: MultipartId },
    Local { object: Object, file: LocalUpload },
}

/// How an upload ended.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::copy) enum Completed {
    /// The object is there.
    Done,
    /// The object may have been there before, or somebody else may have ended the upload: look.
    Look,
}

fn multipart(handle: &CloudHandle) -> &dyn MultipartStore {
    match handle {
        CloudHandle::S3(handle) => handle.store.as_ref(),
        CloudHandle::Azure(handle) => handle.store.as_ref(),
        CloudHandle::Gcs(handle) => handle.store.as_ref(),
    }
}

fn disk(object: &Object, verb: &'static str) -> impl Fn(std::io::Error) -> CopyError {
    move |cause| CopyError::Disk { verb, path: object.path.to_string(), cause }
}

impl Upload {
    pub(in crate::copy) async fn begin(object: &Object) -> Result<Self, CopyError> {
        let object = object.clone();
        match &object.opened.cloud {
            Some(handle) => {
                let handle = handle.clone();
                let id = multipart(&handle).create_multipart(&object.path).await;
                let id = id.map_err(|cause| object.error("begin to upload", cause))?;
                Ok(Self::Cloud { object, handle, id })
            }
            None => {
                let target = PathBuf::from(format!("/{}", object.path));
                let begun = tokio::task::spawn_blocking(move || LocalUpload::begin(target)).await;
                let file = begun.map_err(std::io::Error::from).flatten().map_err(disk(&object, "write"))?;
                Ok(Self::Local { object, file })
            }
        }
    }

    /// The id that the store gave it; empty where it gives none.
    pub(in crate::copy) fn id(&self) -> &str {
        match self {
            Self::Cloud { id, .. } => id,
            Self::Local { .. } => "",
        }
    }

    /// Writes the part `index`, which begins at `at`.
    pub(in crate::copy) async fn part(
        &self,
        index: usize,
        at: u64,
        payload: PutPayload,
    ) -> Result<PartId, CopyError> {
        match self {
            Self::Cloud { object, handle, id } => {
                let put = multipart(handle).put_part(&object.path, id, index, payload).await;
                put.map_err(|cause| object.error("write", cause))
            }
            Self::Local { object, file } => {
                let file = file.file();
                let written =
                    tokio::task::spawn_blocking(move || LocalUpload::write(&file, at, &payload)).await;
                written.map_err(std::io::Error::from).flatten().map_err(disk(object, "write"))?;
                Ok(PartId { content_id: String::new() })
            }
        }
    }

    /// Makes the object appear, unless there is one. Google's service takes no condition here, and neither do
    /// buckets whose objects have a customer's key; the caller has looked before it began.
    pub(in crate::copy) async fn complete(
        &self,
        parts: Vec<PartId>,
        patience: &Patience,
    ) -> Result<Completed, CopyError> {
        let (object, handle, id) = match self {
            Self::Cloud { object, handle, id } => (object, handle, id),
            Self::Local { object, file } => {
                let (staged, done) = (file, disk(object, "write"));
                return match staged.complete().map_err(done)? {
                    true => Ok(Completed::Done),
                    false => Ok(Completed::Look),
                };
            }
        };
        let completed = match handle {
            CloudHandle::S3(handle) if handle.plain_signatures && !handle.customer_key => {
                S3 { handle, patience }.complete(&object.path, id, parts).await
            }
            CloudHandle::Azure(handle) => Azure { handle, patience }.complete(&object.path, parts).await,
            handle => {
                let put = multipart(handle).complete_multipart(&object.path, id, parts).await;
                return put
                    .map(|_| Completed::Done)
                    .map_err(|cause| object.error("complete the upload of", cause));
            }
        };
        match completed {
            Ok(()) => Ok(Completed::Done),
            Err(error) if taken(&error) => Ok(Completed::Look),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives up what was uploaded. Blocks of Azure cannot be given up; the service drops them after a week.
    pub(in crate::copy) async fn abort(&self) {
        if let Self::Cloud { object, handle, id } = self
            && let Err(error) = multipart(handle).abort_multipart(&object.path, id).await
        {
            tracing::debug!(object = %object.url, %error, "an upload could not be given up; a later copy does");
        }
    }
}

/// The object exists, is being written by somebody else, or the upload is no more.
pub(in crate::copy) fn taken(error: &WireError) -> bool {
    matches!(error.status(), Some(409 | 412)) || error.code() == "NoSuchUpload"
}
