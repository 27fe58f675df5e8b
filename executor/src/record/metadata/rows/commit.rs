use lakedr_control::id::Name;
use serde_json::{Value, json};
use uuid::Uuid;

use super::columns::{Layout, schema_string};
use crate::delta::action::{ActionKind, line};
use crate::delta::json::{ObjectWriter, RawObject};
use crate::delta::replica::OWN_TXN_PREFIX;

/// What the table says of how far the rows of a group go: version of the `txn` of this application.
#[must_use]
pub fn app_id(group: &Name) -> String {
    format!("{OWN_TXN_PREFIX}sync_metadata/{group}")
}

/// The group of such an application.
#[must_use]
pub fn app_group(app_id: &str) -> Option<Name> {
    app_id.strip_prefix(OWN_TXN_PREFIX)?.strip_prefix("sync_metadata/")?.parse().ok()
}

/// A Parquet file of rows, in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Its name below the root of the table.
    pub name: String,
    /// Its bytes.
    pub size: u64,
    /// Its rows.
    pub rows: usize,
}

/// A commit of the table.
#[derive(Debug)]
pub struct Commit {
    /// Milliseconds since the epoch.
    pub now_ms: i64,
    /// Unique.
    pub txn_id: Uuid,
    /// The version that it is made on; none for the first.
    pub on: Option<u64>,
    /// The metadata of a table that does not exist or lacks columns.
    pub metadata: Option<RawObject>,
    /// For each application how far it is.
    pub progress: Vec<(String, u64)>,
    /// Files that go.
    pub removes: Vec<RawObject>,
    /// Files that come.
    pub adds: Vec<DataFile>,
}

impl Commit {
    /// The metadata of a table that does not exist.
    #[must_use]
    pub fn new_table(layout: Layout, id: Uuid, now_ms: i64) -> RawObject {
        let mut metadata = ObjectWriter::default();
        metadata.field("id", id.to_string()).field("name", layout.name);
        metadata.field("description", layout.description);
        metadata.field("format", json!({"provider": "parquet", "options": {}}));
        metadata.field("schemaString", schema_string(layout));
        metadata.field("partitionColumns", json!([])).field("configuration", json!({}));
        metadata.field("createdTime", now_ms);
        metadata.finish()
    }

    /// The commit as newline-delimited JSON.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let mut text = String::new();
        let mut write = |kind: &ActionKind, object: &RawObject| {
            text.push_str(&line(kind, object));
            text.push('\n');
        };
        write(&ActionKind::CommitInfo, &self.commit_info());
        if self.on.is_none() {
            let mut protocol = ObjectWriter::default();
            protocol.field("minReaderVersion", 1).field("minWriterVersion", 2);
            write(&ActionKind::Protocol, &protocol.finish());
        }
        if let Some(metadata) = &self.metadata {
            write(&ActionKind::Metadata, metadata);
        }
        for (app_id, version) in &self.progress {
            let mut txn = ObjectWriter::default();
            txn.field("appId", app_id.as_str()).field("version", *version);
            write(&ActionKind::Txn, &txn.finish());
        }
        for add in &self.removes {
            write(&ActionKind::Remove, &self.remove(add));
        }
        for file in &self.adds {
            write(&ActionKind::Add, &self.add(file));
        }
        text.into_bytes()
    }

    fn commit_info(&self) -> RawObject {
        let rows: usize = self.adds.iter().map(|file| file.rows).sum();
        let bytes: u64 = self.adds.iter().map(|file| file.size).sum();
        let mode = if self.removes.is_empty() { "Append" } else { "Overwrite" };
        let mut info = ObjectWriter::default();
        info.field("timestamp", self.now_ms).field("operation", "WRITE");
        info.field("operationParameters", json!({"mode": mode, "partitionBy": "[]"}));
        info.optional("readVersion", self.on);
        info.field("isolationLevel", "Serializable").field("isBlindAppend", false);
        let text = |count: u64| Value::from(count.to_string());
        info.field(
            "operationMetrics",
            json!({
                "numFiles": text(self.adds.len() as u64), "numOutputRows": text(rows as u64),
                "numOutputBytes": text(bytes),
            }),
        );
        info.field("engineInfo", concat!("lakedr/", env!("CARGO_PKG_VERSION")));
        info.field("txnId", self.txn_id.to_string());
        info.finish()
    }

    fn add(&self, file: &DataFile) -> RawObject {
        let mut add = ObjectWriter::default();
        add.field("path", file.name.as_str()).field("partitionValues", json!({})).field("size", file.size);
        add.field("modificationTime", self.now_ms).field("dataChange", true);
        add.field("stats", json!({"numRecords": file.rows}).to_string());
        add.finish()
    }

    fn remove(&self, add: &RawObject) -> RawObject {
        let fields = add.fields();
        let mut remove = ObjectWriter::default();
        if let Some(path) = fields.get("path") {
            remove.raw("path", path.get());
        }
        remove.field("deletionTimestamp", self.now_ms).field("dataChange", true);
        remove.field("extendedFileMetadata", true);
        for name in ["partitionValues", "size"] {
            if let Some(value) = fields.get(name) {
                remove.raw(name, value.get());
            }
        }
        remove.finish()
    }
}
