//! Groups without a workflow, declared by a Terraform state, and the executor that works on them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use crate::environment;
use crate::running::{Outcome, Running};

/// Where a region keeps its tables and its copies, and how it is reached.
#[derive(Debug, Clone)]
pub struct Side {
    /// Name of the region and of its external location.
    pub region: &'static str,
    /// URL of the external location.
    pub location: String,
    /// The root of the tables.
    pub table_root: String,
    /// Options of the store; those that name a key are kept out of the state.
    pub options: BTreeMap<String, String>,
}

/// A sync group.
#[derive(Debug, Clone, Default)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Names of its tables.
    pub tables: Vec<String>,
    /// Attributes beyond those that every group has.
    pub attributes: Map<String, Value>,
}

/// Declared groups.
#[derive(Debug, Clone)]
pub struct Declared {
    state: PathBuf,
    environment: BTreeMap<String, String>,
}

impl Declared {
    /// Declares groups in the file `terraform.tfstate` of a folder; the first side is the active one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn in_folder(folder: &Path, sides: &[Side; 2], groups: &[Group]) -> Result<Self> {
        let resources: Vec<Value> =
            sides.iter().map(location).chain(groups.iter().map(|group| sync_group(sides, group))).collect();
        let state = json!({
            "version": 4, "terraform_version": "1.10.0", "serial": 1, "lineage": "declared", "outputs": {},
            "resources": resources,
        });
        let file = folder.join("terraform.tfstate");
        std::fs::write(&file, state.to_string()).with_context(|| format!("write {}", file.display()))?;
        let environment = sides.iter().flat_map(secrets).collect();
        Ok(Self { state: file, environment })
    }

    /// Declares a snapshot schedule beside the groups.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn add_schedule(&self, attributes: &Value) -> Result<()> {
        let mut state: Value = serde_json::from_slice(&std::fs::read(&self.state)?)?;
        let name = attributes["name"].as_str().context("a name")?;
        let resources = state["resources"].as_array_mut().context("resources")?;
        resources.push(resource("lakedr_snapshot_schedule", name, attributes));
        std::fs::write(&self.state, state.to_string())?;
        Ok(())
    }

    /// The same groups, reached with other credentials: those of these sides.
    #[must_use]
    pub fn reached_by(&self, sides: &[Side; 2]) -> Self {
        Self { state: self.state.clone(), environment: sides.iter().flat_map(secrets).collect() }
    }

    /// The executor of the standby region, or of another --region, with these arguments, not started. It reports in JSON.
    ///
    /// # Errors
    /// It is not built.
    pub fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(environment::program("lakedr")?);
        command.arg("--state").arg(&self.state).args(["--output", "json"]).args(arguments);
        command.envs(&self.environment).env("LAKEDR_REGION", "west").stdin(Stdio::null());
        Ok(command)
    }

    /// Runs the executor to its end.
    ///
    /// # Errors
    /// It cannot be started, or takes longer than `within`.
    pub fn lakedr(&self, arguments: &[&str], within: Duration) -> Result<Outcome> {
        Running::spawn(&mut self.command(arguments)?)?.wait(within)
    }
}

fn sync_group([active, standby]: &[Side; 2], group: &Group) -> Value {
    let tables: Vec<Value> = group.tables.iter().map(|name| json!({ "name": name })).collect();
    let side =
        |side: &Side| json!({"region": side.region, "location": side.region, "table_root": side.table_root});
    let mut attributes = json!({
        "name": group.name, "initial_active_region": active.region,
        "primary": side(active), "secondary": side(standby), "tables": tables,
        // the tables are written by the clock of this machine
        "clock_skew": "0s",
    });
    if let Some(attributes) = attributes.as_object_mut() {
        attributes.extend(group.attributes.clone());
    }
    resource("lakedr_sync_group", &group.name, &attributes)
}

fn location(side: &Side) -> Value {
    let (secret, plain): (Vec<_>, Vec<_>) = side.options.iter().partition(|(key, _)| is_secret(key));
    let references: BTreeMap<_, _> =
        secret.into_iter().map(|(key, _)| (key, format!("env://{}", variable(side, key)))).collect();
    let plain: BTreeMap<_, _> = plain.into_iter().collect();
    let attributes = json!({
        "name": side.region, "region": side.region, "url": side.location,
        "storage_options": plain, "secret_options": references,
    });
    resource("lakedr_external_location", side.region, &attributes)
}

fn secrets(side: &Side) -> Vec<(String, String)> {
    let secret = side.options.iter().filter(|(key, _)| is_secret(key));
    secret.map(|(key, value)| (variable(side, key), value.clone())).collect()
}

fn is_secret(option: &str) -> bool {
    option.contains("access_key")
}

fn variable(side: &Side, option: &str) -> String {
    format!("{}_{option}", side.region).to_uppercase()
}

fn resource(kind: &str, name: &str, attributes: &Value) -> Value {
    json!({
        "mode": "managed", "type": kind, "name": name,
        "provider": "provider[\"registry.terraform.io/lakedr/lakedr\"]",
        "instances": [{"schema_version": 0, "attributes": attributes}],
    })
}
