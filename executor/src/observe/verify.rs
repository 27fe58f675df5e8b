//! Proving that a target equals its source: by the logs, by the sizes of the files, by their bytes.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use lakedr_control::group_log::FailureClass;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt as _};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::table_error::TableError;
use crate::cli::Level;
use crate::delta::compare::differences;
use crate::error::{Classify, DataError};
use crate::plan::diff::{DiffRefusal, FileCopy, FileKind, TableDiff};
use crate::spec::{StoresError, TableStore};

/// Files that are looked at at the same time.
const IN_FLIGHT: usize = 16;

/// Differences that are spelled out per table.
const SHOWN: usize = 20;

/// What was found about one table.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Proof {
    equal: bool,
    files_checked: u64,
    bytes_compared: u64,
    differences: Vec<String>,
    differences_total: usize,
}

impl Proof {
    /// Whether nothing differs.
    #[must_use]
    pub fn equal(&self) -> bool {
        self.equal
    }

    /// In words.
    #[must_use]
    pub fn describe(&self) -> String {
        let result =
            if self.equal { "equal".to_owned() } else { format!("{} difference(s)", self.differences_total) };
        format!("{result}, {} file(s) checked, {} bytes compared", self.files_checked, self.bytes_compared)
    }

    /// What differs; the first few.
    pub fn differences(&self) -> impl Iterator<Item = &str> {
        self.differences.iter().map(String::as_str)
    }

    fn conclude(mut self, found: Vec<String>) -> Self {
        self.equal = found.is_empty();
        self.differences_total = found.len();
        self.differences = found.into_iter().take(SHOWN).collect();
        self
    }
}

/// Why nothing can be said of a table.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A log cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The source cannot be compared.
    #[error(transparent)]
    Source(#[from] DiffRefusal),
    /// A file cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The place of a file cannot be opened.
    #[error(transparent)]
    Stores(#[from] StoresError),
}

impl Classify for VerifyError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Table(cause) => cause.class(),
            Self::Source(cause) => cause.class(),
            Self::Data(cause) => cause.class(),
            Self::Stores(cause) => cause.class(),
        }
    }
}

/// How a target is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// How deep.
    pub level: Level,
    /// No intent is open: the recovery point has to be the newest version of the table too.
    pub settled: bool,
}

/// Compares a target with its source, both at a version.
///
/// # Errors
/// When a side cannot be read; that they differ is not an error.
pub async fn prove(
    source: &TableStore,
    source_version: u64,
    target: &TableStore,
    target_version: Option<u64>,
    look: Look,
) -> Result<Proof, VerifyError> {
    let Look { level, settled } = look;
    let proof = Proof::default();
    let (from, to) = (source.table(), target.table());
    let wanted = from.state(&from.listing().await?, Some(source_version)).await?;
    let listing = match to.listing().await {
        Ok(listing) => listing,
        Err(error @ TableError::NotATable { .. }) => return Ok(proof.conclude(vec![error.to_string()])),
        Err(error) => return Err(error.into()),
    };
    let found = match to.state(&listing, target_version).await {
        Ok(found) => found,
        Err(error @ (TableError::VersionNotYet { .. } | TableError::VersionExpired { .. })) => {
            return Ok(proof.conclude(vec![error.to_string()]));
        }
        Err(error) => return Err(error.into()),
    };
    let mut differing: Vec<String> = differences(&wanted, &found).iter().map(ToString::to_string).collect();
    let head = listing.latest_commit();
    if settled && head != target_version {
        differing.push(format!(
            "the table is at version {}, the recovery point is version {}",
            head.map_or_else(|| "none".to_owned(), |v| v.to_string()),
            target_version.map_or_else(|| "none".to_owned(), |v| v.to_string())
        ));
    }
    if level == Level::Log {
        return Ok(Proof { files_checked: wanted.files.len() as u64, ..proof }.conclude(differing));
    }
    // every file of the source, as the copy of a first clone would name it
    let root = source.table_root()?;
    let files = TableDiff::between_at(root, &wanted, None)?.1;
    let checks = files.iter().map(|file| check_file(source, target, file, level));
    let checked: Vec<(Option<String>, u64)> = stream::iter(checks).buffered(IN_FLIGHT).try_collect().await?;
    let bytes_compared = checked.iter().map(|(_, bytes)| bytes).sum();
    differing.extend(checked.into_iter().filter_map(|(difference, _)| difference));
    Ok(Proof { files_checked: files.len() as u64, bytes_compared, ..proof }.conclude(differing))
}

/// What differs about one file, and how many bytes were compared.
async fn check_file(
    source: &TableStore,
    target: &TableStore,
    file: &FileCopy,
    level: Level,
) -> Result<(Option<String>, u64), VerifyError> {
    let url = format!("{}/{}", target.url, file.target_key);
    let path = target.place(&file.target_key);
    let size = match target.store.head(&path).await {
        Ok(meta) => meta.size,
        Err(Error::NotFound { .. }) => return Ok((Some(format!("{url} is missing")), 0)),
        Err(cause) => return Err(DataError { verb: "look at", url, cause }.into()),
    };
    if file.kind == FileKind::Data && size != file.size {
        return Ok((Some(format!("{url} has {size} bytes instead of {}", file.size)), 0));
    }
    if level < Level::Content {
        return Ok((None, 0));
    }
    let wanted = source_digest(source, file).await?;
    let found = digest(&target.store, &path, &url).await?;
    let difference = match wanted {
        None => Some(format!(
            "{} is gone from the source, so its copy cannot be compared",
            source.object_url(&file.source)
        )),
        Some(wanted) if Some(&wanted) != found.as_ref() => {
            Some(format!("{url} has other bytes than its source"))
        }
        Some(_) => None,
    };
    Ok((difference, size))
}

async fn source_digest(source: &TableStore, file: &FileCopy) -> Result<Option<Vec<u8>>, VerifyError> {
    let undecoded = file.undecoded_source_key.clone().map(|key| file.source.with_key(key));
    for object in [Some(&file.source), undecoded.as_ref()].into_iter().flatten() {
        let (store, path) = source.object(object)?;
        if let Some(found) = digest(&store, &path, &source.object_url(object)).await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// SHA-256 of a file; none when there is none.
async fn digest(store: &dyn ObjectStore, path: &Path, url: &str) -> Result<Option<Vec<u8>>, DataError> {
    let failed = |cause| DataError { verb: "read", url: url.to_owned(), cause };
    let found = match store.get(path).await {
        Ok(found) => found,
        Err(Error::NotFound { .. }) => return Ok(None),
        Err(cause) => return Err(failed(cause)),
    };
    let mut hasher = Sha256::new();
    let mut chunks = found.into_stream();
    while let Some(chunk) = chunks.next().await {
        hasher.update(chunk.map_err(failed)?);
    }
    Ok(Some(hasher.finalize().to_vec()))
}
