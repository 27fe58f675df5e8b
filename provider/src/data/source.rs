//! What every data source has to say about itself.

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;

use crate::lifecycle::session::Session;
use crate::wire::{Diagnostics, Schema, Value};

/// What a data source found.
#[derive(Debug, Clone, PartialEq)]
pub struct Looked {
    /// All attributes of the schema, wholly known; null after an error.
    pub state: Value,
    /// What is to be said.
    pub diagnostics: Diagnostics,
}

/// A data source, whatever it looks up.
pub trait DataSource: Send + Sync {
    /// Name of the data source in Terraform.
    fn type_name(&self) -> &'static str;

    /// What it looks like to Terraform.
    fn schema(&self) -> &Schema;

    /// Everything that is wrong with a configuration. Needs no control store.
    fn validate(&self, config: &Value) -> Diagnostics;

    /// Looks it up. `config` is wholly known; `at` is the present moment.
    fn read<'a>(
        &'a self,
        session: &'a Session,
        config: &'a Value,
        at: DateTime<Utc>,
    ) -> BoxFuture<'a, Looked>;
}
