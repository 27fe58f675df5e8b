//! `UpgradeResourceState`: the state file's text → a state of the current schema (protocol sheet 5.3 and 4.3).

use crate::wire::{CodecError, Type, Value, json};

/// Why a stored state cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UpgradeError {
    /// Written by a provider that knows a newer state format.
    #[error(
        "the state was written in version {found} of the format, this provider knows versions up to {known}; install \
         the provider that wrote it, or a newer one"
    )]
    Newer {
        /// Version in the state file.
        found: i64,
        /// Newest version that this provider knows.
        known: i64,
    },
    /// Written by Terraform 0.11 or older.
    #[error("the state is in the format of Terraform 0.11 and older, which this provider does not read")]
    Flatmap,
    /// Nothing to read.
    #[error("the state file holds no attributes for the resource")]
    Empty,
    /// The text does not follow the schema.
    #[error("the state file does not follow the schema: {cause}")]
    Damaged {
        /// What is wrong with it, and where.
        #[source]
        cause: CodecError,
    },
}

/// Reads a stored state of format `version`; `ty` is the type of states of the `newest` format. Attributes that the state
/// does not have yet are null.
///
/// Never succeeds with null: Terraform would take the object for gone and plan to create it again.
///
/// # Errors
///
/// [`UpgradeError`]: a newer format, no state, or text that does not follow the schema.
pub fn upgrade(newest: i64, ty: &Type, version: i64, state: Option<&str>) -> Result<Value, UpgradeError> {
    if version > newest {
        return Err(UpgradeError::Newer { found: version, known: newest });
    }
    let text = state.ok_or(UpgradeError::Empty)?;
    match json::decode(text, ty).map_err(|cause| UpgradeError::Damaged { cause })? {
        Value::Null => Err(UpgradeError::Empty),
        state => Ok(state),
    }
}

#[cfg(test)]
mod tests {
    use super::UpgradeError;
    use crate::wire::schema::object_type;
    use crate::wire::{Attribute, Value};

    /// Reads a state where 1 is the newest format.
    fn upgrade(version: i64, state: Option<&str>) -> Result<Value, UpgradeError> {
        let ty = object_type(&[Attribute::string("name"), Attribute::bool("paused")]);
        super::upgrade(1, &ty, version, state)
    }

    #[test]
    fn a_state_of_the_same_version_lacks_what_came_later() {
        let state = upgrade(1, Some(" {\"name\":\n\"a\"}")).unwrap();
        assert_eq!(state, Value::object([("name", "a".into()), ("paused", Value::Null)]));
    }

    #[test]
    fn nothing_is_ever_upgraded_to_null() {
        assert_eq!(upgrade(1, Some("null")), Err(UpgradeError::Empty));
        assert_eq!(upgrade(1, None), Err(UpgradeError::Empty));
    }

    #[test]
    fn a_newer_state_is_refused_with_both_versions() {
        let error = upgrade(2, Some("{}")).unwrap_err();
        assert!(error.to_string().contains("version 2") && error.to_string().contains("up to 1"), "{error}");
    }

    #[test]
    fn damage_is_reported_with_its_place() {
        let error = upgrade(1, Some(r#"{"name":[]}"#)).unwrap_err();
        assert!(error.to_string().contains("at name: expected a string"), "{error}");
    }
}
