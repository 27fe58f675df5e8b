//! Our own model of resource schemas: what Terraform is told, and what planning and validation go by.

use std::collections::BTreeMap;

use super::{Type, Value};

/// The schema of a resource, a data source or the provider block. Nested attributes only, no blocks.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    /// Version of the state format; rises when older states must be upgraded.
    pub version: i64,
    /// What it is for, in Markdown.
    pub description: &'static str,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
}

/// One attribute.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// Its name.
    pub name: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// Who gives the value.
    pub presence: Presence,
    /// Whether Terraform hides the value.
    pub sensitive: bool,
    /// Whether another value means another object: destroyed and created instead of updated.
    pub requires_replace: bool,
    /// A rule that every known value must keep.
    pub constraint: Option<Constraint>,
    /// What the text stands for, if different texts may stand for the same.
    pub meaning: Option<Meaning>,
    /// What it means, in Markdown.
    pub description: &'static str,
    /// What to do instead, if it is not to be used any more: a whole sentence in Markdown.
    pub deprecated: Option<&'static str>,
}

/// What a text stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// A time: `60m` is `1h`.
    Duration,
    /// The URL of a place in a store: a slash at its end says nothing.
    Place,
}

/// What values an attribute takes.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Values of a type.
    Plain(Type),
    /// Objects with attributes of their own.
    Nested(Nesting, Vec<Attribute>),
}

/// How many objects a nested attribute holds, and how they are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nesting {
    /// One object.
    Single,
    /// Objects in order.
    List,
    /// Different objects without order.
    Set,
    /// Objects by key.
    Map,
}

/// Who gives the value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Presence {
    /// The configuration, always.
    Required,
    /// The configuration; null when it is left out.
    Optional,
    /// The configuration, or this value when it is left out.
    Default(Value),
    /// The provider alone.
    Computed(Stability),
}

/// What changes a value that the provider gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stability {
    /// By every update: unknown in each plan that changes anything.
    Volatile,
    /// By no update: a plan keeps the last known value.
    Stable,
}

/// A rule for known values that the type cannot express.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Constraint {
    /// A whole number of this range, bounds included.
    Whole {
        /// Least value.
        min: u64,
        /// Greatest value.
        max: u64,
    },
    /// One of these texts.
    OneOf(&'static [&'static str]),
}

impl Schema {
    /// The type that values of this schema have on the wire.
    #[must_use]
    pub fn ty(&self) -> Type {
        object_type(&self.attributes)
    }
}

/// The object type of attributes.
#[must_use]
pub fn object_type<'a>(attributes: impl IntoIterator<Item = &'a Attribute>) -> Type {
    let attributes = attributes.into_iter();
    Type::Object(attributes.map(|attribute| (attribute.name.to_owned(), attribute.ty())).collect())
}

impl Attribute {
    fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            presence: Presence::Optional,
            sensitive: false,
            requires_replace: false,
            constraint: None,
            meaning: None,
            description: "",
            deprecated: None,
        }
    }

    /// An optional attribute of the given type.
    #[must_use]
    pub fn plain(name: &'static str, ty: Type) -> Self {
        Self::new(name, Kind::Plain(ty))
    }

    /// An optional text.
    #[must_use]
    pub fn string(name: &'static str) -> Self {
        Self::plain(name, Type::String)
    }

    /// An optional number.
    #[must_use]
    pub fn number(name: &'static str) -> Self {
        Self::plain(name, Type::Number)
    }

    /// An optional boolean.
    #[must_use]
    pub fn bool(name: &'static str) -> Self {
        Self::plain(name, Type::Bool)
    }

    /// An optional object with attributes of its own.
    #[must_use]
    pub fn object(name: &'static str, attributes: Vec<Self>) -> Self {
        Self::new(name, Kind::Nested(Nesting::Single, attributes))
    }

    /// An optional list of objects.
    #[must_use]
    pub fn objects(name: &'static str, attributes: Vec<Self>) -> Self {
        Self::new(name, Kind::Nested(Nesting::List, attributes))
    }

    /// Must be in the configuration.
    #[must_use]
    pub fn required(self) -> Self {
        Self { presence: Presence::Required, ..self }
    }

    /// Has this value when the configuration leaves it out.
    #[must_use]
    pub fn default(self, value: impl Into<Value>) -> Self {
        Self { presence: Presence::Default(value.into()), ..self }
    }

    /// When the configuration leaves the object out, it is the object of the defaults of its attributes.
    #[must_use]
    pub fn default_nested(self) -> Self {
        let default = match &self.kind {
            Kind::Nested(_, attributes) => Value::object(attributes.iter().map(|attribute| {
                let value = match &attribute.presence {
                    Presence::Default(value) => value.clone(),
                    _ => Value::Null,
                };
                (attribute.name, value)
            })),
            Kind::Plain(_) => Value::Null,
        };
        self.default(default)
    }

    /// Given by the provider.
    #[must_use]
    pub fn computed(self, stability: Stability) -> Self {
        Self { presence: Presence::Computed(stability), ..self }
    }

    /// Hidden in Terraform's output.
    #[must_use]
    pub fn sensitive(self) -> Self {
        Self { sensitive: true, ..self }
    }

    /// Another value is another object.
    #[must_use]
    pub fn requires_replace(self) -> Self {
        Self { requires_replace: true, ..self }
    }

    /// Only whole numbers of this range.
    #[must_use]
    pub fn whole(self, min: u64, max: u64) -> Self {
        Self { constraint: Some(Constraint::Whole { min, max }), ..self }
    }

    /// Only these texts.
    #[must_use]
    pub fn one_of(self, choices: &'static [&'static str]) -> Self {
        Self { constraint: Some(Constraint::OneOf(choices)), ..self }
    }

    /// Texts that stand for the same are no difference.
    #[must_use]
    pub fn meaning(self, meaning: Meaning) -> Self {
        Self { meaning: Some(meaning), ..self }
    }

    /// Says what the attribute means, in Markdown.
    #[must_use]
    pub fn describe(self, description: &'static str) -> Self {
        Self { description, ..self }
    }

    /// Still works, but is not to be used any more: a plan says so at the attribute, with what to do instead.
    #[must_use]
    pub fn deprecated(self, instead: &'static str) -> Self {
        Self { deprecated: Some(instead), ..self }
    }

    /// What the attribute means, and what follows from the schema: its default, whether a change replaces the resource, and what
    /// to do instead if it is deprecated.
    #[must_use]
    pub fn documentation(&self) -> String {
        let default = match &self.presence {
            Presence::Default(Value::String(text)) => format!(" Defaults to `{text}`."),
            Presence::Default(Value::Bool(is)) => format!(" Defaults to `{is}`."),
            Presence::Default(Value::Number(number)) => format!(" Defaults to `{number}`."),
            _ => String::new(),
        };
        let replaces =
            if self.requires_replace { " Changing this forces a new resource to be created." } else { "" };
        let deprecated =
            self.deprecated.map(|instead| format!(" **Deprecated:** {instead}")).unwrap_or_default();
        format!("{}{default}{replaces}{deprecated}", self.description)
    }

    /// The type that values of this attribute have on the wire.
    #[must_use]
    pub fn ty(&self) -> Type {
        match &self.kind {
            Kind::Plain(ty) => ty.clone(),
            Kind::Nested(Nesting::Single, attributes) => object_type(attributes),
            Kind::Nested(Nesting::List, attributes) => Type::list(object_type(attributes)),
            Kind::Nested(Nesting::Set, attributes) => Type::set(object_type(attributes)),
            Kind::Nested(Nesting::Map, attributes) => Type::map(object_type(attributes)),
        }
    }

    /// Whether the provider may give the value when the configuration does not.
    #[must_use]
    pub const fn is_computed(&self) -> bool {
        matches!(self.presence, Presence::Computed(_) | Presence::Default(_))
    }

    /// Whether the configuration may give the value.
    #[must_use]
    pub const fn is_configurable(&self) -> bool {
        !matches!(self.presence, Presence::Computed(_))
    }
}

/// The object of the given attributes in which every attribute is null.
#[must_use]
pub fn empty_object(attributes: &[Attribute]) -> Value {
    let nulls: BTreeMap<String, Value> =
        attributes.iter().map(|attribute| (attribute.name.to_owned(), Value::Null)).collect();
    Value::Object(nulls)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_attributes_imply_collections_of_objects() {
        let inner = || vec![Attribute::string("a").required()];
        let nested = |nesting| Attribute::new("x", Kind::Nested(nesting, inner()));
        let schema = Schema {
            version: 0,
            description: "",
            attributes: vec![
                Attribute { name: "l", ..nested(Nesting::List) },
                Attribute { name: "m", ..nested(Nesting::Map) },
                Attribute { name: "o", ..nested(Nesting::Single) },
                Attribute { name: "s", ..nested(Nesting::Set) },
            ],
        };
        let object = r#"["object",{"a":"string"}]"#;
        let expected = format!(
            r#"["object",{{"l":["list",{object}],"m":["map",{object}],"o":{object},"s":["set",{object}]}}]"#
        );
        assert_eq!(schema.ty().to_string(), expected);
    }

    #[test]
    fn what_follows_from_the_schema_is_part_of_the_documentation() {
        let plain = Attribute::string("a").describe("A.");
        assert_eq!(plain.documentation(), "A.");
        let number = Attribute::number("a").default(3u64).describe("A.");
        assert_eq!(number.documentation(), "A. Defaults to `3`.");
        let replaced = Attribute::bool("a").default(false).requires_replace().describe("A.");
        assert_eq!(
            replaced.documentation(),
            "A. Defaults to `false`. Changing this forces a new resource to be created."
        );
        let old = Attribute::string("a").describe("A.").deprecated("Use `b` instead.");
        assert_eq!(old.documentation(), "A. **Deprecated:** Use `b` instead.");
    }

    #[test]
    fn a_default_object_is_made_of_the_defaults_inside() {
        let attribute = Attribute::object(
            "retry",
            vec![Attribute::number("attempts").default(3u64), Attribute::string("note")],
        )
        .default_nested();
        let expected = Value::object([("attempts", 3u64.into()), ("note", Value::Null)]);
        assert_eq!(attribute.presence, Presence::Default(expected));
    }
}
