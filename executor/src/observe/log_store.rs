//! The objects below `_delta_log`: keys, requests, errors with their place.

use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::errors::ParquetError;

use super::parquet_object::ParquetObject;
use super::table_error::{LogDefect, TableError};
use crate::delta::action::Action;
use crate::delta::listing::{LogEntry, LogListing};
use crate::delta::log_name::{LOG_DIRECTORY, LogName, SIDECAR_DIRECTORY};
use crate::delta::path::key;

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
        let entries = objects.into_iter().filter_map(|object| {
            let name = LogName::parse(object.location.filename()?)?;
            let modified_ms = object.last_modified.timestamp_millis();
            Some(LogEntry { name, size: object.size, modified_ms })
        });
        Ok(entries.collect())
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

    /// A commit that a listing has shown.
    pub(crate) async fn listed_commit(&self, version: u64) -> Result<Bytes, TableError> {
        let name = LogName::Commit { version };
        let bytes = self.get(&self.file(&name)).await?;
        bytes.ok_or_else(|| TableError::Vanished { url: self.url.clone(), key: name.file_name() })
    }

    pub(crate) fn parquet(&self, file: &Path, size: u64) -> ParquetObject {
        ParquetObject::new(Arc::clone(&self.store), file.clone(), size)
    }

    pub(crate) fn file(&self, name: &LogName) -> Path {
        self.log.clone().join(name.file_name())
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

    fn store_error(&self, key: &Path, source: object_store::Error) -> TableError {
        TableError::Store { url: self.url.clone(), key: key.to_string(), source }
    }
}
