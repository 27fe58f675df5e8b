//! Coming from `dr_sync_job`: its configuration as ours, by the command and by the function of the provider.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use lakedr_e2e::environment::{checkout, program};
use lakedr_e2e::running::{Outcome, Running};
use lakedr_e2e::terraform::Terraform;
use serde_json::{Value, json};

/// The configuration of the reference as its own documentation shows it, with storage that is at hand.
fn reference(places: &tempfile::TempDir) -> Value {
    let place = |name: &str| format!("file://{}", places.path().join(name).display());
    json!({
        "secret_scope": "dr-test-scope",
        "workspaces": [{
            "workspace_name": "dr_test_eastus2_databricks",
            "workspace_instance_url": "https://<workspace url>",
            "workspace_pat_key": "dr-pat-key",
            "sync_location_primary": place("primary"),
            "sync_location_secondary": place("secondary"),
            "sync_interval_mins": 15,
            "sync_failover_interval_mins": 10,
            "sync_max_retries": "3",
            "sync_groups": [
                {
                    "group_name": "sample_workflow_1",
                    "group_owner_email": "user@example.com",
                    "workflow": "sample_workflow_1",
                    "tables": [
                        "dr_test_catalog.raw.workflow_1_bronze",
                        "dr_test_catalog.stage.workflow_1_silver",
                        "dr_test_catalog.main.workflow_1_gold"
                    ]
                },
                {
                    "group_name": "scheduled_sync",
                    "group_owner_email": "user@example.com",
                    "tables": ["dr_test_catalog.raw.raw_data", "dr_test_catalog.main.${gold}"]
                }
            ]
        }]
    })
}

struct File {
    places: tempfile::TempDir,
    path: PathBuf,
}

impl File {
    fn with(change: impl FnOnce(&mut Value)) -> Result<Self> {
        let places = tempfile::tempdir()?;
        let mut config = reference(&places);
        change(&mut config);
        let path = places.path().join("config.json");
        std::fs::write(&path, serde_json::to_vec_pretty(&config)?)?;
        Ok(Self { places, path })
    }

    fn lakedr(&self, arguments: &[&str]) -> Result<Outcome> {
        let mut command = Command::new(program("lakedr")?);
        command.arg("import-config").arg(&self.path).args(arguments);
        command.env_remove("LAKEDR_CONTROL_URL");
        Running::spawn(&mut command)?.wait(Duration::from_secs(30))
    }
}

#[test]
fn the_written_configuration_is_valid_formatted_and_applies() -> Result<()> {
    let file = File::with(|_| {})?;
    let outcome = file.lakedr(&["--primary-region", "eastus2", "--secondary-region", "westus2"])?;
    assert_eq!(outcome.code, Some(0), "{outcome}");
    for note in [
        "sync_failover_interval_mins: 10 minutes is less than",
        "replace https://secondary-workspace.invalid",
    ] {
        assert!(outcome.stderr.contains(note), "{}", outcome.stderr);
    }
    let mut terraform = Terraform::new()?;
    terraform.write("main.tf", &outcome.stdout)?;
    terraform.succeed(&["fmt", "-check", "-diff"])?;
    terraform.succeed(&["validate"])?;
    std::fs::create_dir(file.places.path().join("control"))?;
    terraform.set("LAKEDR_REGION", "eastus2");
    terraform.set("LAKEDR_CONTROL_URL", format!("file://{}", file.places.path().join("control").display()));
    terraform.apply()?;
    terraform.plan_is_empty()?;
    let group = terraform.attributes("lakedr_sync_group.scheduled_sync")?;
    assert_eq!(group["tables"][1]["name"], "dr_test_catalog.main.${gold}");
    assert_eq!(group["primary"]["location"], "dr_test_eastus2_databricks_primary");
    Ok(())
}

#[test]
fn the_function_gives_what_the_command_gives() -> Result<()> {
    let file = File::with(|_| {})?;
    let outcome = file.lakedr(&["--output", "json"])?;
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{outcome}");
    let written = outcome.json()?;
    let terraform = Terraform::new()?;
    let example =
        std::fs::read_to_string(checkout().join("examples/functions/from_dr_sync_config/function.tf"))?;
    terraform.configure(&format!(
        "{example}\noutput \"all\" {{\n  value = local.imported\n}}\nprovider \"lakedr\" {{\n  region = \"eastus2\"\n  \
         control_url = \"file://{}\"\n}}\n",
        file.places.path().join("control").display()
    ))?;
    terraform.write(
        "terraform.tfvars.json",
        &json!({"dr_sync_config": std::fs::read_to_string(&file.path)?}).to_string(),
    )?;
    terraform.apply()?;
    terraform.plan_is_empty()?;
    let outcome = terraform.succeed(&["output", "-json", "all"])?;
    let all: Value = serde_json::from_str(&outcome.stdout)?;
    for (kind, name) in
        [("sync_groups", "sample_workflow_1"), ("external_locations", "dr_test_eastus2_databricks_primary")]
    {
        let known = written[kind].as_array().context("a list")?.iter().find(|spec| spec["name"] == name);
        let given = without_nulls(&all[kind][name]);
        assert_eq!(Some(&given), known.map(without_nulls).as_ref(), "{name}");
    }
    assert_eq!(all["notes"].as_array().map(Vec::len), written["notes"].as_array().map(Vec::len));
    Ok(())
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), without_nulls(value)))
            .collect(),
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

#[test]
fn what_cannot_be_taken_over_ends_with_an_error() -> Result<()> {
    let incomplete = File::with(|config| config["workspaces"][0]["workspace_pat_key"] = Value::Null)?;
    let outcome = incomplete.lakedr(&[])?;
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{outcome}");
    assert!(outcome.stderr.contains("workspaces[0].workspace_pat_key is missing"), "{}", outcome.stderr);

    // two groups cannot have one table: what is written has to be mended by hand
    let shared = File::with(|config| {
        config["workspaces"][0]["sync_groups"][1]["tables"][0] =
            json!("dr_test_catalog.raw.workflow_1_bronze");
    })?;
    let outcome = shared.lakedr(&[])?;
    assert_eq!(outcome.code, Some(2), "{outcome}");
    assert!(
        outcome.stderr.contains("keep the table in one group") && outcome.stdout.contains("resource"),
        "{outcome}"
    );

    let terraform =
        Terraform::with("output \"x\" {\n  value = provider::lakedr::from_dr_sync_config(\"{}\")\n}\n")?;
    let said = terraform.fail(&["validate"])?;
    assert!(said.stderr.contains("secret_scope is missing"), "{said}");
    Ok(())
}
