//! Somebody else writes in the standby region.

use anyhow::Result;
use lakedr_e2e::regions::{Region, Regions, contents};

#[test]
fn a_foreign_commit_stops_the_group_and_is_not_overwritten() -> Result<()> {
    let regions = Regions::folders()?;
    regions.run(1, None)?;
    assert_eq!(regions.sync()?, "published");
    let log = regions.table_dir(Region::West, "cat.stage.silver").join("_delta_log");
    std::fs::write(
        log.join("00000000000000000001.json"),
        "{\"commitInfo\":{\"timestamp\":1,\"operation\":\"WRITE\",\"engineInfo\":\"somebody-else/1.0\"}}\n",
    )?;
    let before = contents(&regions.dir(Region::West, "lake"))?;
    regions.run(2, None)?;
    let report = regions.group(3, &["sync"])?;
    assert_eq!(
        (report["outcome"].as_str(), report["error"]["type"].as_str()),
        (Some("refused"), Some("diverged"))
    );
    let message = report["error"]["message"].as_str().unwrap_or_default();
    for part in ["cat.stage.silver", "version 1", "somebody-else/1.0", "nothing was overwritten"] {
        assert!(message.contains(part), "{part:?} is not in {message}");
    }
    assert_eq!(contents(&regions.dir(Region::West, "lake"))?, before, "nothing of the lake was touched");
    let status = regions.group(0, &["status"])?;
    assert_eq!(status["last_failure"]["class"], "diverged");
    assert_eq!(status["recovery_point"]["cut"]["run"]["id"], "1");

    // the remedy that the message names
    let table = regions.table_dir(Region::West, "cat.stage.silver");
    std::fs::rename(&table, table.with_extension("moved-away"))?;
    assert_eq!(regions.sync()?, "published");
    assert_eq!(regions.rows(Region::West)?, regions.rows(Region::East)?);
    Ok(())
}

#[test]
fn a_table_that_lakedr_did_not_make_is_not_written_to() -> Result<()> {
    let regions = Regions::folders()?;
    regions.workflow(Region::West, &["--run", "9"])?;
    let before = contents(&regions.dir(Region::West, "lake"))?;
    regions.run(1, None)?;
    assert_eq!(regions.group(3, &["sync"])?["error"]["type"], "diverged");
    assert_eq!(contents(&regions.dir(Region::West, "lake"))?, before);
    Ok(())
}
