//! The only bridge between our model and the generated messages.

use tfplugin::tfplugin6 as wire;
use wire::attribute_path::step::Selector;
use wire::schema::object::NestingMode;

use super::{
    Attribute, CodecError, Diagnostic, Diagnostics, Kind, Nesting, Path, Presence, Schema, Severity, Step,
    Type, Value, json, msgpack,
};

/// Decodes a value. Messages prefer MessagePack; an absent or empty value is null.
///
/// # Errors
///
/// [`CodecError`] if the bytes do not follow the type.
pub fn decode(value: Option<&wire::DynamicValue>, ty: &Type) -> Result<Value, CodecError> {
    match value {
        Some(value) if !value.msgpack.is_empty() => msgpack::decode(&value.msgpack, ty),
        Some(value) if !value.json.is_empty() => match std::str::from_utf8(&value.json) {
            Ok(text) => json::decode(text, ty),
            Err(_) => Err(super::Problem::NotUtf8.at(&Path::root())),
        },
        _ => Ok(Value::Null),
    }
}

/// Encodes a value.
///
/// # Errors
///
/// [`CodecError`] if the value is not of the type, which is a bug of ours.
pub fn encode(value: &Value, ty: &Type) -> Result<wire::DynamicValue, CodecError> {
    Ok(wire::DynamicValue { msgpack: msgpack::encode(value, ty)?, json: Vec::new() })
}

impl From<&Diagnostic> for wire::Diagnostic {
    fn from(diagnostic: &Diagnostic) -> Self {
        let severity = match diagnostic.severity {
            Severity::Error => wire::diagnostic::Severity::Error,
            Severity::Warning => wire::diagnostic::Severity::Warning,
        };
        Self {
            severity: severity.into(),
            summary: diagnostic.summary.clone(),
            detail: diagnostic.detail.clone(),
            attribute: findable(&diagnostic.path).map(|path| (&path).into()),
        }
    }
}

/// The part of a path by which Terraform finds a line; the text of a diagnostic says the whole path.
///
/// Terraform takes the steps of a path for nested blocks, but for the last one, an attribute, and an index behind it. Nested
/// attributes are no blocks: `tables[2].name` would point to the `name` of the resource. So the outermost attribute is sent,
/// and what is directly in it as an index, by which Terraform finds elements of lists and maps and members of objects.
fn findable(path: &Path) -> Option<Path> {
    let (first, inside) = path.steps().split_first()?;
    let index = inside.first().map(|step| match step {
        Step::Attribute(name) => Step::Key(name.clone()),
        index => index.clone(),
    });
    Some(Path::from_iter([first.clone()].into_iter().chain(index)))
}

impl From<&Diagnostics> for Vec<wire::Diagnostic> {
    fn from(diagnostics: &Diagnostics) -> Self {
        diagnostics.iter().map(Into::into).collect()
    }
}

impl From<&Path> for wire::AttributePath {
    fn from(path: &Path) -> Self {
        let steps = path.steps().iter().map(|step| {
            let selector = match step {
                Step::Attribute(name) => Selector::AttributeName(name.clone()),
                Step::Key(key) => Selector::ElementKeyString(key.clone()),
                Step::Index(index) => Selector::ElementKeyInt(i64::try_from(*index).unwrap_or(i64::MAX)),
            };
            wire::attribute_path::Step { selector: Some(selector) }
        });
        Self { steps: steps.collect() }
    }
}

impl From<&Schema> for wire::Schema {
    fn from(schema: &Schema) -> Self {
        let block = wire::schema::Block {
            version: schema.version,
            attributes: schema.attributes.iter().map(Into::into).collect(),
            description: schema.description.to_owned(),
            description_kind: wire::StringKind::Markdown.into(),
            ..Default::default()
        };
        Self { version: schema.version, block: Some(block) }
    }
}

impl From<&Attribute> for wire::schema::Attribute {
    fn from(attribute: &Attribute) -> Self {
        let (ty, nested_type) = match &attribute.kind {
            Kind::Plain(ty) => (ty.to_string().into_bytes(), None),
            Kind::Nested(nesting, attributes) => (Vec::new(), Some(nested(*nesting, attributes))),
        };
        Self {
            name: attribute.name.to_owned(),
            r#type: ty,
            nested_type,
            description: attribute.documentation(),
            description_kind: wire::StringKind::Markdown.into(),
            required: attribute.presence == Presence::Required,
            optional: matches!(attribute.presence, Presence::Optional | Presence::Default(_)),
            computed: attribute.is_computed(),
            sensitive: attribute.sensitive,
            deprecated: attribute.deprecated.is_some(),
            deprecation_message: attribute.deprecated.unwrap_or_default().to_owned(),
            ..Default::default()
        }
    }
}

fn nested(nesting: Nesting, attributes: &[Attribute]) -> wire::schema::Object {
    let nesting = match nesting {
        Nesting::Single => NestingMode::Single,
        Nesting::List => NestingMode::List,
        Nesting::Set => NestingMode::Set,
        Nesting::Map => NestingMode::Map,
    };
    wire::schema::Object {
        attributes: attributes.iter().map(Into::into).collect(),
        nesting: nesting.into(),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_arrive_in_either_encoding_and_absent_ones_are_null() {
        let bytes =
            |msgpack: &[u8], json: &[u8]| wire::DynamicValue { msgpack: msgpack.into(), json: json.into() };
        let decode = |value: Option<wire::DynamicValue>| decode(value.as_ref(), &Type::String).unwrap();
        assert_eq!(decode(Some(bytes(b"\xa1s", b""))), "s".into());
        assert_eq!(decode(Some(bytes(b"", b"\"s\""))), "s".into());
        assert_eq!(decode(Some(bytes(b"", b""))), Value::Null);
        assert_eq!(decode(None), Value::Null);
    }

    #[test]
    fn an_attribute_with_a_default_is_optional_and_computed() {
        let attribute: wire::schema::Attribute = (&Attribute::bool("paused").default(false)).into();
        assert!(attribute.optional && attribute.computed && !attribute.required);
        assert_eq!(attribute.r#type, br#""bool""#);
    }

    #[test]
    fn a_diagnostic_about_the_whole_block_has_no_path() {
        let whole: wire::Diagnostic = (&Diagnostic::error("a", "b")).into();
        assert_eq!(whole.attribute, None);
        let attribute = |path: Path| wire::Diagnostic::from(&Diagnostic::error("a", "b").at(path)).attribute;
        let table = Path::attribute("tables").join(Step::Index(2));
        let name = table.clone().join(Step::Attribute("name".into()));
        assert_eq!(attribute(name), Some((&table).into()), "an element is found, and nothing inside of it");
        let token = ["workspace", "token"].map(|name| Step::Attribute(name.into()));
        let token = Path::from_iter([Step::Attribute("primary".into())].into_iter().chain(token));
        let workspace = Path::attribute("primary").join(Step::Key("workspace".into()));
        assert_eq!(
            attribute(token),
            Some((&workspace).into()),
            "members of objects are found as those of maps are"
        );
        assert_eq!(attribute(Path::attribute("url")), Some((&Path::attribute("url")).into()));
    }
}
