//! Validation of a configuration: the rules of its schema and those of its document, with unknown values in it.

use lakedr_control::spec::Spec;
use lakedr_control::validate::Violation;

use super::convert::to_spec;
use super::document::{DocumentKind, dotted};
use super::examine::examine;
use super::report::{self, explain};
use crate::wire::{Diagnostic, Diagnostics, Schema, Value};

/// Everything that is wrong with the configuration of a resource, each mistake at its attribute.
///
/// What rests on an unknown value is not judged: it will be when the value is known.
#[must_use]
pub fn validate<K: DocumentKind>(schema: &Schema, config: &Value) -> Diagnostics {
    let examined = examine(schema, config);
    let spec: K::Spec = match to_spec(schema, &examined.judged) {
        Ok(spec) => spec,
        Err(error) => return Diagnostic::bug(explain(&error)).into(),
    };
    let (violations, doubts) = (K::violations(&spec), K::doubts(&spec));
    let is_sure = |violation: &&Violation| {
        let place = report::path(&violation.path);
        let mut grounds =
            K::RESTS_ON.iter().filter(|(path, _)| dotted(path) == place).flat_map(|(_, others)| *others);
        !examined.is_doubtful(&place) && !grounds.any(|other| examined.is_doubtful(&dotted(other)))
    };
    let kind = <K::Spec as Spec>::KIND;
    let wrong = violations.iter().filter(is_sure).map(|violation| report::violation(kind, violation));
    let doubtful = doubts.iter().filter(is_sure).map(|violation| report::doubt(kind, violation));
    let judged: Vec<Diagnostic> = wrong.chain(doubtful).collect();
    examined.problems.into_iter().chain(judged).collect()
}
