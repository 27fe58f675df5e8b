//! What the built provider tells Terraform about itself: `terraform providers schema -json`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value};

use super::attribute::{Attribute, attributes};
use super::function::Function;
use crate::{paths, process};

/// The address of the provider in the registry.
const ADDRESS: &str = "registry.terraform.io/lakedr/lakedr";

const CONFIGURATION: &str = r#"terraform {
  required_providers {
    lakedr = { source = "registry.terraform.io/lakedr/lakedr" }
  }
}
"#;

/// What a provider, a resource or a data source says of itself.
#[derive(Debug)]
pub(super) struct Schema {
    /// Markdown.
    pub(super) description: String,
    pub(super) attributes: Vec<Attribute>,
}

/// All schemas of the provider; resources and data sources by type name, functions by name.
#[derive(Debug)]
pub(super) struct ProviderSchema {
    pub(super) provider: Schema,
    pub(super) resources: BTreeMap<String, Schema>,
    pub(super) data_sources: BTreeMap<String, Schema>,
    pub(super) functions: BTreeMap<String, Function>,
}

/// Asks the provider in `bin_dir`, through Terraform.
pub(super) fn ask(terraform: &Path, bin_dir: &Path) -> Result<ProviderSchema> {
    let dir = paths::target().join("xtask/provider-schema");
    std::fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
    let settings = format!(
        "provider_installation {{\n  dev_overrides {{\n    \"{ADDRESS}\" = {}\n  }}\n  direct {{}}\n}}\n",
        Value::from(bin_dir.to_string_lossy())
    );
    std::fs::write(dir.join("terraform.rc"), settings)?;
    std::fs::write(dir.join("main.tf"), CONFIGURATION)?;
    let mut command = Command::new(terraform);
    command.args(["providers", "schema", "-json"]).current_dir(&dir);
    command.env("TF_CLI_CONFIG_FILE", dir.join("terraform.rc")).env("CHECKPOINT_DISABLE", "1");
    let answer: Value =
        serde_json::from_str(&process::capture(&mut command)?).context("read the answer of terraform")?;
    let schemas = answer["provider_schemas"].as_object().and_then(|all| all.values().next());
    parse(schemas.context("terraform knows no schema of the provider: is it built?")?)
}

/// Reads one provider of the answer. What these pages have no place for is an error, not a gap.
fn parse(provider: &Value) -> Result<ProviderSchema> {
    const KNOWN: [&str; 4] = ["provider", "resource_schemas", "data_source_schemas", "functions"];
    for (key, value) in object(provider)? {
        let empty = value.as_object().is_some_and(Map::is_empty);
        ensure!(empty || KNOWN.contains(&key.as_str()), "cargo xtask docs has no pages for {key} yet");
    }
    Ok(ProviderSchema {
        provider: schema(&provider["provider"]).context("schema of the provider")?,
        resources: by_name(&provider["resource_schemas"])?,
        data_sources: by_name(&provider["data_source_schemas"])?,
        functions: functions(&provider["functions"])?,
    })
}

fn functions(found: &Value) -> Result<BTreeMap<String, Function>> {
    let read = |(name, value): (&String, &Value)| {
        Ok((name.clone(), Function::read(name, value).with_context(|| format!("function {name}"))?))
    };
    found.as_object().into_iter().flatten().map(read).collect()
}

/// The schemas of a part of the answer.
pub(super) fn by_name(schemas: &Value) -> Result<BTreeMap<String, Schema>> {
    let read = |(name, value): (&String, &Value)| {
        Ok((name.clone(), schema(value).with_context(|| format!("schema of {name}"))?))
    };
    object(schemas)?.iter().map(read).collect()
}

fn schema(schema: &Value) -> Result<Schema> {
    let block = &schema["block"];
    ensure!(block.get("block_types").is_none(), "it has nested blocks: use nested attributes");
    let description = block["description"].as_str().context("it has no description")?.to_owned();
    Ok(Schema { description, attributes: attributes(block)? })
}

fn object(value: &Value) -> Result<&Map<String, Value>> {
    value.as_object().with_context(|| format!("expected an object, found {value}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn with(more: &str, value: Value) -> Value {
        let block = json!({"block": {"description": "D.", "attributes": {}}});
        let mut provider =
            json!({"provider": block, "resource_schemas": {"x_a": block}, "data_source_schemas": {}});
        provider[more] = value;
        provider
    }

    #[test]
    fn resources_are_found_by_name() {
        let schema = parse(&with("functions", json!({}))).unwrap();
        assert_eq!(schema.resources["x_a"].description, "D.");
    }

    #[test]
    fn what_has_no_page_is_an_error() {
        let error = parse(&with("ephemeral_resource_schemas", json!({"e": {}}))).unwrap_err();
        assert_eq!(error.to_string(), "cargo xtask docs has no pages for ephemeral_resource_schemas yet");
    }
}
