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
    let attributes: Vec<Attribute> = configurable(schema).cloned().collect();
    json::decode(&text, &object_type(&attributes)).map_err(|cause| ConvertError::Value { cause })
}

/// Like [`from_spec`], but an attribute that means the same as in `known` keeps the spelling that it has there.
///
/// # Errors
///
/// [`ConvertError`] if spec and schema disagree.
pub fn from_spec_like<S: Spec>(schema: &Schema, spec: &S, known: &Value) -> Result<Value, ConvertError> {
    let mut value = from_spec(schema, spec)?;
    let normal = match to_spec::<S>(schema, known) {
        Ok(known) => from_spec(schema, &known)?,
        // a state right after import describes nothing yet
        Err(_) => return Ok(value),
    };
    for attribute in configurable(schema) {
        if value.attribute(attribute.name) == normal.attribute(attribute.name) {
            value.set_attribute(attribute.name, known.attribute(attribute.name).clone());
        }
    }
    Ok(value)
}

fn configurable(schema: &Schema) -> impl Iterator<Item = &Attribute> {
    schema.attributes.iter().filter(|attribute| attribute.is_configurable())
}
