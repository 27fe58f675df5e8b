//! Prints what `terraform providers schema -json` of older Terraforms leaves out: the identity of the resources, and the
//! configurations of their searches, in the form of that command.

use std::io::{self, Write as _};

use serde_json::{Map, Value, json};
use terraform_provider_lakedr::lifecycle::identity;
use terraform_provider_lakedr::lifecycle::registry::Registry;
use terraform_provider_lakedr::wire::{Attribute, Presence};

fn attributes(attributes: &[Attribute]) -> Value {
    let told = attributes.iter().map(|attribute| {
        let role = if attribute.presence == Presence::Required { "required" } else { "optional" };
        let ty: Value = serde_json::from_str(&attribute.ty().to_string()).unwrap_or_default();
        (attribute.name.to_owned(), json!({"type": ty, "description": attribute.documentation(), role: true}))
    });
    told.collect::<Map<String, Value>>().into()
}

fn main() -> io::Result<()> {
    let registry = Registry::new();
    let searches = registry.resources().map(|resource| {
        let schema = resource.search_schema();
        let block = json!({"description": schema.description, "attributes": attributes(&schema.attributes)});
        (resource.type_name().to_owned(), json!({"block": block}))
    });
    let told = json!({
        "identity": {"attributes": attributes(&identity::attributes())},
        "list_resource_schemas": searches.collect::<Map<String, Value>>(),
    });
    writeln!(io::stdout(), "{told:#}")
}
