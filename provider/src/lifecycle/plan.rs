//! Planning: the pure core of `PlanResourceChange` (protocol sheet 5.5, 13.3 and 13.4).
//!
//! A plan depends on nothing but its four inputs. Terraform plans again during apply and demands the same answer, so
//! no clock, no environment and no store may be asked here.

use super::spelling;
use crate::wire::schema::empty_object;
use crate::wire::{Attribute, Kind, Nesting, Path, Presence, Schema, Stability, Step, Value};

/// What Terraform asks a plan for.
#[derive(Debug, Clone, Copy)]
pub struct PlanRequest<'a> {
    /// The last known state; null when the object is to be created.
    pub prior: &'a Value,
    /// The configuration merged with the prior state, by Terraform's own rules.
    pub proposed: &'a Value,
    /// The configuration; null when the object is to be destroyed.
    pub config: &'a Value,
    /// Whether the stored object has to be written again even if nothing else changes.
    pub rewrite: bool,
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The state after apply, with unknown values for what only apply can tell.
    pub planned: Value,
    /// The attributes whose change cannot be made in place; sorted, without repetitions.
    pub requires_replace: Vec<Path>,
}

/// Plans a change.
///
/// Values that only the provider gives become unknown if anything changes at all, and keep their prior value
/// otherwise. Those that no update changes are kept through updates, but not through a replacement.
#[must_use]
pub fn plan(schema: &Schema, request: PlanRequest<'_>) -> Plan {
    let PlanRequest { prior, proposed, config, rewrite } = request;
    if config.is_null() {
        return Plan { planned: Value::Null, requires_replace: Vec::new() };
    }
    let planned = apply_defaults(&schema.attributes, proposed, config);
    let mut planned = spelling::keep(&schema.attributes, &planned, prior);
    if planned == *prior && !rewrite {
        return Plan { planned, requires_replace: Vec::new() };
    }
    let mut requires_replace = Vec::new();
    if !prior.is_null() {
        collect_replacements(&schema.attributes, prior, &planned, &Path::root(), &mut requires_replace);
        requires_replace.sort();
    }
    // a replaced object starts anew: nothing of the prior one is kept
    let kept = if requires_replace.is_empty() { prior } else { &Value::Null };
    planned = mark_unknown(&schema.attributes, &planned, config, kept);
    Plan { planned, requires_replace }
}

/// Fills in the defaults of everything that the configuration leaves out.
fn apply_defaults(attributes: &[Attribute], value: &Value, config: &Value) -> Value {
    let Value::Object(_) = value else { return value.clone() };
    Value::object(attributes.iter().map(|attribute| {
        let configured = config.attribute(attribute.name);
        let value = match &attribute.presence {
            Presence::Default(default) if configured.is_null() => default.clone(),
            _ => {
                let proposed = value.attribute(attribute.name);
                each_object(attribute, proposed, &[configured], |attributes, object, related| {
                    apply_defaults(attributes, object, related[0])
                })
            }
        };
        (attribute.name, value)
    }))
}

/// Makes unknown what only apply can tell, keeping prior values that an update does not change.
fn mark_unknown(attributes: &[Attribute], planned: &Value, config: &Value, prior: &Value) -> Value {
    let Value::Object(_) = planned else { return planned.clone() };
    Value::object(attributes.iter().map(|attribute| {
        let configured = config.attribute(attribute.name);
        let before = prior.attribute(attribute.name);
        let value = match &attribute.presence {
            Presence::Computed(Stability::Stable) if !before.is_null() => before.clone(),
            Presence::Computed(_) => Value::unknown(),
            _ => {
                let planned = planned.attribute(attribute.name);
                each_object(attribute, planned, &[configured, before], |attributes, object, related| {
                    mark_unknown(attributes, object, related[0], related[1])
                })
            }
        };
        (attribute.name, value)
    }))
}

/// Rebuilds every object of a nested attribute; `related` are the same attribute of other values, of which the
/// counterpart of each object is handed on. Values of plain attributes pass through.
fn each_object(
    attribute: &Attribute,
    value: &Value,
    related: &[&Value],
    rebuild: impl Fn(&[Attribute], &Value, &[&Value]) -> Value,
) -> Value {
    let Kind::Nested(nesting, attributes) = &attribute.kind else { return value.clone() };
    let rebuild = |object: &Value, counterpart: &dyn Fn(&Value) -> Value| {
        let counterparts: Vec<Value> = related.iter().map(|other| counterpart(other)).collect();
        rebuild(attributes, object, &counterparts.iter().collect::<Vec<_>>())
    };
    match (nesting, value) {
        (Nesting::Single, Value::Object(_)) => rebuild(value, &Value::clone),
        (Nesting::List, Value::List(items)) => Value::List(
            items
                .iter()
                .enumerate()
                .map(|(index, item)| rebuild(item, &|other| element(other, index)))
                .collect(),
        ),
        (Nesting::Set, Value::Set(items)) => Value::Set(
            items.iter().map(|item| rebuild(item, &|other| origin(attributes, other, item))).collect(),
        ),
        (Nesting::Map, Value::Map(entries)) => Value::Map(
            entries
                .iter()
                .map(|(key, item)| (key.clone(), rebuild(item, &|other| entry(other, key))))
                .collect(),
        ),
        _ => value.clone(),
    }
}

fn element(list: &Value, index: usize) -> Value {
    match list {
        Value::List(items) => items.get(index).cloned().unwrap_or(Value::Null),
        _ => Value::Null,
    }
}

fn entry(map: &Value, key: &str) -> Value {
    match map {
        Value::Map(entries) => entries.get(key).cloned().unwrap_or(Value::Null),
        _ => Value::Null,
    }
}

/// The element of a set that differs from `item` in nothing but what the provider gives.
fn origin(attributes: &[Attribute], set: &Value, item: &Value) -> Value {
    let Value::Set(candidates) = set else { return Value::Null };
    let same = |candidate: &&Value| {
        attributes.iter().all(|attribute| {
            let value = candidate.attribute(attribute.name);
            value == item.attribute(attribute.name) || (attribute.is_computed() && value.is_null())
        })
    };
    candidates.iter().find(same).cloned().unwrap_or(Value::Null)
}

/// Finds the attributes marked as requiring replacement that change.
fn collect_replacements(
    attributes: &[Attribute],
    prior: &Value,
    planned: &Value,
    path: &Path,
    found: &mut Vec<Path>,
) {
    for attribute in attributes {
        let (before, after) = (prior.attribute(attribute.name), planned.attribute(attribute.name));
        let path = path.join(Step::Attribute(attribute.name.to_owned()));
        if before == after {
            continue;
        }
        match &attribute.kind {
            _ if attribute.requires_replace => found.push(path),
            Kind::Nested(Nesting::Single, inner) if !before.is_null() && after.as_object().is_some() => {
                collect_replacements(inner, before, after, &path, found);
            }
            _ => {}
        }
    }
}

/// The state of an object before anything of it is known.
#[must_use]
pub fn blank(schema: &Schema) -> Value {
    empty_object(&schema.attributes)
}

#[cfg(test)]
mod terraform;
#[cfg(test)]
mod tests;
