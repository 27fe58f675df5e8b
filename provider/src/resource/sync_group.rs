//! `lakedr_sync_group`: tables, and optionally the workflow that writes them, whose state is one atomic unit.

use std::sync::Arc;

use lakedr_control::spec::{ExternalLocationSpec, Kind, SnapshotScheduleSpec, Spec as _, SyncGroupSpec};
use lakedr_control::store::ControlStoreError;
use lakedr_control::validate::{self, Violation};

use crate::lifecycle::document::{DocumentKind, Facts};
use crate::lifecycle::documents::KnownGroup;
use crate::lifecycle::group_state;
use crate::lifecycle::homes::Pair;
use crate::lifecycle::session::Session;
use crate::wire::{Diagnostic, Schema, Value};

mod schema;

/// The resource type `lakedr_sync_group`.
#[derive(Debug, Clone, Copy)]
pub struct SyncGroup;

impl DocumentKind for SyncGroup {
    type Spec = SyncGroupSpec;

    const SEARCH: &'static str = "Lists the sync groups in the control store, whether or not Terraform manages them, so that they can be imported.";

    const RESTS_ON: &'static [(&'static str, &'static [&'static str])] = &[
        ("initial_active_region", &["primary.region", "secondary.region"]),
        ("publish.warehouse_id", &["publish.engine"]),
        ("publish.primary_warehouse_id", &["publish.engine"]),
        ("primary.workspace", &["publish.engine"]),
        ("primary.catalog", &["publish.engine"]),
        ("secondary.workspace", &["publish.engine"]),
        ("secondary.catalog", &["publish.engine"]),
        ("publish.engine", &["delivery"]),
        ("compaction", &["delivery"]),
        ("schedule.timezone", &["schedule.interval"]),
    ];

    fn schema() -> Schema {
        schema::schema()
    }

    fn violations(spec: &Self::Spec) -> Vec<Violation> {
        validate::sync_group(spec).err().unwrap_or_default()
    }

    async fn references(session: &Session, spec: &Self::Spec) -> Result<Vec<Violation>, ControlStoreError> {
        let mut found = validate::group_references(spec, &locations(session, spec).await?);
        found.extend(conflicts(spec, &session.groups().await?));
        Ok(found)
    }

    fn doubts(spec: &Self::Spec) -> Vec<Violation> {
        validate::group_doubts(spec)
    }

    async fn foreseen(session: &Session, spec: &Self::Spec) -> Result<Vec<Violation>, ControlStoreError> {
        let locations = locations(session, spec).await?;
        // a location that is not there is about to be created
        let is_there = |name: &str| locations.iter().any(|location| location.name == name);
        let mut found = validate::group_references(spec, &locations);
        found.retain(|violation| {
            let side = if violation.place().starts_with("primary") { &spec.primary } else { &spec.secondary };
            is_there(&side.location)
        });
        found.extend(conflicts(spec, &session.groups_once().await?));
        Ok(found)
    }

    async fn doubts_with_others(
        session: &Session,
        spec: &Self::Spec,
    ) -> Result<Vec<Violation>, ControlStoreError> {
        let Ok(group) = validate::sync_group(spec) else { return Ok(Vec::new()) };
        let others = session.groups_once().await?;
        Ok(validate::shared_services(&group, others.iter().filter_map(|other| other.valid.as_ref())))
    }

    async fn users(session: &Session, name: &str) -> Result<Vec<(Kind, String)>, ControlStoreError> {
        let schedules = session.specs::<SnapshotScheduleSpec>().await?;
        let users = schedules.into_iter().filter(|spec| spec.source.sync_group.as_deref() == Some(name));
        Ok(users.map(|spec| (Kind::SnapshotSchedule, spec.name().to_owned())).collect())
    }

    async fn facts(session: &Session, spec: &Self::Spec, known: &Value) -> Facts {
        match group_state::read(session, spec).await {
            Ok(state) => Facts {
                values: vec![
                    ("effective_active_region", group_state::active_region(state.as_ref(), spec).into()),
                    ("epoch", group_state::epoch(state.as_ref()).into()),
                ],
                warnings: Vec::new(),
            },
            Err(cause) => {
                let last_known = |name: &'static str, initial: Value| match known.attribute(name) {
                    Value::Null | Value::Unknown(_) => (name, initial),
                    value => (name, value.clone()),
                };
                Facts {
                    values: vec![
                        last_known("effective_active_region", group_state::active_region(None, spec).into()),
                        last_known("epoch", group_state::epoch(None).into()),
                    ],
                    warnings: out_of_reach(session, spec, &cause).into_iter().collect(),
                }
            }
        }
    }
}

async fn locations(
    session: &Session,
    spec: &SyncGroupSpec,
) -> Result<Vec<ExternalLocationSpec>, ControlStoreError> {
    let mut locations = Vec::new();
    for side in [&spec.primary, &spec.secondary] {
        let stored = session.control.get::<ExternalLocationSpec>(&side.location).await?;
        locations.extend(stored.map(|stored| stored.document.spec));
    }
    Ok(locations)
}

fn conflicts(spec: &SyncGroupSpec, others: &[Arc<KnownGroup>]) -> Vec<Violation> {
    let Ok(group) = validate::sync_group(spec) else { return Vec::new() };
    // a group that breaks rules by itself is refused by the executor, and cannot be compared with
    validate::group_conflicts(&group, others.iter().filter_map(|other| other.valid.as_ref()))
}

/// The warning about a log that cannot be read. An outage is told once for all groups of the same locations.
fn out_of_reach(
    session: &Session,
    spec: &SyncGroupSpec,
    cause: &group_state::Unreadable,
) -> Option<Diagnostic> {
    let pair = Pair::of(spec);
    let of_others = if cause.is_outage() {
        format!(
            " So is every other group between the external locations {pair}: they do not answer, and are not asked again."
        )
    } else {
        String::new()
    };
    if cause.is_outage() && !session.homes.tell(pair) {
        return None;
    }
    Some(Diagnostic::warning(
        "Group log out of reach",
        format!(
            "The log of sync group {:?} cannot be read; its active region and epoch are shown as they were last \
             known.{of_others}\n\n{}",
            spec.name,
            crate::lifecycle::report::explain(cause)
        ),
    ))
}
