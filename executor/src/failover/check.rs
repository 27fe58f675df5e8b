//! Whether the region that is active can be used: its tables are looked at as their readers will.

use std::collections::HashMap;

use futures::{StreamExt as _, TryStreamExt as _};
use lakedr_control::group_log::FailureClass;
use object_store::path::Path;
use object_store::{Error, ObjectStore as _, ObjectStoreExt as _};
use parquet::errors::ParquetError;
use serde::Serialize;

use super::sample::read_rows;
use crate::copy::FileKind;
use crate::delta::fingerprint::text_id;
use crate::delta::path::SourceObject;
use crate::error::{Classify, DataError};
use crate::observe::parquet_object::ParquetObject;
use crate::observe::snapshot::{Columns, Snapshot};
use crate::observe::table_error::TableError;
use crate::plan::diff::{DiffRefusal, FileCopy};
use crate::plan::followed::objects;
use crate::spec::{StoresError, TableStore};

/// Files of a table of which a failover reads rows.
pub(crate) const SAMPLE: usize = 3;

/// Problems that are spelled out for a table.
const SHOWN: usize = 20;

/// What was found of one table.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TableCheck {
    /// The table.
    pub name: String,
    /// Version at the recovery point.
    pub version: u64,
    /// Newest version.
    pub newest_version: Option<u64>,
    /// Objects that the version names, and that were looked for.
    pub files: u64,
    /// Bytes of the data files among them.
    pub bytes: u64,
    /// Data files of which rows were read.
    pub files_read: usize,
    /// Rows that were read.
    pub rows_read: u64,
    /// What is wrong; the first few.
    pub problems: Vec<String>,
    /// All that is wrong.
    pub problems_total: u64,
}

impl TableCheck {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.problems_total == 0
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let found = if self.is_usable() { "usable" } else { "NOT usable" };
        let size = crate::report::bytes_text(self.bytes);
        let mut lines = vec![format!(
            "    {}: {found} at version {}, {} file(s) ({size}) there, {} row(s) of {} read",
            self.name, self.version, self.files, self.rows_read, self.files_read
        )];
        lines.extend(self.problems.iter().map(|problem| format!("      {problem}")));
        lines
    }

    fn wrong(&mut self, problem: String) {
        self.problems_total += 1;
        if self.problems.len() < SHOWN {
            self.problems.push(problem);
        }
    }
}

/// Why a table could not be looked at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckError {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Files(#[from] DiffRefusal),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Stores(#[from] StoresError),
}

impl Classify for CheckError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Table(cause) => cause.class(),
            Self::Files(cause) => cause.class(),
            Self::Data(cause) => cause.class(),
            Self::Stores(cause) => cause.class(),
        }
    }

    fn retryable(&self) -> bool {
        match self {
            Self::Table(cause) => Classify::retryable(cause),
            Self::Files(cause) => cause.retryable(),
            Self::Data(cause) => cause.retryable(),
            Self::Stores(cause) => cause.retryable(),
        }
    }
}

/// Looks at a table at a version: it opens, every file is there with its size, and so many of them
/// as are asked for have rows that can be read. Memory: some bytes for each object below the table.
///
/// # Errors
/// When a store does not answer; what is wrong with the table is not an error but in the result.
pub(crate) async fn check(table: &TableStore, version: u64, sample: usize) -> Result<TableCheck, CheckError> {
    let mut found = TableCheck { name: table.name.to_string(), version, ..TableCheck::default() };
    let delta = table.table();
    let opened = async {
        let listing = delta.listing().await?;
        let snapshot = delta.snapshot(&listing, Some(version)).await?;
        Ok((listing.latest_commit(), snapshot))
    };
    let snapshot: Snapshot = match opened.await {
        Ok((newest, snapshot)) => {
            found.newest_version = newest;
            snapshot
        }
        Err(TableError::Store { source, .. }) if !matches!(source, Error::NotFound { .. }) => {
            return Err(DataError { verb: "read", url: table.url.to_string(), cause: source }.into());
        }
        Err(error) => {
            found.wrong(crate::error::chain(&error));
            return Ok(found);
        }
    };
    let there = Sizes::below(table).await?;
    let translation = table.translation()?;
    let mut files = std::pin::pin!(snapshot.files(Columns::Identity));
    while let Some((key, add)) = files.try_next().await? {
        let file = translation.file(&key, &add).map_err(DiffRefusal::File)?;
        for object in objects(&file) {
            look_for(table, &there, &object, (&mut found, sample)).await?;
        }
    }
    Ok(found)
}

/// Looks for one object, and reads some of its rows while there are few files of which rows have been read.
async fn look_for(
    table: &TableStore,
    there: &Sizes,
    object: &FileCopy,
    (found, sample): (&mut TableCheck, usize),
) -> Result<(), CheckError> {
    let url = table.object_url(&object.source);
    found.files += 1;
    let Some(size) = size_of(table, there, object).await? else {
        found.wrong(format!("{url} is missing"));
        return Ok(());
    };
    if object.kind != FileKind::Data {
        return Ok(());
    }
    found.bytes += size;
    if size != object.size {
        found.wrong(format!("{url} has {size} bytes instead of {}", object.size));
    } else if found.files_read < sample {
        let (store, path) = table.object(&object.source)?;
        match read_rows(ParquetObject::new(store, path, size)).await {
            Ok(rows) => {
                found.files_read += 1;
                found.rows_read += rows;
            }
            Err(ParquetError::External(cause)) => {
                found.wrong(format!("{url} cannot be read: {cause}"));
            }
            Err(error) => found.wrong(format!("{url} does not read as Parquet: {error}")),
        }
    }
    Ok(())
}

async fn size_of(table: &TableStore, there: &Sizes, object: &FileCopy) -> Result<Option<u64>, CheckError> {
    if let SourceObject::InTable(key) = &object.source
        && let Some(size) = there.of(key)
    {
        return Ok(Some(size));
    }
    let undecoded = object.undecoded_source_key.clone().map(|key| object.source.with_key(key));
    for source in [Some(&object.source), undecoded.as_ref()].into_iter().flatten() {
        let (store, path) = table.object(source)?;
        match store.head(&path).await {
            Ok(meta) => return Ok(Some(meta.size)),
            Err(Error::NotFound { .. }) => {}
            Err(cause) => {
                let url = table.object_url(source);
                return Err(DataError { verb: "look at", url, cause }.into());
            }
        }
    }
    Ok(None)
}

/// Sizes of the objects below a table, by the digests of their keys.
struct Sizes(HashMap<u128, u64>);

impl Sizes {
    async fn below(table: &TableStore) -> Result<Self, DataError> {
        let prefix = table.root.as_ref().len();
        let mut sizes = HashMap::new();
        let mut objects = table.store.list(Some(&table.root));
        while let Some(object) = objects.next().await {
            let failed = |cause| DataError { verb: "list", url: table.url.to_string(), cause };
            let object = object.map_err(failed)?;
            let key = object.location.as_ref().get(prefix..).unwrap_or_default().trim_start_matches('/');
            sizes.insert(text_id(key), object.size);
        }
        Ok(Self(sizes))
    }

    fn of(&self, key: &Path) -> Option<u64> {
        self.0.get(&text_id(key.as_ref())).copied()
    }
}
