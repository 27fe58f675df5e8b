//! A region rebuilt from Terraform state alone.

use anyhow::Result;
use lakedr_e2e::regions::{Region, Regions, contents};

#[test]
fn the_executor_works_from_a_state_without_a_control_store() -> Result<()> {
    let regions = Regions::folders()?;
    regions.run(1, None)?;
    std::fs::remove_dir_all(regions.dir(Region::West, "control"))?;
    let terraform = regions.terraform(Region::East)?;
    let file = terraform.state_file();
    let shown = terraform.folder().join("shown.json");
    std::fs::write(&shown, terraform.show_json()?.to_string())?;
    let from = |path: &std::path::Path| path.display().to_string();
    assert_eq!(regions.group(0, &["sync", "--state", &from(&shown)])?["outcome"], "published");
    assert_eq!(regions.group(0, &["sync", "--state", &from(&file)])?["outcome"], "up_to_date");
    assert_eq!(regions.rows(Region::West)?, regions.rows(Region::East)?);
    Ok(())
}

#[test]
fn a_lost_control_store_is_written_back_and_terraform_finds_nothing_to_do() -> Result<()> {
    let regions = Regions::folders()?;
    let control = regions.dir(Region::West, "control");
    let specs = |what: &str| -> Result<serde_json::Value> {
        regions.lakedr_json(0, &["state", "show", "--control", &regions.url(Region::West, what)])
    };
    let before = specs("control")?;
    let state = regions.terraform(Region::West)?.state_file().display().to_string();
    let drift = |code| regions.lakedr_json(code, &["state", "drift", "--state", &state]);
    assert_eq!(drift(0)?["differences"], serde_json::json!([]));

    std::fs::remove_dir_all(&control)?;
    assert_eq!(drift(2)?["differences"].as_array().map(Vec::len), Some(3));
    let rebuilt = regions.lakedr_json(0, &["state", "rebuild", "--state", &state, "--region", "westus2"])?;
    assert_eq!(rebuilt["written"].as_array().map(Vec::len), Some(3));
    assert_eq!(specs("control")?, before);
    assert_eq!(drift(0)?["differences"], serde_json::json!([]));
    regions.terraform(Region::West)?.plan_is_empty()?;

    let documents = contents(&control)?;
    let again = regions.lakedr_json(0, &["state", "rebuild", "--state", &state])?;
    assert_eq!(again["unchanged"].as_array().map(Vec::len), Some(3));
    assert_eq!(contents(&control)?, documents, "a second rebuild changes nothing");

    std::fs::write(control.join("v1/sync_groups/etl.json"), "{")?;
    let left = regions.lakedr_json(2, &["state", "rebuild", "--state", &state])?;
    assert_eq!(left["conflicts"].as_array().map(Vec::len), Some(1), "{left}");
    let mended = regions.lakedr_json(0, &["state", "rebuild", "--state", &state, "--overwrite"])?;
    assert_eq!(mended["written"].as_array().map(Vec::len), Some(1), "{mended}");
    assert_eq!(specs("control")?, before);
    Ok(())
}
