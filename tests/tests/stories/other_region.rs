//! Both regions are declared by the same configuration, each in its own control store. Where they are not, an operator is told
//! before the region that takes over goes by another specification than the one that was lost.

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::regions::{Region, Regions};
use lakedr_e2e::running::{Outcome, Running};
use serde_json::{Value, json};

const TARGET: &str = "rpo_target = \"1h\"";

/// Applies the example in one region with something else in it.
fn declare_otherwise(regions: &Regions, region: Region, (what, instead): (&str, &str)) -> Result<()> {
    let terraform = regions.terraform(region)?;
    let path = terraform.folder().join("main.tf");
    let text = std::fs::read_to_string(&path)?;
    ensure!(text.contains(what), "the example holds {what}");
    terraform.write("main.tf", &text.replace(what, instead))?;
    terraform.apply()?;
    Ok(())
}

/// The executor in a region, told of the other one.
fn call(regions: &Regions, region: Region, arguments: &[&str]) -> Result<Outcome> {
    let other = if region == Region::West { Region::East } else { Region::West };
    let mut command = regions.lakedr_command(region, arguments)?;
    command
        .env("LAKEDR_REGION", region.name())
        .env("LAKEDR_OTHER_CONTROL_URL", regions.url(other, "control"));
    Running::spawn(&mut command)?.wait(std::time::Duration::from_secs(120))
}

/// The one group of a command in the west that succeeds.
fn group(regions: &Regions, arguments: &[&str]) -> Result<Value> {
    let outcome = call(regions, Region::West, &[arguments, &["--output", "json"]].concat())?;
    ensure!(outcome.code == Some(0), "{outcome}");
    Ok(outcome.json()?["groups"][0].clone())
}

fn differences(group: &Value) -> Result<Vec<String>> {
    let differences = group["other_region"]["differences"].as_array().context("differences")?;
    Ok(differences
        .iter()
        .map(|found| format!("{} {}: {}", found["kind"], found["name"], found["problem"]).replace('"', ""))
        .collect())
}

#[test]
fn a_plan_says_where_the_regions_are_declared_differently() -> Result<()> {
    let regions = Regions::folders()?;
    regions.run(1, None)?;
    assert_eq!(regions.sync()?, "published");
    let plan_id = |text: &str| text.split_once("plan ").map(|(_, rest)| rest[..16].to_owned());

    let text = call(&regions, Region::West, &["failover", "plan"])?;
    ensure!(text.stdout.contains("the other region is declared the same"), "{text}");
    let id = plan_id(&text.stdout).context("a plan id")?;
    assert_eq!(differences(&group(&regions, &["failover", "plan"])?)?, Vec::<String>::new());

    declare_otherwise(&regions, Region::East, (TARGET, "rpo_target = \"2h\""))?;
    let found = differences(&group(&regions, &["failover", "plan"])?)?;
    ensure!(
        found.len() == 1 && found[0].starts_with("sync_group etl: differs in rpo_target (written "),
        "{found:?}"
    );
    ensure!(found[0].contains("by the provider in eastus2"), "{found:?}");
    let text = call(&regions, Region::West, &["failover", "plan"])?;
    ensure!(text.stdout.contains("declared differently") && text.stdout.contains("rpo_target"), "{text}");
    assert_eq!(
        plan_id(&text.stdout).as_deref(),
        Some(&*id),
        "what the other region says is not what it rests on"
    );

    for command in ["status", "validate", "drill"] {
        let warnings = group(&regions, &[command])?["warnings"].to_string();
        ensure!(
            warnings.contains("declared differently") && warnings.contains("rpo_target"),
            "{command}: {warnings}"
        );
    }
    let back = call(&regions, Region::East, &["status"])?;
    ensure!(back.stdout.contains("differs in rpo_target"), "both sides say so: {back}");
    Ok(())
}

#[test]
fn what_the_other_region_lacks_and_what_cannot_be_seen_is_said() -> Result<()> {
    let regions = Regions::folders()?;
    regions.run(1, None)?;
    assert_eq!(regions.sync()?, "published");
    let (here, there) = (regions.url(Region::West, "control"), regions.url(Region::East, "control"));
    let documents = regions.dir(Region::East, "control").join("v1");
    std::fs::remove_file(documents.join("external_locations/west_sync.json"))?;
    std::fs::remove_file(documents.join("sync_groups/etl.json"))?;
    assert_eq!(
        differences(&group(&regions, &["failover", "plan"])?)?,
        ["sync_group etl: is not there", "external_location west_sync: is not there"]
    );

    regions.lose(Region::East)?;
    let group = group(&regions, &["failover", "plan"])?;
    ensure!(group["other_region"]["differences"].is_null(), "{group}");
    let unseen = group["other_region"]["unseen"].as_str().context("why it is not seen")?;
    ensure!(unseen.contains(&there), "{unseen}");
    ensure!(
        !group["steps"].as_array().context("steps")?.is_empty(),
        "it is no reason not to fail over: {group}"
    );

    let plan = regions.lakedr(&["failover", "plan"])?;
    ensure!(plan.stdout.contains("--other-control names its control store"), "{plan}");
    let one = regions.lakedr(&["status", "--region", "westus2", "--other-control", &here])?;
    ensure!(one.code == Some(2) && one.stderr.contains("the control store of this region"), "{one}");
    let nowhere = regions.lakedr(&["status", "--other-control", &there])?;
    ensure!(nowhere.code == Some(2) && nowhere.stderr.contains("--region"), "{nowhere}");
    Ok(())
}

/// The very case in which it matters: the region that was declared otherwise is the one that is lost.
#[test]
fn how_a_lost_region_was_declared_is_known_from_the_last_publish() -> Result<()> {
    let regions = Regions::folders()?;
    let sync = |run| -> Result<()> {
        regions.run(run, None)?;
        assert_eq!(group(&regions, &["sync"])?["outcome"], "published");
        Ok(())
    };
    let last_seen = |plan: &Value| -> Result<Vec<String>> {
        ensure!(plan["other_region"]["differences"].is_null(), "{plan}");
        differences(&json!({"other_region": plan["other_region"]["last_seen"]}))
    };
    sync(1)?;
    regions.lose(Region::East)?;
    assert_eq!(last_seen(&group(&regions, &["failover", "plan"])?)?, Vec::<String>::new());
    let text = call(&regions, Region::West, &["failover", "plan"])?;
    ensure!(text.stdout.contains("cannot be seen (when it was seen last, 20"), "{text}");
    ensure!(text.stdout.contains("it was declared the same)"), "{text}");

    regions.recover(Region::East)?;
    declare_otherwise(&regions, Region::East, (TARGET, "rpo_target = \"2h\""))?;
    sync(2)?;
    regions.lose(Region::East)?;
    let plan = group(&regions, &["failover", "plan"])?;
    let found = last_seen(&plan)?;
    ensure!(
        found.len() == 1 && found[0].starts_with("sync_group etl: differs in rpo_target (written "),
        "{found:?}"
    );
    assert_eq!(plan["other_region"]["last_seen"]["control"], json!(regions.url(Region::East, "control")));
    let text = call(&regions, Region::West, &["failover", "plan"])?;
    ensure!(
        text.stdout.contains("it was declared differently)") && text.stdout.contains("rpo_target"),
        "{text}"
    );
    let warnings = group(&regions, &["status"])?["warnings"].to_string();
    ensure!(warnings.contains("were declared differently when the other one was seen last"), "{warnings}");

    // what is applied here meanwhile is what counts
    declare_otherwise(&regions, Region::West, (TARGET, "rpo_target = \"2h\""))?;
    assert_eq!(last_seen(&group(&regions, &["failover", "plan"])?)?, Vec::<String>::new());

    // it is informed by it, and rests on it in nothing
    let kept = regions.dir(Region::West, "dr").join("meta/groups/etl/other_region/eastus2.json");
    std::fs::write(&kept, "damaged")?;
    let plan = group(&regions, &["failover", "plan"])?;
    ensure!(plan["other_region"]["last_seen"].is_null(), "{plan}");
    ensure!(!plan["steps"].as_array().context("steps")?.is_empty(), "{plan}");
    Ok(())
}

/// The control stores are on two servers, and the environment has the credentials of one.
#[tokio::test(flavor = "multi_thread")]
async fn the_other_store_is_reached_as_the_location_there_and_what_landed_tells_of_the_sender() -> Result<()>
{
    let regions = Regions::on_s3().await?;
    for region in Region::BOTH {
        declare_otherwise(&regions, region, (TARGET, "rpo_target = \"1h\"\n  delivery = \"staged\""))?;
    }
    regions.run(1, None)?;
    let sent = call(&regions, Region::East, &["send"])?;
    ensure!(sent.code == Some(0), "{sent}");
    let received = call(&regions, Region::West, &["receive"])?;
    ensure!(received.code == Some(0), "{received}");
    let planned = group(&regions, &["failover", "plan"])?;
    assert_eq!(differences(&planned)?, Vec::<String>::new());
    assert_eq!(planned["landed_spec_is_current"], true);

    declare_otherwise(&regions, Region::East, ("rto_target = \"4h\"", "rto_target = \"5h\""))?;
    regions.run(2, None)?;
    let sent = call(&regions, Region::East, &["send"])?;
    ensure!(sent.code == Some(0), "{sent}");
    let planned = group(&regions, &["failover", "plan"])?;
    let found = differences(&planned)?;
    ensure!(found.len() == 1 && found[0].contains("differs in rto_target"), "{found:?}");
    assert_eq!(planned["landed_spec_is_current"], json!(false), "the sender's word is in the log");
    let text = call(&regions, Region::West, &["failover", "plan"])?;
    ensure!(text.stdout.contains("was made with another specification"), "{text}");
    Ok(())
}
