//! Errors as diagnostics.

use lakedr_control::spec::Kind;
use lakedr_control::store::ControlStoreError;
use lakedr_control::validate::{self, Violation};

use super::session::Session;
use crate::wire::{Diagnostic, Diagnostics, Path, Step};

pub use lakedr_control::message::chain as explain;

/// A rule that the configuration breaks, at its attribute.
#[must_use]
pub fn violation(kind: Kind, violation: &Violation) -> Diagnostic {
    Diagnostic::error(format!("Invalid {kind}"), format!("{violation}.")).at(path(&violation.path))
}

/// What breaks no rule and is hardly meant, at its attribute.
#[must_use]
pub fn doubt(kind: Kind, violation: &Violation) -> Diagnostic {
    Diagnostic::warning(format!("Doubtful {kind}"), format!("{violation}.")).at(path(&violation.path))
}

/// What will stand in the way of an apply, unless the apply itself mends it.
#[must_use]
pub fn foreseen(kind: Kind, violation: &Violation) -> Diagnostic {
    let detail = format!("{violation}.\n\nThe apply will be refused, unless it changes that first.");
    Diagnostic::warning(format!("Conflict of the {kind}"), detail).at(path(&violation.path))
}

/// A path of the rules as one of Terraform.
#[must_use]
pub fn path(steps: &[validate::Step]) -> Path {
    let step = |step: &validate::Step| match step {
        validate::Step::Attribute(name) => Step::Attribute(name.clone()),
        validate::Step::Index(index) => Step::Index(*index),
        validate::Step::Key(key) => Step::Key(key.clone()),
    };
    steps.iter().map(step).collect()
}

/// The control store could not do its part.
#[must_use]
pub fn control_store(url: &str, error: &ControlStoreError) -> Diagnostic {
    let summary = match error {
        ControlStoreError::Store(_) => "Control store out of reach",
        ControlStoreError::Document { .. } => "Unusable document in the control store",
        ControlStoreError::Encode(_) => return Diagnostic::bug(explain(error)),
    };
    Diagnostic::error(summary, format!("control store {url}: {}.", explain(error)))
}

/// Like [`control_store`], of the control store of a session.
pub(super) fn refused(session: &Session, error: &ControlStoreError) -> Diagnostics {
    control_store(session.control.url(), error).into()
}

/// Terraform was interrupted while nothing had been written yet.
pub(super) fn interrupted() -> Diagnostic {
    Diagnostic::error(
        "Interrupted",
        "Terraform was interrupted before anything was written; nothing has changed.",
    )
}

/// The documents that stand in the way of a deletion, one per line.
#[must_use]
pub fn in_use(kind: Kind, name: &str, users: &[(Kind, String)]) -> Diagnostic {
    let users: Vec<String> = users.iter().map(|(kind, name)| format!("  - {kind} {name:?}")).collect();
    Diagnostic::error(
        format!("The {kind} is still in use"),
        format!(
            "{kind} {name:?} cannot be deleted, because it is used by:\n{}\n\nDelete these first, or make them use \
             another one.",
            users.join("\n")
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{said}")]
    struct Layer {
        said: &'static str,
        #[source]
        cause: Option<Box<Self>>,
    }

    fn layers(said: &[&'static str]) -> Layer {
        let cause = (said.len() > 1).then(|| Box::new(layers(&said[1..])));
        Layer { said: said[0], cause }
    }

    #[test]
    fn causes_are_listed_once() {
        assert_eq!(explain(&layers(&["cannot read x", "timed out"])), "cannot read x: timed out");
        assert_eq!(explain(&layers(&["a: b", "b", "c"])), "a: b: c");
    }

    #[test]
    fn users_are_named() {
        let diagnostic = in_use(Kind::ExternalLocation, "west", &[(Kind::SyncGroup, "etl".to_owned())]);
        assert!(diagnostic.detail.contains("sync group \"etl\""), "{}", diagnostic.detail);
    }
}
