//! A model table: real rows in immutable files, and the log that it writes.

use std::collections::{BTreeMap, BTreeSet};

use lakedr::delta::changes::CommitChange;
use lakedr::delta::json::RawObject;
use lakedr::delta::protocol::Protocol;
use lakedr::delta::state::{AddFile, FileKey, Metadata, TableHead};

/// Width of a number column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Int,
    Long,
    Text,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Int => "integer",
            Self::Long => "long",
            Self::Text => "string",
        }
    }
}

/// A column of the schema.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) physical: String,
    pub(crate) id: u32,
    pub(crate) kind: Kind,
    pub(crate) widened: bool,
}

/// Protocol and metadata.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) columns: Vec<Column>,
    pub(crate) max_id: u32,
    pub(crate) mapped: bool,
    pub(crate) vectors: bool,
    pub(crate) row_tracking: bool,
    pub(crate) iceberg: bool,
    pub(crate) append_only: bool,
}

/// A row as a file holds it: values by physical name, and its stable id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) values: BTreeMap<String, (Kind, u32)>,
    pub(crate) id: u32,
}

/// A data file; it never changes.
#[derive(Debug, Clone)]
pub(crate) struct DataFile {
    pub(crate) partition: Option<u8>,
    pub(crate) rows: Vec<Row>,
    /// Its writer told `numRecords`.
    pub(crate) counted: bool,
}

impl DataFile {
    pub(crate) fn size(&self) -> u64 {
        20 + 10 * self.rows.len() as u64
    }
}

/// A row as a reader gets it: partition, values by logical name, stable id where the table has them.
pub(crate) type Read = (Option<u8>, Vec<(String, Option<(bool, u32)>)>, Option<u32>);

/// All that was ever written, by path and by id of a vector.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) files: BTreeMap<String, DataFile>,
    pub(crate) vectors: BTreeMap<String, BTreeSet<usize>>,
}

impl Written {
    pub(crate) fn file(&self, key: &FileKey) -> &DataFile {
        &self.files[&*key.path]
    }

    pub(crate) fn hidden(&self, key: &FileKey) -> BTreeSet<usize> {
        key.vector.as_ref().map(|id| self.vectors[&id[1..]].clone()).unwrap_or_default()
    }

    /// The rows of a file that its vector leaves, as they are stored.
    pub(crate) fn rows(&self, key: &FileKey) -> Vec<Row> {
        let hidden = self.hidden(key);
        let rows = self.file(key).rows.iter().enumerate();
        rows.filter(|(position, _)| !hidden.contains(position)).map(|(_, row)| row.clone()).collect()
    }

    /// The rows of a file as a reader gets them.
    pub(crate) fn read(&self, key: &FileKey, terms: &Terms) -> Vec<Read> {
        let partition = self.file(key).partition;
        let values = |row: &Row| {
            let value = |column: &Column| {
                let value = row.values.get(if terms.mapped { &column.physical } else { &column.name })?;
                let widened = column.widened && value.0 == Kind::Int && column.kind == Kind::Long;
                Some((value.0 == column.kind || widened, value.1))
            };
            terms.columns.iter().map(|column| (column.name.clone(), value(column))).collect()
        };
        let rows = self.rows(key);
        rows.iter().map(|row| (partition, values(row), terms.row_tracking.then_some(row.id))).collect()
    }
}

/// The table at one version.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    pub(crate) live: BTreeMap<FileKey, AddFile>,
    pub(crate) terms: Terms,
}

impl Version {
    pub(crate) fn head(&self, version: usize) -> TableHead {
        TableHead {
            url: "s3://source/t".to_owned(),
            version: version as u64,
            protocol: Protocol::parse(RawObject::parse(&protocol(&self.terms)).unwrap()).unwrap(),
            metadata: Metadata::parse(RawObject::parse(&metadata(&self.terms)).unwrap()).unwrap(),
            txns: BTreeMap::new(),
            domains: BTreeMap::new(),
            in_commit_timestamp: None,
        }
    }
}

pub(crate) fn protocol(terms: &Terms) -> String {
    let reads = [(terms.vectors, "deletionVectors"), (terms.mapped, "columnMapping")];
    let writes =
        [(terms.iceberg, "icebergCompatV2"), (terms.row_tracking, "rowTracking"), (true, "appendOnly")];
    let list = |features: &[(bool, &str)]| {
        let on = features.iter().filter(|(on, _)| *on).map(|(_, name)| format!("\"{name}\""));
        on.collect::<Vec<_>>().join(",")
    };
    let reader = list(&reads);
    let writer = list(&[&reads[..], &writes[..]].concat());
    format!(
        r#"{{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":[{reader}],"writerFeatures":[{writer}]}}"#
    )
}

pub(crate) fn metadata(terms: &Terms) -> String {
    let field = |column: &Column| {
        let mut metadata = Vec::new();
        if terms.mapped {
            metadata.push(format!(r#""delta.columnMapping.id":{}"#, column.id));
            metadata.push(format!(r#""delta.columnMapping.physicalName":"{}""#, column.physical));
        }
        if column.widened {
            metadata.push(r#""delta.typeChanges":[{"fromType":"integer","toType":"long"}]"#.to_owned());
        }
        let (name, kind, metadata) = (&column.name, column.kind.name(), metadata.join(","));
        format!(r#"{{"name":"{name}","type":"{kind}","nullable":true,"metadata":{{{metadata}}}}}"#)
    };
    let fields: Vec<String> = terms.columns.iter().map(field).collect();
    let schema = format!(r#"{{"type":"struct","fields":[{}]}}"#, fields.join(","));
    let mut properties = vec![format!(r#""delta.appendOnly":"{}""#, terms.append_only)];
    if terms.mapped {
        properties.push(r#""delta.columnMapping.mode":"name""#.to_owned());
        properties.push(format!(r#""delta.columnMapping.maxColumnId":"{}""#, terms.max_id));
    }
    if terms.row_tracking {
        properties.push(r#""delta.enableRowTracking":"true""#.to_owned());
    }
    format!(
        r#"{{"id":"t","format":{{"provider":"parquet"}},"schemaString":{},"partitionColumns":[],"configuration":{{{}}}}}"#,
        serde_json::Value::from(schema),
        properties.join(",")
    )
}

/// A commit in the making.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) operation: &'static str,
    pub(crate) ids_kept: bool,
    pub(crate) adds: Vec<(FileKey, bool)>,
    pub(crate) removes: Vec<(FileKey, bool)>,
    /// Removes tell partition and statistics.
    pub(crate) told: bool,
    pub(crate) terms: Option<Terms>,
    /// Something in the words about added files.
    pub(crate) tag: u32,
}

impl Draft {
    pub(crate) fn new(operation: &'static str) -> Self {
        Self { operation, told: true, ids_kept: true, ..Self::default() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.adds.is_empty() && self.removes.is_empty() && self.terms.is_none()
    }
}

fn action(kind: &str, key: &FileKey, written: &Written, data_change: bool, rest: &str) -> String {
    let vector = key.vector.as_ref().map(|id| {
        let (id, cardinality) = (&id[1..], written.hidden(key).len());
        format!(r#","deletionVector":{{"storageType":"i","pathOrInlineDv":"{id}","sizeInBytes":4,"cardinality":{cardinality}}}"#)
    });
    let (path, size) = (&key.path, written.file(key).size());
    format!(
        r#"{{"{kind}":{{"path":"{path}","size":{size},"dataChange":{data_change}{rest}{}}}}}"#,
        vector.unwrap_or_default()
    )
}

fn facts(file: &DataFile, counted: bool) -> String {
    let partition = file.partition.map_or_else(|| "null".to_owned(), |part| format!("\"{part}\""));
    let stats = format!(r#","stats":"{{\"numRecords\":{}}}""#, file.rows.len());
    format!(r#","partitionValues":{{"p":{partition}}}{}"#, if counted { &stats } else { "" })
}

/// The table with its history and its storage.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) written: Written,
    /// Paths that the source still stores.
    pub(crate) stored: BTreeSet<String>,
    pub(crate) versions: Vec<Version>,
    pub(crate) commits: Vec<CommitChange>,
    pub(crate) next: u32,
}

impl Table {
    pub(crate) fn now(&self) -> &Version {
        self.versions.last().unwrap()
    }

    pub(crate) fn fresh(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    /// Writes a data file.
    pub(crate) fn write(&mut self, partition: Option<u8>, rows: Vec<Row>, counted: bool) -> FileKey {
        let path = format!("f{}", self.fresh());
        self.written.files.insert(path.clone(), DataFile { partition, rows, counted });
        self.stored.insert(path.clone());
        FileKey { path: path.into(), vector: None }
    }

    /// A file with one more row hidden by its vector.
    pub(crate) fn hide(&mut self, key: &FileKey, position: usize) -> FileKey {
        let mut hidden = self.written.hidden(key);
        hidden.insert(position);
        let id = format!("v{}", self.fresh());
        self.written.vectors.insert(id.clone(), hidden);
        FileKey { path: key.path.clone(), vector: Some(format!("i{id}").into()) }
    }

    /// Commits a draft: the text is parsed as if it came from a log.
    pub(crate) fn commit(&mut self, draft: &Draft) {
        let mut next = self.now().clone();
        let version = self.versions.len();
        let mut lines = vec![format!(
            r#"{{"commitInfo":{{"operation":"{}","tags":{{"delta.rowTracking.preserved":"{}"}}}}}}"#,
            draft.operation, draft.ids_kept
        )];
        if let Some(terms) = &draft.terms {
            next.terms = terms.clone();
            lines.push(format!(r#"{{"protocol":{}}}"#, protocol(terms)));
            lines.push(format!(r#"{{"metaData":{}}}"#, metadata(terms)));
        }
        for (key, data_change) in &draft.removes {
            let rest = if draft.told {
                facts(self.written.file(key), self.written.file(key).counted)
            } else {
                String::new()
            };
            lines.push(action("remove", key, &self.written, *data_change, &rest));
            next.live.remove(key);
        }
        for (key, data_change) in &draft.adds {
            let file = self.written.file(key);
            // An add with a vector must have numRecords (protocol, "Deletion Vectors").
            let mut rest = facts(file, file.counted || key.vector.is_some() || draft.tag > 0);
            rest.push_str(&format!(r#","tags":{{"t":"{}"}}"#, draft.tag));
            lines.push(action("add", key, &self.written, *data_change, &rest));
        }
        let time = 1_000 * i64::try_from(version).unwrap();
        let change = CommitChange::parse(version as u64, time, lines.join("\n").as_bytes()).unwrap();
        next.live.extend(change.adds.iter().cloned());
        let paths: BTreeSet<&str> = next.live.keys().map(|key| &*key.path).collect();
        assert_eq!(paths.len(), next.live.len(), "the model writes no illegal table");
        self.versions.push(next);
        self.commits.push(change);
    }

    pub(crate) fn read(&self, files: impl Iterator<Item = FileKey>, terms: &Terms) -> Vec<Read> {
        let mut rows: Vec<Read> = files.flat_map(|key| self.written.read(&key, terms)).collect();
        rows.sort();
        rows
    }
}
