//! How Terraform itself merges a configuration with the prior state before it asks for a plan (protocol sheet 13.3).
//! An independent account, for tests only.

use crate::wire::{Attribute, Kind, Nesting, Schema, Value};

/// The `proposed_new_state` of a plan request.
pub(super) fn proposed_new_state(schema: &Schema, prior: &Value, config: &Value) -> Value {
    if config.is_null() { Value::Null } else { merge(&schema.attributes, prior, config) }
}

fn merge(attributes: &[Attribute], prior: &Value, config: &Value) -> Value {
    Value::object(attributes.iter().map(|attribute| {
        let before = prior.attribute(attribute.name);
        (attribute.name, merge_attribute(attribute, before, config.attribute(attribute.name)))
    }))
}

fn merge_attribute(attribute: &Attribute, prior: &Value, config: &Value) -> Value {
    if config.is_null() && attribute.is_computed() {
        let removed = attribute.is_configurable() && holds_configuration(attribute, prior);
        return if removed { Value::Null } else { prior.clone() };
    }
    let Kind::Nested(nesting, attributes) = &attribute.kind else { return config.clone() };
    match (nesting, config) {
        (Nesting::Single, Value::Object(_)) => merge(attributes, prior, config),
        (Nesting::List, Value::List(items)) => {
            let prior = |index: usize| match prior {
                Value::List(prior) => prior.get(index),
                _ => None,
            };
            let merged = |(index, item): (usize, &Value)| match prior(index) {
                Some(before) if !item.is_unknown() => merge(attributes, before, item),
                _ => item.clone(),
            };
            Value::List(items.iter().enumerate().map(merged).collect())
        }
        (Nesting::Map, Value::Map(entries)) => {
            let prior = |key: &String| match prior {
                Value::Map(prior) => prior.get(key),
                _ => None,
            };
            let merged = |(key, item): (&String, &Value)| match prior(key) {
                Some(before) if !item.is_unknown() => (key.clone(), merge(attributes, before, item)),
                _ => (key.clone(), item.clone()),
            };
            Value::Map(entries.iter().map(merged).collect())
        }
        _ => config.clone(),
    }
}

/// Whether a nested value holds something that only a configuration can have put there.
fn holds_configuration(attribute: &Attribute, prior: &Value) -> bool {
    let Kind::Nested(_, attributes) = &attribute.kind else { return false };
    let in_object = |object: &Value| {
        attributes.iter().any(|inner| !inner.is_computed() && !object.attribute(inner.name).is_null())
    };
    match prior {
        Value::List(items) => items.iter().any(in_object),
        Value::Map(entries) => entries.values().any(in_object),
        object => in_object(object),
    }
}
