//! The group that a data source is about.

use lakedr_control::id::Name;
use lakedr_control::spec::SyncGroupSpec;

use super::Looked;
use crate::lifecycle::group_state::Unreadable;
use crate::lifecycle::report::{control_store, explain};
use crate::lifecycle::session::Session;
use crate::wire::{Attribute, Diagnostic, Diagnostics, Path, Value};

/// The attribute that names it.
pub(super) fn attribute() -> Attribute {
    Attribute::string("group").required().describe("Name of the sync group.")
}

/// What is wrong with its name.
pub(super) fn validate(config: &Value) -> Diagnostics {
    let Some(group) = config.attribute("group").as_str() else { return Diagnostics::new() };
    let invalid = group.parse::<Name>().err();
    invalid
        .map(|cause| {
            Diagnostic::error("Invalid sync group name", format!("{cause}.")).at(Path::attribute("group"))
        })
        .into_iter()
        .collect()
}

/// Its specification, as the control store has it; else what to answer.
pub(super) async fn look_up(session: &Session, config: &Value) -> Result<SyncGroupSpec, Box<Looked>> {
    let group = config.attribute("group").as_str().unwrap_or_default();
    let failed =
        |diagnostic: Diagnostic| Box::new(Looked { state: Value::Null, diagnostics: diagnostic.into() });
    match session.control.get::<SyncGroupSpec>(group).await {
        Ok(Some(stored)) => Ok(stored.document.spec),
        Ok(None) => Err(failed(absent(session, group))),
        Err(error) => Err(failed(control_store(session.control.url(), &error))),
    }
}

/// Its log cannot be read, which is no error: the region may be lost.
pub(super) fn out_of_reach(spec: &SyncGroupSpec, cause: &Unreadable) -> Diagnostic {
    Diagnostic::warning(
        "Group log out of reach",
        format!(
            "The log of sync group {:?} cannot be read; nothing is known of its state.\n\n{}",
            spec.name,
            explain(cause)
        ),
    )
}

fn absent(session: &Session, group: &str) -> Diagnostic {
    Diagnostic::error(
        "No such sync group",
        format!(
            "There is no sync group {group:?} in the control store {}. Apply the lakedr_sync_group first, or correct \
             the name.",
            session.control.url()
        ),
    )
    .at(Path::attribute("group"))
}
