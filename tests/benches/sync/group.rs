//! A group without a workflow, declared by a Terraform state, and the executor at work on it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::environment;
use serde_json::{Value, json};

/// Where a region keeps its tables and its copies, and how it is reached.
#[derive(Debug)]
pub(crate) struct Side {
    /// `east` or `west`.
    pub(crate) region: &'static str,
    /// URL of the external location.
    pub(crate) location: String,
    /// The root of the tables.
    pub(crate) table_root: String,
    /// Options of the store; those that name a key are kept out of the state.
    pub(crate) options: BTreeMap<String, String>,
}

/// A declared group.
#[derive(Debug)]
pub(crate) struct Group {
    state: PathBuf,
    environment: BTreeMap<String, String>,
}

/// A sync that ended well.
#[derive(Debug)]
pub(crate) struct Synced {
    /// From the start of the process to its end.
    pub(crate) took: Duration,
    /// The report of the group.
    pub(crate) report: Value,
}

impl Group {
    /// Declares the group of these tables in a state file below `folder`; the first side is the active one.
    pub(crate) fn declare(folder: &Path, sides: &[Side; 2], tables: &[String]) -> Result<Self> {
        let [active, standby] = sides;
        let tables: Vec<Value> = tables.iter().map(|name| json!({ "name": name })).collect();
        let side = |side: &Side| json!({"region": side.region, "location": side.region, "table_root": side.table_root});
        let group = json!({
            "name": "bench", "initial_active_region": active.region,
            "primary": side(active), "secondary": side(standby), "tables": tables,
            // the tables are written by the clock of this machine
            "clock_skew": "0s",
        });
        let state = json!({
            "version": 4, "terraform_version": "1.10.0", "serial": 1, "lineage": "bench", "outputs": {},
            "resources": [location(active), location(standby), resource("lakedr_sync_group", "bench", &group)],
        });
        let file = folder.join("terraform.tfstate");
        std::fs::write(&file, state.to_string())?;
        let environment = sides.iter().flat_map(secrets).collect();
        Ok(Self { state: file, environment })
    }

    /// Runs `lakedr sync`, which has to come to this outcome.
    pub(crate) fn sync(&self, outcome: &str) -> Result<Synced> {
        let mut command = Command::new(environment::program("lakedr")?);
        command.arg("--state").arg(&self.state).args(["--region", "west", "--output", "json", "sync"]);
        command.envs(&self.environment).stdin(Stdio::null()).stderr(Stdio::inherit());
        let start = Instant::now();
        let output = command.output().context("start lakedr")?;
        let took = start.elapsed();
        let document: Value = serde_json::from_slice(&output.stdout).context("read the report")?;
        let report = document["groups"][0].clone();
        ensure!(report["outcome"] == outcome, "the sync has to be {outcome}: {document}");
        Ok(Synced { took, report })
    }
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
