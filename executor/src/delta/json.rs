//! Lossless JSON objects: the text as it was written, opened one level at a time.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;

/// A JSON object kept as text; cloning shares the text.
///
/// Numbers never pass through a float and unknown fields stay where they are.
#[derive(Debug, Clone)]
pub struct RawObject(Arc<str>);

/// Why a JSON text is not the object that the protocol asks for.
#[derive(Debug, Error)]
pub enum JsonError {
    /// The text is not a JSON object.
    #[error("not a json object: {source}")]
    NotAnObject {
        /// What the parser met.
        source: serde_json::Error,
    },
    /// A field that the protocol requires is absent or null.
    #[error("required field `{field}` is missing")]
    Missing {
        /// Name of the field.
        field: &'static str,
    },
    /// A field holds a value of another type.
    #[error("field `{field}` has an unexpected value: {source}")]
    Mistyped {
        /// Name of the field.
        field: &'static str,
        /// What the parser met.
        source: serde_json::Error,
    },
}

impl RawObject {
    /// Parses one object; the text is kept verbatim.
    ///
    /// # Errors
    /// [`JsonError::NotAnObject`] when the text is anything else.
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        Fields::parse(text)?;
        Ok(Self(Arc::from(text)))
    }

    /// Takes a value that a parser has gone through already; it is not parsed again.
    ///
    /// # Errors
    /// [`JsonError::NotAnObject`] when the value is anything but an object.
    pub fn of_value(value: &RawValue) -> Result<Self, JsonError> {
        if value.get().starts_with('{') { Ok(Self(Arc::from(value.get()))) } else { Self::parse(value.get()) }
    }

    /// Takes a text that this crate has put together as an object.
    pub(super) fn assembled(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The text as written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The fields in their order of appearance.
    #[must_use]
    pub fn fields(&self) -> Fields<'_> {
        // The constructor has parsed the same text, so an error cannot occur here.
        Fields::parse(self.text()).unwrap_or_default()
    }

    /// The same object with one field set to a raw JSON text: replaced in place, or appended.
    #[must_use]
    pub fn with_raw(&self, name: &str, json: &str) -> Self {
        let mut object = ObjectWriter::default();
        let mut found = false;
        for (key, value) in self.fields().iter() {
            if key == name {
                found = true;
                object.raw(key, json);
            } else {
                object.raw(key, value.get());
            }
        }
        if !found {
            object.raw(name, json);
        }
        object.finish()
    }
}

/// One level of an opened object.
#[derive(Debug, Default)]
pub struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// Opens one level of an object.
    ///
    /// # Errors
    /// [`JsonError::NotAnObject`] when the text is anything else.
    pub fn parse(text: &'a str) -> Result<Self, JsonError> {
        serde_json::from_str(text).map_err(|source| JsonError::NotAnObject { source })
    }

    /// Name and value of each field, nulls included.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), *value))
    }

    /// The value of a field; null and absent are the same. Of a repeated name the last one counts.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        let (_, value) = self.0.iter().rev().find(|(key, _)| key == name)?;
        (value.get() != "null").then_some(*value)
    }

    /// A field as a typed value, `None` when null or absent.
    ///
    /// # Errors
    /// [`JsonError::Mistyped`] when the value does not parse as `T`.
    pub fn optional<T: DeserializeOwned>(&self, field: &'static str) -> Result<Option<T>, JsonError> {
        self.get(field)
            .map(|raw| {
                serde_json::from_str(raw.get()).map_err(|source| JsonError::Mistyped { field, source })
            })
            .transpose()
    }

    /// A field as a typed value.
    ///
    /// # Errors
    /// [`JsonError::Missing`] when null or absent, [`JsonError::Mistyped`] when it is something else.
    pub fn required<T: DeserializeOwned>(&self, field: &'static str) -> Result<T, JsonError> {
        self.optional(field)?.ok_or(JsonError::Missing { field })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a json object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(Key(name)) = map.next_key()? {
                    fields.push((name, map.next_value()?));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}

/// An object key, borrowed where the text has no escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object key")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

/// Appends a text as a JSON string, escaped where JSON asks for it and nowhere else.
pub(super) fn quote(text: &str, out: &mut String) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate().filter(|(_, byte)| needs_escape(*byte)) {
        out.push_str(text.get(plain..at).unwrap_or_default());
        plain = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            control => {
                let hex = |digit: u8| char::from_digit(u32::from(digit), 16).unwrap_or_default();
                out.push_str("\\u00");
                out.push(hex(control >> 4));
                out.push(hex(control & 0xf));
            }
        }
    }
    out.push_str(text.get(plain..).unwrap_or_default());
    out.push('"');
}

fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Writes a JSON object field by field, in the order of the calls.
#[derive(Debug, Default)]
pub struct ObjectWriter(String);

impl ObjectWriter {
    /// Adds a field whose value is a JSON text already; the caller answers for its validity.
    pub fn raw(&mut self, name: &str, json: &str) -> &mut Self {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        quote(name, &mut self.0);
        self.0.push(':');
        self.0.push_str(json);
        self
    }

    /// Adds a field.
    pub fn field(&mut self, name: &str, value: impl Into<Value>) -> &mut Self {
        self.raw(name, &value.into().to_string())
    }

    /// Adds a field unless the value is absent.
    pub fn optional(&mut self, name: &str, value: Option<impl Into<Value>>) -> &mut Self {
        if let Some(value) = value {
            self.field(name, value);
        }
        self
    }

    /// The text of the object.
    #[must_use]
    pub fn text(mut self) -> String {
        if self.0.is_empty() {
            self.0.push('{');
        }
        self.0.push('}');
        self.0
    }

    /// The object.
    #[must_use]
    pub fn finish(self) -> RawObject {
        RawObject(Arc::from(self.text()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_as_any_json_writer_would() {
        let controls: String = (0_u8..0x20).map(char::from).collect();
        for text in ["", "plain", "\"", "a\"b\\c/d", "ü€😀\u{7f}\u{2028}", controls.as_str()] {
            let mut quoted = String::from("x");
            quote(text, &mut quoted);
            assert_eq!(quoted, format!("x{}", Value::from(text)));
        }
    }

    #[test]
    fn a_parsed_value_is_taken_if_it_is_an_object() {
        let taken = |text: &str| {
            let value: &RawValue = serde_json::from_str(text).expect("json");
            RawObject::of_value(value).map(|object| object.text().to_owned()).ok()
        };
        assert_eq!(taken(" {\"a\" : 1} ").as_deref(), Some("{\"a\" : 1}"));
        for other in ["[1]", "\"{}\"", "7", "null"] {
            assert_eq!(taken(other), None, "{other}");
        }
    }
}
