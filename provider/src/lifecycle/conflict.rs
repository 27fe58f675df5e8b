//! What the loser of a race for a document is told: who won, and how to go on.

use lakedr_control::spec::Spec;
use lakedr_control::store::Stored;
use lakedr_control::time;

use crate::wire::Diagnostic;

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
