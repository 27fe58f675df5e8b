//! `GenerateResourceConfig`: the configuration that a state could have come from, as short as it can be.

use crate::wire::{Attribute, Kind, Nesting, Presence, Schema, Value};

/// The configuration of a state: nothing that the provider gives, and nothing that says what is meant anyhow.
#[must_use]
pub fn generate(schema: &Schema, state: &Value) -> Value {
    configured(&schema.attributes, state)
}

fn configured(attributes: &[Attribute], state: &Value) -> Value {
    let Value::Object(_) = state else { return state.clone() };
    Value::object(attributes.iter().map(|attribute| {
        let value = state.attribute(attribute.name);
        let value = match &attribute.presence {
            Presence::Computed(_) => Value::Null,
            Presence::Default(default) if value == default => Value::Null,
            _ => within(attribute, value),
        };
        (attribute.name, value)
    }))
}

fn within(attribute: &Attribute, value: &Value) -> Value {
    let Kind::Nested(nesting, attributes) = &attribute.kind else { return value.clone() };
    match (nesting, value) {
        (Nesting::Single, Value::Object(_)) => configured(attributes, value),
        (Nesting::List, Value::List(items)) => {
            Value::List(items.iter().map(|item| configured(attributes, item)).collect())
        }
        (Nesting::Set, Value::Set(items)) => {
            Value::Set(items.iter().map(|item| configured(attributes, item)).collect())
        }
        (Nesting::Map, Value::Map(entries)) => {
            let entry = |(key, item): (&String, &Value)| (key.clone(), configured(attributes, item));
            Value::Map(entries.iter().map(entry).collect())
        }
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Stability;

    #[test]
    fn what_is_computed_or_meant_anyhow_is_left_out_at_every_depth() {
        let inner = || vec![Attribute::string("a").required(), Attribute::bool("b").default(false)];
        let schema = Schema {
            version: 0,
            description: "",
            attributes: vec![
                Attribute::string("id").computed(Stability::Stable),
                Attribute::string("mode").default("x"),
                Attribute::object("one", inner()),
                Attribute::objects("many", inner()),
            ],
        };
        let object = |b: bool| Value::object([("a", "s".into()), ("b", b.into())]);
        let state = Value::object([
            ("id", "i".into()),
            ("mode", "x".into()),
            ("one", object(false)),
            ("many", Value::List(vec![object(true)])),
        ]);
        let config = generate(&schema, &state);
        assert_eq!((config.attribute("id"), config.attribute("mode")), (&Value::Null, &Value::Null));
        assert_eq!(config.attribute("one"), &Value::object([("a", "s".into()), ("b", Value::Null)]));
        assert_eq!(config.attribute("many"), &Value::List(vec![object(true)]));
    }
}
