//! A whole group goes back to a recovery point, as an operator does it.

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::regions::{Region, Regions, contents};

#[test]
fn a_group_goes_back_to_a_point_and_forward_again() -> Result<()> {
    let regions = Regions::folders()?;
    regions.run(1, None)?;
    let first = regions.rows(Region::East)?;
    regions.sync()?;
    let seq = regions.group(0, &["recovery-points"])?["recovery_points"][0]["seq"].to_string();
    regions.run(2, None)?;
    regions.sync()?;
    assert_ne!(regions.rows(Region::West)?, first);

    let of_group = ["restore", "--group", "etl", "--to", seq.as_str()];
    let refused = regions.group(3, &of_group)?;
    assert_eq!(refused["error"]["type"], "not_paused", "{refused}");
    let restored = regions.group(0, &[&of_group[..], &["--yes"]].concat())?;
    assert_eq!(restored["outcome"], "restored", "{restored}");
    assert_eq!(regions.rows(Region::West)?, first, "every table, by a reader that knows nothing of lakedr");
    let history = regions.lakedr(&["history"])?.stdout;
    ensure!(history.contains("restore of run 1"), "{history}");

    let elsewhere = tempfile::tempdir()?;
    let url = format!("file://{}", elsewhere.path().join("lake").display());
    let copied = regions.group(0, &[&of_group[..], &["--target", url.as_str()]].concat())?;
    assert_eq!(copied["tables"].as_array().context("tables")?.len(), 3, "{copied}");
    ensure!(contents(&elsewhere.path().join("lake/cat/raw/bronze"))?.len() > 1);
    let taken =
        regions.group(3, &["restore", "--group", "etl", "--to", "2999-01-01T00:00:00Z", "--target", &url])?;
    assert_eq!(taken["error"]["type"], "target_taken", "{taken}");

    ensure!(regions.lakedr(&["restore", "--to", &seq])?.code == Some(2), "a group has to be named");
    regions.sync()?;
    assert_eq!(regions.rows(Region::West)?, regions.rows(Region::East)?);
    Ok(())
}
