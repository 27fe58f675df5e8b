//! `ApplyResourceChange`: documents are created, replaced and deleted, conditionally.
//!
//! Interrupted before the write, nothing has happened; the write itself is seen through, so that Terraform's state
//! and the control store agree about it.

use chrono::{DateTime, Utc};
use lakedr_control::codec::Document;
use lakedr_control::layout;
use lakedr_control::spec::Spec;
use lakedr_control::store::{ControlStoreError, Stored, Tag, Written};
use tokio::sync::MutexGuard;
use tokio_util::sync::CancellationToken;

use super::check::check_applied;
use super::conflict;
use super::convert::to_spec;
use super::document::{DocumentKind, Outcome};
use super::private::Private;
use super::report::{self, control_store, explain};
use super::session::{Session, unless_stopped};
use crate::wire::{Diagnostic, Diagnostics, Schema, Value};

/// What Terraform wants done.
#[derive(Debug)]
pub struct ApplyRequest<'a> {
    /// The state before; null to create.
    pub prior: &'a Value,
    /// The state that was planned; null to delete.
    pub planned: &'a Value,
    /// What is remembered of the state before.
    pub private: Private,
    /// Told when Terraform is interrupted.
    pub stop: &'a CancellationToken,
    /// The moment that documents are dated with.
    pub at: DateTime<Utc>,
}

/// Creates, replaces or deletes a document. On an error the outcome is what is still true.
pub(super) async fn apply<K: DocumentKind>(
    schema: &Schema,
    session: &Session,
    request: ApplyRequest<'_>,
) -> Outcome {
    let (prior, private) = (request.prior.clone(), request.private.clone());
    let applied = if request.planned.is_null() {
        delete::<K>(session, &request).await
    } else if request.prior.is_null() {
        create::<K>(schema, session, &request).await
    } else {
        update::<K>(schema, session, &request).await
    };
    applied.unwrap_or_else(|errors| Outcome::unchanged(prior, private, errors))
}

async fn create<K: DocumentKind>(
    schema: &Schema,
    session: &Session,
    request: &ApplyRequest<'_>,
) -> Result<Outcome, Diagnostics> {
    let spec: K::Spec = to_spec(schema, request.planned).map_err(|error| Diagnostic::bug(explain(&error)))?;
    let document = new_document(session, spec, 1, request.at)?;
    let (admission, warnings) = admit::<K>(session, &document.spec, None, request.stop).await?;
    let written = session.control.create(&document).await.map_err(|error| refused(session, &error))?;
    let tag = match written {
        Written::Done(tag) => tag,
        Written::Lost => own_write(session, &document)
            .await?
            .map_err(|found| conflict::exists(session.control.url(), &document.name, found.as_ref()))?,
    };
    drop(admission);
    Ok(settle::<K>(schema, session, request, &Stored { document, tag }, warnings).await)
}

async fn update<K: DocumentKind>(
    schema: &Schema,
    session: &Session,
    request: &ApplyRequest<'_>,
) -> Result<Outcome, Diagnostics> {
    let spec: K::Spec = to_spec(schema, request.planned).map_err(|error| Diagnostic::bug(explain(&error)))?;
    let prior: Option<K::Spec> = to_spec(schema, request.prior).ok();
    let read_at = generation(request.prior);
    let document = new_document(session, spec, read_at + 1, request.at)?;
    let (admission, warnings) = admit::<K>(session, &document.spec, prior.as_ref(), request.stop).await?;
    let tag = match request.private.tag() {
        Some(tag) => tag,
        None => current_tag(session, &document, read_at).await?,
    };
    let written = session.control.replace(&document, &tag).await.map_err(|error| refused(session, &error))?;
    let tag = match written {
        Written::Done(tag) => tag,
        Written::Lost => own_write(session, &document).await?.map_err(|found| {
            conflict::changed(session.control.url(), &document.name, read_at, found.as_ref())
        })?,
    };
    drop(admission);
    Ok(settle::<K>(schema, session, request, &Stored { document, tag }, warnings).await)
}

async fn delete<K: DocumentKind>(
    session: &Session,
    request: &ApplyRequest<'_>,
) -> Result<Outcome, Diagnostics> {
    let kind = <K::Spec as Spec>::KIND;
    let name = request.prior.attribute("name").as_str().unwrap_or_default();
    let _admission = admission(session, request.stop).await?;
    let users = K::users(session, name).await.map_err(|error| refused(session, &error))?;
    if !users.is_empty() {
        return Err(report::in_use(kind, name, &users).into());
    }
    let store_error = |error| refused(session, &ControlStoreError::Store(error));
    let object = session.objects.read(&layout::document(kind, name)).await.map_err(store_error)?;
    let Some(object) = object else { return Ok(Outcome::gone()) };
    if request.private.tag().is_some_and(|tag| tag != object.tag) {
        let found = session.control.get::<K::Spec>(name).await.ok().flatten();
        let read_at = generation(request.prior);
        return Err(conflict::changed(session.control.url(), name, read_at, found.as_ref()).into());
    }
    session.control.delete(kind, name).await.map_err(|error| refused(session, &error))?;
    Ok(Outcome::gone())
}

/// Holds a spec against all rules, and gives it the right to be written: while it is held, no other document of this
/// provider is.
async fn admit<'s, K: DocumentKind>(
    session: &'s Session,
    spec: &K::Spec,
    prior: Option<&K::Spec>,
    stop: &CancellationToken,
) -> Result<(MutexGuard<'s, ()>, Diagnostics), Diagnostics> {
    let broken = |violations: Vec<lakedr_control::validate::Violation>| -> Diagnostics {
        violations.iter().map(|violation| report::violation(<K::Spec as Spec>::KIND, violation)).collect()
    };
    let mut found = broken(K::violations(spec));
    if found.has_errors() {
        return Err(found);
    }
    found.extend(K::examine(spec, prior, stop).await);
    if found.has_errors() {
        return Err(found);
    }
    let admission = admission(session, stop).await?;
    let references = unless_stopped(stop, K::references(session, spec)).await.map_err(|_| interrupted())?;
    found.extend(broken(references.map_err(|error| refused(session, &error))?));
    if found.has_errors() { Err(found) } else { Ok((admission, found)) }
}

async fn admission<'s>(
    session: &'s Session,
    stop: &CancellationToken,
) -> Result<MutexGuard<'s, ()>, Diagnostics> {
    unless_stopped(stop, session.admission.lock()).await.map_err(|_| interrupted().into())
}

/// Finds out who won a lost write. A store may have done a write whose answer got lost, and refused the repetition:
/// then the winner is this very document.
async fn own_write<S: Spec>(
    session: &Session,
    document: &Document<S>,
) -> Result<Result<Tag, Option<Stored<S>>>, Diagnostics> {
    let found = session.control.get::<S>(&document.name).await.map_err(|error| refused(session, &error))?;
    Ok(match found {
        Some(stored) if stored.document == *document => Ok(stored.tag),
        other => Err(other),
    })
}

/// The tag of the document that the state shows, when it was not remembered.
async fn current_tag<S: Spec>(
    session: &Session,
    document: &Document<S>,
    read_at: u64,
) -> Result<Tag, Diagnostics> {
    let found = session.control.get::<S>(&document.name).await.map_err(|error| refused(session, &error))?;
    match found {
        Some(stored) if stored.document.generation == read_at => Ok(stored.tag),
        other => {
            Err(conflict::changed(session.control.url(), &document.name, read_at, other.as_ref()).into())
        }
    }
}

/// The state after a write: as planned, with everything that was left open filled in.
async fn settle<K: DocumentKind>(
    schema: &Schema,
    session: &Session,
    request: &ApplyRequest<'_>,
    stored: &Stored<K::Spec>,
    mut diagnostics: Diagnostics,
) -> Outcome {
    let document = &stored.document;
    let mut state = request.planned.clone();
    state.set_attribute("id", document.name.as_str().into());
    state.set_attribute("generation", document.generation.into());
    state.set_attribute("digest", document.digest.as_str().into());
    let open = |state: &Value, name: &str| state.attribute(name).is_unknown();
    if schema.attributes.iter().any(|attribute| open(&state, attribute.name)) {
        let facts = unless_stopped(request.stop, K::facts(session, &document.spec, request.prior)).await;
        let facts = facts.unwrap_or_default();
        diagnostics.extend(facts.warnings);
        for (name, value) in facts.values {
            if open(&state, name) {
                state.set_attribute(name, value);
            }
        }
    }
    for attribute in &schema.attributes {
        // only an interruption leaves something open; the next refresh finds it out
        if open(&state, attribute.name) {
            state.set_attribute(attribute.name, Value::Null);
        }
    }
    diagnostics.extend(check_applied(request.planned, &state).err().map(Diagnostic::bug));
    Outcome { state, private: Private::of(stored.tag.clone()), diagnostics }
}

fn new_document<S: Spec>(
    session: &Session,
    spec: S,
    generation: u64,
    at: DateTime<Utc>,
) -> Result<Document<S>, Diagnostics> {
    Document::new(spec, generation, session.writer(), at)
        .map_err(|error| Diagnostic::bug(explain(&error)).into())
}

fn generation(state: &Value) -> u64 {
    match state.attribute("generation") {
        Value::Number(generation) => generation.as_u64().unwrap_or(0),
        _ => 0,
    }
}

fn refused(session: &Session, error: &ControlStoreError) -> Diagnostics {
    control_store(session.control.url(), error).into()
}

fn interrupted() -> Diagnostic {
    Diagnostic::error(
        "Interrupted",
        "Terraform was interrupted before anything was written; nothing has changed.",
    )
}
