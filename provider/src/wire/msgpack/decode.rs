//! MessagePack → value.

use std::collections::BTreeMap;

use rmp::Marker;

use super::REFINED;
use crate::wire::{CodecError, Number, Path, Problem, Step, Type, Unknown, Value};

/// Decodes one value of type `ty`; no byte may be left over.
///
/// # Errors
///
/// [`CodecError`] with the path of the first place where the bytes do not follow the type.
pub fn decode(bytes: &[u8], ty: &Type) -> Result<Value, CodecError> {
    let mut reader = Reader { rest: bytes, path: Path::root() };
    let value = reader.value(ty)?;
    match reader.rest.len() {
        0 => Ok(value),
        count => Err(Problem::TrailingBytes { count }.at(&Path::root())),
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    path: Path,
}

type Decoded<T> = Result<T, CodecError>;

impl<'a> Reader<'a> {
    fn value(&mut self, ty: &Type) -> Decoded<Value> {
        let marker = self.marker()?;
        if marker == Marker::Null {
            return Ok(Value::Null);
        }
        if let Some(length) = self.extension_length(marker)? {
            return self.unknown(length);
        }
        match ty {
            Type::Bool => match marker {
                Marker::True => Ok(Value::Bool(true)),
                Marker::False => Ok(Value::Bool(false)),
                other => Err(self.mismatch("a bool", other)),
            },
            Type::String => Ok(Value::string(self.text(marker, "a string")?)),
            Type::Number => self.number(marker).map(Value::Number),
            Type::List(element) => self.elements(marker, element, "a list").map(Value::List),
            Type::Set(element) => self.elements(marker, element, "a set").map(Value::Set),
            Type::Tuple(types) => self.tuple(marker, types).map(Value::Tuple),
            Type::Map(element) => self.map(marker, element).map(Value::Map),
            Type::Object(attributes) => self.object(marker, attributes).map(Value::Object),
            Type::Dynamic => self.dynamic(marker),
        }
    }

    fn elements(&mut self, marker: Marker, ty: &Type, expected: &str) -> Decoded<Vec<Value>> {
        let count = self.array_length(marker, expected)?;
        // every element takes at least one byte: a false count cannot reserve more than the message
        let mut items = Vec::with_capacity(count.min(self.rest.len()));
        for index in 0..count {
            items.push(self.inside(Step::Index(index), ty)?);
        }
        Ok(items)
    }

    fn tuple(&mut self, marker: Marker, types: &[Type]) -> Decoded<Vec<Value>> {
        let found = self.array_length(marker, "a tuple")?;
        if found != types.len() {
            return Err(Problem::TupleLength { expected: types.len(), found }.at(&self.path));
        }
        types.iter().enumerate().map(|(index, ty)| self.inside(Step::Index(index), ty)).collect()
    }

    fn map(&mut self, marker: Marker, ty: &Type) -> Decoded<BTreeMap<String, Value>> {
        let mut entries = BTreeMap::new();
        for _ in 0..self.map_length(marker, "a map")? {
            let Value::String(key) = Value::string(self.key()?) else { continue };
            let value = self.inside(Step::Key(key.clone()), ty)?;
            entries.insert(key, value);
        }
        Ok(entries)
    }

    fn object(&mut self, marker: Marker, types: &BTreeMap<String, Type>) -> Decoded<BTreeMap<String, Value>> {
        let mut attributes = BTreeMap::new();
        for _ in 0..self.map_length(marker, "an object")? {
            let name = self.key()?.to_owned();
            let Some(ty) = types.get(&name) else {
                return Err(Problem::UnsupportedAttribute { name }.at(&self.path));
            };
            let value = self.inside(Step::Attribute(name.clone()), ty)?;
            attributes.insert(name, value);
        }
        match types.keys().find(|name| !attributes.contains_key(*name)) {
            Some(name) => Err(Problem::MissingAttribute { name: name.clone() }.at(&self.path)),
            None => Ok(attributes),
        }
    }

    fn dynamic(&mut self, marker: Marker) -> Decoded<Value> {
        let length = self.array_length(marker, "a dynamic value")?;
        if length != 2 {
            return Err(Problem::TupleLength { expected: 2, found: length }.at(&self.path));
        }
        let marker = self.marker()?;
        let text = match self.binary_length(marker)? {
            Some(length) => self.utf8(length)?,
            None => self.text(marker, "a type constraint")?,
        };
        match text.parse() {
            Ok(Type::Dynamic) | Err(_) => Err(Problem::type_constraint(text).at(&self.path)),
            Ok(ty) => {
                let value = self.value(&ty)?;
                Ok(Value::Dynamic(Box::new((ty, value))))
            }
        }
    }

    /// Decodes a value one step deeper, so that errors name the full path.
    fn inside(&mut self, step: Step, ty: &Type) -> Decoded<Value> {
        self.path.push(step);
        let value = self.value(ty)?;
        self.path.pop();
        Ok(value)
    }

    fn unknown(&mut self, length: usize) -> Decoded<Value> {
        let code = i8::from_be_bytes(self.bytes()?);
        let payload = self.take(length)?;
        match code {
            _ if length <= 1 => Ok(Value::unknown()),
            REFINED => Ok(Value::Unknown(Unknown::refined(payload))),
            code => Err(Problem::Extension { code }.at(&self.path)),
        }
    }

    fn number(&mut self, marker: Marker) -> Decoded<Number> {
        let number = match marker {
            Marker::FixPos(value) => u64::from(value).into(),
            Marker::FixNeg(value) => i64::from(value).into(),
            Marker::U8 => u64::from(u8::from_be_bytes(self.bytes()?)).into(),
            Marker::U16 => u64::from(u16::from_be_bytes(self.bytes()?)).into(),
            Marker::U32 => u64::from(u32::from_be_bytes(self.bytes()?)).into(),
            Marker::U64 => u64::from_be_bytes(self.bytes()?).into(),
            Marker::I8 => i64::from(i8::from_be_bytes(self.bytes()?)).into(),
            Marker::I16 => i64::from(i16::from_be_bytes(self.bytes()?)).into(),
            Marker::I32 => i64::from(i32::from_be_bytes(self.bytes()?)).into(),
            Marker::I64 => i64::from_be_bytes(self.bytes()?).into(),
            Marker::F32 => {
                let float = f32::from_be_bytes(self.bytes()?);
                self.float(f64::from(float))?
            }
            Marker::F64 => {
                let float = f64::from_be_bytes(self.bytes()?);
                self.float(float)?
            }
            other => {
                let text = self.text(other, "a number")?;
                text.parse().map_err(|_| Problem::number(text).at(&self.path))?
            }
        };
        Ok(number)
    }

    fn float(&self, float: f64) -> Decoded<Number> {
        Number::from_f64(float).ok_or_else(|| Problem::number(&float.to_string()).at(&self.path))
    }

    fn key(&mut self) -> Decoded<&'a str> {
        let marker = self.marker()?;
        self.text(marker, "a key")
    }

    fn text(&mut self, marker: Marker, expected: &str) -> Decoded<&'a str> {
        let length = match marker {
            Marker::FixStr(length) => usize::from(length),
            Marker::Str8 => self.length8()?,
            Marker::Str16 => self.length16()?,
            Marker::Str32 => self.length32()?,
            other => match self.binary_length(other)? {
                Some(length) => length,
                None => return Err(self.mismatch(expected, other)),
            },
        };
        self.utf8(length)
    }

    fn utf8(&mut self, length: usize) -> Decoded<&'a str> {
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map_err(|_| Problem::NotUtf8.at(&self.path))
    }

    fn array_length(&mut self, marker: Marker, expected: &str) -> Decoded<usize> {
        match marker {
            Marker::FixArray(length) => Ok(usize::from(length)),
            Marker::Array16 => self.length16(),
            Marker::Array32 => self.length32(),
            other => Err(self.mismatch(expected, other)),
        }
    }

    fn map_length(&mut self, marker: Marker, expected: &str) -> Decoded<usize> {
        match marker {
            Marker::FixMap(length) => Ok(usize::from(length)),
            Marker::Map16 => self.length16(),
            Marker::Map32 => self.length32(),
            other => Err(self.mismatch(expected, other)),
        }
    }

    fn binary_length(&mut self, marker: Marker) -> Decoded<Option<usize>> {
        match marker {
            Marker::Bin8 => self.length8().map(Some),
            Marker::Bin16 => self.length16().map(Some),
            Marker::Bin32 => self.length32().map(Some),
            _ => Ok(None),
        }
    }

    fn extension_length(&mut self, marker: Marker) -> Decoded<Option<usize>> {
        match marker {
            Marker::FixExt1 => Ok(Some(1)),
            Marker::FixExt2 => Ok(Some(2)),
            Marker::FixExt4 => Ok(Some(4)),
            Marker::FixExt8 => Ok(Some(8)),
            Marker::FixExt16 => Ok(Some(16)),
            Marker::Ext8 => self.length8().map(Some),
            Marker::Ext16 => self.length16().map(Some),
            Marker::Ext32 => self.length32().map(Some),
            _ => Ok(None),
        }
    }

    fn length8(&mut self) -> Decoded<usize> {
        Ok(usize::from(u8::from_be_bytes(self.bytes()?)))
    }

    fn length16(&mut self) -> Decoded<usize> {
        Ok(usize::from(u16::from_be_bytes(self.bytes()?)))
    }

    fn length32(&mut self) -> Decoded<usize> {
        usize::try_from(u32::from_be_bytes(self.bytes()?)).map_err(|_| Problem::Truncated.at(&self.path))
    }

    fn marker(&mut self) -> Decoded<Marker> {
        let [byte] = self.bytes()?;
        Ok(Marker::from_u8(byte))
    }

    fn bytes<const N: usize>(&mut self) -> Decoded<[u8; N]> {
        match self.rest.split_first_chunk::<N>() {
            Some((head, rest)) => {
                self.rest = rest;
                Ok(*head)
            }
            None => Err(Problem::Truncated.at(&self.path)),
        }
    }

    fn take(&mut self, length: usize) -> Decoded<&'a [u8]> {
        match self.rest.split_at_checked(length) {
            Some((head, rest)) => {
                self.rest = rest;
                Ok(head)
            }
            None => Err(Problem::Truncated.at(&self.path)),
        }
    }

    fn mismatch(&self, expected: &str, marker: Marker) -> CodecError {
        Problem::mismatch(expected, kind(marker)).at(&self.path)
    }
}

/// What a marker announces, in the words of messages.
fn kind(marker: Marker) -> &'static str {
    match marker {
        Marker::True | Marker::False => "a bool",
        Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => "a string",
        Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => "a sequence",
        Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => "a mapping",
        Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => "binary data",
        Marker::Reserved => "a reserved byte",
        _ => "a number",
    }
}
