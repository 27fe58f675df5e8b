//! From local directories to other clouds: the standby region on Azure, and on Google Cloud Storage.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::regions::{Region, Regions};
use lakedr_e2e::running::{Outcome, Running};
use lakedr_e2e::servers::{Azurite, FakeGcs, ObjectServer};
use serde_json::{Map, Value, json};

/// Environment variable that holds the secret option of the standby's store.
const SECRET: &str = "STANDBY_SECRET";

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_region_on_azure() -> Result<()> {
    story(&Azurite::start()?, "azure_storage_account_key").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_region_on_google_cloud_storage() -> Result<()> {
    story(&FakeGcs::start()?, "google_service_account_key").await
}

/// Three runs travel from local directories to `server`, whose option `secret` is given by reference.
async fn story(server: &dyn ObjectServer, secret: &str) -> Result<()> {
    server.create_bucket("standby").await?;
    let regions = Regions::folders()?;
    let state = state(&regions, server, secret)?;
    let value = server.options().get(secret).context("the secret option")?.clone();
    let lakedr = |arguments: &[&str]| -> Result<Value> {
        let arguments = [arguments, &["--state", state.as_str(), "--output", "json"]].concat();
        let mut command = regions.lakedr_command(Region::West, &arguments)?;
        let outcome = Running::spawn(command.env(SECRET, &value))?.wait(Duration::from_secs(120))?;
        ensure!(outcome.code == Some(0), "the command has to succeed: {outcome}");
        silent_about(&value, &outcome)?;
        Ok(outcome.json()?["groups"][0].clone())
    };
    for number in ["1", "2", "3"] {
        lakedr(&["mark", "start", "--group", "etl", "--run", number])?;
        regions.workflow(Region::East, &["--run", number])?;
        lakedr(&["mark", "finish", "--group", "etl", "--run", number])?;
        let report = lakedr(&["sync", "-vvv"])?;
        assert_eq!(
            (report["outcome"].as_str(), report["cut"]["run"]["id"].as_str()),
            (Some("published"), Some(number))
        );
        let proof = lakedr(&["verify", "--level", "content"])?;
        assert_eq!(proof["equal"], true, "{proof}");
    }
    assert_eq!(lakedr(&["sync"])?["outcome"], "up_to_date");
    Ok(())
}

fn silent_about(secret: &str, outcome: &Outcome) -> Result<()> {
    ensure!(!outcome.stdout.contains(secret) && !outcome.stderr.contains(secret), "a secret was said");
    Ok(())
}

/// The applied state, with the secondary region moved to `server`.
fn state(regions: &Regions, server: &dyn ObjectServer, secret: &str) -> Result<String> {
    let terraform = regions.terraform(Region::West)?;
    let mut state: Value = serde_json::from_slice(&std::fs::read(terraform.state_file())?)?;
    let root = server.url("standby");
    let plain: Map<String, Value> = server
        .options()
        .into_iter()
        .filter(|(key, _)| key != secret)
        .map(|(key, value)| (key, Value::String(value)))
        .collect();
    for resource in state["resources"].as_array_mut().context("resources")? {
        let group = resource["type"] == "lakedr_sync_group";
        let attributes = &mut resource["instances"][0]["attributes"];
        if group {
            attributes["secondary"]["table_root"] = json!(format!("{root}/lake"));
        } else if attributes["name"] == "west_sync" {
            attributes["url"] = json!(format!("{root}/dr"));
            attributes["storage_options"] = Value::Object(plain.clone());
            attributes["secret_options"] = json!({secret: format!("env://{SECRET}")});
        }
    }
    let path = terraform.folder().join("clouds.tfstate");
    std::fs::write(&path, state.to_string())?;
    Ok(path.display().to_string())
}
