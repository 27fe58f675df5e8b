//! JSON Schemas of every stored document, generated into `docs/schemas/`.

use schemars::{JsonSchema, schema_for};
use serde_json::Value;

use crate::codec::Document;
use crate::drill::{DrillClaim, DrillReport};
use crate::group_log::{Entry, Head};
use crate::known_runs::KnownRuns;
use crate::lost::LostCommits;
use crate::notification::{Ledger, Notice};
use crate::other_region::Sighting;
use crate::run_record::RunRecord;
use crate::snapshots::{Catalog, PruningMarks, SnapshotDocument};
use crate::spec::{ExternalLocationSpec, SnapshotScheduleSpec, SyncGroupSpec};
use crate::verification::Verification;

/// File name and schema of each stored document.
#[must_use]
pub fn all() -> Vec<(&'static str, Value)> {
    vec![
        ("external_location.json", schema::<Document<ExternalLocationSpec>>("external location document")),
        ("sync_group.json", schema::<Document<SyncGroupSpec>>("sync group document")),
        ("snapshot_schedule.json", schema::<Document<SnapshotScheduleSpec>>("snapshot schedule document")),
        ("group_log_entry.json", schema::<Entry>("group log entry")),
        ("group_log_head.json", schema::<Head>("head of a group log")),
        ("run_record.json", schema::<RunRecord>("run record")),
        ("known_runs.json", schema::<KnownRuns>("known runs")),
        ("other_region.json", schema::<Sighting>("sighting of the other region")),
        ("notification.json", schema::<Notice>("notification")),
        ("notification_ledger.json", schema::<Ledger>("ledger of notifications")),
        ("lost_commits.json", schema::<LostCommits>("report on lost commits")),
        ("snapshot_catalog.json", schema::<Catalog>("snapshot catalog")),
        ("snapshot_pruning.json", schema::<PruningMarks>("marks of a pruning")),
        ("snapshot.json", schema::<SnapshotDocument>("snapshot document")),
        ("drill_claim.json", schema::<DrillClaim>("claim on a drill")),
        ("drill_report.json", schema::<DrillReport>("report of a drill")),
        ("verification.json", schema::<Verification>("verification")),
    ]
}

fn schema<T: JsonSchema>(title: &str) -> Value {
    let mut schema = schema_for!(T);
    schema.insert("title".to_owned(), Value::String(format!("lakedr {title}")));
    schema.to_value()
}
