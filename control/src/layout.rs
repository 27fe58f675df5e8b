//! The only place that spells an object key.

use crate::id::{Name, TableName};
use crate::snapshots::SnapshotId;
use crate::spec::Kind;

/// Version folder of the control store.
const CONTROL_ROOT: &str = "v1";

/// Folder of an external location that holds everything that is not table data.
pub const META: &str = "meta";

/// Key of a document in the control store.
#[must_use]
pub fn document(kind: Kind, name: &str) -> String {
    format!("{}/{name}.json", documents(kind))
}

/// Folder of all documents of a kind.
#[must_use]
pub fn documents(kind: Kind) -> String {
    let folder = match kind {
        Kind::ExternalLocation => "external_locations",
        Kind::SyncGroup => "sync_groups",
        Kind::SnapshotSchedule => "snapshot_schedules",
    };
    format!("{CONTROL_ROOT}/{folder}")
}

/// The name of the document that lies under a key of [`documents`], if the key is one of a document.
#[must_use]
pub fn document_name(kind: Kind, key: &str) -> Option<&str> {
    key.strip_prefix(documents(kind).as_str())?
        .strip_prefix('/')?
        .strip_suffix(".json")
        .filter(|n| !n.contains('/'))
}

/// Folder of the log of a group, in an external location.
#[must_use]
pub fn group_log(group: &Name) -> String {
    format!("{META}/groups/{group}/log")
}

/// Key of one entry of a group log.
#[must_use]
pub fn group_log_entry(group: &Name, seq: u64) -> String {
    format!("{}/{seq:020}.json", group_log(group))
}

/// The sequence number that a key of a group log holds.
#[must_use]
pub fn group_log_seq(group: &Name, key: &str) -> Option<u64> {
    let digits = key.strip_prefix(group_log(group).as_str())?.strip_prefix('/')?.strip_suffix(".json")?;
    parse_seq(digits)
}

fn parse_seq(digits: &str) -> Option<u64> {
    (digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok())?
}

/// Key of the head of a group log: what its entries come to, so that readers need not begin with the first.
#[must_use]
pub fn group_log_head(group: &Name) -> String {
    format!("{META}/groups/{group}/head.json")
}

/// Key of what a sync remembers of the run records of a marker workflow.
#[must_use]
pub fn known_runs(group: &Name) -> String {
    format!("{META}/groups/{group}/runs.json")
}

/// Key of what the control store of a region said of a group when it was seen from the other one.
#[must_use]
pub fn other_region(group: &Name, region: &str) -> String {
    format!("{META}/groups/{group}/other_region/{}.json", escape(region))
}

/// Key of the ledger of what a group has told people, and has still to tell.
#[must_use]
pub fn notification_ledger(group: &Name) -> String {
    format!("{META}/groups/{group}/notify/ledger.json")
}

/// Folder of the table of all groups' history, for people with SQL.
#[must_use]
pub fn sync_metadata_table() -> String {
    format!("{META}/sync_metadata_table")
}

/// Key of how far the rows of a group in [`sync_metadata_table`] are known to go.
#[must_use]
pub fn metadata_mark(group: &Name) -> String {
    format!("{META}/groups/{group}/metadata_table.json")
}

/// Folder of the commit bodies of all intents.
#[must_use]
pub fn pending_bodies(group: &Name) -> String {
    format!("{META}/groups/{group}/pending")
}

/// The intent that a key of [`pending_bodies`] was stored for.
#[must_use]
pub fn pending_body_seq(group: &Name, key: &str) -> Option<u64> {
    seq_below(&pending_bodies(group), key)
}

/// Folder of the commit bodies of an intent.
#[must_use]
pub fn pending_commits(group: &Name, seq: u64) -> String {
    format!("{}/{seq:020}", pending_bodies(group))
}

/// Key of the body of a commit that the intent with this sequence number is about to publish. It holds the first
/// digits of the body's digest, so that two executors that prepare the same sequence number cannot block or
/// overwrite each other: only the bodies that the intent names count.
#[must_use]
pub fn pending_commit(group: &Name, seq: u64, table: &TableName, body_digest: &str) -> String {
    let digits: String = body_digest.trim_start_matches("sha256:").chars().take(16).collect();
    format!("{}/{}-{digits}.json", pending_commits(group, seq), table_key(table))
}

/// Key of what is known of a table since the intent with this sequence number was published.
#[must_use]
pub fn table_record(group: &Name, intent: u64, table: &TableName) -> String {
    format!("{}/{intent:020}/{}.json", table_records(group), table_key(table))
}

/// Folder of all records of tables.
#[must_use]
pub fn table_records(group: &Name) -> String {
    format!("{META}/groups/{group}/state")
}

/// The intent that a key of [`table_records`] is about.
#[must_use]
pub fn table_record_seq(group: &Name, key: &str) -> Option<u64> {
    seq_below(&table_records(group), key)
}

/// Folder of what a snapshot schedule knows of its snapshots, below the prefix of the schedule.
#[must_use]
pub fn snapshot_meta(prefix: &str) -> String {
    below(prefix, META)
}

/// Folder of the versions of a snapshot catalog.
#[must_use]
pub fn snapshot_catalog(prefix: &str) -> String {
    below(prefix, &format!("{META}/catalog"))
}

/// Key of one version of a snapshot catalog.
#[must_use]
pub fn snapshot_catalog_version(prefix: &str, seq: u64) -> String {
    format!("{}/{seq:020}.json", snapshot_catalog(prefix))
}

/// The version of a snapshot catalog that a key below [`snapshot_catalog`] holds.
#[must_use]
pub fn snapshot_catalog_seq(prefix: &str, key: &str) -> Option<u64> {
    let digits =
        key.strip_prefix(snapshot_catalog(prefix).as_str())?.strip_prefix('/')?.strip_suffix(".json")?;
    parse_seq(digits)
}

/// Folder of the documents of a schedule's snapshots.
#[must_use]
pub fn snapshot_documents(prefix: &str) -> String {
    below(prefix, &format!("{META}/snapshots"))
}

/// Key of the document of a snapshot. It holds the first digits of the document's digest: of several attempts at one
/// snapshot only the document that the catalog names counts.
#[must_use]
pub fn snapshot_document(prefix: &str, id: &SnapshotId, digest: &str) -> String {
    let digits: String = digest.trim_start_matches("sha256:").chars().take(16).collect();
    format!("{}/{id}-{digits}.json", snapshot_documents(prefix))
}

/// Key of the sign of life of the call of the executor that is at work on a schedule.
#[must_use]
pub fn snapshot_beat(prefix: &str, run: &str) -> String {
    below(prefix, &format!("{META}/alive/{run}.json"))
}

/// Folder of the marks of prunings.
#[must_use]
pub fn snapshot_prunings(prefix: &str) -> String {
    below(prefix, &format!("{META}/prunings"))
}

/// Key of the marks of the pruning of a call of the executor.
#[must_use]
pub fn snapshot_pruning(prefix: &str, run: &str) -> String {
    format!("{}/{run}.json", snapshot_prunings(prefix))
}

/// Folder of the copies of a schedule.
#[must_use]
pub fn snapshot_data(prefix: &str) -> String {
    below(prefix, "data")
}

/// Folder of one table, below [`snapshot_data`]: of all its snapshots, or of those that began with `of`.
#[must_use]
pub fn snapshot_table(table: &TableName, of: Option<&SnapshotId>) -> String {
    let folder = table.parts().join("/");
    match of {
        Some(id) => format!("{id}/{folder}"),
        None => folder,
    }
}

/// Folder of the table that tells people what was cloned.
#[must_use]
pub fn clone_report(prefix: &str) -> String {
    below(prefix, "clone_report")
}

/// Key of how far the copies of a table go.
#[must_use]
pub fn snapshot_checkpoint(prefix: &str, table: &TableName) -> String {
    below(prefix, &format!("checkpoint/{}.json", table_key(table)))
}

fn below(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_owned() } else { format!("{prefix}/{key}") }
}

/// Folder of the probe objects in an external location; nothing stays in it.
#[must_use]
pub fn probes() -> String {
    format!("{META}/probe")
}

/// Key of a probe object in an external location.
#[must_use]
pub fn probe(id: &str) -> String {
    format!("{}/{id}", probes())
}

/// Folder of the dated records of `lakedr verify`.
#[must_use]
pub fn verifications(group: &Name) -> String {
    format!("{META}/groups/{group}/verified")
}

/// Folder of the dated records about one recovery point.
#[must_use]
pub fn verifications_of(group: &Name, seq: u64) -> String {
    format!("{}/{seq:020}", verifications(group))
}

/// Key of one record of `lakedr verify`: recovery point, then the moment in milliseconds.
#[must_use]
pub fn verification(group: &Name, seq: u64, at_ms: i64) -> String {
    format!("{}/{at_ms:015}.json", verifications_of(group, seq))
}

/// The recovery point that a key of [`verifications`] is about.
#[must_use]
pub fn verification_seq(group: &Name, key: &str) -> Option<u64> {
    seq_below(&verifications(group), key)
}

/// Folder of the drills that a group has had in a region.
#[must_use]
pub fn drills(group: &Name) -> String {
    format!("{META}/groups/{group}/drills")
}

/// Folder of one drill.
#[must_use]
pub fn drill(group: &Name, drill: u64) -> String {
    format!("{}/{drill:020}", drills(group))
}

/// Key of the claim on a drill: there is one from its beginning on.
#[must_use]
pub fn drill_claim(group: &Name, drill: u64) -> String {
    format!("{}/begun.json", self::drill(group, drill))
}

/// Key of what a drill came to, for programs.
#[must_use]
pub fn drill_report(group: &Name, drill: u64) -> String {
    format!("{}/report.json", self::drill(group, drill))
}

/// Key of what a drill came to, for people.
#[must_use]
pub fn drill_page(group: &Name, drill: u64) -> String {
    format!("{}/report.html", self::drill(group, drill))
}

/// Key of the signature of a report.
#[must_use]
pub fn signature(report: &str) -> String {
    format!("{report}.sig")
}

/// Folder of the tables of a drill, at catalog/schema/table; nothing stays in it.
#[must_use]
pub fn drill_copy(group: &Name, drill: u64) -> String {
    format!("{}/copy", self::drill(group, drill))
}

/// The drill that a key of [`drills`] is about, and the rest of the key.
#[must_use]
pub fn drill_of<'a>(group: &Name, key: &'a str) -> Option<(u64, &'a str)> {
    let (digits, rest) = key.strip_prefix(&drills(group))?.strip_prefix('/')?.split_once('/')?;
    Some((parse_seq(digits)?, rest))
}

/// Folder of what an epoch found behind the recovery point in a table of the region that became standby with it.
#[must_use]
pub fn lost_commits(group: &Name, epoch: u64, table: &TableName) -> String {
    format!("{META}/groups/{group}/lost/{epoch}/{}", table_key(table))
}

/// Key of one of these commits, as it was.
#[must_use]
pub fn lost_commit(group: &Name, epoch: u64, table: &TableName, version: u64) -> String {
    format!("{}/{version:020}.json", lost_commits(group, epoch, table))
}

/// Key of the report on all of these commits up to a version.
#[must_use]
pub fn lost_report(group: &Name, epoch: u64, table: &TableName, up_to: u64) -> String {
    format!("{}/report-{up_to:020}.json", lost_commits(group, epoch, table))
}

/// The sequence number that the first segment of a key below a folder holds.
fn seq_below(folder: &str, key: &str) -> Option<u64> {
    let (digits, _) = key.strip_prefix(folder)?.strip_prefix('/')?.split_once('/')?;
    parse_seq(digits)
}

/// Folder of the attempts of a run, in the place where a marker workflow keeps its records.
#[must_use]
pub fn run(run_id: &str) -> String {
    escape(run_id)
}

/// Whether a key is one of a run record; everything else in the place of a marker workflow is not ours.
#[must_use]
pub fn is_run_record(key: &str) -> bool {
    key.ends_with("/started.json") || key.ends_with("/finished.json")
}

/// The folder of a run, of a key in it.
#[must_use]
pub fn run_of(key: &str) -> &str {
    key.split_once('/').map_or(key, |(run, _)| run)
}

/// Key of the record that an attempt of a run began.
#[must_use]
pub fn run_started(run_id: &str, attempt: u32) -> String {
    format!("{}/{attempt:04}/started.json", run(run_id))
}

/// Key of the record that an attempt of a run ended.
#[must_use]
pub fn run_finished(run_id: &str, attempt: u32) -> String {
    format!("{}/{attempt:04}/finished.json", run(run_id))
}

/// One path segment for a table name; equal names give equal segments.
fn table_key(table: &TableName) -> String {
    escape(&table.to_string().to_lowercase())
}

/// One path segment for any text: everything but letters, digits, `.`, `_` and `-` becomes `=` and two hex digits
/// per byte. (`%` would be decoded by some stores and not by others.)
fn escape(text: &str) -> String {
    let mut key = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') || (byte == b'.' && !key.is_empty()) {
            key.push(char::from(byte));
        } else {
            key.push('=');
            key.push_str(&crate::digest::hex(&[byte]));
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        let group: Name = "etl".parse().unwrap();
        assert_eq!(document(Kind::SyncGroup, "etl"), "v1/sync_groups/etl.json");
        assert_eq!(document_name(Kind::SyncGroup, "v1/sync_groups/etl.json"), Some("etl"));
        assert_eq!(document_name(Kind::SyncGroup, "v1/sync_groups/etl.json.tmp"), None);
        let key = group_log_entry(&group, 12);
        assert_eq!(key, "meta/groups/etl/log/00000000000000000012.json");
        assert_eq!(group_log_seq(&group, &key), Some(12));
        assert_eq!(group_log_seq(&group, "meta/groups/etl/log/12.json"), None);
        let table: TableName = "Cat.raw.`b.ä`".parse().unwrap();
        assert_eq!(
            pending_commit(&group, 3, &table, "sha256:0123456789abcdef0123"),
            "meta/groups/etl/pending/00000000000000000003/cat.raw.=60b.=c3=a4=60-0123456789abcdef.json"
        );
        let key = pending_commit(&group, 3, &table, "sha256:0123456789abcdef0123");
        assert_eq!(pending_body_seq(&group, &key), Some(3));
        assert_eq!(table_record_seq(&group, &table_record(&group, 4, &table)), Some(4));
        assert_eq!(table_record_seq(&group, &key), None);
        assert_eq!(run_started("2026-11-20T08:00", 1), "2026-11-20T08=3a00/0001/started.json");
        assert_eq!(run(".."), "=2e.");
        assert_eq!(run_of(&run_finished("a/b", 1)), run("a/b"));
        let key = verification(&group, 3, 1_795_168_208_559);
        assert_eq!(key, "meta/groups/etl/verified/00000000000000000003/001795168208559.json");
        assert_eq!(verification_seq(&group, &key), Some(3));
        assert_eq!(other_region(&group, "us-east-1"), "meta/groups/etl/other_region/us-east-1.json");
        let table: TableName = "cat.raw.t".parse().unwrap();
        assert_eq!(
            lost_commit(&group, 2, &table, 7),
            "meta/groups/etl/lost/2/cat.raw.t/00000000000000000007.json"
        );
        assert_eq!(
            lost_report(&group, 2, &table, 7),
            "meta/groups/etl/lost/2/cat.raw.t/report-00000000000000000007.json"
        );
    }
}
