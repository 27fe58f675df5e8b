//! Values that are written in another way and mean the same: the plan keeps the prior spelling, and nothing changes.

use lakedr_control::location::StoreUrl;
use lakedr_control::time::parse_duration;

use crate::wire::{Attribute, Kind, Meaning, Nesting, Value};

/// The planned attributes, in the prior spelling where that means the same.
#[must_use]
pub fn keep(attributes: &[Attribute], planned: &Value, prior: &Value) -> Value {
    let (Value::Object(_), Value::Object(_)) = (planned, prior) else { return planned.clone() };
    Value::object(attributes.iter().map(|attribute| {
        let (value, before) = (planned.attribute(attribute.name), prior.attribute(attribute.name));
        (attribute.name, kept(attribute, value, before))
    }))
}

fn kept(attribute: &Attribute, planned: &Value, prior: &Value) -> Value {
    match (&attribute.kind, attribute.meaning) {
        (Kind::Plain(_), Some(meaning)) if is_same(meaning, planned, prior) => prior.clone(),
        (Kind::Nested(Nesting::Single, inner), _) => keep(inner, planned, prior),
        (Kind::Nested(Nesting::List, inner), _) => match (planned, prior) {
            (Value::List(items), Value::List(before)) => {
                let items = items.iter().enumerate();
                let item = |(index, item): (usize, &Value)| {
                    keep(inner, item, before.get(index).unwrap_or(&Value::Null))
                };
                Value::List(items.map(item).collect())
            }
            _ => planned.clone(),
        },
        (Kind::Nested(Nesting::Map, inner), _) => match (planned, prior) {
            (Value::Map(entries), Value::Map(before)) => {
                let entry = |(key, item): (&String, &Value)| {
                    (key.clone(), keep(inner, item, before.get(key).unwrap_or(&Value::Null)))
                };
                Value::Map(entries.iter().map(entry).collect())
            }
            _ => planned.clone(),
        },
        // the elements of a set have no counterparts
        _ => planned.clone(),
    }
}

fn is_same(meaning: Meaning, one: &Value, other: &Value) -> bool {
    let (Some(one), Some(other)) = (one.as_str(), other.as_str()) else { return false };
    match meaning {
        Meaning::Duration => match (parse_duration(one), parse_duration(other)) {
            (Ok(one), Ok(other)) => one == other,
            _ => false,
        },
        Meaning::Place => match (one.parse::<StoreUrl>(), other.parse::<StoreUrl>()) {
            (Ok(one), Ok(other)) => one == other,
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes() -> Vec<Attribute> {
        let inner = vec![Attribute::string("url").meaning(Meaning::Place), Attribute::string("name")];
        vec![
            Attribute::string("every").meaning(Meaning::Duration),
            Attribute::string("text"),
            Attribute::objects("tables", inner.clone()),
            Attribute::object("one", inner),
        ]
    }

    fn object(every: Value, text: &str, url: &str) -> Value {
        let inner = || Value::object([("url", url.into()), ("name", Value::Null)]);
        Value::object([
            ("every", every),
            ("text", text.into()),
            ("tables", Value::List(vec![inner()])),
            ("one", inner()),
        ])
    }

    #[test]
    fn what_means_the_same_keeps_its_spelling_at_every_depth() {
        let prior = object("60m".into(), "60m", "s3://b/x/");
        let planned = object("1h".into(), "60m", "s3://b/x");
        assert_eq!(keep(&attributes(), &planned, &prior), prior);
    }

    #[test]
    fn what_means_something_else_or_is_a_mere_text_changes() {
        let prior = object("60m".into(), "60m", "s3://b/x");
        for planned in [
            object("61m".into(), "60m", "s3://b/x"),
            object("60m".into(), "1h", "s3://b/x"),
            object("60m".into(), "60m", "s3://b/y"),
            object("soon".into(), "60m", "s3://b/x"),
            object(Value::Null, "60m", "s3://b/x"),
            object(Value::unknown(), "60m", "s3://b/x"),
        ] {
            assert_eq!(keep(&attributes(), &planned, &prior), planned);
        }
        assert_eq!(keep(&attributes(), &prior, &Value::Null), prior, "of nothing there is nothing to keep");
    }
}
