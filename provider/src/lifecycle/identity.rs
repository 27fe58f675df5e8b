//! What identifies the object behind a resource: the name of its document. The control store is the one of the provider
//! block, as the account is with other providers.

use crate::wire::{Attribute, CodecError, Schema, Type, Value, json};

use super::upgrade::UpgradeError;

/// The only part of an identity.
pub const NAME: &str = "name";

/// Version of the stored form of identities.
pub const VERSION: i64 = 0;

/// The parts of an identity, each of which an import has to give.
#[must_use]
pub fn attributes() -> Vec<Attribute> {
    vec![Attribute::string(NAME).required().describe("Name of the object in the control store.")]
}

/// The type of an identity.
#[must_use]
pub fn ty() -> Type {
    crate::wire::schema::object_type(&attributes())
}

/// The identity of the object that a state describes, unknown where its name is; null for no object.
#[must_use]
pub fn of(state: &Value) -> Value {
    match state {
        Value::Object(_) => Value::object([(NAME, state.attribute(NAME).clone())]),
        _ => Value::Null,
    }
}

/// Reads a stored identity of format `version`.
///
/// # Errors
///
/// [`UpgradeError`]: a newer format, no identity, or text that is none.
pub fn upgrade(version: i64, text: Option<&str>) -> Result<Value, UpgradeError> {
    if version > VERSION {
        return Err(UpgradeError::Newer { found: version, known: VERSION });
    }
    let text = text.ok_or(UpgradeError::Empty)?;
    match json::decode(text, &ty()).map_err(|cause: CodecError| UpgradeError::Damaged { cause })? {
        Value::Null => Err(UpgradeError::Empty),
        identity => Ok(identity),
    }
}

/// The configuration of a search for objects of a type.
#[must_use]
pub fn search_schema(description: &'static str) -> Schema {
    let prefix = Attribute::string("name_prefix")
        .describe("Prefix of the names to list. Without it, everything is listed.");
    Schema { version: 0, description, attributes: vec![prefix] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_its_name_and_no_object_has_no_identity() {
        let state = Value::object([("name", "etl".into()), ("paused", true.into())]);
        assert_eq!(of(&state), Value::object([(NAME, "etl".into())]));
        assert_eq!(of(&Value::Null), Value::Null);
    }

    #[test]
    fn a_stored_identity_is_read_and_a_newer_one_refused() {
        assert_eq!(upgrade(0, Some(r#"{"name":"etl"}"#)).unwrap(), Value::object([(NAME, "etl".into())]));
        assert!(matches!(upgrade(1, Some("{}")), Err(UpgradeError::Newer { found: 1, known: 0 })));
        assert!(matches!(upgrade(0, Some("null")), Err(UpgradeError::Empty)));
        assert!(matches!(upgrade(0, Some("[]")), Err(UpgradeError::Damaged { .. })));
    }
}
