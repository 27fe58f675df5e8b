use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use lakedr_control::cut::{Cut, CutKind, CutTable};
use lakedr_control::group_log::{Entry, Event, FailureClass, IntentKind, Role};
use lakedr_control::time::rfc3339_millis_option;
use lakedr_control::validate::{ValidGroup, Workflow};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// What a group is declared with and its log does not hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declared {
    /// Name of the active side's workspace.
    pub workspace_name: Option<String>,
    /// Name of the job, or id of the DAG.
    pub workflow_name: Option<String>,
    /// Id of the job.
    pub workflow_id: Option<String>,
}

impl Declared {
    /// What a group is declared with, while a region is active.
    #[must_use]
    pub fn of(group: &ValidGroup, active_region: &str) -> Self {
        let active = group.side_of(active_region);
        let side = active.map(|side| group.side(side));
        let workspace = side.and_then(|side| side.workspace.as_ref());
        let (workflow_name, workflow_id) = match &group.workflow {
            Some(Workflow::DatabricksJob(job)) => {
                let job = job.at(active.unwrap_or(group.initial_active));
                (job.name, job.id.map(|id| id.to_string()))
            }
            Some(Workflow::AirflowDag(dag)) => (Some(dag.dag_id.clone()), None),
            Some(Workflow::Marker(_)) | None => (None, None),
        };
        Self {
            workspace_name: workspace.and_then(|workspace| workspace.name.clone()),
            workflow_name,
            workflow_id,
        }
    }
}

/// One row. The fields are columns, under their names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the columns say what they mean")]
pub struct Row {
    pub workspace_name: Option<String>,
    pub group_name: String,
    pub workflow_name: Option<String>,
    pub workflow_id: Option<String>,
    pub tables: Option<Vec<String>>,
    pub validated: bool,
    #[serde(with = "rfc3339_millis_option")]
    pub last_successful_run_time: Option<DateTime<Utc>>,
    pub sync_status: &'static str,
    pub sync_reason: Option<&'static str>,
    #[serde(with = "rfc3339_millis_option")]
    pub sync_time_to_region: Option<DateTime<Utc>>,
    #[serde(with = "rfc3339_millis_option")]
    pub sync_time_in_region: Option<DateTime<Utc>>,
    pub source_operation_metrics: Option<String>,
    pub target_operation_metrics: Option<String>,
    pub event: &'static str,
    pub seq: u64,
    pub epoch: u64,
    #[serde(with = "rfc3339_millis_option")]
    pub logged_at: Option<DateTime<Utc>>,
    pub attempt: Option<u32>,
    pub kind: Option<IntentKind>,
    pub intent: Option<u64>,
    pub cut_id: Option<String>,
    pub run_id: Option<String>,
    #[serde(with = "rfc3339_millis_option")]
    pub as_of: Option<DateTime<Utc>>,
    pub active_region: String,
    pub standby_region: String,
    pub spec_digest: Option<String>,
    pub error_stage: Option<String>,
    pub error_class: Option<FailureClass>,
    pub error_message: Option<String>,
    pub files_copied: Option<u64>,
    pub bytes_copied: Option<u64>,
    pub files_removed: Option<u64>,
    pub files_reused: Option<u64>,
    pub files_skipped: Option<u64>,
    pub bytes_skipped: Option<u64>,
    pub publish_window_ms: Option<u64>,
    pub executor: String,
    pub host: String,
    pub call_id: String,
}

/// The rows of a stretch of a group log. `intents` are entries before it that entries of it close, and `role` is in force
/// behind it.
#[must_use]
pub fn rows(
    stretch: &[Entry],
    intents: &BTreeMap<u64, Entry>,
    role: &Role,
    declared: impl Fn(&str) -> Declared,
) -> Vec<Row> {
    let roles = roles(stretch, role);
    let intent = |seq: u64| stretch.iter().find(|entry| entry.seq == seq).or_else(|| intents.get(&seq));
    let rows = stretch.iter().zip(roles).filter_map(|(entry, role)| {
        let row = begun(entry, &role, declared(&role.active));
        match &entry.event {
            Event::Published { intent: seq, cut, publish_window_ms } => {
                let window = Some(*publish_window_ms);
                Some(published(
                    Row { publish_window_ms: window, ..of_cut(row, cut) },
                    *seq,
                    intent(*seq),
                    entry.at,
                ))
            }
            Event::Landed { spec_digest, cut } => {
                let (spec_digest, at) = (Some(spec_digest.clone()), Some(entry.at));
                let row = Row { spec_digest, sync_time_to_region: at, ..of_cut(row, cut) };
                Some(Row { sync_status: "In Progress", ..row })
            }
            Event::Failed { attempt, stage, class, message } => Some(Row {
                sync_status: "Failed",
                attempt: Some(*attempt),
                error_stage: Some(stage.clone()),
                error_class: Some(*class),
                error_message: Some(message.clone()),
                ..row
            }),
            _ => None,
        }
    });
    rows.collect()
}

/// The role in force at each entry. Before the first change of a stretch it is what that change turned round.
fn roles(stretch: &[Entry], behind: &Role) -> Vec<Role> {
    let mut role = behind.clone();
    let mut roles = Vec::new();
    for entry in stretch.iter().rev() {
        if let Event::Created { role: at, .. } | Event::Role { role: at, .. } = &entry.event {
            role = at.clone();
        }
        roles.push(role.clone());
        if let Event::Role { role: at, .. } = &entry.event {
            role = Role { active: at.standby.clone(), standby: at.active.clone() };
        }
    }
    roles.reverse();
    roles
}

fn begun(entry: &Entry, role: &Role, declared: Declared) -> Row {
    Row {
        workspace_name: declared.workspace_name,
        group_name: entry.group.to_string(),
        workflow_name: declared.workflow_name,
        workflow_id: declared.workflow_id,
        validated: true,
        event: entry.event.tag(),
        seq: entry.seq,
        epoch: entry.epoch,
        logged_at: Some(entry.at),
        active_region: role.active.clone(),
        standby_region: role.standby.clone(),
        executor: entry.by.executor.clone(),
        host: entry.by.host.clone(),
        call_id: entry.by.run.clone(),
        ..Row::default()
    }
}

fn published(row: Row, seq: u64, intent: Option<&Entry>, at: DateTime<Utc>) -> Row {
    let (kind, spec_digest) = match intent.map(|intent| &intent.event) {
        Some(Event::Intent { kind, spec_digest, .. }) => (Some(*kind), Some(spec_digest.clone())),
        _ => (None, None),
    };
    Row {
        sync_status: "Success",
        // every file of a cut is in place before its intent
        sync_time_to_region: intent.map(|intent| intent.at),
        sync_time_in_region: Some(at),
        intent: Some(seq),
        kind,
        spec_digest,
        ..row
    }
}

fn of_cut(row: Row, cut: &Cut) -> Row {
    let sum = |count: fn(&CutTable) -> u64| Some(cut.tables.iter().map(count).sum());
    let per_table = |metrics: fn(&CutTable) -> Value| {
        let metrics = cut.tables.iter().map(|table| (table.name.to_string(), metrics(table)));
        Some(Value::Object(metrics.collect::<Map<_, _>>()).to_string())
    };
    Row {
        tables: Some(cut.tables.iter().map(|table| table.name.to_string()).collect()),
        last_successful_run_time: cut.run.as_ref().map(|run| run.ended_at),
        sync_reason: Some(match cut.kind {
            CutKind::Workflow => "workflow_time",
            CutKind::Schedule => "schedule_time",
        }),
        source_operation_metrics: per_table(
            |table| json!({"sync_commit_version": table.source_version, "table_id": table.source_table_id}),
        ),
        target_operation_metrics: per_table(|table| {
            json!({
                "sync_commit_version": table.target_version, "files_copied": table.files_copied,
                "bytes_copied": table.bytes_copied, "files_removed": table.files_removed,
                "files_reused": table.files_reused, "files_skipped": table.files_skipped,
                "bytes_skipped": table.bytes_skipped,
            })
        }),
        cut_id: Some(cut.id.clone()),
        run_id: cut.run.as_ref().map(|run| run.id.clone()),
        as_of: Some(cut.as_of),
        files_copied: sum(|table| table.files_copied),
        bytes_copied: sum(|table| table.bytes_copied),
        files_removed: sum(|table| table.files_removed),
        files_reused: sum(|table| table.files_reused),
        files_skipped: sum(|table| table.files_skipped),
        bytes_skipped: sum(|table| table.bytes_skipped),
        ..row
    }
}

#[cfg(test)]
mod tests;
