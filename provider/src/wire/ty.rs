//! Type constraints and their JSON form.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde_json::Value as Json;

/// The type that a value must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// Unicode text, NFC-normalised.
    String,
    /// A number of arbitrary precision.
    Number,
    /// True or false.
    Bool,
    /// Any type; the value carries its own type constraint.
    Dynamic,
    /// An ordered sequence of one element type.
    List(Box<Self>),
    /// An unordered collection of different elements of one type.
    Set(Box<Self>),
    /// Text keys with values of one type.
    Map(Box<Self>),
    /// A fixed set of named attributes.
    Object(BTreeMap<String, Self>),
    /// A fixed sequence of types.
    Tuple(Vec<Self>),
}

/// Text that is not a type constraint in JSON form.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a type constraint in JSON form")]
pub struct ParseTypeError;

impl Type {
    /// A list of the given element type.
    #[must_use]
    pub fn list(element: Self) -> Self {
        Self::List(Box::new(element))
    }

    /// A set of the given element type.
    #[must_use]
    pub fn set(element: Self) -> Self {
        Self::Set(Box::new(element))
    }

    /// A map to the given element type.
    #[must_use]
    pub fn map(element: Self) -> Self {
        Self::Map(Box::new(element))
    }

    /// The JSON form, as in the `type` field of schemas: `"string"`, `["list","string"]`, `["object",{"a":"bool"}]`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let collection = |kind: &str, element: &Self| Json::from(vec![Json::from(kind), element.to_json()]);
        match self {
            Self::String => Json::from("string"),
            Self::Number => Json::from("number"),
            Self::Bool => Json::from("bool"),
            Self::Dynamic => Json::from("dynamic"),
            Self::List(element) => collection("list", element),
            Self::Set(element) => collection("set", element),
            Self::Map(element) => collection("map", element),
            Self::Object(attributes) => {
                let attributes = attributes.iter().map(|(name, ty)| (name.clone(), ty.to_json())).collect();
                Json::from(vec![Json::from("object"), Json::Object(attributes)])
            }
            Self::Tuple(elements) => {
                let elements: Vec<Json> = elements.iter().map(Self::to_json).collect();
                Json::from(vec![Json::from("tuple"), Json::from(elements)])
            }
        }
    }

    fn from_json(json: &Json) -> Result<Self, ParseTypeError> {
        match json {
            Json::String(name) => Self::from_name(name),
            Json::Array(parts) => Self::from_parts(parts),
            _ => Err(ParseTypeError),
        }
    }

    fn from_name(name: &str) -> Result<Self, ParseTypeError> {
        match name {
            "string" => Ok(Self::String),
            "number" => Ok(Self::Number),
            "bool" => Ok(Self::Bool),
            "dynamic" => Ok(Self::Dynamic),
            _ => Err(ParseTypeError),
        }
    }

    /// An optional third part of an object lists its optional attributes; on the wire they are always present.
    fn from_parts(parts: &[Json]) -> Result<Self, ParseTypeError> {
        let (kind, inner, rest) = match parts {
            [Json::String(kind), inner, rest @ ..] => (kind.as_str(), inner, rest),
            _ => return Err(ParseTypeError),
        };
        match (kind, inner, rest) {
            ("list", _, []) => Ok(Self::list(Self::from_json(inner)?)),
            ("set", _, []) => Ok(Self::set(Self::from_json(inner)?)),
            ("map", _, []) => Ok(Self::map(Self::from_json(inner)?)),
            ("tuple", Json::Array(elements), []) => {
                elements.iter().map(Self::from_json).collect::<Result<_, _>>().map(Self::Tuple)
            }
            ("object", Json::Object(attributes), [] | [Json::Array(_)]) => attributes
                .iter()
                .map(|(name, ty)| Ok((name.clone(), Self::from_json(ty)?)))
                .collect::<Result<_, _>>()
                .map(Self::Object),
            _ => Err(ParseTypeError),
        }
    }
}

impl FromStr for Type {
    type Err = ParseTypeError;

    fn from_str(text: &str) -> Result<Self, ParseTypeError> {
        Self::from_json(&serde_json::from_str(text).map_err(|_| ParseTypeError)?)
    }
}

/// The compact JSON form.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_json().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_form_round_trips() {
        for text in [
            r#""string""#,
            r#""number""#,
            r#""bool""#,
            r#""dynamic""#,
            r#"["list","string"]"#,
            r#"["set",["map","number"]]"#,
            r#"["object",{"a":"string","b":["list","bool"]}]"#,
            r#"["tuple",["string","number"]]"#,
            r#"["tuple",[]]"#,
        ] {
            assert_eq!(text.parse::<Type>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn optional_attributes_are_accepted_and_dropped() {
        let ty: Type = r#"["object",{"a":"string"},["a"]]"#.parse().unwrap();
        assert_eq!(ty.to_string(), r#"["object",{"a":"string"}]"#);
    }

    #[test]
    fn refuses_what_would_crash_terraform() {
        for text in
            ["", "string", r#""text""#, r#"["list"]"#, r#"["list","string","x"]"#, r#"["object",["a"]]"#, "7"]
        {
            assert_eq!(text.parse::<Type>(), Err(ParseTypeError), "{text}");
        }
    }
}
