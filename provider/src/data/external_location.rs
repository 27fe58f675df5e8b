//! `lakedr_external_location`: a location that another configuration declares.

use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use lakedr_control::id::Name;
use lakedr_control::spec::ExternalLocationSpec;

use super::{DataSource, Looked};
use crate::lifecycle::convert::from_spec;
use crate::lifecycle::document::DocumentKind as _;
use crate::lifecycle::report::{control_store, explain};
use crate::lifecycle::session::Session;
use crate::resource;
use crate::wire::{Attribute, Diagnostic, Diagnostics, Kind, Path, Presence, Schema, Stability, Value};

/// The data source `lakedr_external_location`.
#[derive(Debug)]
pub struct ExternalLocation {
    schema: Schema,
    /// That of the resource, whose attributes are shown.
    resource: Schema,
}

impl ExternalLocation {
    /// The data source.
    #[must_use]
    pub fn new() -> Self {
        let resource = resource::ExternalLocation::schema();
        let name = Attribute::string("name").required().describe("Name of the external location.");
        let others = resource.attributes.iter().filter(|attribute| attribute.name != "name");
        let schema = Schema {
            version: 0,
            description: "Looks up an external location in the control store, for example one that another configuration \
                manages.\n\nThe location itself is not accessed, so the data source works during an outage of its region.",
            attributes: [name].into_iter().chain(others.map(shown)).collect(),
        };
        Self { schema, resource }
    }

    async fn look(&self, session: &Session, config: &Value) -> Looked {
        let name = config.attribute("name").as_str().unwrap_or_default();
        let failed = |said: Diagnostic| Looked { state: Value::Null, diagnostics: said.into() };
        let document = match session.control.get::<ExternalLocationSpec>(name).await {
            Ok(Some(stored)) => stored.document,
            Ok(None) => return failed(absent(session, name)),
            Err(error) => return failed(control_store(session.control.url(), &error)),
        };
        match from_spec(&self.resource, &document.spec) {
            Ok(mut state) => {
                state.set_attribute("id", document.name.as_str().into());
                state.set_attribute("generation", document.generation.into());
                state.set_attribute("digest", document.digest.as_str().into());
                Looked { state, diagnostics: Diagnostics::new() }
            }
            Err(error) => failed(Diagnostic::bug(explain(&error))),
        }
    }
}

/// The same attribute, which nobody but the provider gives here.
fn shown(attribute: &Attribute) -> Attribute {
    let kind = match &attribute.kind {
        Kind::Plain(ty) => Kind::Plain(ty.clone()),
        Kind::Nested(nesting, inner) => Kind::Nested(*nesting, inner.iter().map(shown).collect()),
    };
    Attribute {
        name: attribute.name,
        kind,
        presence: Presence::Computed(Stability::Volatile),
        sensitive: attribute.sensitive,
        requires_replace: false,
        constraint: None,
        meaning: None,
        deprecated: attribute.deprecated,
        description: attribute.description,
    }
}

fn absent(session: &Session, name: &str) -> Diagnostic {
    Diagnostic::error(
        "No such external location",
        format!(
            "There is no external location {name:?} in the control store {}. Apply the lakedr_external_location first, or \
             correct the name.",
            session.control.url()
        ),
    )
    .at(Path::attribute("name"))
}

impl Default for ExternalLocation {
    fn default() -> Self {
        Self::new()
    }
}

impl DataSource for ExternalLocation {
    fn type_name(&self) -> &'static str {
        "lakedr_external_location"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        let Some(name) = config.attribute("name").as_str() else { return Diagnostics::new() };
        let invalid = name.parse::<Name>().err();
        let invalid = invalid.map(|cause| {
            Diagnostic::error("Invalid external location name", format!("{cause}."))
                .at(Path::attribute("name"))
        });
        invalid.into_iter().collect()
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
