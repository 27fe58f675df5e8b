//! The rules that Terraform enforces on answers of a provider (protocol sheet 5.5 and 5.6), checked before answering.
//!
//! A breach is a bug of ours. Found here it is reported with its path and as what it is, instead of as Terraform's
//! "produced an invalid plan" after the fact.

use std::collections::BTreeMap;

use crate::wire::{Attribute, Kind, Path, Schema, Step, Value};

/// A breach of the protocol by this provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at {path}: {breach}")]
pub struct Defect {
    /// Where.
    pub path: Path,
    /// Which rule.
    pub breach: Breach,
}

/// The rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Breach {
    /// Planned to exist where the configuration says otherwise, or the reverse.
    #[error("the plan and the configuration disagree about whether the object exists")]
    Existence,
    /// A value for an attribute that only the configuration may give.
    #[error("a value is planned for an attribute that the configuration leaves out and that is not computed")]
    NotComputed,
    /// A configured value was changed by the plan.
    #[error("the planned value is neither the configured nor the prior one")]
    NotConfigured,
    /// Another number of nested objects than configured, or other keys.
    #[error("the plan has other nested objects than the configuration")]
    NestedObjects,
    /// A result that differs from what was planned.
    #[error("the result is not what was planned")]
    NotPlanned,
    /// A result that is still unknown.
    #[error("the result is unknown")]
    Unknown,
}

/// Checks a plan against the configuration and the prior state that it was made from.
///
/// # Errors
///
/// The first breach, in the order of the schema.
pub fn check_plan(schema: &Schema, prior: &Value, config: &Value, planned: &Value) -> Result<(), Defect> {
    if planned.is_null() != config.is_null() {
        return Err(Defect { path: Path::root(), breach: Breach::Existence });
    }
    check_attributes(&schema.attributes, prior, config, planned, &Path::root())
}

fn check_attributes(
    attributes: &[Attribute],
    prior: &Value,
    config: &Value,
    planned: &Value,
    path: &Path,
) -> Result<(), Defect> {
    attributes.iter().try_for_each(|attribute| {
        let of = |value: &Value| value.attribute(attribute.name).clone();
        let path = path.join(Step::Attribute(attribute.name.to_owned()));
        check_attribute(attribute, &of(prior), &of(config), &of(planned), &path)
    })
}

fn check_attribute(
    attribute: &Attribute,
    prior: &Value,
    config: &Value,
    planned: &Value,
    path: &Path,
) -> Result<(), Defect> {
    let breach = |breach| Err(Defect { path: path.clone(), breach });
    if config.is_null() {
        let allowed = planned.is_null() || attribute.is_computed();
        return if allowed { Ok(()) } else { breach(Breach::NotComputed) };
    }
    if planned == config || (!planned.is_null() && planned == prior) {
        return Ok(());
    }
    let Kind::Nested(_, attributes) = &attribute.kind else { return breach(Breach::NotConfigured) };
    match (config, planned) {
        (Value::Object(_), Value::Object(_)) => check_attributes(attributes, prior, config, planned, path),
        (Value::List(configured), Value::List(items)) if configured.len() == items.len() => {
            let pairs = configured.iter().zip(items).enumerate();
            pairs.into_iter().try_for_each(|(index, (config, planned))| {
                let prior = match prior {
                    Value::List(prior) => prior.get(index).unwrap_or(&Value::Null),
                    _ => &Value::Null,
                };
                check_attributes(attributes, prior, config, planned, &path.join(Step::Index(index)))
            })
        }
        (Value::Map(configured), Value::Map(entries)) if configured.keys().eq(entries.keys()) => {
            check_entries(attributes, prior, configured, entries, path)
        }
        // the elements of sets cannot be told apart, Terraform trusts us there
        (Value::Set(configured), Value::Set(items)) if configured.len() == items.len() => Ok(()),
        _ => breach(Breach::NestedObjects),
    }
}

fn check_entries(
    attributes: &[Attribute],
    prior: &Value,
    configured: &BTreeMap<String, Value>,
    entries: &BTreeMap<String, Value>,
    path: &Path,
) -> Result<(), Defect> {
    configured.iter().zip(entries.values()).try_for_each(|((key, config), planned)| {
        let prior = match prior {
            Value::Map(prior) => prior.get(key).unwrap_or(&Value::Null),
            _ => &Value::Null,
        };
        check_attributes(attributes, prior, config, planned, &path.join(Step::Key(key.clone())))
    })
}

/// Checks the result of an apply against its plan: everything that was known is as planned, and nothing is unknown.
///
/// # Errors
///
/// The first breach.
pub fn check_applied(planned: &Value, actual: &Value) -> Result<(), Defect> {
    check_result(planned, actual, &Path::root())?;
    check_known(actual)
}

/// Checks that a state has no unknown value in it.
///
/// # Errors
///
/// The first unknown value.
pub fn check_known(state: &Value) -> Result<(), Defect> {
    match state.unknown_paths().into_iter().next() {
        Some(path) => Err(Defect { path, breach: Breach::Unknown }),
        None => Ok(()),
    }
}

fn check_result(planned: &Value, actual: &Value, path: &Path) -> Result<(), Defect> {
    match (planned, actual) {
        (Value::Unknown(_), _) => Ok(()),
        (Value::Object(planned), Value::Object(actual)) if planned.keys().eq(actual.keys()) => planned
            .iter()
            .zip(actual.values())
            .try_for_each(|((name, p), a)| check_result(p, a, &path.join(Step::Attribute(name.clone())))),
        (Value::Map(planned), Value::Map(actual)) if planned.keys().eq(actual.keys()) => planned
            .iter()
            .zip(actual.values())
            .try_for_each(|((key, p), a)| check_result(p, a, &path.join(Step::Key(key.clone())))),
        (Value::List(planned), Value::List(actual)) if planned.len() == actual.len() => planned
            .iter()
            .zip(actual)
            .enumerate()
            .try_for_each(|(index, (p, a))| check_result(p, a, &path.join(Step::Index(index)))),
        (Value::Set(planned), Value::Set(actual))
            if planned.len() == actual.len() && !planned.iter().all(Value::is_wholly_known) =>
        {
            Ok(())
        }
        _ if planned == actual => Ok(()),
        _ => Err(Defect { path: path.clone(), breach: Breach::NotPlanned }),
    }
}
