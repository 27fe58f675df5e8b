//! The JSON encoding of values, directed by their type: the form of Terraform's state file, and the bridge to the
//! documents of the control store.
//!
//! Numbers are read and written digit by digit, never through a double.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{CodecError, Number, Path, Problem, Step, Type, Value};

/// What [`encode`] does with attributes of objects that are null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nulls {
    /// Written as `null`.
    Keep,
    /// Left out.
    Omit,
}

/// Decodes JSON text of type `ty`.
///
/// Lenient where older states need it: a missing attribute is null, numbers and booleans may be text and the reverse.
///
/// # Errors
///
/// [`CodecError`] with the path of the first place where the text does not follow the type.
pub fn decode(text: &str, ty: &Type) -> Result<Value, CodecError> {
    Reader { path: Path::root() }.value(text, ty)
}

/// Encodes a value as compact JSON with sorted keys.
///
/// # Errors
///
/// [`Problem::UnknownInJson`] if a part of the value is unknown.
pub fn encode(value: &Value, nulls: Nulls) -> Result<String, CodecError> {
    let mut writer = Writer { out: String::new(), nulls, path: Path::root() };
    writer.value(value)?;
    Ok(writer.out)
}

struct Reader {
    path: Path,
}

impl Reader {
    fn value(&mut self, text: &str, ty: &Type) -> Result<Value, CodecError> {
        if text.trim() == "null" {
            return Ok(Value::Null);
        }
        match ty {
            Type::String => self.string(text),
            Type::Number => self.number(text).map(Value::Number),
            Type::Bool => self.bool(text).map(Value::Bool),
            Type::List(element) => self.elements(text, element, "a list").map(Value::List),
            Type::Set(element) => self.elements(text, element, "a set").map(Value::Set),
            Type::Tuple(types) => self.tuple(text, types).map(Value::Tuple),
            Type::Map(element) => self.map(text, element).map(Value::Map),
            Type::Object(types) => self.object(text, types).map(Value::Object),
            Type::Dynamic => self.dynamic(text),
        }
    }

    fn string(&self, text: &str) -> Result<Value, CodecError> {
        match scalar(text) {
            Some(Scalar::Text(text)) => Ok(Value::string(text)),
            Some(Scalar::Literal(literal)) => Ok(Value::string(literal)),
            None => Err(self.mismatch("a string", text)),
        }
    }

    fn number(&self, text: &str) -> Result<Number, CodecError> {
        let digits = match scalar(text) {
            Some(Scalar::Text(digits)) => digits,
            Some(Scalar::Literal(digits)) => digits.to_owned(),
            None => return Err(self.mismatch("a number", text)),
        };
        digits.parse().map_err(|_| Problem::number(&digits).at(&self.path))
    }

    fn bool(&self, text: &str) -> Result<bool, CodecError> {
        match text.trim().trim_matches('"') {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(self.mismatch("a bool", text)),
        }
    }

    fn elements(&mut self, text: &str, ty: &Type, expected: &str) -> Result<Vec<Value>, CodecError> {
        let items: Vec<&RawValue> = self.parse(text, expected)?;
        items.into_iter().enumerate().map(|(index, item)| self.inside(Step::Index(index), item, ty)).collect()
    }

    fn tuple(&mut self, text: &str, types: &[Type]) -> Result<Vec<Value>, CodecError> {
        let items: Vec<&RawValue> = self.parse(text, "a tuple")?;
        if items.len() != types.len() {
            return Err(Problem::TupleLength { expected: types.len(), found: items.len() }.at(&self.path));
        }
        let pairs = items.into_iter().zip(types).enumerate();
        pairs.map(|(index, (item, ty))| self.inside(Step::Index(index), item, ty)).collect()
    }

    fn map(&mut self, text: &str, ty: &Type) -> Result<BTreeMap<String, Value>, CodecError> {
        let entries: BTreeMap<String, &RawValue> = self.parse(text, "a map")?;
        let entries = entries.into_iter();
        entries.map(|(key, raw)| Ok((key.clone(), self.inside(Step::Key(key), raw, ty)?))).collect()
    }

    fn object(
        &mut self,
        text: &str,
        types: &BTreeMap<String, Type>,
    ) -> Result<BTreeMap<String, Value>, CodecError> {
        let raw: BTreeMap<String, &RawValue> = self.parse(text, "an object")?;
        if let Some(name) = raw.keys().find(|name| !types.contains_key(*name)) {
            return Err(Problem::UnsupportedAttribute { name: name.clone() }.at(&self.path));
        }
        let attributes = types.iter().map(|(name, ty)| {
            let value = match raw.get(name) {
                Some(raw) => self.inside(Step::Attribute(name.clone()), raw, ty)?,
                None => Value::Null,
            };
            Ok((name.clone(), value))
        });
        attributes.collect()
    }

    fn dynamic(&mut self, text: &str) -> Result<Value, CodecError> {
        let parts: BTreeMap<String, &RawValue> = self.parse(text, "a dynamic value")?;
        let part = |name: &str| parts.get(name).map_or("null", |raw| raw.get());
        match part("type").parse() {
            Ok(Type::Dynamic) | Err(_) => Err(Problem::type_constraint(part("type")).at(&self.path)),
            Ok(ty) => {
                let value = self.value(part("value"), &ty)?;
                Ok(Value::Dynamic(Box::new((ty, value))))
            }
        }
    }

    fn inside(&mut self, step: Step, raw: &RawValue, ty: &Type) -> Result<Value, CodecError> {
        self.path.push(step);
        let value = self.value(raw.get(), ty)?;
        self.path.pop();
        Ok(value)
    }

    fn parse<'t, T: serde::Deserialize<'t>>(&self, text: &'t str, expected: &str) -> Result<T, CodecError> {
        serde_json::from_str(text).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => self.mismatch(expected, text),
            _ => Problem::Json { cause: error.to_string() }.at(&self.path),
        })
    }

    fn mismatch(&self, expected: &str, text: &str) -> CodecError {
        let found = match text.trim().as_bytes().first() {
            Some(b'{') => "an object",
            Some(b'[') => "an array",
            Some(b'"') => "a string",
            Some(b't' | b'f') => "a bool",
            Some(b'-' | b'0'..=b'9') => "a number",
            _ => "text that is not JSON",
        };
        Problem::mismatch(expected, found).at(&self.path)
    }
}

enum Scalar<'t> {
    Text(String),
    /// A number or boolean, as written.
    Literal(&'t str),
}

fn scalar(text: &str) -> Option<Scalar<'_>> {
    let text = text.trim();
    match text.as_bytes().first()? {
        b'"' => serde_json::from_str(text).ok().map(Scalar::Text),
        b'-' | b'0'..=b'9' | b't' | b'f' => {
            serde_json::from_str::<&RawValue>(text).ok().map(|raw| Scalar::Literal(raw.get()))
        }
        _ => None,
    }
}

struct Writer {
    out: String,
    nulls: Nulls,
    path: Path,
}

impl Writer {
    fn value(&mut self, value: &Value) -> Result<(), CodecError> {
        match value {
            Value::Null => self.out.push_str("null"),
            Value::Unknown(_) => return Err(Problem::UnknownInJson.at(&self.path)),
            Value::Bool(value) => self.out.push_str(if *value { "true" } else { "false" }),
            Value::Number(number) => self.out.push_str(&number.to_string()),
            Value::String(text) => self.text(text),
            Value::List(items) | Value::Set(items) | Value::Tuple(items) => self.array(items)?,
            Value::Map(entries) => self.entries(entries, Step::Key, Nulls::Keep)?,
            Value::Object(attributes) => self.entries(attributes, Step::Attribute, self.nulls)?,
            Value::Dynamic(typed) => {
                self.out.push_str(r#"{"type":"#);
                self.out.push_str(&typed.0.to_string());
                self.out.push_str(r#","value":"#);
                self.value(&typed.1)?;
                self.out.push('}');
            }
        }
        Ok(())
    }

    fn array(&mut self, items: &[Value]) -> Result<(), CodecError> {
        self.out.push('[');
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            self.inside(Step::Index(index), item)?;
        }
        self.out.push(']');
        Ok(())
    }

    fn entries(
        &mut self,
        entries: &BTreeMap<String, Value>,
        step: fn(String) -> Step,
        nulls: Nulls,
    ) -> Result<(), CodecError> {
        self.out.push('{');
        let written = entries.iter().filter(|(_, value)| nulls == Nulls::Keep || !value.is_null());
        for (position, (name, value)) in written.enumerate() {
            if position > 0 {
                self.out.push(',');
            }
            self.text(name);
            self.out.push(':');
            self.inside(step(name.clone()), value)?;
        }
        self.out.push('}');
        Ok(())
    }

    fn inside(&mut self, step: Step, value: &Value) -> Result<(), CodecError> {
        self.path.push(step);
        self.value(value)?;
        self.path.pop();
        Ok(())
    }

    fn text(&mut self, text: &str) {
        self.out.push_str(&serde_json::Value::from(text).to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::arbitrary::typed_known_value;

    fn number(text: &str) -> Value {
        Value::Number(text.parse().unwrap())
    }

    #[test]
    fn old_states_are_read_leniently() {
        let ty: Type =
            r#"["object",{"b":"bool","n":"number","s":"string","new":["list","string"]}]"#.parse().unwrap();
        let expected = Value::object([
            ("b", true.into()),
            ("n", number("0.1")),
            ("s", "1.50".into()),
            ("new", Value::Null),
        ]);
        for text in [
            r#"{"b":true,"n":0.1,"s":"1.50"}"#,
            r#"{"b":"true","n":"0.1","s":1.50}"#,
            " {\n \"b\" : 1 , \"n\":1e-1,\n\"s\":\"1.50\", \"new\": null }\n",
        ] {
            assert_eq!(decode(text, &ty).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn digits_survive() {
        let text = "[18446744073709551617,0.1000000000000000055511151231257827,-0]";
        let value = decode(text, &Type::list(Type::Number)).unwrap();
        let expected = "[18446744073709551617,0.1000000000000000055511151231257827,0]";
        assert_eq!(encode(&value, Nulls::Keep).unwrap(), expected);
    }

    #[test]
    fn damage_is_located() {
        let ty: Type = r#"["object",{"a":["list","number"]}]"#.parse().unwrap();
        for (text, message) in [
            (r#"{"a":[1,{}]}"#, "at a[1]: expected a number, found an object"),
            (r#"{"a":{}}"#, "at a: expected a list, found an object"),
            (r#"{"b":1}"#, "at (root): unsupported attribute \"b\""),
            (r#"{"a":["x"]}"#, "at a[0]: \"x\" is not a supported number"),
            (r#"[]"#, "at (root): expected an object, found an array"),
            (r#"{"a":"#, "at (root): not valid JSON: EOF while parsing a value at line 1 column 5"),
        ] {
            assert_eq!(decode(text, &ty).unwrap_err().to_string(), message, "{text}");
        }
    }

    #[test]
    fn unknown_has_no_json_and_nulls_can_be_left_out() {
        let value = Value::object([("a", Value::Null), ("b", Value::List(vec![Value::Null]))]);
        assert_eq!(encode(&value, Nulls::Omit).unwrap(), r#"{"b":[null]}"#);
        assert_eq!(encode(&value, Nulls::Keep).unwrap(), r#"{"a":null,"b":[null]}"#);
        let unknown = Value::object([("a", Value::unknown())]);
        assert_eq!(
            encode(&unknown, Nulls::Keep).unwrap_err().to_string(),
            "at a: an unknown value cannot be written as JSON"
        );
    }

    proptest::proptest! {
        #[test]
        fn round_trips((ty, value) in typed_known_value()) {
            let text = encode(&value, Nulls::Keep).unwrap();
            proptest::prop_assert_eq!(decode(&text, &ty).unwrap(), value);
        }
    }
}
