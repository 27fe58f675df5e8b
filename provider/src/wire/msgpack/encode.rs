//! Value → MessagePack.

use std::collections::BTreeMap;

use rmp::encode::{self as write, ByteBuf};

use super::REFINED;
use crate::wire::{CodecError, Number, Path, Problem, Step, Type, Unknown, Value};

/// Encodes a value of type `ty`. Equal values of equal element order give equal bytes.
///
/// # Errors
///
/// [`CodecError`] if the value is not of that type: objects must have exactly the attributes of the type.
pub fn encode(value: &Value, ty: &Type) -> Result<Vec<u8>, CodecError> {
    let mut writer = Writer { out: ByteBuf::new(), path: Path::root() };
    writer.value(value, ty)?;
    Ok(writer.out.into_vec())
}

struct Writer {
    out: ByteBuf,
    path: Path,
}

impl Writer {
    fn value(&mut self, value: &Value, ty: &Type) -> Result<(), CodecError> {
        match (value, ty) {
            (Value::Null, _) => {
                let Ok(()) = write::write_nil(&mut self.out);
            }
            (Value::Unknown(unknown), _) => self.unknown(unknown),
            (Value::Bool(value), Type::Bool) => {
                let Ok(()) = write::write_bool(&mut self.out, *value);
            }
            (Value::String(text), Type::String) => self.text(text),
            (Value::Number(number), Type::Number) => self.number(number),
            (Value::List(items), Type::List(ty)) | (Value::Set(items), Type::Set(ty)) => {
                self.elements(items.iter().map(|item| (item, &**ty)))?;
            }
            (Value::Tuple(items), Type::Tuple(types)) if items.len() == types.len() => {
                self.elements(items.iter().zip(types))?;
            }
            (Value::Map(entries), Type::Map(ty)) => self.map(entries, ty)?,
            (Value::Object(attributes), Type::Object(types)) => self.object(attributes, types)?,
            (Value::Dynamic(typed), Type::Dynamic) => {
                let (ty, value) = &**typed;
                self.array_length(2);
                self.binary(ty.to_string().as_bytes());
                self.value(value, ty)?;
            }
            (value, ty) => return Err(Problem::mismatch(ty.to_string(), value.kind()).at(&self.path)),
        }
        Ok(())
    }

    fn elements<'v>(
        &mut self,
        items: impl ExactSizeIterator<Item = (&'v Value, &'v Type)>,
    ) -> Result<(), CodecError> {
        self.array_length(items.len());
        for (index, (item, ty)) in items.enumerate() {
            self.inside(Step::Index(index), item, ty)?;
        }
        Ok(())
    }

    fn map(&mut self, entries: &BTreeMap<String, Value>, ty: &Type) -> Result<(), CodecError> {
        self.map_length(entries.len());
        for (key, value) in entries {
            self.text(key);
            self.inside(Step::Key(key.clone()), value, ty)?;
        }
        Ok(())
    }

    fn object(
        &mut self,
        attributes: &BTreeMap<String, Value>,
        types: &BTreeMap<String, Type>,
    ) -> Result<(), CodecError> {
        if let Some(name) = attributes.keys().find(|name| !types.contains_key(*name)) {
            return Err(Problem::UnsupportedAttribute { name: name.clone() }.at(&self.path));
        }
        self.map_length(types.len());
        for (name, ty) in types {
            let Some(value) = attributes.get(name) else {
                return Err(Problem::MissingAttribute { name: name.clone() }.at(&self.path));
            };
            self.text(name);
            self.inside(Step::Attribute(name.clone()), value, ty)?;
        }
        Ok(())
    }

    fn inside(&mut self, step: Step, value: &Value, ty: &Type) -> Result<(), CodecError> {
        self.path.push(step);
        self.value(value, ty)?;
        self.path.pop();
        Ok(())
    }

    fn unknown(&mut self, unknown: &Unknown) {
        let (code, payload) = match unknown.refinements() {
            Some(payload) => (REFINED, payload),
            None => (0, &[0][..]),
        };
        let Ok(_) = write::write_ext_meta(&mut self.out, length(payload.len()), code);
        self.out.as_mut_vec().extend_from_slice(payload);
    }

    fn number(&mut self, number: &Number) {
        if let Some(integer) = number.as_i64() {
            let Ok(_) = write::write_sint(&mut self.out, integer);
        } else if let Some(double) = number.as_exact_f64().filter(|_| !number.is_integer()) {
            let Ok(()) = write::write_f64(&mut self.out, double);
        } else {
            self.text(&number.to_string());
        }
    }

    fn text(&mut self, text: &str) {
        let Ok(()) = write::write_str(&mut self.out, text);
    }

    fn binary(&mut self, bytes: &[u8]) {
        let Ok(()) = write::write_bin(&mut self.out, bytes);
    }

    fn array_length(&mut self, count: usize) {
        let Ok(_) = write::write_array_len(&mut self.out, length(count));
    }

    fn map_length(&mut self, count: usize) {
        let Ok(_) = write::write_map_len(&mut self.out, length(count));
    }
}

/// MessagePack counts in 32 bits; messages are limited to 256 MiB long before that.
fn length(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
