//! Two schemas of the provider, as `terraform providers schema -json` prints them, side by side.

use std::collections::BTreeSet;

use serde_json::Value;

use super::change::{Change, Weight};

/// Every change, by place.
pub(super) fn compare(before: &Value, after: &Value) -> Vec<Change> {
    let mut found = Changes(Vec::new());
    found.attributes("provider", &before["provider"]["block"], &after["provider"]["block"]);
    for (part, what) in [("resource_schemas", ""), ("data_source_schemas", "data.")] {
        for name in names(&before[part], &after[part]) {
            let place = format!("{what}{name}");
            let (old, new) = (before[part].get(name), after[part].get(name));
            if found.stays(&place, old, new)
                && let (Some(old), Some(new)) = (old, new)
            {
                found.attributes(&place, &old["block"], &new["block"]);
            }
        }
    }
    for name in names(&before["functions"], &after["functions"]) {
        let place = format!("function {name}");
        let (old, new) = (before["functions"].get(name), after["functions"].get(name));
        if found.stays(&place, old, new)
            && let (Some(old), Some(new)) = (old, new)
        {
            found.function(&place, old, new);
        }
    }
    found.0.sort_by(|a, b| (b.weight, &a.place).cmp(&(a.weight, &b.place)));
    found.0
}

fn names<'a>(before: &'a Value, after: &'a Value) -> BTreeSet<&'a str> {
    let keys =
        |value: &'a Value| value.as_object().into_iter().flat_map(|known| known.keys().map(String::as_str));
    keys(before).chain(keys(after)).collect()
}

struct Changes(Vec<Change>);

impl Changes {
    fn add(&mut self, weight: Weight, place: &str, what: impl Into<String>) {
        self.0.push(Change { weight, place: place.to_owned(), what: what.into() });
    }

    /// Whether something is there before and after; else that is the change.
    fn stays(&mut self, place: &str, before: Option<&Value>, after: Option<&Value>) -> bool {
        match (before, after) {
            (Some(_), None) => self.add(Weight::Breaking, place, "is gone"),
            (None, Some(_)) => self.add(Weight::Addition, place, "is there"),
            _ => {}
        }
        before.is_some() && after.is_some()
    }

    /// The attributes of a block, or of a nested attribute.
    fn attributes(&mut self, place: &str, before: &Value, after: &Value) {
        let (before, after) = (&before["attributes"], &after["attributes"]);
        for name in names(before, after) {
            let place = format!("{place}.{name}");
            match (before.get(name), after.get(name)) {
                (None, Some(new)) if is(new, "required") => {
                    self.add(Weight::Breaking, &place, "is there, and required");
                }
                (old, new) => {
                    if self.stays(&place, old, new)
                        && let (Some(old), Some(new)) = (old, new)
                    {
                        self.attribute(&place, old, new);
                    }
                }
            }
        }
    }

    fn attribute(&mut self, place: &str, before: &Value, after: &Value) {
        let (old, new) = (shape(before), shape(after));
        if old != new {
            self.add(Weight::Breaking, place, format!("was {old} and is {new}"));
        }
        let configurable = |value: &Value| is(value, "required") || is(value, "optional");
        match (configurable(before), configurable(after)) {
            (true, false) => self.add(Weight::Breaking, place, "can no longer be set"),
            (false, true) if is(after, "required") => self.add(Weight::Breaking, place, "is required"),
            (false, true) => self.add(Weight::Addition, place, "can be set"),
            (true, true) if is(after, "required") && !is(before, "required") => {
                self.add(Weight::Breaking, place, "is required");
            }
            (true, true) if !is(after, "required") && is(before, "required") => {
                self.add(Weight::Addition, place, "may be left out");
            }
            _ => {}
        }
        if is(before, "computed") && !is(after, "computed") && configurable(after) {
            self.add(Weight::Breaking, place, "has no value of its own when it is left out");
        }
        for (flag, what) in [("sensitive", "is sensitive"), ("deprecated", "is deprecated")] {
            if is(after, flag) && !is(before, flag) {
                self.add(Weight::Addition, place, what);
            }
        }
        if before["description"] != after["description"] {
            self.add(Weight::Words, place, "is described in other words");
        }
        self.attributes(place, &before["nested_type"], &after["nested_type"]);
    }

    fn function(&mut self, place: &str, before: &Value, after: &Value) {
        let signature = |value: &Value| {
            let parameters = value["parameters"].as_array().into_iter().flatten();
            let types: Vec<String> = parameters.map(|parameter| parameter["type"].to_string()).collect();
            format!("({}) {}", types.join(", "), value["return_type"])
        };
        let (old, new) = (signature(before), signature(after));
        if old != new {
            self.add(Weight::Breaking, place, format!("was {old} and is {new}"));
        } else if before != after {
            self.add(Weight::Words, place, "is described in other words");
        }
    }
}

fn is(value: &Value, flag: &str) -> bool {
    value[flag] == Value::Bool(true)
}

/// The type, of nested attributes how many objects they hold.
fn shape(attribute: &Value) -> String {
    match &attribute["nested_type"] {
        Value::Null => attribute["type"].to_string(),
        nested => format!("nested {}", nested["nesting_mode"]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with(attributes: &Value) -> Value {
        json!({"resource_schemas": {"x": {"block": {"attributes": attributes}}}})
    }

    fn changes(before: &Value, after: &Value) -> Vec<String> {
        compare(&with(before), &with(after)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_kind_of_change_has_its_weight() {
        let plain = |flag: &str| json!({"a": {"type": "string", flag: true}});
        for (before, after, expected) in [
            (plain("optional"), json!({}), "BREAKING: x.a is gone"),
            (json!({}), plain("optional"), "addition: x.a is there"),
            (json!({}), plain("required"), "BREAKING: x.a is there, and required"),
            (plain("optional"), plain("required"), "BREAKING: x.a is required"),
            (plain("required"), plain("optional"), "addition: x.a may be left out"),
            (plain("optional"), plain("computed"), "BREAKING: x.a can no longer be set"),
            (plain("computed"), plain("optional"), "addition: x.a can be set"),
            (
                plain("optional"),
                json!({"a": {"type": "number", "optional": true}}),
                "BREAKING: x.a was \"string\" and is \"number\"",
            ),
            (
                plain("optional"),
                json!({"a": {"type": "string", "optional": true, "description": "d"}}),
                "words: x.a is described in other words",
            ),
        ] {
            assert!(
                changes(&before, &after).iter().any(|change| change == expected),
                "{expected}: {before} {after}"
            );
        }
        assert_eq!(changes(&plain("optional"), &plain("optional")), [""; 0]);
    }

    #[test]
    fn nested_attributes_are_compared_and_a_default_is_missed() {
        let nested = |inner: Value| json!({"n": {"optional": true, "nested_type": {"nesting_mode": "list", "attributes": inner}}});
        let before = nested(json!({"a": {"type": "bool", "optional": true, "computed": true}}));
        let after = nested(json!({"a": {"type": "bool", "optional": true}}));
        assert_eq!(changes(&before, &after), ["BREAKING: x.n.a has no value of its own when it is left out"]);
    }
}
