//! `lakedr_sync_status`: how a sync group is doing, from its specification and its log.

mod schema;
mod status;

use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use lakedr_control::id::Name;
use lakedr_control::spec::SyncGroupSpec;

use super::{DataSource, Looked};
use crate::lifecycle::group_state;
use crate::lifecycle::report::{control_store, explain};
use crate::lifecycle::session::Session;
use crate::wire::{Diagnostic, Diagnostics, Path, Schema, Value};

/// The data source `lakedr_sync_status`.
#[derive(Debug)]
pub struct SyncStatus {
    schema: Schema,
}

impl SyncStatus {
    /// The data source.
    #[must_use]
    pub fn new() -> Self {
        Self { schema: schema::schema() }
    }

    async fn look(&self, session: &Session, config: &Value, at: DateTime<Utc>) -> Looked {
        let group = config.attribute("group").as_str().unwrap_or_default();
        let failed = |diagnostic: Diagnostic| Looked { state: Value::Null, diagnostics: diagnostic.into() };
        let spec = match session.control.get::<SyncGroupSpec>(group).await {
            Ok(Some(stored)) => stored.document.spec,
            Ok(None) => return failed(absent(session, group)),
            Err(error) => return failed(control_store(session.control.url(), &error)),
        };
        match group_state::read_proven(session, &spec).await {
            Ok((state, verified)) => Looked {
                state: status::reachable(&session.region, &spec, state.as_ref(), verified.as_ref(), at),
                diagnostics: Diagnostics::new(),
            },
            Err(cause) => Looked {
                state: status::out_of_reach(&spec),
                diagnostics: Diagnostic::warning(
                    "Group log out of reach",
                    format!("The log of sync group {group:?} cannot be read; nothing is known of its state.\n\n{}", explain(&cause)),
                )
                .into(),
            },
        }
    }
}

impl Default for SyncStatus {
    fn default() -> Self {
        Self::new()
    }
}

impl DataSource for SyncStatus {
    fn type_name(&self) -> &'static str {
        "lakedr_sync_status"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        let Some(group) = config.attribute("group").as_str() else { return Diagnostics::new() };
        let invalid = group.parse::<Name>().err();
        invalid
            .map(|cause| {
                Diagnostic::error("Invalid sync group name", format!("{cause}.")).at(Path::attribute("group"))
            })
            .into_iter()
            .collect()
    }

    fn read<'a>(
        &'a self,
        session: &'a Session,
        config: &'a Value,
        at: DateTime<Utc>,
    ) -> BoxFuture<'a, Looked> {
        self.look(session, config, at).boxed()
    }
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
