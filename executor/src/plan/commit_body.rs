//! The commits that make a target's latest state equal its source.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::diff::{AddAction, FileChange, RemoveAction, TableDiff};
use crate::delta::action::{ActionKind, line};
use crate::delta::json::{ObjectWriter, RawObject};
use crate::delta::replica::OWN_TXN_PREFIX;

/// What a commit says beyond the difference itself. The body is a function of the diff and of this.
#[derive(Debug, Clone, Copy)]
pub struct CloneContext<'a> {
    /// Table id of a target that does not exist yet. An existing target keeps its own: the offsets of
    /// streaming readers carry it.
    pub target_table_id: Uuid,
    /// Name of the sync group.
    pub group: &'a str,
    /// Name of the table.
    pub table: &'a str,
    /// Url of the source table.
    pub source_url: &'a str,
    /// The cut that the source version belongs to.
    pub cut_id: &'a str,
    /// Sequence number of the intent in the group log; version of the `lakedr/<group>/<table>` txn.
    pub seq: u64,
    /// Time of the commit and of its tombstones, in milliseconds since the epoch.
    pub now_ms: i64,
    /// The version slot that the commit goes to.
    pub target_version: u64,
    /// In-commit timestamp of the target's latest version, when it has one.
    pub previous_in_commit_timestamp: Option<i64>,
    /// When the source version was committed, in milliseconds since the epoch.
    pub source_commit_timestamp_ms: i64,
    /// Unique for each body.
    pub txn_id: Uuid,
}

impl CloneContext<'_> {
    /// In-commit timestamp of the commit: strictly after its predecessor's.
    pub(super) fn in_commit_timestamp(&self) -> i64 {
        let after = self.previous_in_commit_timestamp.map_or(i64::MIN, |previous| previous.saturating_add(1));
        self.now_ms.max(after)
    }

    /// The context of the commit that is `later` versions behind this one.
    #[must_use]
    pub fn later(self, later: u64, txn_id: Uuid) -> Self {
        let last = self.in_commit_timestamp().saturating_add(i64::try_from(later).unwrap_or(i64::MAX) - 1);
        let previous_in_commit_timestamp =
            if later == 0 { self.previous_in_commit_timestamp } else { Some(last) };
        Self { target_version: self.target_version + later, previous_in_commit_timestamp, txn_id, ..self }
    }
}

/// A commit while it is written, as newline-delimited JSON: `commitInfo` first, then protocol, metadata, domains,
/// progress of applications, removes and adds.
#[derive(Debug)]
pub struct CommitBody {
    text: Vec<u8>,
    now_ms: i64,
    removals_change_data: bool,
}

impl CommitBody {
    /// Begins the commit that says everything but the files.
    ///
    /// `dataChange` of each file is what its action says, but for removes from an append-only table: there only
    /// rearranged files may go (protocol, "Append-only Tables").
    #[must_use]
    pub fn first(diff: &TableDiff, context: &CloneContext<'_>) -> Self {
        let mut body = Self::begin(diff, context);
        for (kind, action) in diff.head.actions(context) {
            body.write(&kind, &action);
        }
        body.write(&ActionKind::Txn, &own_txn(context));
        body
    }

    /// Begins a further commit of a first clone: it holds files only.
    #[must_use]
    pub fn further(diff: &TableDiff, context: &CloneContext<'_>) -> Self {
        let mut body = Self::begin(diff, context);
        body.write(&ActionKind::Txn, &own_txn(context));
        body
    }

    fn begin(diff: &TableDiff, context: &CloneContext<'_>) -> Self {
        let removals_change_data = !diff.head.is_on("delta.appendOnly");
        let mut body = Self { text: Vec::new(), now_ms: context.now_ms, removals_change_data };
        body.write(&ActionKind::CommitInfo, &diff.commit_info(context));
        body
    }

    /// Adds the removal of a file.
    pub fn remove(&mut self, action: &RemoveAction) {
        let remove = remove(&action.raw, self.now_ms, action.data_change && self.removals_change_data);
        self.write(&ActionKind::Remove, &remove);
    }

    /// Adds a file.
    pub fn add(&mut self, action: &AddAction) {
        let add = action.raw.with_raw("dataChange", if action.data_change { "true" } else { "false" });
        self.write(&ActionKind::Add, &add);
    }

    /// The commit.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.text
    }

    fn write(&mut self, kind: &ActionKind, object: &RawObject) {
        self.text.extend_from_slice(line(kind, object).as_bytes());
        self.text.push(b'\n');
    }
}

impl TableDiff {
    /// The commit of a difference whose files are listed.
    #[must_use]
    pub fn commit_body(&self, context: &CloneContext<'_>) -> Vec<u8> {
        let mut body = CommitBody::first(self, context);
        if let FileChange::Listed { adds, removes } = &self.files {
            removes.iter().for_each(|action| body.remove(action));
            adds.iter().for_each(|action| body.add(action));
        }
        body.finish()
    }

    fn commit_info(&self, context: &CloneContext<'_>) -> RawObject {
        let mut info = ObjectWriter::default();
        if self.head.in_commit_timestamps() {
            info.field("inCommitTimestamp", context.in_commit_timestamp());
        }
        info.field("timestamp", context.now_ms).field("operation", "CLONE");
        info.field(
            "operationParameters",
            json!({
                "source": context.source_url,
                "sourceVersion": self.source_version.to_string(),
                "isShallow": "false",
            }),
        );
        info.optional("readVersion", context.target_version.checked_sub(1));
        info.field("isolationLevel", "Serializable").field("isBlindAppend", false);
        info.field("operationMetrics", self.metrics());
        info.field("userMetadata", user_metadata(self.source_version, context));
        info.field("engineInfo", concat!("lakedr/", env!("CARGO_PKG_VERSION")));
        info.field("txnId", context.txn_id.to_string());
        info.finish()
    }

    /// The metrics of a CLONE operation; texts, as in every commit.
    fn metrics(&self) -> Value {
        let metrics = [
            ("sourceTableSize", self.totals.source_bytes),
            ("sourceNumOfFiles", self.totals.source_files),
            ("numRemovedFiles", self.totals.removed_files),
            ("numCopiedFiles", self.totals.copied_data_files),
            ("removedFilesSize", self.totals.removed_bytes),
            ("copiedFilesSize", self.totals.copied_data_bytes),
        ];
        let texts = metrics.map(|(name, value)| (name.to_owned(), Value::from(value.to_string())));
        Value::Object(Map::from_iter(texts))
    }
}

/// Our own words in `userMetadata`: file times of a copied log say nothing about the source's commits.
fn user_metadata(source_version: u64, context: &CloneContext<'_>) -> String {
    let words = json!({
        "cut": context.cut_id,
        "group": context.group,
        "intent": context.seq,
        "sourceCommitTimestamp": context.source_commit_timestamp_ms,
        "sourceVersion": source_version,
        "table": context.table,
    });
    json!({ "lakedr": words }).to_string()
}

/// The progress that makes a publish detectable. Without `lastUpdated` it never expires.
pub(super) fn own_txn(context: &CloneContext<'_>) -> RawObject {
    let mut txn = ObjectWriter::default();
    txn.field("appId", format!("{OWN_TXN_PREFIX}{}/{}", context.group, context.table));
    txn.field("version", context.seq);
    txn.finish()
}

/// Fields that a remove takes over from the add that it ends (protocol, "Remove File").
const REMOVE_CARRIES: [&str; 7] =
    ["partitionValues", "size", "stats", "tags", "deletionVector", "baseRowId", "defaultRowCommitVersion"];

/// A remove from the add that it ends, or from another remove of the same file.
fn remove(raw: &RawObject, now_ms: i64, data_change: bool) -> RawObject {
    let fields = raw.fields();
    let mut remove = ObjectWriter::default();
    if let Some(path) = fields.get("path") {
        remove.raw("path", path.get());
    }
    remove.field("deletionTimestamp", now_ms);
    let extended = fields.get("partitionValues").is_some() && fields.get("size").is_some();
    remove.field("dataChange", data_change).field("extendedFileMetadata", extended);
    for name in REMOVE_CARRIES {
        if let Some(value) = fields.get(name) {
            remove.raw(name, value.get());
        }
    }
    remove.finish()
}
