//! The main job: declared in two regions, two runs finished, one cut short, the standby region at the second.

use anyhow::Result;
use lakedr_e2e::regions::{Region, Regions, contents};

#[test]
fn the_standby_region_shows_the_last_finished_run_and_nothing_of_the_one_under_way() -> Result<()> {
    let regions = Regions::folders()?;
    assert_eq!(regions.group(3, &["sync"])?["error"]["type"], "table_missing");
    regions.run(1, None)?;
    regions.run(2, None)?;
    let finished = regions.rows(Region::East)?;
    regions.run(3, Some("silver"))?;
    assert_ne!(regions.rows(Region::East)?, finished);

    let validated = regions.group(0, &["validate"])?;
    assert_eq!(validated["valid"], true, "{validated}");
    let lake = regions.dir(Region::West, "lake");
    let planned = regions.group(0, &["plan"])?;
    assert_eq!(
        (planned["outcome"].as_str(), planned["cut"]["run"]["id"].as_str()),
        (Some("planned"), Some("2"))
    );
    assert!(!lake.exists(), "a plan writes nothing");

    let report = regions.group(0, &["sync"])?;
    assert_eq!(report["outcome"], "published");
    assert_eq!((&report["seq"], &report["epoch"]), (&3.into(), &1.into()));
    assert_eq!(report["cut"], planned["cut"], "a sync does what was planned");
    assert!(report["publish_window_ms"].is_u64() && report["error"].is_null());
    assert_eq!(regions.rows(Region::West)?, finished);
    let verified = regions.group(0, &["verify", "--level", "content"])?;
    assert_eq!(verified["equal"], true, "{verified}");

    let before = (contents(&lake)?, contents(&regions.dir(Region::West, "dr"))?);
    assert_eq!(regions.sync()?, "up_to_date");
    assert_eq!(
        (contents(&lake)?, contents(&regions.dir(Region::West, "dr"))?),
        before,
        "nothing new, nothing written"
    );

    let status = regions.group(0, &["status"])?;
    assert_eq!(status["active_region"], Region::East.name());
    assert_eq!(status["runs_behind"], 0);
    assert_eq!(status["rpo_met"], true);
    assert_eq!(status["last_verified"]["equal"], true);
    for region in Region::BOTH {
        regions.terraform(region)?.plan_is_empty()?;
    }
    Ok(())
}

#[test]
fn later_runs_move_only_what_changed() -> Result<()> {
    let regions = Regions::folders()?;
    regions.run(1, None)?;
    assert_eq!(regions.sync()?, "published");
    regions.run(2, None)?;
    let behind = regions.group(0, &["status"])?;
    assert_eq!(behind["runs_behind"], 1);
    let report = regions.group(0, &["sync"])?;
    let bronze =
        &report["cut"]["tables"].as_array().into_iter().flatten().find(|t| t["name"] == "cat.raw.bronze");
    let bronze = bronze.cloned().unwrap_or_default();
    assert!(bronze["files_reused"].as_u64() > Some(0), "files of run 1 are reused: {bronze}");
    assert_eq!(regions.rows(Region::West)?, regions.rows(Region::East)?);
    assert_eq!(regions.group(0, &["verify", "--level", "content"])?["equal"], true);
    let points = regions.group(0, &["recovery-points"])?;
    let runs: Vec<_> = points["recovery_points"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|point| point["cut"]["run"]["id"].as_str())
        .collect();
    assert_eq!(runs, ["2", "1"], "newest first");
    Ok(())
}

#[test]
fn many_runs_bring_checkpoints_that_every_reader_takes() -> Result<()> {
    let regions = Regions::folders()?;
    for number in 1..=12 {
        regions.run(number, None)?;
        assert_eq!(regions.sync()?, "published");
    }
    let log = regions.table_dir(Region::West, "cat.raw.bronze").join("_delta_log");
    assert!(log.join("_last_checkpoint").is_file(), "no checkpoint after twelve versions");
    // without the commits that the checkpoint covers, only the checkpoint can tell
    for version in 0..10 {
        std::fs::remove_file(log.join(format!("{version:020}.json")))?;
    }
    assert_eq!(regions.rows(Region::West)?, regions.rows(Region::East)?);
    assert_eq!(regions.group(0, &["verify"])?["equal"], true);
    Ok(())
}
