//! Between Terraform's values and the specs of documents.
//!
//! Attributes of the configuration and fields of a spec have the same names, so both directions go through JSON, led
//! by the schema.

use lakedr_control::spec::Spec;
use serde::de::DeserializeOwned;

use crate::wire::json::{self, Nulls};
use crate::wire::schema::object_type;
use crate::wire::{Attribute, CodecError, Schema, Value};

/// A value that does not become a spec, or the reverse. Validation comes first, so this is a bug of ours.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// A value has no JSON form, or the JSON of a spec does not follow the schema.
    #[error("the value does not fit its schema: {cause}")]
    Value {
        /// What is wrong, and where.
        #[source]
        cause: CodecError,
    },
    /// The specification has another shape than the schema says.
    #[error("the specification and its schema disagree: {cause}")]
    Shape {
        /// What is wrong.
        #[source]
        cause: serde_json::Error,
    },
}

/// The spec that a wholly known value describes. What the provider computes is left out.
///
/// # Errors
///
/// [`ConvertError`] if the value has not been validated.
pub fn to_spec<S: DeserializeOwned>(schema: &Schema, value: &Value) -> Result<S, ConvertError> {
    let configured =
        configurable(schema).map(|attribute| (attribute.name, value.attribute(attribute.name).clone()));
    let text = json::encode(&Value::object(configured), Nulls::Omit)
        .map_err(|cause| ConvertError::Value { cause })?;
    serde_json::from_str(&text).map_err(|cause| ConvertError::Shape { cause })
}

/// The configurable attributes that describe a spec.
///
/// # Errors
///
/// [`ConvertError`] if spec and schema disagree.
pub fn from_spec<S: Spec>(schema: &Schema, spec: &S) -> Result<Value, ConvertError> {
    let text = serde_json::to_string(spec).map_err(|cause| ConvertError::Shape { cause })?;
    json::decode(&text, &object_type(configurable(schema))).map_err(|cause| ConvertError::Value { cause })
}

/// Like [`from_spec`], but an attribute that means the same as in `known` keeps the spelling that it has there.
///
/// # Errors
///
/// [`ConvertError`] if spec and schema disagree.
pub fn from_spec_like<S: Spec>(schema: &Schema, spec: &S, known: &Value) -> Result<Value, ConvertError> {
    let mut value = from_spec(schema, spec)?;
    // most often nothing has changed, and nothing is spelled in another way
    let mut attributes = configurable(schema).map(|attribute| attribute.name);
    if attributes.all(|name| value.attribute(name) == known.attribute(name)) {
        return Ok(value);
    }
    let normal = match to_spec::<S>(schema, known) {
        Ok(known) => from_spec(schema, &known)?,
        // a state right after import describes nothing yet
        Err(_) => return Ok(value),
    };
    for attribute in configurable(schema) {
        let meant = value.attribute(attribute.name);
        if meant == normal.attribute(attribute.name) {
            let spelled = spelled_like(meant, known.attribute(attribute.name));
            value.set_attribute(attribute.name, spelled);
        }
    }
    Ok(value)
}

/// A value in the spelling of one that means the same. What is null there gets its value: an older state does not have
/// attributes that came later.
fn spelled_like(meant: &Value, known: &Value) -> Value {
    match (meant, known) {
        (_, Value::Null) => meant.clone(),
        (Value::Object(meant), Value::Object(known)) => Value::object(meant.iter().map(|(name, meant)| {
            (name.clone(), spelled_like(meant, known.get(name).unwrap_or(&Value::Null)))
        })),
        (Value::List(meant), Value::List(known)) if meant.len() == known.len() => {
            Value::List(meant.iter().zip(known).map(|(meant, known)| spelled_like(meant, known)).collect())
        }
        _ => known.clone(),
    }
}

fn configurable(schema: &Schema) -> impl Iterator<Item = &Attribute> {
    schema.attributes.iter().filter(|attribute| attribute.is_configurable())
}

#[cfg(test)]
mod tests {
    use lakedr_control::spec::ExternalLocationSpec;

    use super::*;
    use crate::lifecycle::document::{DocumentKind, DocumentResource, Resource as _};
    use crate::lifecycle::plan::blank;
    use crate::resource::{ExternalLocation, SyncGroup};

    fn location() -> ExternalLocationSpec {
        serde_json::from_str(r#"{"name":"west","region":"westus2","url":"s3://b"}"#).unwrap()
    }

    #[test]
    fn what_a_state_of_an_older_provider_lacks_is_filled_in() {
        let schema = ExternalLocation::schema();
        let mut known = from_spec(&schema, &location()).unwrap();
        known.set_attribute("read_only", Value::Null);
        let shown = from_spec_like(&schema, &location(), &known).unwrap();
        assert_eq!(shown.attribute("read_only"), &Value::Bool(false));
    }

    #[test]
    fn a_number_keeps_the_digits_that_a_document_cannot_hold() {
        let resource = DocumentResource::<SyncGroup>::new();
        let schema = resource.schema();
        let text = r#"{"name":"etl","initial_active_region":"e","primary":{"region":"e","location":"e"},
            "secondary":{"region":"w","location":"w"},"tables":[],"egress_price_per_gib":0.1000000000000000055511151231257827}"#;
        let known = json::decode(text, &schema.ty()).unwrap();
        let spec: lakedr_control::spec::SyncGroupSpec = to_spec(schema, &known).unwrap();
        let price = known.attribute("egress_price_per_gib");
        assert_ne!(from_spec(schema, &spec).unwrap().attribute("egress_price_per_gib"), price);
        assert_eq!(from_spec_like(schema, &spec, &known).unwrap().attribute("egress_price_per_gib"), price);
    }

    #[test]
    fn a_sparse_state_has_no_spelling_to_keep() {
        let schema = ExternalLocation::schema();
        let shown = from_spec_like(&schema, &location(), &blank(&schema)).unwrap();
        assert_eq!(shown.attribute("region"), &Value::from("westus2"));
    }
}
