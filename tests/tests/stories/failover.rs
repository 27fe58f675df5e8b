//! The active region is lost, the other one takes over, and the group comes home again.

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::regions::{Region, Regions, TABLES, contents};
use serde_json::Value;

/// Two runs synced, a third finished and not synced, a fourth half-way.
fn before_the_outage() -> Result<Regions> {
    let regions = Regions::folders()?;
    for number in [1, 2] {
        regions.run(number, None)?;
        assert_eq!(regions.sync()?, "published");
    }
    regions.run(3, None)?;
    regions.run(4, Some("bronze"))?;
    Ok(regions)
}

fn plan(regions: &Regions, command: &str) -> Result<(String, Value)> {
    let planned = regions.lakedr_json(0, &[command, "plan"])?;
    Ok((planned["plan"].as_str().context("a plan id")?.to_owned(), planned["groups"][0].clone()))
}

fn execute(regions: &Regions, code: i32, command: &str, plan: &str) -> Result<Value> {
    regions.group(code, &[command, "execute", "--plan", plan, "--approve", "ada@example.com"])
}

fn entries(regions: &Regions, kind: &str) -> Result<usize> {
    let history = regions.group(0, &["history"])?;
    let entries = history["entries"].as_array().context("entries")?;
    Ok(entries.iter().filter(|entry| entry["event"]["type"] == kind).count())
}

#[test]
fn a_plan_says_what_is_gone_on_from_and_what_would_be_lost_and_writes_nothing() -> Result<()> {
    let regions = before_the_outage()?;
    let before = contents(&regions.dir(Region::West, "dr"))?;
    let (id, group) = plan(&regions, "failover")?;
    assert_eq!(group["recovery_point"]["cut"]["run"]["id"], "2");
    assert_eq!((&group["loss"]["runs"], &group["loss"]["runs_under_way"][0]), (&1.into(), &"4".into()));
    let tables = group["loss"]["tables"].as_array().context("tables")?;
    let behind: Vec<_> = tables.iter().map(|table| (&table["name"], &table["logical_commits"])).collect();
    assert_eq!(behind.len(), 3, "{behind:?}");
    assert_eq!(tables[1]["name"], "cat.raw.bronze");
    assert_eq!(tables[1]["logical_commits"], 2, "runs 3 and 4: {tables:?}");
    assert_eq!(group["problems"], Value::Array(Vec::new()));
    assert_eq!(group["loss"]["unseen"], Value::Array(Vec::new()));

    let retention = &group["retention"];
    assert_eq!(retention["property"], "delta.deletedFileRetentionDuration", "{group}");
    let week = 7 * 24 * 3_600;
    assert_eq!(retention["kept_seconds"], week);
    ensure!(
        (week - 3_600..week).contains(&retention["left_seconds"].as_i64().unwrap_or_default()),
        "{group}"
    );

    regions.lose(Region::East)?;
    let (blind, group) = plan(&regions, "failover")?;
    assert_eq!(group["retention"]["property"], retention["property"], "it is on record: {group}");
    assert_eq!(blind, id, "what is lost is not what the plan rests on");
    let unseen = group["loss"]["unseen"].as_array().context("unseen")?;
    ensure!(!unseen.is_empty() && group["loss"]["runs"].is_null(), "{group}");
    assert_eq!(contents(&regions.dir(Region::West, "dr"))?, before, "a plan writes nothing");
    Ok(())
}

#[test]
fn without_a_recovery_point_there_is_nothing_to_go_on_from() -> Result<()> {
    let regions = Regions::folders()?;
    let planned = regions.lakedr_json(3, &["failover", "plan"])?;
    assert_eq!(planned["plan"], Value::Null);
    assert_eq!(planned["groups"][0]["problems"][0]["type"], "no_recovery_point");
    let refused = execute(&regions, 3, "failover", "0123456789abcdef")?;
    assert_eq!(refused["error"]["type"], "stale_plan");
    ensure!(!regions.dir(Region::West, "dr").join("meta/groups").exists(), "something was written");
    Ok(())
}

#[test]
fn a_plan_is_stale_once_there_is_another_recovery_point() -> Result<()> {
    let regions = before_the_outage()?;
    let (id, _) = plan(&regions, "failover")?;
    regions.run(4, None)?;
    assert_eq!(regions.sync()?, "published");
    let refused = execute(&regions, 3, "failover", &id)?;
    assert_eq!(refused["error"]["type"], "stale_plan");
    let message = refused["error"]["message"].as_str().unwrap_or_default();
    for part in ["run 4", "epoch 1", "lakedr failover plan"] {
        ensure!(message.contains(part), "{part:?} is not in {message}");
    }
    assert_eq!(entries(&regions, "role")?, 0);
    Ok(())
}

#[test]
fn there_and_back_again() -> Result<()> {
    let regions = before_the_outage()?;
    let at_run_2 = regions.rows(Region::West)?;
    regions.lose(Region::East)?;
    let (id, _) = plan(&regions, "failover")?;
    let switched = execute(&regions, 0, "failover", &id)?;
    assert_eq!((&switched["active_region"], &switched["epoch"]), (&"westus2".into(), &2.into()));
    assert_eq!((&switched["approved_by"], &switched["rto_met"]), (&"ada@example.com".into(), &true.into()));
    let tables = switched["tables"].as_array().context("tables")?;
    assert_eq!(tables.len(), TABLES.len());
    for table in tables {
        assert_eq!(table["problems_total"], 0);
        ensure!(table["rows_read"].as_u64() > Some(0) && table["files"].as_u64() > Some(0), "{table}");
    }
    let again = execute(&regions, 0, "failover", &id)?;
    assert_eq!(again["seq"], switched["seq"], "the same call again finds it done");

    // life in the west: a run, and no standby region to sync to
    regions.workflow(Region::West, &["--run", "3"])?;
    let failed = regions.lakedr(&["sync"])?;
    ensure!(failed.code != Some(0), "an error is never green: {failed}");
    let status = regions.group(0, &["status"])?;
    assert_eq!((&status["active_region"], &status["returning"]), (&"westus2".into(), &true.into()));

    // the east is back, with a run that nobody has, and a run that was cut short
    regions.recover(Region::East)?;
    the_east_follows(&regions, &at_run_2)?;
    what_was_lost_is_kept(&regions)?;
    terraform_changes_nothing(&regions, "westus2", 2)?;
    home_again(&regions)
}

/// The tables of the east are brought to the state that the west began with, then to that of a run in the west.
fn the_east_follows(regions: &Regions, at_run_2: &std::collections::BTreeMap<String, u64>) -> Result<()> {
    let report = regions.group(0, &["sync"])?;
    assert_eq!((&report["outcome"], &report["epoch"]), (&"published".into(), &2.into()));
    assert_eq!(&regions.rows(Region::East)?, at_run_2, "no run has been marked in the west");
    let tables = report["cut"]["tables"].as_array().context("tables")?;
    let bronze = tables.iter().find(|table| table["name"] == "cat.raw.bronze").context("bronze")?;
    assert_eq!(bronze["files_copied"], 0, "the east has every file of the recovery point: {bronze}");
    assert_eq!(bronze["target_version"], 5, "behind what the east wrote on its own");
    let log = regions.dir(Region::East, "dr").join("meta/groups/etl/log");
    ensure!(log.is_dir(), "the log goes on in the east");
    assert_eq!(entries(regions, "moved")?, 1);
    regions.run_in(Region::West, 4, None)?;
    assert_eq!(regions.sync()?, "published");
    assert_eq!(regions.rows(Region::East)?, regions.rows(Region::West)?);
    assert_eq!(regions.group(0, &["verify", "--level", "content"])?["equal"], true);
    assert_eq!(regions.sync()?, "up_to_date");
    assert_eq!(entries(regions, "moved")?, 1);
    Ok(())
}

fn what_was_lost_is_kept(regions: &Regions) -> Result<()> {
    let lost = regions.dir(Region::East, "dr").join("meta/groups/etl/lost/2/cat.raw.bronze");
    let report = lost.join("report-00000000000000000004.json");
    let report: Value = serde_json::from_slice(&std::fs::read(&report)?)?;
    assert_eq!(report["recovery_version"], 2);
    let commits = report["commits"].as_array().context("commits")?;
    let versions: Vec<_> = commits.iter().filter_map(|commit| commit["version"].as_u64()).collect();
    assert_eq!(versions, [3, 4], "runs 3 and 4 of the east");
    for commit in commits {
        let version = commit["version"].as_u64().unwrap_or_default();
        let kept = std::fs::read(lost.join(format!("{version:020}.json")))?;
        let table = regions.table_dir(Region::East, "cat.raw.bronze");
        assert_eq!(kept, std::fs::read(table.join(format!("_delta_log/{version:020}.json")))?);
        for file in commit["files"].as_array().into_iter().flatten() {
            ensure!(file["rows"].as_u64() > Some(0), "{file}");
            // a path in a log is a URI; those of this table need one escape undone
            let path = table.join(file["path"].as_str().unwrap_or_default().replace("%25", "%"));
            ensure!(path.is_file(), "{} stays until a VACUUM", path.display());
        }
    }
    Ok(())
}

fn terraform_changes_nothing(regions: &Regions, active: &str, epoch: u64) -> Result<()> {
    for region in Region::BOTH {
        let terraform = regions.terraform(region)?;
        let planned = terraform.plan_json()?;
        for change in planned["resource_changes"].as_array().into_iter().flatten() {
            assert_eq!(change["change"]["actions"], serde_json::json!(["no-op"]), "{change}");
        }
        // the outputs of the example show who is active
        terraform.apply()?;
        terraform.plan_is_empty()?;
        let attributes = terraform.attributes("lakedr_sync_group.etl")?;
        assert_eq!(attributes["effective_active_region"], active, "in {}", region.name());
        assert_eq!(attributes["epoch"], epoch, "in {}", region.name());
    }
    Ok(())
}

/// The way home: refused while something would be lost, and without loss after that.
fn home_again(regions: &Regions) -> Result<()> {
    regions.run_in(Region::West, 5, Some("bronze"))?;
    let refused = regions.lakedr_json(3, &["failback", "plan"])?;
    assert_eq!(refused["groups"][0]["problems"][0]["type"], "under_way");
    regions.run_in(Region::West, 5, None)?;
    let refused = regions.lakedr_json(3, &["failback", "plan"])?;
    assert_eq!(refused["groups"][0]["problems"][0]["type"], "not_up_to_date");
    assert_eq!(regions.sync()?, "published");
    let (id, group) = plan(regions, "failback")?;
    assert_eq!(group["loss"]["runs"], 0);
    let switched = execute(regions, 0, "failback", &id)?;
    assert_eq!((&switched["active_region"], &switched["epoch"]), (&"eastus2".into(), &3.into()));
    assert_eq!(regions.rows(Region::East)?, regions.rows(Region::West)?, "nothing is lost");

    // and everything is as it was before, the other way round than a moment ago
    regions.run(6, None)?;
    assert_eq!(regions.sync()?, "published");
    assert_eq!(regions.rows(Region::East)?, regions.rows(Region::West)?);
    assert_eq!(regions.group(0, &["verify", "--level", "content"])?["equal"], true);
    ensure!(!regions.dir(Region::West, "dr").join("meta/groups/etl/lost").exists(), "nothing was lost");
    assert_eq!(regions.lakedr_json(3, &["failback", "plan"])?["groups"][0]["problems"][0]["type"], "fenced");
    terraform_changes_nothing(regions, "eastus2", 3)
}
