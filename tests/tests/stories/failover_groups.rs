//! Several groups fail over together, groups without a workflow too, and a region whose stores do not answer is no obstacle.

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::regions::{Region, Regions};
use serde_json::{Value, json};

use crate::groups::{state, without_workflow};

const GROUPS: [(&str, &[&str]); 2] =
    [("raw", &["cat.raw.bronze"]), ("refined", &["cat.stage.silver", "cat.mart.gold"])];

/// Two groups without a workflow, synced once.
fn two_groups(regions: &Regions) -> Result<String> {
    regions.workflow(Region::East, &["--run", "1"])?;
    let state = state(regions, &GROUPS.map(|(name, tables)| without_workflow(name, tables)))?;
    let state = state.display().to_string();
    let synced = regions.lakedr_json(0, &["sync", "--state", &state])?;
    assert_eq!(of_groups(&synced, "outcome"), [json!("published"), json!("published")]);
    Ok(state)
}

fn of_groups(document: &Value, field: &str) -> Vec<Value> {
    document["groups"].as_array().into_iter().flatten().map(|group| group[field].clone()).collect()
}

fn planned(document: &Value) -> Result<&str> {
    document["plan"].as_str().with_context(|| format!("no plan: {document}"))
}

#[test]
fn groups_go_over_and_come_home_together() -> Result<()> {
    let regions = Regions::folders()?;
    let state = two_groups(&regions)?;
    let lakedr = |code, arguments: &[&str]| {
        regions.lakedr_json(code, &[arguments, &["--state", state.as_str()]].concat())
    };
    let execute = |code, command: &str, plan: &str| {
        lakedr(code, &[command, "execute", "--plan", plan, "--approve", "ada"])
    };
    regions.lose(Region::East)?;
    let both = lakedr(0, &["failover", "plan"])?;
    let one = lakedr(0, &["failover", "plan", "--group", "raw"])?;
    ensure!(planned(&both)? != planned(&one)?, "a plan is about its groups");
    let wrong = execute(3, "failover", planned(&one)?)?;
    assert_eq!(wrong["groups"][1]["error"]["type"], "stale_plan", "all groups or none: {wrong}");
    let switched = execute(0, "failover", planned(&both)?)?;
    assert_eq!(of_groups(&switched, "active_region"), [json!("westus2"), json!("westus2")]);

    regions.workflow(Region::West, &["--run", "2"])?;
    regions.recover(Region::East)?;
    lakedr(0, &["sync"])?;
    assert_eq!(regions.rows(Region::East)?, regions.rows(Region::West)?);
    lakedr(0, &["verify", "--level", "content"])?;

    regions.workflow(Region::West, &["--run", "3"])?;
    let refused = lakedr(3, &["failback", "plan"])?;
    assert_eq!(refused["plan"], Value::Null);
    for problems in of_groups(&refused, "problems") {
        assert_eq!(problems[0]["type"], "not_up_to_date", "{problems}");
    }
    lakedr(0, &["sync"])?;
    let home = lakedr(0, &["failback", "plan"])?;
    let switched = execute(0, "failback", planned(&home)?)?;
    assert_eq!(of_groups(&switched, "active_region"), [json!("eastus2"), json!("eastus2")]);
    assert_eq!(regions.rows(Region::East)?, regions.rows(Region::West)?, "nothing is lost");
    regions.workflow(Region::East, &["--run", "4"])?;
    lakedr(0, &["sync"])?;
    assert_eq!(regions.rows(Region::East)?, regions.rows(Region::West)?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_does_not_answer_is_no_obstacle() -> Result<()> {
    let regions = Regions::on_s3().await?;
    let path = two_groups(&regions)?;
    let text = std::fs::read_to_string(&path)?;
    let east = regions.server(Region::East).context("a server")?;
    let endpoint = lakedr_e2e::servers::ObjectServer::endpoint(east);
    // nobody listens on the discard port of the loopback interface
    std::fs::write(&path, text.replace(&endpoint, "http://127.0.0.1:9"))?;
    let plan = regions.lakedr_json(0, &["failover", "plan", "--state", &path])?;
    for loss in of_groups(&plan, "loss") {
        ensure!(loss["unseen"].as_array().is_some_and(|unseen| !unseen.is_empty()), "{loss}");
    }
    let arguments = ["failover", "execute", "--plan", planned(&plan)?, "--approve", "ada", "--state", &path];
    let switched = regions.lakedr_json(0, &arguments)?;
    assert_eq!(of_groups(&switched, "switched"), [json!(true), json!(true)]);
    // and when it is back, the groups follow
    std::fs::write(&path, text)?;
    regions.workflow(Region::West, &["--run", "2"])?;
    regions.lakedr_json(0, &["sync", "--state", &path])?;
    assert_eq!(regions.rows(Region::East)?, regions.rows(Region::West)?);
    Ok(())
}
