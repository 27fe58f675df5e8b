//! Attributes of a schema, as Terraform prints them in JSON.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// Who gives an attribute its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The configuration has to.
    Required,
    /// The configuration may.
    Optional,
    /// The provider alone.
    ReadOnly,
}

/// One attribute.
#[derive(Debug)]
pub(super) struct Attribute {
    pub(super) name: String,
    pub(super) role: Role,
    /// For people: `String`, `Map of String`, `Attributes List`.
    pub(super) kind: String,
    /// Markdown.
    pub(super) description: String,
    pub(super) sensitive: bool,
    pub(super) deprecated: bool,
    /// The attributes inside; empty where there are none.
    pub(super) nested: Vec<Attribute>,
}

/// The attributes of a block or of a nested type, by name.
pub(super) fn attributes(of: &Value) -> Result<Vec<Attribute>> {
    let found = of["attributes"].as_object().context("it has no attributes")?;
    let read = |(name, value): (&String, &Value)| {
        attribute(name, value).with_context(|| format!("attribute {name}"))
    };
    found.iter().map(read).collect()
}

fn attribute(name: &str, value: &Value) -> Result<Attribute> {
    let is = |flag: &str| value[flag].as_bool().unwrap_or_default();
    let role = match (is("required"), is("optional"), is("computed")) {
        (true, _, _) => Role::Required,
        (_, true, _) => Role::Optional,
        (_, _, true) => Role::ReadOnly,
        _ => bail!("it is neither required, optional nor computed"),
    };
    let (kind, nested) = match value.get("nested_type") {
        Some(nested) => (nesting(&nested["nesting_mode"])?.to_owned(), attributes(nested)?),
        None => (kind(&value["type"])?, Vec::new()),
    };
    let description = value["description"].as_str().context("it has no description")?.to_owned();
    Ok(Attribute {
        name: name.to_owned(),
        role,
        kind,
        description,
        sensitive: is("sensitive"),
        deprecated: is("deprecated"),
        nested,
    })
}

fn nesting(mode: &Value) -> Result<&'static str> {
    Ok(match mode.as_str() {
        Some("single") => "Attributes",
        Some("list") => "Attributes List",
        Some("set") => "Attributes Set",
        Some("map") => "Attributes Map",
        _ => bail!("its nesting mode {mode} is unknown"),
    })
}

/// A type in words: `String`, `Map of String`.
pub(super) fn kind(value: &Value) -> Result<String> {
    let simple = |name: &str| {
        Ok(match name {
            "string" => "String",
            "number" => "Number",
            "bool" => "Boolean",
            "dynamic" => "Dynamic",
            _ => bail!("its type {name} is unknown"),
        })
    };
    if let Some(name) = value.as_str() {
        return simple(name).map(str::to_owned);
    }
    let outer = match value[0].as_str() {
        Some("object") => return Ok("Object".to_owned()),
        Some("list") => "List",
        Some("set") => "Set",
        Some("map") => "Map",
        _ => bail!("its type {value} is unknown"),
    };
    Ok(format!("{outer} of {}", kind(&value[1])?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn types_are_said_in_words() {
        assert_eq!(kind(&json!("bool")).unwrap(), "Boolean");
        assert_eq!(kind(&json!(["map", ["list", "number"]])).unwrap(), "Map of List of Number");
        assert_eq!(kind(&json!(["object", {"a": "string"}])).unwrap(), "Object");
        assert!(kind(&json!(["tuple", []])).is_err());
    }

    #[test]
    fn a_computed_attribute_that_may_be_set_is_optional() {
        let value = json!({"type": "string", "description": "D.", "optional": true, "computed": true});
        assert_eq!(attribute("a", &value).unwrap().role, Role::Optional);
    }

    #[test]
    fn an_attribute_without_description_is_an_error() {
        let block = json!({"attributes": {"a": {"type": "string", "required": true}}});
        let error = attributes(&block).unwrap_err();
        assert_eq!(format!("{error:#}"), "attribute a: it has no description");
    }
}
