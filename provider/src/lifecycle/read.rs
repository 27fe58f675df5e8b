//! `ReadResource`: the state as the control store has it.

use lakedr_control::codec::DecodeError;
use lakedr_control::layout;
use lakedr_control::spec::Spec;
use lakedr_control::store::{ControlStoreError, Object, Stored};

use super::convert::{ConvertError, from_spec_like};
use super::document::{DocumentKind, Outcome};
use super::private::Private;
use super::report::{control_store, explain};
use super::session::{Session, salvage};
use crate::wire::{Diagnostic, Diagnostics, Schema, Value};

/// Brings a known state up to date. A document that is gone gives null: Terraform plans to create it again.
pub(super) async fn read<K: DocumentKind>(
    schema: &Schema,
    session: &Session,
    known: Value,
    private: Private,
) -> Outcome {
    let Some(name) = known.attribute("name").as_str() else {
        return Outcome::unchanged(known, private, Diagnostic::bug("the state of a resource has no name"));
    };
    match session.control.get::<K::Spec>(name).await {
        Ok(None) => Outcome::gone(),
        Ok(Some(stored)) => show::<K>(schema, session, &stored, &known).await,
        Err(ControlStoreError::Document {
            cause: cause @ (DecodeError::Inconsistent { .. } | DecodeError::Malformed { .. }),
            ..
        }) => damaged::<K>(schema, session, known, private, &cause).await,
        Err(error) => {
            let error = control_store(session.control.url(), &error);
            Outcome::unchanged(known, private, error)
        }
    }
}

/// The state that a document describes. Attributes that mean the same as in `known` keep their spelling.
pub(super) async fn show<K: DocumentKind>(
    schema: &Schema,
    session: &Session,
    stored: &Stored<K::Spec>,
    known: &Value,
) -> Outcome {
    let document = &stored.document;
    let mut state = match from_spec_like(schema, &document.spec, known) {
        Ok(state) => state,
        Err(error) => return Outcome::unchanged(known.clone(), Private::default(), bug(&error)),
    };
    state.set_attribute("id", document.name.as_str().into());
    state.set_attribute("generation", document.generation.into());
    state.set_attribute("digest", document.digest.as_str().into());
    let facts = K::facts(session, &document.spec, known).await;
    facts.values.into_iter().for_each(|(name, value)| state.set_attribute(name, value));
    let diagnostics = facts.warnings.into_iter().collect();
    Outcome { state, private: Private::of(stored.tag.clone()), diagnostics }
}

/// The state when a document was changed by hand without keeping to its format: what can be read of it shows as
/// drift, and the next apply writes it again.
async fn damaged<K: DocumentKind>(
    schema: &Schema,
    session: &Session,
    known: Value,
    private: Private,
    cause: &DecodeError,
) -> Outcome {
    let kind = <K::Spec as Spec>::KIND;
    let name = known.attribute("name").as_str().unwrap_or_default().to_owned();
    let object = match session.objects.read(&layout::document(kind, &name)).await {
        Ok(Some(object)) => object,
        Ok(None) => return Outcome::gone(),
        Err(error) => {
            let error = control_store(session.control.url(), &error.into());
            return Outcome::unchanged(known, private, error);
        }
    };
    let state = remains::<K>(schema, &object, &known);
    let warning = Diagnostic::warning(
        format!("Damaged {kind} in the control store"),
        format!("{}.\n\nThe next apply writes the document again.", explain(cause)),
    );
    Outcome { state, private: Private::of_damaged(object.tag), diagnostics: warning.into() }
}

/// The state with everything of the document that still makes sense.
fn remains<K: DocumentKind>(schema: &Schema, object: &Object, known: &Value) -> Value {
    let name = known.attribute("name").as_str().unwrap_or_default();
    let Some(document) = salvage::<K::Spec>(name, object) else { return known.clone() };
    let Ok(mut state) = from_spec_like(schema, &document.spec, known) else { return known.clone() };
    for attribute in schema.attributes.iter().filter(|attribute| !attribute.is_configurable()) {
        state.set_attribute(attribute.name, known.attribute(attribute.name).clone());
    }
    state
}

fn bug(error: &ConvertError) -> Diagnostics {
    Diagnostic::bug(explain(error)).into()
}
