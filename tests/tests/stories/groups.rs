//! Groups beside each other, groups without a workflow, and stores that do not answer.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use lakedr_e2e::regions::{Region, Regions};
use serde_json::{Value, json};

/// A Terraform state with the locations of `regions` and these groups.
pub(crate) fn state(regions: &Regions, groups: &[Value]) -> Result<PathBuf> {
    let terraform = regions.terraform(Region::West)?;
    let mut state: Value = serde_json::from_slice(&std::fs::read(terraform.state_file())?)?;
    let resources = state["resources"].as_array_mut().context("resources")?;
    let etl =
        resources.iter().position(|resource| resource["type"] == "lakedr_sync_group").context("a group")?;
    let template = resources.remove(etl);
    for changes in groups {
        let mut group = template.clone();
        group["name"] = changes["name"].clone();
        let attributes = group["instances"][0]["attributes"].as_object_mut().context("attributes")?;
        for (name, value) in changes.as_object().context("changes")? {
            attributes.insert(name.clone(), value.clone());
        }
        resources.push(group);
    }
    let path = terraform.folder().join("groups.tfstate");
    std::fs::write(&path, state.to_string())?;
    Ok(path)
}

pub(crate) fn without_workflow(name: &str, tables: &[&str]) -> Value {
    let tables: Vec<Value> = tables.iter().map(|name| json!({"name": name})).collect();
    json!({"name": name, "tables": tables, "workflow": null, "clock_skew": "0s",
           "retry": {"max_attempts": 2, "initial_backoff": "100ms", "max_backoff": "100ms"}})
}

fn outcomes(document: &Value) -> Vec<(&str, &str)> {
    let groups = document["groups"].as_array().into_iter().flatten();
    groups.filter_map(|group| Some((group["group"].as_str()?, group["outcome"].as_str()?))).collect()
}

#[test]
fn a_group_without_a_workflow_follows_its_schedule() -> Result<()> {
    let regions = Regions::folders()?;
    regions.workflow(Region::East, &["--run", "1"])?;
    let mut group = without_workflow("lake", &["cat.raw.bronze", "cat.stage.silver", "cat.mart.gold"]);
    group["schedule"] = json!({"interval": "1h", "cron": null, "timezone": null});
    let state = state(&regions, &[group])?.display().to_string();
    let sync = |more: &[&str]| regions.group(0, &[&["sync", "--state", state.as_str()], more].concat());

    let first = sync(&[])?;
    assert_eq!(
        (first["outcome"].as_str(), first["cut"]["kind"].as_str()),
        (Some("published"), Some("schedule"))
    );
    assert_eq!(regions.rows(Region::West)?, regions.rows(Region::East)?);
    regions.workflow(Region::East, &["--run", "2"])?;
    assert_eq!(sync(&[])?["outcome"], "not_due");
    assert_eq!(sync(&["--force"])?["outcome"], "published");
    assert_eq!(regions.rows(Region::West)?, regions.rows(Region::East)?);
    assert_eq!(sync(&["--force"])?["outcome"], "up_to_date");
    let status = regions.group(0, &["status", "--state", &state])?;
    assert_eq!(status["rpo_lag_seconds"], 0, "nothing has changed since: {status}");
    Ok(())
}

#[test]
fn one_failing_group_never_stops_another() -> Result<()> {
    let regions = Regions::folders()?;
    regions.workflow(Region::East, &["--run", "1"])?;
    let log = regions.table_dir(Region::East, "cat.raw.bronze").join("_delta_log/00000000000000000000.json");
    std::fs::write(&log, "this is no commit\n")?;
    let groups = [
        without_workflow("damaged", &["cat.raw.bronze"]),
        without_workflow("missing", &["cat.raw.nothing"]),
        without_workflow("sound", &["cat.stage.silver", "cat.mart.gold"]),
    ];
    let state = state(&regions, &groups)?.display().to_string();
    let document = regions.lakedr_json(4, &["sync", "--state", &state])?;
    assert_eq!(outcomes(&document), [("damaged", "failed"), ("missing", "refused"), ("sound", "published")]);
    assert_eq!(document["groups"][0]["error"]["type"], "damaged");
    let message = document["groups"][0]["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("cat.raw.bronze") && message.contains("00000000000000000000.json"), "{message}");
    // chosen alone, the sound group is all that counts
    let document = regions.lakedr_json(0, &["sync", "--state", &state, "--group", "sound"])?;
    assert_eq!(outcomes(&document), [("sound", "up_to_date")]);
    Ok(())
}

#[test]
fn a_service_of_two_groups_is_a_warning() -> Result<()> {
    let regions = Regions::folders()?;
    regions.workflow(Region::East, &["--run", "1"])?;
    let dag = |id: &str| {
        // nobody listens on the discard port of the loopback interface
        let dag = json!({"url": "http://127.0.0.1:9", "dag_id": id, "username": null, "password": null});
        json!({"primary": {"airflow_dags": [dag]}, "secondary": null})
    };
    let group = |name: &str, table: &str, id: &str| {
        let mut group = without_workflow(name, &[table]);
        group["services"] = dag(id);
        group
    };
    let groups = [
        group("one", "cat.raw.bronze", "etl"),
        group("other", "cat.stage.silver", "etl"),
        group("third", "cat.mart.gold", "reports"),
    ];
    let state = state(&regions, &groups)?.display().to_string();
    let shared = |asked: &[&str]| -> Result<Vec<String>> {
        let document = regions.lakedr_json(0, &[&["validate", "--state", &state], asked].concat())?;
        let groups = document["groups"].as_array().into_iter().flatten();
        let warnings = groups.flat_map(|group| group["warnings"].as_array().into_iter().flatten());
        let warnings = warnings.filter_map(Value::as_str).filter(|said| said.contains("is a service of"));
        Ok(warnings.map(str::to_owned).collect())
    };
    assert_eq!(shared(&[])?.len(), 2, "once for each of the two");
    let said = shared(&["--group", "one"])?;
    assert!(said.len() == 1 && said[0].contains("\"one\" and of sync group \"other\""), "{said:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_does_not_answer_is_worth_retrying() -> Result<()> {
    let regions = Regions::on_s3().await?;
    regions.run(1, None)?;
    let mut group = without_workflow("far", &["cat.raw.bronze"]);
    group["name"] = json!("far");
    let path = state(&regions, &[group])?;
    let text = std::fs::read_to_string(&path)?;
    let east = regions.server(Region::East).context("a server")?;
    let endpoint = lakedr_e2e::servers::ObjectServer::endpoint(east);
    // nobody listens on the discard port of the loopback interface
    std::fs::write(&path, text.replace(&endpoint, "http://127.0.0.1:9"))?;
    let document = regions.lakedr_json(5, &["sync", "--state", &path.display().to_string()])?;
    assert_eq!(document["groups"][0]["error"]["type"], "unreachable", "{document}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_of_the_control_store_are_named() -> Result<()> {
    let regions = Regions::on_s3().await?;
    let mut command = regions.lakedr_command(Region::West, &["sync"])?;
    command.env("AWS_SECRET_ACCESS_KEY", "not-the-secret");
    let outcome =
        lakedr_e2e::running::Running::spawn(&mut command)?.wait(std::time::Duration::from_secs(60))?;
    assert_eq!(outcome.code, Some(2), "{outcome}");
    assert!(
        outcome.stderr.contains("permission denied") && outcome.stderr.contains("s3://control-west"),
        "{outcome}"
    );
    assert!(!outcome.stderr.contains("not-the-secret"));
    Ok(())
}
