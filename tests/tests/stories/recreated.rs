//! A run begins with dropping a table and creating it anew, so that the table's versions begin again.

use anyhow::{Result, ensure};
use lakedr_e2e::regions::{Region, Regions};

/// Copies in the region that is active: a snapshot reads the very tables that the workflow writes.
const SCHEDULE: &str = r#"
resource "lakedr_snapshot_schedule" "here" {
  name      = "here"
  source    = { sync_group = lakedr_sync_group.etl.name }
  target    = { location = lakedr_external_location.east.name, prefix = "copies" }
  schedule  = { cron = "0 3 * * *" }
  retention = { keep_last = 2 }
}
"#;

#[test]
fn a_table_that_a_run_creates_anew_is_part_of_that_run_alone() -> Result<()> {
    let regions = Regions::folders()?;
    for region in Region::BOTH {
        let terraform = regions.terraform(region)?;
        terraform.write("snapshots.tf", SCHEDULE)?;
        terraform.apply()?;
    }
    regions.run(1, None)?;
    ensure!(regions.sync()? == "published");
    regions.run(2, None)?;
    regions.mark("start", "3")?;
    std::fs::remove_dir_all(regions.dir(Region::East, "lake").join("cat/raw/bronze"))?;
    for commit in 1..=3 {
        // half-way in, it comes past the version that run 2 ended at
        regions.workflow(Region::East, &["--run", "3", "--stop-after", "bronze"])?;
        let refused = regions.group(3, &["sync"])?;
        ensure!(refused["error"]["type"] == "version_gone", "{commit} commit(s): {refused}");
        ensure!(regions.group(0, &["status"])?["recovery_point"]["cut"]["run"]["id"] == "1");
    }
    let taken = regions.lakedr(&["snapshot", "take", "--region", "eastus2"])?;
    ensure!(taken.code == Some(4), "{taken}");
    ensure!(taken.stdout.contains("cat.raw.bronze was recreated since"), "{taken}");

    // what was copied is not there any more to compare with, which is no difference
    let proof = regions.group(4, &["verify"])?;
    ensure!(
        proof["error"]["message"].as_str().is_some_and(|text| text.contains("created anew since")),
        "{proof}"
    );

    let failed = ["mark", "finish", "--group", "etl", "--run", "3", "--status", "failed"];
    ensure!(regions.lakedr(&failed)?.code == Some(0));
    regions.run(4, None)?;
    ensure!(regions.sync()? == "published");
    ensure!(regions.group(0, &["verify", "--level", "content"])?["equal"] == true);
    let taken = regions.lakedr(&["snapshot", "take", "--region", "eastus2"])?;
    ensure!(taken.code == Some(0) && taken.stdout.contains("run 4, finished"), "{taken}");
    Ok(())
}
