//! `lakedr_sync_status`: how a sync group is doing, from its specification and its log.

mod schema;
mod status;

use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::{DataSource, Looked, group};
use crate::lifecycle::group_state;
use crate::lifecycle::session::Session;
use crate::wire::{Diagnostics, Schema, Value};

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
        let spec = match group::look_up(session, config).await {
            Ok(spec) => spec,
            Err(failed) => return *failed,
        };
        match group_state::read_proven(session, &spec).await {
            Ok((state, verified)) => Looked {
                state: status::reachable(&session.region, &spec, state.as_ref(), verified.as_ref(), at),
                diagnostics: Diagnostics::new(),
            },
            Err(cause) => Looked {
                state: status::out_of_reach(&spec),
                diagnostics: group::out_of_reach(&spec, &cause).into(),
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
        group::validate(config)
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
