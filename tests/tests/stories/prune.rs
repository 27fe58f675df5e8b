//! The standby region does not grow for ever.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::regions::{Region, Regions, TABLES, contents};
use serde_json::Value;

/// Properties by which nothing that left a table stays, and no version before the newest one can be counted on.
const NO_RETENTION: &str = concat!(
    r#""configuration":{"delta.deletedFileRetentionDuration":"interval 0 hours","#,
    r#""delta.logRetentionDuration":"interval 0 hours"}"#
);

fn keep_nothing(regions: &Regions) -> Result<()> {
    for table in TABLES {
        let commit = regions.table_dir(Region::East, table).join("_delta_log/00000000000000000000.json");
        let text = std::fs::read_to_string(&commit)?;
        let changed = text.replace(r#""configuration":{}"#, NO_RETENTION);
        ensure!(changed != text, "the workflow sets properties by itself: {text}");
        std::fs::write(&commit, changed)?;
    }
    Ok(())
}

/// Lets eight days pass over everything in the standby region's lake.
fn grow_old(regions: &Regions) -> Result<()> {
    let then = SystemTime::now() - Duration::from_secs(8 * 24 * 3600);
    for path in contents(&regions.dir(Region::West, "lake"))?.keys() {
        std::fs::File::options().write(true).open(path)?.set_modified(then)?;
    }
    Ok(())
}

fn removed(report: &Value) -> u64 {
    let tables = report["tables"].as_array().into_iter().flatten();
    tables.filter_map(|table| table["removed"]["files"].as_u64()).sum()
}

fn files(regions: &Regions) -> Result<Vec<PathBuf>> {
    let in_log = |path: &Path| path.components().any(|part| part.as_os_str() == "_delta_log");
    let found = contents(&regions.dir(Region::West, "lake"))?;
    Ok(found.into_keys().filter(|path| !in_log(path)).collect())
}

#[test]
fn what_no_recovery_point_needs_is_removed_once_it_is_old() -> Result<()> {
    let regions = Regions::folders()?;
    regions.run(1, None)?;
    keep_nothing(&regions)?;
    assert_eq!(regions.sync()?, "published");
    for run in 2..=3 {
        regions.run(run, None)?;
        assert_eq!(regions.sync()?, "published");
    }
    let gold = regions.table_dir(Region::West, "cat.mart.gold");
    std::fs::write(gold.join("left-behind.parquet"), "a copy that was cut short")?;
    std::fs::write(gold.join("README.md"), "not a file of the table")?;
    let all = contents(&regions.dir(Region::West, "lake"))?;

    let young = regions.group(0, &["prune"])?;
    assert_eq!((young["outcome"].as_str(), removed(&young)), (Some("pruned"), 0), "{young}");
    assert_eq!(contents(&regions.dir(Region::West, "lake"))?, all);

    grow_old(&regions)?;
    let planned = regions.group(0, &["prune", "--dry-run"])?;
    assert_eq!(planned["outcome"], "planned");
    assert_eq!(planned["recovery_points"], serde_json::json!({"kept": 1, "given_up": 2}));
    assert!(removed(&planned) > 1, "gold is replaced by every run: {planned}");
    assert_eq!(contents(&regions.dir(Region::West, "lake"))?, all, "a dry run removes nothing");

    let before = files(&regions)?.len() as u64;
    let pruned = regions.group(0, &["prune"])?;
    assert_eq!((pruned["outcome"].as_str(), removed(&pruned)), (Some("pruned"), removed(&planned)));
    assert_eq!(before - files(&regions)?.len() as u64, removed(&pruned));
    assert!(!gold.join("left-behind.parquet").exists() && gold.join("README.md").exists());
    assert_eq!(regions.rows(Region::West)?, regions.rows(Region::East)?);
    assert_eq!(regions.group(0, &["verify", "--level", "content"])?["equal"], true);
    assert_eq!(removed(&regions.group(0, &["prune"])?), 0, "running twice does nothing the second time");

    regions.run(4, None)?;
    assert_eq!(regions.sync()?, "published");
    assert_eq!(regions.rows(Region::West)?, regions.rows(Region::East)?);
    Ok(())
}

#[test]
fn a_table_with_a_foreign_commit_is_not_pruned() -> Result<()> {
    let regions = Regions::folders()?;
    regions.run(1, None)?;
    keep_nothing(&regions)?;
    for run in 2..=3 {
        assert_eq!(regions.sync()?, "published");
        regions.run(run, None)?;
    }
    let log = regions.table_dir(Region::West, "cat.mart.gold").join("_delta_log");
    std::fs::write(
        log.join("00000000000000000002.json"),
        "{\"commitInfo\":{\"timestamp\":1,\"operation\":\"WRITE\",\"engineInfo\":\"somebody-else/1.0\"}}\n",
    )?;
    grow_old(&regions)?;
    let before = contents(&regions.table_dir(Region::West, "cat.mart.gold"))?;
    let report = regions.group(4, &["prune"])?;
    assert_eq!(report["outcome"], "incomplete");
    let tables = report["tables"].as_array().context("tables")?;
    let gold = tables.iter().find(|table| table["name"] == "cat.mart.gold").context("gold")?;
    assert_eq!(gold["error"]["type"], "diverged", "{gold}");
    let message = gold["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("version 2") && message.contains("somebody-else/1.0"), "{message}");
    assert_eq!(contents(&regions.table_dir(Region::West, "cat.mart.gold"))?, before);
    Ok(())
}
