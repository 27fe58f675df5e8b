//! The state of a table at one version: what its log says, nothing interpreted away.

use std::collections::BTreeMap;

use super::deletion_vector;
use super::json::{Fields, JsonError, RawObject};
use super::protocol::Protocol;
use super::root::{canonical, is_absolute};

/// The identity of a logical file: its path and its deletion vector (protocol, "Action Reconciliation").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileKey {
    /// The raw path; absolute URIs in canonical form.
    pub path: Box<str>,
    /// Identity of the deletion vector, if the file has one.
    pub vector: Option<Box<str>>,
}

impl FileKey {
    /// The key of an add or a remove.
    ///
    /// # Errors
    /// [`JsonError`] when the path is missing or the deletion vector malformed.
    pub fn of(fields: &Fields<'_>) -> Result<Self, JsonError> {
        let path: String = fields.required("path")?;
        let vector = match fields.get("deletionVector") {
            Some(raw) => Some(deletion_vector::unique_id(raw.get())?),
            None => None,
        };
        Ok(Self::new(&path, vector))
    }

    /// The key of a path as logged and the identity of its deletion vector.
    #[must_use]
    pub fn new(path: &str, vector: Option<String>) -> Self {
        let path = if is_absolute(path) { canonical(path).into() } else { Box::from(path) };
        Self { path, vector: vector.map(String::into_boxed_str) }
    }
}

/// A live file.
#[derive(Debug, Clone)]
pub struct AddFile {
    /// The add action as written.
    pub raw: RawObject,
    /// Bytes of the data file.
    pub size: u64,
    /// The statistics were put together from a checkpoint's struct columns: equal in meaning to what the
    /// writer logged, but not in bytes.
    pub stats_synthesised: bool,
}

impl AddFile {
    /// Reads an add action.
    ///
    /// # Errors
    /// [`JsonError`] when a required field is missing or mistyped.
    pub fn parse(raw: RawObject) -> Result<(FileKey, Self), JsonError> {
        let fields = raw.fields();
        let (key, size) = (FileKey::of(&fields)?, fields.required("size")?);
        drop(fields);
        Ok((key, Self { raw, size, stats_synthesised: false }))
    }
}

/// A tombstone: a file that left the table and may still be read by older versions.
#[derive(Debug, Clone)]
pub struct RemoveFile {
    /// The remove action as written.
    pub raw: RawObject,
    /// When it was removed, in milliseconds since the epoch; absent means long ago.
    pub deletion_timestamp: Option<i64>,
}

impl RemoveFile {
    /// Reads a remove action.
    ///
    /// # Errors
    /// [`JsonError`] when the path is missing or the deletion vector malformed.
    pub fn parse(raw: RawObject) -> Result<(FileKey, Self), JsonError> {
        let fields = raw.fields();
        let (key, deletion_timestamp) = (FileKey::of(&fields)?, fields.optional("deletionTimestamp")?);
        drop(fields);
        Ok((key, Self { raw, deletion_timestamp }))
    }
}

/// The `metaData` action.
#[derive(Debug, Clone)]
pub struct Metadata {
    /// The action as written.
    pub raw: RawObject,
    /// Identity of the table.
    pub id: String,
    /// Format of the data files; `parquet` in every table that can be read.
    pub format_provider: String,
    /// Table properties.
    pub configuration: BTreeMap<String, String>,
}

impl Metadata {
    /// Reads the action.
    ///
    /// # Errors
    /// [`JsonError`] when a required field is missing or mistyped.
    pub fn parse(raw: RawObject) -> Result<Self, JsonError> {
        let fields = raw.fields();
        let format: BTreeMap<String, serde_json::Value> = fields.required("format")?;
        let provider = format.get("provider").and_then(serde_json::Value::as_str);
        let format_provider = provider.ok_or(JsonError::Missing { field: "format.provider" })?.to_owned();
        let id = fields.required("id")?;
        fields.required::<String>("schemaString")?;
        fields.required::<Vec<String>>("partitionColumns")?;
        let configuration: BTreeMap<String, Option<String>> =
            fields.optional("configuration")?.unwrap_or_default();
        let configuration =
            configuration.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
        drop(fields);
        Ok(Self { raw, id, format_provider, configuration })
    }

    /// A table property.
    #[must_use]
    pub fn property(&self, key: &str) -> Option<&str> {
        self.configuration.get(key).map(String::as_str)
    }

    /// Whether a boolean table property is set to true.
    #[must_use]
    pub fn is_on(&self, key: &str) -> bool {
        self.property(key).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}

/// Progress of one application (`txn` action).
#[derive(Debug, Clone)]
pub struct Txn {
    /// The action as written.
    pub raw: RawObject,
    /// Version that the application has reached.
    pub version: i64,
    /// When that was, in milliseconds since the epoch.
    pub last_updated: Option<i64>,
}

impl Txn {
    /// Reads a `txn` action: application id and progress.
    ///
    /// # Errors
    /// [`JsonError`] when a required field is missing or mistyped.
    pub fn parse(raw: RawObject) -> Result<(String, Self), JsonError> {
        let fields = raw.fields();
        let app = fields.required("appId")?;
        let (version, last_updated) = (fields.required("version")?, fields.optional("lastUpdated")?);
        drop(fields);
        Ok((app, Self { raw, version, last_updated }))
    }
}

/// Configuration of a live domain (`domainMetadata` action).
#[derive(Debug, Clone)]
pub struct Domain {
    /// The action as written.
    pub raw: RawObject,
    /// The configuration, opaque.
    pub configuration: String,
}

impl Domain {
    /// Reads a `domainMetadata` action: name and domain, `None` for one that is removed.
    ///
    /// # Errors
    /// [`JsonError`] when a required field is missing or mistyped.
    pub fn parse(raw: RawObject) -> Result<(String, Option<Self>), JsonError> {
        let fields = raw.fields();
        let name = fields.required("domain")?;
        let removed = fields.optional::<bool>("removed")?.unwrap_or(false);
        let configuration = fields.optional("configuration")?.unwrap_or_default();
        drop(fields);
        Ok((name, (!removed).then_some(Self { raw, configuration })))
    }
}

/// What a table is at one version, apart from its files.
#[derive(Debug, Clone)]
pub struct TableHead {
    /// Url of the table root.
    pub url: String,
    /// The version.
    pub version: u64,
    /// The newest protocol action.
    pub protocol: Protocol,
    /// The newest metadata action.
    pub metadata: Metadata,
    /// Progress by application id.
    pub txns: BTreeMap<String, Txn>,
    /// Live domains by name.
    pub domains: BTreeMap<String, Domain>,
    /// In-commit timestamp of the version's commit, in milliseconds since the epoch, when the log has it.
    pub in_commit_timestamp: Option<i64>,
}

impl TableHead {
    /// Whether in-commit timestamps are on (protocol, "In-Commit Timestamps").
    #[must_use]
    pub fn in_commit_timestamps(&self) -> bool {
        self.metadata.is_on("delta.enableInCommitTimestamps")
    }
}

/// A table at one version.
#[derive(Debug, Clone)]
pub struct TableState {
    /// Everything but the files.
    pub head: TableHead,
    /// The live files.
    pub files: BTreeMap<FileKey, AddFile>,
    /// Files that left the table and are not in it again; empty where only live files were asked for.
    pub tombstones: BTreeMap<FileKey, RemoveFile>,
}

impl TableState {
    /// Bytes of all live data files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.values().map(|add| add.size).sum()
    }
}
