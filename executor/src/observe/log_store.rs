//! The objects below `_delta_log`: keys, requests, errors with their place.

use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt as _;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use parquet::errors::ParquetError;

use super::parquet_object::ParquetObject;
use super::table_error::{LogDefect, TableError};
use crate::delta::action::Action;
use crate::delta::listing::{LogEntry, LogListing};
use crate::delta::log_name::{LOG_DIRECTORY, LogName, SIDECAR_DIRECTORY};
use crate::delta::path::key;

/// Commits that are fetched at a time.
pub(crate) const PARALLEL_COMMITS: usize = 16;

/// The log of one table in its store.
#[derive(Debug, Clone)]
pub(crate) struct LogStore {
    store: Arc<dyn ObjectStore>,
    log: Path,
    pub(crate) url: String,
}

impl LogStore {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, root: Path, url: String) -> Self {
        Self { store, log: root.join(LOG_DIRECTORY), url }
    }

    /// Lists the log; empty when there is none.
    pub(crate) async fn list(&self) -> Result<LogListing, TableError> {
        let objects = match self.store.list_with_delimiter(Some(&self.log)).await {
            Ok(listed) => listed.objects,
            Err(object_store::Error::NotFound { .. }) => Vec::new(),
            Err(source) => return Err(self.store_error(&self.log, source)),
        };
        Ok(objects.iter().filter_map(entry).collect())
    }

    /// Lists the log from a version on; empty when nothing is there.
    ///
    /// A store that lists in the order of names begins right before the version and is asked no further than
    /// to the first name behind all versions, however much lies in the folders of the log. When the version
    /// itself does not show, the log was trimmed or the order was not kept: then all of the log is listed.
    pub(crate) async fn list_since(&self, version: u64) -> Result<LogListing, TableError> {
        if lists_in_order(&self.url) {
            let listing = self.list_behind(&LogName::prefix(version)).await?;
            if listing.commit(version).is_some() {
                return Ok(listing);
            }
        }
        Ok(self.list().await?.since(version))
    }

    async fn list_behind(&self, offset: &str) -> Result<LogListing, TableError> {
        let mut objects = self.store.list_with_offset(Some(&self.log), &self.log.clone().join(offset));
        let mut entries = Vec::new();
        let failed = |source| self.store_error(&self.log, source);
        while let Some(object) = objects.try_next().await.map_err(failed)? {
            let mut below = object.location.prefix_match(&self.log).into_iter().flatten();
            let (name, nested) = (below.next(), below.next().is_some());
            if !name.is_some_and(|name| LogName::is_versioned(name.as_ref())) {
                break;
            }
            entries.extend(entry(&object).filter(|_| !nested));
        }
        Ok(entries.into_iter().collect())
    }

    /// Size of a file of the log, `None` when it does not exist.
    pub(crate) async fn size(&self, file: &Path) -> Result<Option<u64>, TableError> {
        match self.store.head(file).await {
            Ok(object) => Ok(Some(object.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(self.store_error(file, source)),
        }
    }

    /// A whole file, `None` when it does not exist.
    pub(crate) async fn get(&self, file: &Path) -> Result<Option<Bytes>, TableError> {
        let got = async { self.store.get(file).await?.bytes().await }.await;
        match got {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(self.store_error(file, source)),
        }
    }

    /// The chunks of a file in order; ends at once with [`object_store::Error::NotFound`] when it is gone.
    pub(crate) async fn chunks(
        &self,
        file: &Path,
    ) -> Result<BoxStream<'static, object_store::Result<Bytes>>, object_store::Error> {
        Ok(self.store.get(file).await?.into_stream())
    }

    /// A commit that a listing has shown.
    pub(crate) async fn listed_commit(&self, name: &LogName) -> Result<Bytes, TableError> {
        let bytes = self.get(&self.file(name)).await?;
        bytes.ok_or_else(|| self.vanished(name.file_name()))
    }

    pub(crate) fn parquet(&self, file: &Path, size: u64) -> ParquetObject {
        ParquetObject::new(Arc::clone(&self.store), file.clone(), size)
    }

    /// The folder of the log.
    pub(crate) fn directory(&self) -> &Path {
        &self.log
    }

    pub(crate) fn file(&self, name: &LogName) -> Path {
        let directory = name.directory().into_iter().fold(self.log.clone(), Path::join);
        directory.join(name.file_name())
    }

    /// Key and bytes of a sidecar. Its path is a bare file name, or one that ends in it.
    pub(crate) fn sidecar(&self, action: &Action) -> Result<(Path, u64), TableError> {
        let malformed = |problem: String| self.corrupt(LogDefect::Sidecar { problem });
        let fields = action.body.fields();
        let path: String = fields.required("path").map_err(|error| malformed(error.to_string()))?;
        let size = fields.required("sizeInBytes").map_err(|error| malformed(error.to_string()))?;
        let name = path.rsplit('/').next().unwrap_or(&path);
        let name = key(name).map_err(|problem| malformed(format!("`{path}`: {problem}")))?;
        let file = self.log.parts().chain([SIDECAR_DIRECTORY.into()]).chain(name.parts()).collect();
        Ok((file, size))
    }

    pub(crate) fn corrupt(&self, defect: LogDefect) -> TableError {
        TableError::LogCorrupt { url: self.url.clone(), defect }
    }

    pub(crate) fn parquet_error(&self, file: &Path, source: ParquetError) -> TableError {
        TableError::Checkpoint { url: self.url.clone(), key: file.to_string(), source }
    }

    /// A file that was there a moment ago is gone.
    pub(crate) fn vanished(&self, key: impl Into<String>) -> TableError {
        TableError::Vanished { url: self.url.clone(), key: key.into() }
    }

    pub(crate) fn store_error(&self, key: &Path, source: object_store::Error) -> TableError {
        TableError::Store { url: self.url.clone(), key: key.to_string(), source }
    }
}

/// The entry of a listed object, if it is a file of the log itself.
fn entry(object: &ObjectMeta) -> Option<LogEntry> {
    Some(LogEntry {
        name: LogName::parse(object.location.filename()?)?,
        size: object.size,
        modified_ms: object.last_modified.timestamp_millis(),
        tag: object.e_tag.as_deref().map(LogEntry::tag_of),
    })
}

/// Whether the store behind a url lists in the order of names. Directory buckets of S3 do not (their names end
/// in `--x-s3`), and neither do file systems.
pub(crate) fn lists_in_order(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let bucket = rest.split('/').next().unwrap_or_default();
    match scheme {
        "s3" | "s3a" => !bucket.ends_with("--x-s3"),
        "abfs" | "abfss" | "az" | "azure" | "adl" | "gs" => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_that_list_in_order() {
        for url in ["s3://b/t", "abfss://c@a.dfs.core.windows.net/t", "az://c/t", "gs://b"] {
            assert!(lists_in_order(url), "{url}");
        }
        for url in ["file:///t", "memory:///t", "s3://fast--use1-az4--x-s3/t", "t"] {
            assert!(!lists_in_order(url), "{url}");
        }
    }
}
