//! `lakedr_recovery_points`: the recovery points of a sync group, from its log.

use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use lakedr_control::cut::{CutKind, CutTable};
use lakedr_control::group_log::{GroupState, IntentKind, RecoveryPoint};
use lakedr_control::spec::SyncGroupSpec;
use lakedr_control::time;

use super::{DataSource, Looked, group};
use crate::lifecycle::group_state;
use crate::lifecycle::session::Session;
use crate::wire::{Attribute, Diagnostics, Schema, Stability, Value};

/// The data source `lakedr_recovery_points`.
#[derive(Debug)]
pub struct RecoveryPoints {
    schema: Schema,
}

impl RecoveryPoints {
    /// The data source.
    #[must_use]
    pub fn new() -> Self {
        Self { schema: schema() }
    }

    async fn look(&self, session: &Session, config: &Value) -> Looked {
        let spec = match group::look_up(session, config).await {
            Ok(spec) => spec,
            Err(failed) => return *failed,
        };
        match group_state::read(session, &spec).await {
            Ok(state) => {
                Looked { state: found(&spec, true, state.as_ref()), diagnostics: Diagnostics::new() }
            }
            Err(cause) => Looked {
                state: found(&spec, false, None),
                diagnostics: group::out_of_reach(&spec, &cause).into(),
            },
        }
    }
}

impl Default for RecoveryPoints {
    fn default() -> Self {
        Self::new()
    }
}

impl DataSource for RecoveryPoints {
    fn type_name(&self) -> &'static str {
        "lakedr_recovery_points"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        group::validate(config)
    }

    fn read<'a>(
        &'a self,
        session: &'a Session,
        config: &'a Value,
        _: DateTime<Utc>,
    ) -> BoxFuture<'a, Looked> {
        self.look(session, config).boxed()
    }
}

fn known(attribute: Attribute, description: &'static str) -> Attribute {
    attribute.computed(Stability::Volatile).describe(description)
}

fn schema() -> Schema {
    Schema {
        version: 0,
        description: "The recovery points of a sync group: the finished states that its standby region has held, of which \
            the newest is what failing over continues from. Read from the group log at every plan; when the log is out \
            of reach there is a warning, `reachable` is false and the list is null.",
        attributes: vec![
            group::attribute(),
            known(Attribute::bool("reachable"), "Whether the group log could be read."),
            known(
                Attribute::objects("recovery_points", point()),
                "The recovery points, newest first: the newest 128, fewer in a group of many tables. \
                 `lakedr recovery-points` lists them all.",
            ),
        ],
    }
}

fn point() -> Vec<Attribute> {
    vec![
        known(Attribute::number("seq"), "Position of its entry in the group log."),
        known(
            Attribute::string("kind"),
            "How it came about: `publish`; `rollback`, when a foreign write broke a publish; `restore`.",
        ),
        known(Attribute::number("epoch"), "Epoch that it was published in; each failover raises it."),
        known(Attribute::string("cut_id"), "Id of the cut: equal cuts have equal ids."),
        known(Attribute::string("cut_kind"), "What pins the cut: `workflow` or `schedule`."),
        known(Attribute::string("run_id"), "Run that it holds; null for a group without a workflow."),
        known(Attribute::string("run_ended_at"), "When that run ended; null for a group without a workflow."),
        known(Attribute::string("as_of"), "The instant that the cut shows."),
        known(Attribute::string("published_at"), "When it became visible in the standby region."),
        known(
            Attribute::number("publish_window_ms"),
            "Milliseconds from the first to the last of its commits, as the process saw them that made the last one.",
        ),
        known(Attribute::objects("tables", table()), "The tables, ordered by name."),
    ]
}

fn table() -> Vec<Attribute> {
    vec![
        known(Attribute::string("name"), "`catalog.schema.table`"),
        known(Attribute::number("source_version"), "Version of the source table."),
        known(Attribute::number("target_version"), "Version of the standby table that holds the same state."),
        known(Attribute::number("files_copied"), "Files that had to be copied."),
        known(Attribute::number("bytes_copied"), "Bytes of these files."),
    ]
}

fn found(spec: &SyncGroupSpec, reachable: bool, state: Option<&GroupState>) -> Value {
    let points = state.map(|state| state.recovery_points.as_slice()).unwrap_or_default();
    let points = Value::List(points.iter().rev().map(of_point).collect());
    Value::object([
        ("group", spec.name.as_str().into()),
        ("reachable", reachable.into()),
        ("recovery_points", if reachable { points } else { Value::Null }),
    ])
}

fn of_point(point: &RecoveryPoint) -> Value {
    let (cut, run) = (&point.cut, point.cut.run.as_ref());
    let kind = match point.kind {
        IntentKind::Publish => "publish",
        IntentKind::Rollback => "rollback",
        IntentKind::Restore => "restore",
    };
    let cut_kind = match cut.kind {
        CutKind::Workflow => "workflow",
        CutKind::Schedule => "schedule",
    };
    Value::object([
        ("seq", point.seq.into()),
        ("kind", kind.into()),
        ("epoch", point.epoch.into()),
        ("cut_id", cut.id.as_str().into()),
        ("cut_kind", cut_kind.into()),
        ("run_id", run.map(|run| run.id.as_str()).into()),
        ("run_ended_at", run.map(|run| time::format(run.ended_at)).into()),
        ("as_of", time::format(cut.as_of).into()),
        ("published_at", time::format(point.published_at).into()),
        ("publish_window_ms", point.publish_window_ms.into()),
        ("tables", Value::List(cut.tables.iter().map(of_table).collect())),
    ])
}

fn of_table(table: &CutTable) -> Value {
    Value::object([
        ("name", table.name.to_string().into()),
        ("source_version", table.source_version.into()),
        ("target_version", table.target_version.into()),
        ("files_copied", table.files_copied.into()),
        ("bytes_copied", table.bytes_copied.into()),
    ])
}
