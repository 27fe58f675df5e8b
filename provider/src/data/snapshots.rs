//! `lakedr_snapshots`: the snapshots of a schedule, from its catalog.

use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use lakedr_control::id::Name;
use lakedr_control::snapshots::retention::{Reason, judged};
use lakedr_control::snapshots::{Catalog, Kept};
use lakedr_control::spec::SnapshotScheduleSpec;
use lakedr_control::time;
use lakedr_control::validate::{self, ValidSchedule};

use super::{DataSource, Looked};
use crate::lifecycle::group_state::{Unreadable, read_catalog};
use crate::lifecycle::report::{control_store, explain};
use crate::lifecycle::session::Session;
use crate::wire::{Attribute, Diagnostic, Diagnostics, Path, Schema, Stability, Value};

/// The data source `lakedr_snapshots`.
#[derive(Debug)]
pub struct Snapshots {
    schema: Schema,
}

impl Snapshots {
    /// The data source.
    #[must_use]
    pub fn new() -> Self {
        Self { schema: schema() }
    }

    async fn look(&self, session: &Session, config: &Value, now: DateTime<Utc>) -> Looked {
        let name = config.attribute("schedule").as_str().unwrap_or_default();
        let failed = |diagnostic: Diagnostic| Looked { state: Value::Null, diagnostics: diagnostic.into() };
        let stored = match session.control.get::<SnapshotScheduleSpec>(name).await {
            Ok(stored) => stored,
            Err(error) => return failed(control_store(session.control.url(), &error)),
        };
        let valid = stored.and_then(|stored| validate::snapshot_schedule(&stored.document.spec).ok());
        let Some(schedule) = valid else { return failed(absent(session, name)) };
        match read_catalog(session, &schedule).await {
            Ok(catalog) => {
                let state = found(&schedule, Some(&catalog), now);
                Looked { state, diagnostics: Diagnostics::new() }
            }
            Err(cause) => Looked {
                state: found(&schedule, None, now),
                diagnostics: out_of_reach(&schedule, &cause).into(),
            },
        }
    }
}

impl Default for Snapshots {
    fn default() -> Self {
        Self::new()
    }
}

impl DataSource for Snapshots {
    fn type_name(&self) -> &'static str {
        "lakedr_snapshots"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        let Some(schedule) = config.attribute("schedule").as_str() else { return Diagnostics::new() };
        let invalid = schedule.parse::<Name>().err().map(|cause| {
            Diagnostic::error("Invalid snapshot schedule name", format!("{cause}."))
                .at(Path::attribute("schedule"))
        });
        invalid.into_iter().collect()
    }

    fn read<'a>(
        &'a self,
        session: &'a Session,
        config: &'a Value,
        now: DateTime<Utc>,
    ) -> BoxFuture<'a, Looked> {
        self.look(session, config, now).boxed()
    }
}

fn absent(session: &Session, name: &str) -> Diagnostic {
    Diagnostic::error(
        "No such snapshot schedule",
        format!(
            "There is no snapshot schedule {name:?} in the control store {}. Apply the lakedr_snapshot_schedule first, or \
             correct the name.",
            session.control.url()
        ),
    )
    .at(Path::attribute("schedule"))
}

/// The catalog cannot be read, which is no error: the region may be lost.
fn out_of_reach(schedule: &ValidSchedule, cause: &Unreadable) -> Diagnostic {
    Diagnostic::warning(
        "Snapshot catalog out of reach",
        format!(
            "The catalog of snapshot schedule {:?} cannot be read; nothing is known of its snapshots.\n\n{}",
            schedule.name.as_str(),
            explain(cause)
        ),
    )
}

fn known(attribute: Attribute, description: &'static str) -> Attribute {
    attribute.computed(Stability::Volatile).describe(description)
}

fn schema() -> Schema {
    Schema {
        version: 0,
        description: "Lists the snapshots of a snapshot schedule, as `lakedr snapshot list` does.\n\n-> **Note:** The data source \
            reads the catalog beside the snapshots, in every plan. If it is out of reach, for example during an outage, the \
            provider returns a warning instead of an error, `reachable` is `false`, and `snapshots` is null.",
        attributes: vec![
            Attribute::string("schedule").required().describe("Name of the snapshot schedule."),
            known(Attribute::bool("reachable"), "Whether the catalog could be read."),
            known(Attribute::objects("snapshots", snapshot()), "Snapshots, newest first."),
        ],
    }
}

fn snapshot() -> Vec<Attribute> {
    vec![
        known(Attribute::string("id"), "ID of the snapshot, as `lakedr snapshot restore` takes it."),
        known(Attribute::string("taken_at"), "Time at which the snapshot was begun, in RFC 3339 format."),
        known(Attribute::string("as_of"), "Time whose state the snapshot shows, in RFC 3339 format."),
        known(
            Attribute::string("run_id"),
            "ID of the run at whose end the state was copied. Null for the state at an instant.",
        ),
        known(Attribute::number("tables"), "Number of tables."),
        known(Attribute::number("bytes"), "Size of the current files of these tables in bytes."),
        known(
            Attribute::number("bytes_added"),
            "Size of the files that were copied for this snapshot in bytes.",
        ),
        known(
            Attribute::bool("pinned"),
            "Whether the snapshot is pinned, and so kept regardless of the retention policy.",
        ),
        known(
            Attribute::string("kept_because"),
            "Rules by which the snapshot is kept, for example `the newest, keep_weekly 2026-W47`. Empty if the next pruning removes it.",
        ),
    ]
}

fn found(schedule: &ValidSchedule, catalog: Option<&Catalog>, now: DateTime<Utc>) -> Value {
    let snapshots = catalog.map(|catalog| {
        let judged = judged(catalog, schedule.rules(), now).into_iter().rev();
        Value::List(judged.map(|(kept, reasons)| of_snapshot(kept, reasons)).collect())
    });
    Value::object([
        ("schedule", schedule.name.as_str().into()),
        ("reachable", catalog.is_some().into()),
        ("snapshots", snapshots.unwrap_or(Value::Null)),
    ])
}

fn of_snapshot(kept: &Kept, reasons: impl IntoIterator<Item = Reason>) -> Value {
    let because: Vec<String> = reasons.into_iter().map(|reason| reason.to_string()).collect();
    Value::object([
        ("id", kept.id.as_str().into()),
        ("taken_at", time::format(kept.taken_at).into()),
        ("as_of", time::format(kept.as_of).into()),
        ("run_id", kept.run.as_deref().into()),
        ("tables", kept.tables.into()),
        ("bytes", kept.bytes.into()),
        ("bytes_added", kept.bytes_added.into()),
        ("pinned", kept.pinned.is_some().into()),
        ("kept_because", because.join(", ").into()),
    ])
}
