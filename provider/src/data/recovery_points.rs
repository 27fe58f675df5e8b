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
        description: "Lists the recovery points of a sync group: the finished states that its standby region has held. A failover \
            continues from the newest one.\n\n-> **Note:** The data source reads the group log, in every plan. If the log is \
            out of reach, for example during an outage, the provider returns a warning instead of an error, `reachable` is \
            `false`, and `recovery_points` is null.",
        attributes: vec![
            group::attribute(),
            known(Attribute::bool("reachable"), "Whether the group log could be read."),
            known(
                Attribute::objects("recovery_points", point()),
                "Recovery points, newest first. At most 128, and fewer for a group with many tables; the command \
                 `lakedr recovery-points` lists all of them.",
            ),
        ],
    }
}

fn point() -> Vec<Attribute> {
    vec![
        known(Attribute::number("seq"), "Position of the entry in the group log."),
        known(
            Attribute::string("kind"),
            "Origin of the recovery point: `publish`, `rollback` (after a foreign write had interfered with a publish), or `restore`.",
        ),
        known(
            Attribute::number("epoch"),
            "Epoch in which it was published. Each failover and each failback raises the epoch.",
        ),
        known(
            Attribute::string("cut_id"),
            "ID of the cut, that is, of the set of table versions. Equal cuts have equal IDs.",
        ),
        known(
            Attribute::string("cut_kind"),
            "What determines the cut: `workflow`, for the end of a run, or `schedule`, for an instant.",
        ),
        known(
            Attribute::string("run_id"),
            "ID of the run at whose end the cut was made. Null for a group without a workflow.",
        ),
        known(
            Attribute::string("run_ended_at"),
            "Time at which that run ended, in RFC 3339 format. Null for a group without a workflow.",
        ),
        known(Attribute::string("as_of"), "Time whose state the cut shows, in RFC 3339 format."),
        known(
            Attribute::string("published_at"),
            "Time at which it became visible in the standby region, in RFC 3339 format.",
        ),
        known(
            Attribute::number("publish_window_ms"),
            "Time from the first to the last of its commits, in milliseconds, as measured by the process that made the last one.",
        ),
        known(Attribute::objects("tables", table()), "Tables, ordered by name."),
    ]
}

fn table() -> Vec<Attribute> {
    vec![
        known(Attribute::string("name"), "Name of the table, in the form `catalog.schema.table`."),
        known(Attribute::number("source_version"), "Version of the table in the region that was active."),
        known(
            Attribute::number("target_version"),
            "Version of the table in the standby region that holds the same state.",
        ),
        known(Attribute::number("files_copied"), "Number of files that were copied."),
        known(Attribute::number("bytes_copied"), "Size of these files in bytes."),
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
