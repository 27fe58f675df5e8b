//! `ApplyResourceChange`: documents are created, replaced and deleted, conditionally.
//!
//! Interrupted before the write, nothing has happened; the write itself is seen through, so that Terraform's state
//! and the control store agree about it.

use std::future::Future;
use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, Utc};
use lakedr_control::codec::Document;
use lakedr_control::layout;
use lakedr_control::spec::Spec;
use lakedr_control::store::{ControlStoreError, Stored, Written};
use tokio_util::sync::CancellationToken;

use super::admission::{admission, admit};
use super::check::check_applied;
use super::conflict;
use super::convert::to_spec;
use super::document::{DocumentKind, Outcome};
use super::private::Private;
use super::report::{explain, in_use, interrupted, refused};
use super::session::{Session, seen_through, unless_stopped};
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
        delete::<K>(schema, session, &request).await
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
    let written = written(session, request.stop, || session.control.create(&document)).await?;
    let tag = match written {
        Written::Done(tag) => tag,
        Written::Lost => conflict::own_write(session, &document)
            .await?
            .map_err(|found| conflict::exists(session.control.url(), &document.name, found.as_ref()))?,
    };
    drop(admission);
    K::written(session, &document.name);
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
        None => conflict::current_tag(session, &document, read_at).await?,
    };
    let written = written(session, request.stop, || session.control.replace(&document, &tag)).await?;
    let tag = match written {
        Written::Done(tag) => tag,
        Written::Lost => conflict::own_write(session, &document).await?.map_err(|found| {
            conflict::changed(session.control.url(), &document.name, read_at, found.as_ref())
        })?,
    };
    drop(admission);
    K::written(session, &document.name);
    Ok(settle::<K>(schema, session, request, &Stored { document, tag }, warnings).await)
}

async fn delete<K: DocumentKind>(
    schema: &Schema,
    session: &Session,
    request: &ApplyRequest<'_>,
) -> Result<Outcome, Diagnostics> {
    let kind = <K::Spec as Spec>::KIND;
    let name = request.prior.attribute("name").as_str().unwrap_or_default();
    let _admission = admission(session, request.stop).await?;
    let deletable = unless_stopped(request.stop, deletable::<K>(session, name, request));
    if deletable.await.map_err(|_| interrupted())?? {
        if let Ok(prior) = to_spec::<K::Spec>(schema, request.prior) {
            let said = K::abolish(&prior, request.stop).await;
            if said.has_errors() {
                return Err(said);
            }
        }
        written(session, request.stop, || session.control.delete(kind, name)).await?;
    }
    Ok(Outcome::gone())
}

/// Whether there is a document to delete: nobody needs it, and it is the one that the plan was made from.
async fn deletable<K: DocumentKind>(
    session: &Session,
    name: &str,
    request: &ApplyRequest<'_>,
) -> Result<bool, Diagnostics> {
    let kind = <K::Spec as Spec>::KIND;
    let users = K::users(session, name).await.map_err(|error| refused(session, &error))?;
    if !users.is_empty() {
        return Err(in_use(kind, name, &users).into());
    }
    let object = session.objects.read(&layout::document(kind, name)).await;
    let object = object.map_err(|error| refused(session, &ControlStoreError::Store(error)))?;
    let Some(object) = object else { return Ok(false) };
    if request.private.tag().is_none_or(|tag| tag == object.tag) {
        return Ok(true);
    }
    let found = session.control.get::<K::Spec>(name).await.ok().flatten();
    Err(conflict::changed(session.control.url(), name, generation(request.prior), found.as_ref()).into())
}

/// Waits before a write is tried again: long enough for a connection that broke, and not for a store that is gone.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];

/// Sees a write through. One whose answer got lost may have been done: it is tried again, which tells, because a document
/// is created once and replaced once.
async fn written<T, W: Future<Output = Result<T, ControlStoreError>>>(
    session: &Session,
    stop: &CancellationToken,
    write: impl Fn() -> W,
) -> Result<T, Diagnostics> {
    let persistently = async {
        for pause in PAUSES {
            match write().await {
                Err(error) if error.is_retryable() => {
                    tracing::debug!(pause_ms = pause.as_millis(), "{}; trying again", explain(&error));
                    tokio::time::sleep(pause).await;
                }
                written => return written,
            }
        }
        write().await
    };
    let written = seen_through(stop, persistently).await.map_err(|_| {
        Diagnostic::error(
            "Interrupted while writing",
            format!(
                "The control store {} did not answer in time; it is not known whether the document was written. Plan \
                 again to find out.",
                session.control.url()
            ),
        )
    })?;
    written.map_err(|error| refused(session, &error))
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
    // documents are dated to the millisecond, and what is read back has to equal what was written
    Document::new(spec, generation, session.writer(), at.trunc_subsecs(3))
        .map_err(|error| Diagnostic::bug(explain(&error)).into())
}

fn generation(state: &Value) -> u64 {
    match state.attribute("generation") {
        Value::Number(generation) => generation.as_u64().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
