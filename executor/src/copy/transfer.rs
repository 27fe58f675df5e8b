use futures::StreamExt as _;
use lakedr_control::group_log::FailureClass;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{Error, GetResult, ObjectStoreExt as _, PutMode, PutOptions, PutPayload};
use tokio::io::AsyncWriteExt as _;

use super::limit::RateLimit;
use crate::error::{Classify, DataError};
use crate::plan::diff::{FileCopy, FileKind};
use crate::spec::{StoresError, TableStore};

/// Objects up to this size move in one request.
const WHOLE: u64 = 8 << 20;

/// Parts of larger objects; with [`PARTS_IN_FLIGHT`] they bound the memory of one transfer.
const PART: usize = 8 << 20;

/// Parts of one object that are uploaded at the same time.
const PARTS_IN_FLIGHT: usize = 2;

/// Why a file cannot be copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A store failed.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The store of the source cannot be opened.
    #[error(transparent)]
    Stores(#[from] StoresError),
    /// The source has no such file, although its log names it.
    #[error(
        "{url} is gone: the log of the table names it, but a VACUUM or somebody else removed it. Nothing was \
         published. Raise delta.deletedFileRetentionDuration above the time between two syncs"
    )]
    Gone {
        /// The file.
        url: String,
    },
    /// The source has another file than its log says.
    #[error(
        "{url} holds {found} bytes, but the log of the table says {expected}; the file was replaced or damaged"
    )]
    SizeMismatch {
        /// The file.
        url: String,
        /// What the log says.
        expected: u64,
        /// What there is.
        found: u64,
    },
    /// The target has another file under the name.
    #[error(
        "{url} exists with {found} bytes where {expected} belong; names of Delta files are unique, so somebody else \
         writes there. Nothing was overwritten; move that file away"
    )]
    Occupied {
        /// The file.
        url: String,
        /// What belongs there.
        expected: u64,
        /// What there is.
        found: u64,
    },
    /// Writing a stream failed.
    #[error("cannot write {url}")]
    Write {
        /// The file.
        url: String,
        /// What the store said.
        #[source]
        cause: std::io::Error,
    },
}

impl Classify for CopyError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Data(cause) => cause.class(),
            Self::Stores(cause) => cause.class(),
            Self::Gone { .. } | Self::SizeMismatch { .. } => FailureClass::Damaged,
            Self::Occupied { .. } => FailureClass::Diverged,
            Self::Write { .. } => FailureClass::Unreachable,
        }
    }

    fn retryable(&self) -> bool {
        match self {
            Self::Data(cause) => cause.retryable(),
            Self::Write { .. } => true,
            _ => false,
        }
    }
}

/// What became of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transferred {
    /// So many bytes moved.
    Moved(u64),
    /// It was there already, left by an earlier attempt.
    Found(u64),
}

/// Copies one file, unless it is there already. Never overwrites.
///
/// # Errors
/// See [`CopyError`].
pub async fn transfer(
    source: &TableStore,
    target: &TableStore,
    file: &FileCopy,
    limit: &RateLimit,
) -> Result<Transferred, CopyError> {
    let to = target.place(&file.target_key);
    let to_url = format!("{}/{}", target.url, file.target_key);
    if let Some(found) = size_of(target, &to, &to_url).await? {
        return settle_existing(file, to_url, found);
    }
    let (found, from_url) = open(source, file).await?;
    let size = found.meta.size;
    if !fits(file, size) {
        return Err(CopyError::SizeMismatch { url: from_url, expected: file.size, found: size });
    }
    if size <= WHOLE {
        limit.take(size).await;
        let bytes = found.bytes().await.map_err(|cause| read_error(from_url, cause))?;
        put_whole(target, &to, &to_url, PutPayload::from_bytes(bytes)).await?;
    } else {
        stream(target, &to, &to_url, found, &from_url, limit).await?;
    }
    match size_of(target, &to, &to_url).await? {
        Some(found) if found == size => Ok(Transferred::Moved(size)),
        found => Err(CopyError::Occupied { url: to_url, expected: size, found: found.unwrap_or(0) }),
    }
}

/// Data files have exactly the size the log says; files of deletion vectors hold several and have no size there.
fn fits(file: &FileCopy, size: u64) -> bool {
    match file.kind {
        FileKind::Data => size == file.size,
        FileKind::DeletionVector => size >= file.size,
    }
}

fn settle_existing(file: &FileCopy, url: String, found: u64) -> Result<Transferred, CopyError> {
    if fits(file, found) {
        Ok(Transferred::Found(found))
    } else {
        Err(CopyError::Occupied { url, expected: file.size, found })
    }
}

async fn size_of(target: &TableStore, path: &Path, url: &str) -> Result<Option<u64>, CopyError> {
    match target.store.head(path).await {
        Ok(meta) => Ok(Some(meta.size)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(cause) => Err(DataError { verb: "look at", url: url.to_owned(), cause }.into()),
    }
}

/// Opens the source file; a source written without percent-encoding keeps it under its undecoded name.
async fn open(source: &TableStore, file: &FileCopy) -> Result<(GetResult, String), CopyError> {
    let mut gone = source.object_url(&file.source);
    let undecoded = file.undecoded_source_key.clone().map(|key| file.source.with_key(key));
    for object in [Some(&file.source), undecoded.as_ref()].into_iter().flatten() {
        let url = source.object_url(object);
        let (store, path) = source.object(object)?;
        match store.get(&path).await {
            Ok(found) => return Ok((found, url)),
            Err(Error::NotFound { .. }) => gone = url,
            Err(cause) => return Err(read_error(url, cause)),
        }
    }
    Err(CopyError::Gone { url: gone })
}

fn read_error(url: String, cause: Error) -> CopyError {
    DataError { verb: "read", url, cause }.into()
}

async fn put_whole(target: &TableStore, to: &Path, url: &str, payload: PutPayload) -> Result<(), CopyError> {
    let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    match target.store.put_opts(to, payload, options).await {
        // another executor may copy the same file at the same moment; the caller compares its size
        Ok(_) | Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(()),
        Err(cause) => Err(DataError { verb: "write", url: url.to_owned(), cause }.into()),
    }
}

/// Streams a large file part by part. A stream that breaks off leaves no object.
async fn stream(
    target: &TableStore,
    to: &Path,
    to_url: &str,
    found: GetResult,
    from_url: &str,
    limit: &RateLimit,
) -> Result<(), CopyError> {
    let failed = |cause| CopyError::Write { url: to_url.to_owned(), cause };
    let mut writer = BufWriter::with_capacity(std::sync::Arc::clone(&target.store), to.clone(), PART)
        .with_max_concurrency(PARTS_IN_FLIGHT);
    let mut chunks = found.into_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(cause) => {
                // the object does not exist unless the upload is completed; parts left behind are the store's to expire
                let _ = writer.abort().await;
                return Err(read_error(from_url.to_owned(), cause));
            }
        };
        limit.take(chunk.len() as u64).await;
        writer.put(chunk).await.map_err(|cause| failed(cause.into()))?;
    }
    writer.shutdown().await.map_err(failed)
}
