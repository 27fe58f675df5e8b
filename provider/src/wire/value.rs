//! Terraform values.

use std::collections::BTreeMap;

use unicode_normalization::{UnicodeNormalization as _, is_nfc};

use super::{Number, Path, Step, Type};

/// A value of Terraform's language.
///
/// Null ("not set"), unknown ("decided during apply") and known values are three different things everywhere.
#[derive(Debug, Clone)]
pub enum Value {
    /// Not set.
    Null,
    /// To be decided during apply.
    Unknown(Unknown),
    /// True or false.
    Bool(bool),
    /// A number of arbitrary precision.
    Number(Number),
    /// Text; NFC-normalised when built with [`Value::string`] or decoded.
    String(String),
    /// Ordered elements of one type.
    List(Vec<Self>),
    /// Unordered elements of one type; two sets are equal in any order.
    Set(Vec<Self>),
    /// Text keys with values of one type.
    Map(BTreeMap<String, Self>),
    /// Named attributes; on the wire all attributes of the type are present.
    Object(BTreeMap<String, Self>),
    /// A fixed sequence.
    Tuple(Vec<Self>),
    /// A value of a dynamically typed attribute, with the type that it carries.
    Dynamic(Box<(Type, Self)>),
}

/// An unknown value, with the refinements that Terraform knows about it ("not null", "begins with …").
///
/// Refinements are kept as they came and go back unchanged. They do not count in comparisons, as in Terraform's own
/// comparison of a plan with its configuration.
#[derive(Debug, Clone, Default)]
pub struct Unknown {
    refinements: Option<Box<[u8]>>,
}

impl Unknown {
    /// An unknown value of which nothing else is known.
    #[must_use]
    pub const fn plain() -> Self {
        Self { refinements: None }
    }

    /// An unknown value with encoded refinements (the payload of MessagePack extension 12).
    #[must_use]
    pub fn refined(payload: impl Into<Box<[u8]>>) -> Self {
        Self { refinements: Some(payload.into()) }
    }

    /// The encoded refinements.
    #[must_use]
    pub fn refinements(&self) -> Option<&[u8]> {
        self.refinements.as_deref()
    }
}

impl PartialEq for Unknown {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Unknown {}

impl Value {
    /// Text, normalised to NFC as Terraform does.
    #[must_use]
    pub fn string(text: impl Into<String>) -> Self {
        let text = text.into();
        Self::String(if is_nfc(&text) { text } else { text.nfc().collect() })
    }

    /// A plain unknown value.
    #[must_use]
    pub const fn unknown() -> Self {
        Self::Unknown(Unknown::plain())
    }

    /// An object of the given attributes.
    #[must_use]
    pub fn object<N: Into<String>>(attributes: impl IntoIterator<Item = (N, Self)>) -> Self {
        Self::Object(attributes.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }

    /// Whether the value is null.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether the value itself is unknown; its elements may be even if this is false.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }

    /// Whether neither the value nor anything in it is unknown.
    #[must_use]
    pub fn is_wholly_known(&self) -> bool {
        match self {
            Self::Unknown(_) => false,
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => true,
            Self::List(items) | Self::Set(items) | Self::Tuple(items) => {
                items.iter().all(Self::is_wholly_known)
            }
            Self::Map(entries) | Self::Object(entries) => entries.values().all(Self::is_wholly_known),
            Self::Dynamic(typed) => typed.1.is_wholly_known(),
        }
    }

    /// The text of a known string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a known boolean.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The attributes of a known object.
    #[must_use]
    pub const fn as_object(&self) -> Option<&BTreeMap<String, Self>> {
        match self {
            Self::Object(attributes) => Some(attributes),
            _ => None,
        }
    }

    /// An attribute of an object; null when this is not an object or has no such attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> &Self {
        self.as_object().and_then(|attributes| attributes.get(name)).unwrap_or(&Self::Null)
    }

    /// Sets an attribute of an object; does nothing to any other value.
    pub fn set_attribute(&mut self, name: &str, value: Self) {
        if let Self::Object(attributes) = self {
            attributes.insert(name.to_owned(), value);
        }
    }

    /// The paths of all unknown values in this value; sets count as a whole.
    #[must_use]
    pub fn unknown_paths(&self) -> Vec<Path> {
        let mut found = Vec::new();
        self.collect_unknown(&mut Path::root(), &mut found);
        found
    }

    fn collect_unknown(&self, path: &mut Path, found: &mut Vec<Path>) {
        let mut visit = |step: Step, value: &Self| {
            path.push(step);
            value.collect_unknown(path, found);
            path.pop();
        };
        match self {
            Self::Unknown(_) => found.push(path.clone()),
            Self::Set(_) if !self.is_wholly_known() => found.push(path.clone()),
            Self::Object(attributes) => {
                attributes.iter().for_each(|(name, value)| visit(Step::Attribute(name.clone()), value));
            }
            Self::Map(entries) => {
                entries.iter().for_each(|(key, value)| visit(Step::Key(key.clone()), value));
            }
            Self::List(items) | Self::Tuple(items) => {
                items.iter().enumerate().for_each(|(index, value)| visit(Step::Index(index), value));
            }
            Self::Dynamic(typed) => typed.1.collect_unknown(path, found),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) | Self::Set(_) => {}
        }
    }

    /// What kind of value this is, in the words of messages.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Unknown(_) => "an unknown value",
            Self::Bool(_) => "a bool",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::List(_) => "a list",
            Self::Set(_) => "a set",
            Self::Map(_) => "a map",
            Self::Object(_) => "an object",
            Self::Tuple(_) => "a tuple",
            Self::Dynamic(_) => "a dynamic value",
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Unknown(a), Self::Unknown(b)) => a == b,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Number(a), Self::Number(b)) => a == b,
            (Self::String(a), Self::String(b)) => a == b,
            (Self::List(a), Self::List(b)) | (Self::Tuple(a), Self::Tuple(b)) => a == b,
            (Self::Set(a), Self::Set(b)) => same_elements(a, b),
            (Self::Map(a), Self::Map(b)) | (Self::Object(a), Self::Object(b)) => a == b,
            (Self::Dynamic(a), Self::Dynamic(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Value {}

/// Whether two collections hold the same elements equally often, in any order.
fn same_elements(a: &[Value], b: &[Value]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut taken = vec![false; b.len()];
    a.iter().enumerate().all(|(position, element)| {
        // equal order is the common case and keeps this linear
        let candidates = std::iter::once(position).chain(0..b.len());
        let found = candidates.into_iter().find(|&other| !taken[other] && b[other] == *element);
        found.inspect(|&other| taken[other] = true).is_some()
    })
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::string(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::string(text)
    }
}

impl From<u64> for Value {
    fn from(integer: u64) -> Self {
        Self::Number(integer.into())
    }
}

impl From<i64> for Value {
    fn from(integer: i64) -> Self {
        Self::Number(integer.into())
    }
}

/// Nothing becomes null.
impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_equal_in_any_order_but_not_with_other_counts() {
        let set = |items: &[&str]| Value::Set(items.iter().map(|&item| item.into()).collect());
        assert_eq!(set(&["a", "b"]), set(&["b", "a"]));
        assert_ne!(set(&["a", "b"]), set(&["a", "a"]));
        assert_ne!(set(&["a"]), set(&["a", "b"]));
    }

    #[test]
    fn null_unknown_and_empty_are_different() {
        let values =
            [Value::Null, Value::unknown(), "".into(), Value::List(vec![]), Value::Map(BTreeMap::new())];
        for (i, a) in values.iter().enumerate() {
            for (j, b) in values.iter().enumerate() {
                assert_eq!(i == j, a == b, "{a:?} and {b:?}");
            }
        }
    }

    #[test]
    fn text_is_normalised() {
        assert_eq!(Value::string("e\u{301}"), Value::string("\u{e9}"));
    }

    #[test]
    fn finds_unknown_values_wherever_they_are() {
        let value = Value::object([
            ("a", Value::List(vec!["x".into(), Value::unknown()])),
            ("b", Value::Set(vec![Value::unknown()])),
            ("c", Value::Map(BTreeMap::from([("k".to_owned(), Value::unknown())]))),
        ]);
        let paths: Vec<String> = value.unknown_paths().iter().map(ToString::to_string).collect();
        assert_eq!(paths, ["a[1]", "b", r#"c["k"]"#]);
        assert!(!value.is_wholly_known());
    }
}
