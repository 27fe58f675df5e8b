//! Kept copies of a group: declared with Terraform, taken at finished runs, removed, brought back.

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::regions::{Region, Regions, TABLES, contents};
use serde_json::Value;

const SCHEDULE: &str = r#"
resource "lakedr_snapshot_schedule" "weekly" {
  name      = "weekly"
  source    = { sync_group = lakedr_sync_group.etl.name }
  target    = { location = lakedr_external_location.west.name, prefix = "copies/weekly" }
  schedule  = { cron = "0 3 * * 0", timezone = "Europe/Berlin" }
  retention = { keep_last = 2, keep_yearly = 1 }
}
"#;

fn declared() -> Result<Regions> {
    let regions = Regions::folders()?;
    for region in Region::BOTH {
        let terraform = regions.terraform(region)?;
        terraform.write("snapshots.tf", SCHEDULE)?;
        terraform.apply()?;
        terraform.plan_is_empty()?;
    }
    Ok(regions)
}

/// What `lakedr snapshot …` says of the one schedule.
fn said(regions: &Regions, code: i32, arguments: &[&str]) -> Result<Value> {
    let document = regions.lakedr_json(code, &[&["snapshot"], arguments].concat())?;
    Ok(document["schedules"][0].clone())
}

fn id(taken: &Value) -> Result<String> {
    ensure!(taken["outcome"] == "taken", "{taken}");
    Ok(taken["snapshot"].as_str().context("an id")?.to_owned())
}

#[test]
fn snapshots_hold_finished_runs_and_come_back() -> Result<()> {
    let regions = declared()?;
    let none = said(&regions, 3, &["take"])?;
    ensure!(none["error"]["type"] == "no_recovery_point", "{none}");
    regions.run(1, None)?;
    ensure!(regions.sync()? == "published");
    let taken = said(&regions, 0, &["take"])?;
    ensure!(taken["holds"].as_str().is_some_and(|holds| holds.starts_with("run 1, finished")), "{taken}");
    let first = id(&taken)?;
    ensure!(taken["tables"].as_array().map(Vec::len) == Some(TABLES.len()), "{taken}");
    ensure!(said(&regions, 0, &["take"])?["outcome"] == "not_due");
    ensure!(
        said(&regions, 0, &["take", "--schedule", "weekly", "--region", "eastus2"])?["outcome"] == "not_due"
    );

    // a run that is half-way in the tables is in no snapshot
    regions.run(2, Some("silver"))?;
    let again = said(&regions, 0, &["take", "--force"])?;
    ensure!(again["holds"] == taken["holds"], "{again}");
    let nothing = again["tables"].as_array().into_iter().flatten().all(|table| table["bytes_added"] == 0);
    ensure!(nothing, "{again}");
    let failed = ["mark", "finish", "--group", "etl", "--run", "2", "--status", "failed"];
    let marked = regions.lakedr_command(Region::East, &failed)?.status()?;
    ensure!(marked.success(), "{marked}");
    regions.run(3, None)?;
    ensure!(regions.sync()? == "published");
    let third = id(&said(&regions, 0, &["take", "--force"])?)?;
    for id in [&first, &third] {
        let proof = regions.lakedr_json(0, &["verify", "--snapshot", id, "--level", "content"])?;
        ensure!(proof["schedules"][0]["equal"] == true, "{proof}");
    }
    let status = regions.lakedr_json(0, &["status"])?;
    ensure!(status["schedules"][0]["missed"] == 0, "{status}");
    ensure!(regions.lakedr_json(0, &["validate"])?["schedules"][0]["valid"] == true);
    a_moment_between_snapshots(&regions)?;
    elsewhere_and_in_place(&regions, &first, &third)?;
    pinned_and_pruned(&regions, &first)
}

/// A run that was synced and is in no snapshot is picked for its moment, and never half a run.
fn a_moment_between_snapshots(regions: &Regions) -> Result<()> {
    regions.run(4, None)?;
    let fourth = regions.rows(Region::East)?;
    ensure!(regions.sync()? == "published");
    regions.run(5, Some("silver"))?;
    ensure!(regions.rows(Region::East)? != fourth);
    let now = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let at = ["restore", "--at", now.as_str()];
    let target = regions.url(Region::West, "dr") + "/at-a-moment";
    let back = said(regions, 0, &[&at[..], &["--target", &target]].concat())?;
    ensure!(back["picked"] == "source" && back["snapshot"].is_null(), "{back}");
    ensure!(back["holds"].as_str().is_some_and(|holds| holds.starts_with("run 4, finished")), "{back}");
    ensure!(back["tables"].as_array().map(Vec::len) == Some(TABLES.len()), "{back}");
    let refused = said(regions, 3, &[&at[..], &["--in-place"]].concat())?;
    ensure!(refused["error"]["type"] == "would_undo", "{refused}");
    let back = said(regions, 0, &[&at[..], &["--in-place", "--yes"]].concat())?;
    ensure!(back["picked"] == "source", "{back}");
    let copied = back["tables"].as_array().into_iter().flatten().any(|table| table["files_copied"] != 0);
    ensure!(!copied, "a table has its own older files: {back}");
    ensure!(regions.rows(Region::East)? == fourth);
    let failed = ["mark", "finish", "--group", "etl", "--run", "5", "--status", "failed"];
    ensure!(regions.lakedr_command(Region::East, &failed)?.status()?.success());
    Ok(())
}

fn elsewhere_and_in_place(regions: &Regions, first: &str, third: &str) -> Result<()> {
    let target = regions.url(Region::West, "dr") + "/restored";
    let back = said(regions, 0, &["restore", "--snapshot", third, "--target", &target])?;
    ensure!(back["tables"].as_array().map(Vec::len) == Some(TABLES.len()), "{back}");
    let restored = contents(&regions.dir(Region::West, "dr").join("restored/cat/mart/gold"))?;
    ensure!(restored.keys().any(|path| path.extension().is_some_and(|extension| extension == "parquet")));
    let taken = said(regions, 3, &["restore", "--snapshot", first, "--target", &target])?;
    ensure!(taken["error"]["type"] == "target_taken", "{taken}");

    let table = ["--table", "cat.mart.gold"];
    let in_place = [&["restore", "--snapshot", first, "--in-place"], table.as_slice()].concat();
    let refused = said(regions, 3, &in_place)?;
    ensure!(refused["error"]["type"] == "would_undo", "{refused}");
    let log = regions.table_dir(Region::East, "cat.mart.gold").join("_delta_log");
    let before = contents(&log)?.len();
    let back = said(regions, 0, &[in_place.as_slice(), &["--yes"]].concat())?;
    ensure!(back["tables"][0]["undone"]["table"] == "cat.mart.gold", "{back}");
    ensure!(contents(&log)?.len() > before, "nothing was committed");
    Ok(())
}

fn pinned_and_pruned(regions: &Regions, first: &str) -> Result<()> {
    let planned = said(regions, 0, &["prune", "--dry-run"])?;
    ensure!(planned["removed"][0]["id"] == first, "{planned}");
    let changed = regions.lakedr_json(0, &["snapshot", "pin", "--snapshot", first])?;
    ensure!(changed["changed"] == true, "{changed}");
    ensure!(said(regions, 0, &["prune"])?["removed"] == serde_json::json!([]));
    regions.lakedr_json(0, &["snapshot", "unpin", "--snapshot", first])?;
    let pruned = said(regions, 0, &["prune"])?;
    ensure!(pruned["removed"][0]["id"] == first && pruned["refused"] == 0, "{pruned}");
    let listed = said(regions, 0, &["list"])?;
    ensure!(listed["snapshots"].as_array().map(Vec::len) == Some(2), "{listed}");
    let terraform = regions.terraform(Region::West)?;
    let data = "data \"lakedr_snapshots\" \"weekly\" {\n  schedule = \"weekly\"\n}\n";
    terraform.write("data.tf", data)?;
    terraform.apply()?;
    let shown = terraform.attributes("data.lakedr_snapshots.weekly")?;
    let ids = |list: &Value| -> Vec<Value> {
        list.as_array().into_iter().flatten().map(|snapshot| snapshot["id"].clone()).collect()
    };
    let newest_first: Vec<Value> = ids(&listed["snapshots"]).into_iter().rev().collect();
    ensure!(shown["reachable"] == true && ids(&shown["snapshots"]) == newest_first, "{shown}");
    let because = shown["snapshots"][0]["kept_because"].as_str().unwrap_or_default();
    ensure!(because.starts_with("the newest, keep_last, keep_yearly"), "{shown}");
    let gone = regions.lakedr(&["snapshot", "restore", "--snapshot", first, "--in-place"])?;
    ensure!(gone.code == Some(2), "{gone}");
    Ok(())
}
