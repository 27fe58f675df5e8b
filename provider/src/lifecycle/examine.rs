//! A configuration against what its schema says beyond types, with unknown values in it.
//!
//! An unknown value can be anything: nothing is reported about it, and for the rules of the documents (crate
//! `lakedr-control`), which know no unknown values, a harmless stand-in takes its place.

use std::collections::BTreeMap;

use crate::wire::{
    Attribute, Constraint, Diagnostic, Kind, Nesting, Path, Presence, Schema, Step, Type, Value,
};

/// A configuration whose schema rules have been checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Examined {
    /// The configuration with its defaults, and with a stand-in for every value that cannot be judged.
    pub judged: Value,
    /// The places of the stand-ins: unknown values, and values about which something was reported.
    pub stand_ins: Vec<Path>,
    /// What is wrong, and what is deprecated.
    pub problems: Vec<Diagnostic>,
}

impl Examined {
    /// Whether what is said about `path` may rest on a stand-in.
    #[must_use]
    pub fn is_doubtful(&self, path: &Path) -> bool {
        self.stand_ins.iter().any(|stand_in| stand_in.overlaps(path))
    }
}

/// Checks a configuration against the constraints of its schema and completes it with stand-ins and defaults.
#[must_use]
pub fn examine(schema: &Schema, config: &Value) -> Examined {
    let mut examiner = Examiner { path: Path::root(), stand_ins: Vec::new(), problems: Vec::new() };
    let judged = examiner.attributes(&schema.attributes, config);
    Examined { judged, stand_ins: examiner.stand_ins, problems: examiner.problems }
}

struct Examiner {
    path: Path,
    stand_ins: Vec<Path>,
    problems: Vec<Diagnostic>,
}

impl Examiner {
    fn attributes(&mut self, attributes: &[Attribute], object: &Value) -> Value {
        let configurable = attributes.iter().filter(|attribute| attribute.is_configurable());
        let judged: BTreeMap<String, Value> = configurable
            .map(|attribute| {
                let step = Step::Attribute(attribute.name.to_owned());
                let value = object.attribute(attribute.name);
                (attribute.name.to_owned(), self.inside(step, |this| this.attribute(attribute, value)))
            })
            .collect();
        Value::Object(judged)
    }

    fn attribute(&mut self, attribute: &Attribute, value: &Value) -> Value {
        if let (Some(instead), false) =
            (attribute.deprecated, matches!(value, Value::Null | Value::Unknown(_)))
        {
            let detail = format!("{}: {instead}", self.path);
            self.problems.push(Diagnostic::warning("Argument is deprecated", detail).at(self.path.clone()));
        }
        match (value, &attribute.presence) {
            (Value::Null, Presence::Default(default)) => default.clone(),
            (Value::Null, _) => Value::Null,
            (Value::Unknown(_), _) => self.stand_in(attribute),
            _ => match &attribute.kind {
                Kind::Plain(ty) => self.plain(attribute, ty, value),
                Kind::Nested(_, attributes) => self.nested(attributes, value),
            },
        }
    }

    fn nested(&mut self, attributes: &[Attribute], value: &Value) -> Value {
        match value {
            Value::Object(_) => self.attributes(attributes, value),
            Value::List(items) => {
                let items = items.iter().enumerate();
                Value::List(
                    items
                        .map(|(index, item)| self.nested_item(Step::Index(index), attributes, item))
                        .collect(),
                )
            }
            Value::Map(entries) => Value::Map(
                entries
                    .iter()
                    .map(|(key, item)| {
                        (key.clone(), self.nested_item(Step::Key(key.clone()), attributes, item))
                    })
                    .collect(),
            ),
            Value::Set(items) => {
                Value::Set(items.iter().map(|item| self.attributes(attributes, item)).collect())
            }
            other => other.clone(),
        }
    }

    fn nested_item(&mut self, step: Step, attributes: &[Attribute], item: &Value) -> Value {
        self.inside(step, |this| match item {
            Value::Unknown(_) => this.stand_in_object(attributes),
            Value::Null => {
                this.report(
                    "Missing value",
                    "An element of this collection is null; remove it or give it a value.",
                );
                this.stand_in_object(attributes)
            }
            item => this.attributes(attributes, item),
        })
    }

    fn plain(&mut self, attribute: &Attribute, ty: &Type, value: &Value) -> Value {
        match (value, ty) {
            (Value::List(items), Type::List(ty)) => {
                let items = items.iter().enumerate();
                Value::List(items.map(|(index, item)| self.element(Step::Index(index), ty, item)).collect())
            }
            (Value::Map(entries), Type::Map(ty)) => {
                let entries = entries.iter();
                let judged =
                    entries.map(|(key, item)| (key.clone(), self.element(Step::Key(key.clone()), ty, item)));
                Value::Map(judged.collect())
            }
            _ => self.constrained(attribute, value),
        }
    }

    fn element(&mut self, step: Step, ty: &Type, item: &Value) -> Value {
        self.inside(step, |this| match item {
            Value::Unknown(_) => this.stand_in_plain(ty, None),
            Value::Null => {
                this.report(
                    "Missing value",
                    "An element of this collection is null; remove it or give it a value.",
                );
                this.stand_in_plain(ty, None)
            }
            item => item.clone(),
        })
    }

    fn constrained(&mut self, attribute: &Attribute, value: &Value) -> Value {
        match (attribute.constraint, value) {
            (Some(Constraint::Whole { min, max }), Value::Number(number)) => {
                if number.as_u64().is_some_and(|whole| (min..=max).contains(&whole)) {
                    return value.clone();
                }
                let detail = format!("{number} is not a whole number from {min} to {max}.");
                self.report("Number out of range", detail);
                self.stand_in(attribute)
            }
            (Some(Constraint::OneOf(choices)), Value::String(text)) => {
                if choices.contains(&text.as_str()) {
                    return value.clone();
                }
                let choices: Vec<String> = choices.iter().map(|choice| format!("{choice:?}")).collect();
                self.report("Unsupported value", format!("{text:?} is not one of {}.", choices.join(", ")));
                self.stand_in(attribute)
            }
            (None, Value::Number(number)) if !number.to_f64().is_finite() => {
                self.report("Number out of range", format!("{number} is too large."));
                self.stand_in(attribute)
            }
            _ => value.clone(),
        }
    }

    /// A harmless value in place of an attribute that cannot be judged.
    fn stand_in(&mut self, attribute: &Attribute) -> Value {
        match &attribute.kind {
            Kind::Plain(ty) => self.stand_in_plain(ty, attribute.constraint),
            Kind::Nested(Nesting::Single, attributes) => match &attribute.presence {
                Presence::Default(default) => self.marked(default.clone()),
                _ => self.stand_in_object(attributes),
            },
            Kind::Nested(Nesting::List, _) => self.marked(Value::List(Vec::new())),
            Kind::Nested(Nesting::Set, _) => self.marked(Value::Set(Vec::new())),
            Kind::Nested(Nesting::Map, _) => self.marked(Value::Map(BTreeMap::new())),
        }
    }

    /// An object in which everything is given that can be: what is missing in it must not be missed.
    fn stand_in_object(&mut self, attributes: &[Attribute]) -> Value {
        let configurable = attributes.iter().filter(|attribute| attribute.is_configurable());
        let filled: BTreeMap<String, Value> = configurable
            .map(|attribute| {
                let value = match &attribute.presence {
                    Presence::Default(default) => default.clone(),
                    _ => self.stand_in(attribute),
                };
                (attribute.name.to_owned(), value)
            })
            .collect();
        self.marked(Value::Object(filled))
    }

    /// Every stand-in for text is another one, so that none is mistaken for a repetition.
    fn stand_in_plain(&mut self, ty: &Type, constraint: Option<Constraint>) -> Value {
        let value = match (ty, constraint) {
            (_, Some(Constraint::OneOf([first, ..]))) => Value::string(*first),
            (_, Some(Constraint::Whole { min, .. })) => Value::from(min),
            (Type::String, _) => Value::string(format!("unknown-{}", self.stand_ins.len())),
            (Type::Number, _) => Value::from(0u64),
            (Type::Bool, _) => Value::Bool(false),
            (Type::List(_), _) => Value::List(Vec::new()),
            (Type::Set(_), _) => Value::Set(Vec::new()),
            (Type::Map(_), _) => Value::Map(BTreeMap::new()),
            _ => Value::Null,
        };
        self.marked(value)
    }

    fn marked(&mut self, value: Value) -> Value {
        self.stand_ins.push(self.path.clone());
        value
    }

    fn report(&mut self, summary: &str, detail: impl Into<String>) {
        let detail = format!("{}: {}", self.path, detail.into());
        self.problems.push(Diagnostic::error(summary, detail).at(self.path.clone()));
    }

    fn inside<T>(&mut self, step: Step, examine: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step);
        let examined = examine(self);
        self.path.pop();
        examined
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Severity;

    fn schema() -> Schema {
        let attributes = vec![
            Attribute::string("name").required(),
            Attribute::number("count").whole(1, 10).default(3u64),
            Attribute::string("mode").one_of(&["fast", "slow"]),
            Attribute::plain("options", Type::map(Type::String)),
            Attribute::objects(
                "tables",
                vec![Attribute::string("url").required(), Attribute::string("note")],
            ),
            Attribute::object("side", vec![Attribute::string("region").required()]).required(),
        ];
        Schema { version: 0, description: "", attributes }
    }

    fn config(attributes: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
        let mut config = crate::lifecycle::plan::blank(&schema());
        config.set_attribute("name", "n".into());
        config.set_attribute("side", Value::object([("region", "r".into())]));
        attributes.into_iter().for_each(|(name, value)| config.set_attribute(name, value));
        config
    }

    fn messages(examined: &Examined) -> Vec<String> {
        examined.problems.iter().map(|problem| problem.detail.clone()).collect()
    }

    #[test]
    fn all_mistakes_are_found_at_once_each_at_its_place() {
        let options = Value::Map([("a".to_owned(), Value::Null)].into());
        let number = |text: &str| Value::Number(text.parse().unwrap());
        let config = config([
            ("count", number("1.5")),
            ("mode", "medium".into()),
            ("options", options),
            ("tables", Value::List(vec![Value::Null])),
        ]);
        let null = "An element of this collection is null; remove it or give it a value.";
        assert_eq!(
            messages(&examine(&schema(), &config)),
            [
                "count: 1.5 is not a whole number from 1 to 10.".to_owned(),
                r#"mode: "medium" is not one of "fast", "slow"."#.to_owned(),
                format!(r#"options["a"]: {null}"#),
                format!("tables[0]: {null}"),
            ]
        );
    }

    #[test]
    fn what_is_deprecated_is_a_warning_where_it_is_used() {
        let inner =
            vec![Attribute::string("place").deprecated("Use `url` instead."), Attribute::string("url")];
        let schema =
            Schema { version: 0, description: "", attributes: vec![Attribute::objects("tables", inner)] };
        let table = |place: Value| Value::object([("place", place), ("url", Value::Null)]);
        let tables = vec![table(Value::Null), table(Value::unknown()), table("old".into())];
        let examined = examine(&schema, &Value::object([("tables", Value::List(tables))]));
        let [warning] = examined.problems.as_slice() else { panic!("{:?}", examined.problems) };
        assert_eq!(
            (warning.severity, &*warning.detail),
            (Severity::Warning, "tables[2].place: Use `url` instead.")
        );
    }

    #[test]
    fn unknown_values_are_never_reported_and_get_stand_ins_of_their_type() {
        let config = config([
            ("name", Value::unknown()),
            ("count", Value::unknown()),
            ("mode", Value::unknown()),
            ("options", Value::unknown()),
            ("tables", Value::List(vec![Value::unknown()])),
            ("side", Value::unknown()),
        ]);
        let examined = examine(&schema(), &config);
        assert_eq!(examined.problems, []);
        assert!(examined.judged.is_wholly_known());
        assert_ne!(examined.judged.attribute("name"), examined.judged.attribute("side").attribute("region"));
        assert!(examined.is_doubtful(&Path::attribute("side").join(Step::Attribute("region".into()))));
        assert!(examined.is_doubtful(&Path::attribute("tables")));
    }

    #[test]
    fn defaults_are_filled_in_and_known_values_stay() {
        let examined = examine(&schema(), &config([("mode", "slow".into())]));
        assert_eq!(examined.judged.attribute("count"), &Value::from(3u64));
        assert_eq!(examined.judged.attribute("mode"), &Value::from("slow"));
        assert!(!examined.is_doubtful(&Path::attribute("mode")));
    }
}
