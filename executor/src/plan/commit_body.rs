//! The one commit that makes a target's latest state equal its source.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::diff::{AddAction, FileKind, TableDiff};
use crate::delta::action::{ActionKind, line};
use crate::delta::json::{ObjectWriter, RawObject};
use crate::delta::replica::OWN_TXN_PREFIX;
use crate::delta::replica::configuration::{
    ENABLEMENT_TIMESTAMP, ENABLEMENT_VERSION, enablement, replica_configuration,
};
use crate::delta::state::AddFile;

/// What a line adds to the text of its add: its key and a longer `dataChange`.
const LINE_OVERHEAD: usize = 32;

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
    fn in_commit_timestamp(&self) -> i64 {
        let after = self.previous_in_commit_timestamp.map_or(i64::MIN, |previous| previous.saturating_add(1));
        self.now_ms.max(after)
    }
}

impl TableDiff {
    /// The commit as newline-delimited JSON: `commitInfo` first, then protocol, metadata, domains, progress
    /// of applications, removes and adds.
    ///
    /// `dataChange` is true on every file that comes or goes. It is false on a file whose row content stays
    /// and of which only the log's words change, and on removes from an append-only table: there only
    /// rearranged files may go (protocol, "Append-only Tables").
    #[must_use]
    pub fn commit_body(&self, context: &CloneContext<'_>) -> Vec<u8> {
        let adds: usize = self.adds.iter().map(|add| add.raw.text().len() + LINE_OVERHEAD).sum();
        let mut body = Vec::with_capacity(adds);
        let mut write = |kind: ActionKind, object: &RawObject| {
            body.extend_from_slice(line(&kind, object).as_bytes());
            body.push(b'\n');
        };
        write(ActionKind::CommitInfo, &self.commit_info(context));
        if let Some(protocol) = &self.protocol {
            write(ActionKind::Protocol, &protocol.raw);
        }
        if self.metadata.write {
            write(ActionKind::Metadata, &self.metadata_action(context));
        }
        for (name, configuration) in &self.dropped_domains {
            write(ActionKind::DomainMetadata, &domain_tombstone(name, configuration));
        }
        for domain in &self.domains {
            write(ActionKind::DomainMetadata, domain);
        }
        for txn in &self.txns {
            write(ActionKind::Txn, txn);
        }
        write(ActionKind::Txn, &own_txn(context));
        let append_only = self.metadata.source.is_on("delta.appendOnly");
        for add in &self.removes {
            write(ActionKind::Remove, &remove(add, context.now_ms, !append_only));
        }
        for AddAction { raw, data_change } in &self.adds {
            write(ActionKind::Add, &raw.with_raw("dataChange", &data_change.to_string()));
        }
        body
    }

    fn in_commit_timestamps(&self) -> bool {
        self.metadata.source.is_on("delta.enableInCommitTimestamps")
    }

    fn commit_info(&self, context: &CloneContext<'_>) -> RawObject {
        let mut info = ObjectWriter::default();
        if self.in_commit_timestamps() {
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
        let data: Vec<_> = self.copies.iter().filter(|copy| copy.kind == FileKind::Data).collect();
        let metrics = [
            ("sourceTableSize", self.source_bytes),
            ("sourceNumOfFiles", self.source_files),
            ("numRemovedFiles", self.removed_files),
            ("numCopiedFiles", data.len() as u64),
            ("removedFilesSize", self.removed_bytes),
            ("copiedFilesSize", data.iter().map(|copy| copy.size).sum()),
        ];
        let texts = metrics.map(|(name, value)| (name.to_owned(), Value::from(value.to_string())));
        Value::Object(Map::from_iter(texts))
    }

    fn metadata_action(&self, context: &CloneContext<'_>) -> RawObject {
        let plan = &self.metadata;
        let id =
            plan.target.as_ref().map_or_else(|| context.target_table_id.to_string(), |own| own.id.clone());
        let mut configuration = replica_configuration(&plan.source.configuration);
        configuration.extend(self.own_enablement(context));
        plan.source
            .raw
            .with_raw("id", &Value::from(id).to_string())
            .with_raw("configuration", &json!(configuration).to_string())
    }

    /// Since when the target itself has in-commit timestamps: not said when since its first version, kept
    /// when it had them before, this commit otherwise.
    fn own_enablement(&self, context: &CloneContext<'_>) -> BTreeMap<String, String> {
        let before = self.metadata.target.as_ref();
        match before.filter(|target| target.is_on("delta.enableInCommitTimestamps")) {
            _ if !self.in_commit_timestamps() || context.target_version == 0 => BTreeMap::new(),
            Some(target) => enablement(&target.configuration),
            None => [
                (ENABLEMENT_VERSION, context.target_version.to_string()),
                (ENABLEMENT_TIMESTAMP, context.in_commit_timestamp().to_string()),
            ]
            .map(|(key, value)| (key.to_owned(), value))
            .into(),
        }
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
fn own_txn(context: &CloneContext<'_>) -> RawObject {
    let mut txn = ObjectWriter::default();
    txn.field("appId", format!("{OWN_TXN_PREFIX}{}/{}", context.group, context.table));
    txn.field("version", context.seq);
    txn.finish()
}

fn domain_tombstone(name: &str, configuration: &str) -> RawObject {
    let mut domain = ObjectWriter::default();
    domain.field("domain", name).field("configuration", configuration).field("removed", true);
    domain.finish()
}

/// Fields that a remove takes over from the add that it ends (protocol, "Remove File").
const REMOVE_CARRIES: [&str; 7] =
    ["partitionValues", "size", "stats", "tags", "deletionVector", "baseRowId", "defaultRowCommitVersion"];

fn remove(add: &AddFile, now_ms: i64, data_change: bool) -> RawObject {
    let fields = add.raw.fields();
    let mut remove = ObjectWriter::default();
    if let Some(path) = fields.get("path") {
        remove.raw("path", path.get());
    }
    remove.field("deletionTimestamp", now_ms);
    remove.field("dataChange", data_change).field("extendedFileMetadata", true);
    for name in REMOVE_CARRIES {
        if let Some(value) = fields.get(name) {
            remove.raw(name, value.get());
        }
    }
    remove.finish()
}
