//! Races for a document: who won, and what the loser is told.

use lakedr_control::codec::Document;
use lakedr_control::spec::Spec;
use lakedr_control::store::{Stored, Tag};
use lakedr_control::time;

use super::report::refused;
use super::session::Session;
use crate::wire::{Diagnostic, Diagnostics};

/// Finds out who won a lost write. A store may have done a write whose answer got lost, and refused the repetition:
/// then the winner is this very document.
pub(super) async fn own_write<S: Spec>(
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
pub(super) async fn current_tag<S: Spec>(
    session: &Session,
    document: &Document<S>,
    read_at: u64,
) -> Result<Tag, Diagnostics> {
    let found = session.control.get::<S>(&document.name).await.map_err(|error| refused(session, &error))?;
    match found {
        Some(stored) if stored.document.generation == read_at => Ok(stored.tag),
        other => Err(changed(session.control.url(), &document.name, read_at, other.as_ref()).into()),
    }
}

/// A document was to be created, and there is one.
pub(super) fn exists<S: Spec>(url: &str, name: &str, theirs: Option<&Stored<S>>) -> Diagnostic {
    let kind = S::KIND;
    Diagnostic::error(
        format!("The {kind} exists already"),
        format!(
            "{kind} {name:?} exists in the control store {url}: {}. Nothing was written.\n\nTo manage it with this \
             configuration, import it: terraform import {}.<label> {name}\nTo have another one, choose another name.",
            winner(theirs),
            kind.resource_type(),
        ),
    )
}

/// A document was to be replaced or deleted, and it is not the one that the plan was made from.
pub(super) fn changed<S: Spec>(
    url: &str,
    name: &str,
    read_at: u64,
    theirs: Option<&Stored<S>>,
) -> Diagnostic {
    let kind = S::KIND;
    Diagnostic::error(
        format!("The {kind} was changed by somebody else"),
        format!(
            "The plan was made from generation {read_at} of {kind} {name:?} in the control store {url}. Meanwhile: \
             {}. Nothing was written.\n\nPlan again to see the difference, then apply.",
            winner(theirs)
        ),
    )
}

fn winner<S: Spec>(stored: Option<&Stored<S>>) -> String {
    match stored {
        Some(Stored { document, .. }) => format!(
            "generation {}, written for region {} at {} by provider version {}",
            document.generation,
            document.written_by.region,
            time::format(document.written_at),
            document.written_by.provider
        ),
        None => "it was deleted".to_owned(),
    }
}
