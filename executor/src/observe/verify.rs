//! Proving that a target equals its source: by the logs, by the sizes of the files, by their bytes.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use lakedr_control::group_log::FailureClass;
use lakedr_control::store::OpenError;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt as _};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::table_error::TableError;
use crate::cli::Level;
use crate::copy::Place;
use crate::delta::compare::differences;
use crate::error::{Classify, DataError};
use crate::plan::diff::{DiffRefusal, FileCopy, FileKind, TableDiff};
use crate::plan::translate::Translation;
use crate::spec::{Sides, TableStore};

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
    /// The store of a file cannot be opened.
    #[error("a store cannot be opened")]
    Open(#[from] OpenError),
}

impl Classify for VerifyError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Table(cause) => cause.class(),
            Self::Source(cause) => cause.class(),
            Self::Data(cause) => cause.class(),
            Self::Open(cause) => cause.class(),
        }
    }
}

/// How a target is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// Where files of the source are read that do not lie below its root.
    pub sides: &'a Sides,
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
    look: Look<'_>,
) -> Result<Proof, VerifyError> {
    let Look { level, settled, .. } = look;
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
    let translation = Translation::of_table(source).map_err(DiffRefusal::Root)?;
    let files = TableDiff::between_translated(translation, &wanted, None)?.1;
    let checks = files.iter().map(|file| check_file(source, target, file, look));
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
    look: Look<'_>,
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
    if look.level < Level::Content {
        return Ok((None, 0));
    }
    let place = file.source_place(&source.url);
    let wanted = source_digest(look.sides, &place, file.undecoded_source_key.as_ref()).await?;
    let found = digest(&*target.store, &path, &url).await?;
    let difference = match wanted {
        None => Some(format!("{place} is gone from the source, so its copy cannot be compared")),
        Some(wanted) if Some(&wanted) != found.as_ref() => {
            Some(format!("{url} has other bytes than its source"))
        }
        Some(_) => None,
    };
    Ok((difference, size))
}

async fn source_digest(
    sides: &Sides,
    place: &Place,
    undecoded: Option<&Path>,
) -> Result<Option<Vec<u8>>, VerifyError> {
    let opened = sides.source(&place.root)?;
    for key in [Some(&place.key), undecoded].into_iter().flatten() {
        let path = key.parts().fold(opened.root.clone(), Path::join);
        if let Some(found) = digest(&*opened.store, &path, &format!("{}/{key}", place.root)).await? {
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
