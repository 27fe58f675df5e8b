//! Specs → resources: what has its default is left out, and external locations are referred to, not repeated.

use std::collections::BTreeMap;

use hcl_edit::structure::{Block, Body};
use lakedr_control::spec::{ExternalLocationSpec, Kind, Spec, SyncGroupSpec};
use serde_json::{Value, json};

use super::write::{Term, block, body};

/// The order in which attributes are written; others follow by name.
const ORDER: [&str; 19] = [
    "name",
    "owner_email",
    "region",
    "url",
    "location",
    "table_root",
    "token",
    "workspace",
    "catalog",
    "initial_active_region",
    "primary",
    "secondary",
    "tables",
    "workflow",
    "schedule",
    "retry",
    "rpo_target",
    "notifications",
    "comment",
];

/// A configuration that declares these external locations and groups, complete but for the `provider` block.
///
/// # Errors
/// When a spec has no JSON form; a bug.
pub fn configuration(
    locations: &[ExternalLocationSpec],
    groups: &[SyncGroupSpec],
) -> Result<Body, serde_json::Error> {
    let source = vec![("source".to_owned(), Term::Text("lakedr/lakedr".to_owned()))];
    let providers = block("required_providers", &[], &[("lakedr".to_owned(), Term::Object(source))]);
    let mut blocks = vec![within("terraform", providers)];
    let labels: BTreeMap<&str, String> =
        locations.iter().map(|location| (location.name.as_str(), label(&location.name))).collect();
    for location in locations {
        let least = json!({"name": "", "region": "", "url": ""});
        blocks.push(resource(location, &least, &labels)?);
    }
    for group in groups {
        let side = json!({"region": "", "location": ""});
        let least = json!({"name": "", "initial_active_region": "", "primary": side, "secondary": side, "tables": []});
        blocks.push(resource(group, &least, &labels)?);
    }
    Ok(body(blocks))
}

fn within(kind: &str, inner: Block) -> Block {
    let mut outer = block(kind, &[], &[]);
    let inner = hcl_edit::Decorate::decorated(inner, ("  ", ""));
    outer.body.push(indented(inner));
    outer
}

/// The attributes of a block inside of a block stand two columns further in.
fn indented(mut inner: Block) -> Block {
    for mut attribute in inner.body.attributes_mut() {
        attribute.key_decor_mut().set_prefix("    ");
    }
    hcl_edit::Decorate::decorate(&mut inner.body, ("", "  "));
    inner
}

/// A name as the label of a resource, which begins with no digit.
fn label(name: &str) -> String {
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name.to_owned() }
}

fn resource<S: Spec>(
    spec: &S,
    least: &Value,
    locations: &BTreeMap<&str, String>,
) -> Result<Block, serde_json::Error> {
    let defaults = serde_json::to_value(serde_json::from_value::<S>(least.clone())?)?;
    let required: Vec<&str> =
        least.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let value = serde_json::to_value(spec)?;
    let given = value.as_object().into_iter().flatten();
    let given = given.filter(|(name, value)| {
        required.contains(&name.as_str()) || defaults.get(name.as_str()) != Some(*value)
    });
    let refer = |name: &str| {
        let label = locations.get(name)?;
        Some(format!("{}.{label}.name", Kind::ExternalLocation.resource_type()))
    };
    let attributes =
        ordered(given.filter_map(|(name, value)| Some((name.clone(), term(name, value, &refer)?))));
    Ok(block("resource", &[S::KIND.resource_type(), &label(spec.name())], &attributes))
}

fn ordered(entries: impl Iterator<Item = (String, Term)>) -> Vec<(String, Term)> {
    let mut entries: Vec<_> = entries.collect();
    let place = |name: &str| ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len());
    entries.sort_by(|(a, _), (b, _)| (place(a), a).cmp(&(place(b), b)));
    entries
}

/// The value of an attribute; none for null.
fn term(name: &str, value: &Value, refer: &impl Fn(&str) -> Option<String>) -> Option<Term> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => Term::Bool(*value),
        Value::Number(number) => Term::Number(number.clone()),
        Value::String(text) if name == "location" => {
            refer(text).map_or_else(|| Term::Text(text.clone()), Term::Reference)
        }
        Value::String(text) => Term::Text(text.clone()),
        Value::Array(items) => Term::List(items.iter().filter_map(|item| term("", item, refer)).collect()),
        Value::Object(entries) => {
            let entries = entries.iter();
            Term::Object(ordered(
                entries.filter_map(|(name, value)| Some((name.clone(), term(name, value, refer)?))),
            ))
        }
    })
}
