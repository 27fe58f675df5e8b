//! A sync that finds nothing new: what it asks of the stores does not depend on the size of the table.

use anyhow::{Context as _, Result};
use lakedr_e2e::noise::Files;

use crate::lab::{Lab, Requests, link_tree};
use crate::syncs::sync_until_in_step;

/// The requests of a sync with nothing new, for a table of so many files.
async fn requests(lab: &Lab, name: &'static str, count: u64) -> Result<Requests> {
    lab.state(name, name, 0, Files { count, bytes: 64 }).await?;
    lab.reach(name, name)?;
    // the data files are at the target already, which makes the clone short
    let target = lab.west.bucket_dir("west").join("lake").join(name);
    link_tree(&lab.east.bucket_dir("states").join(name), &target)?;
    std::fs::remove_dir_all(target.join(name).join("_delta_log"))?;
    let declared = lab.declare(&[name.to_owned()], &[name])?;
    sync_until_in_step(&declared, &[name.to_owned()]).context("the clone")?;
    lab.count_sync(&declared, name)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_requests_of_a_sync_with_nothing_new_are_the_same_for_any_table() -> Result<()> {
    let lab = Lab::start().await?;
    let (small, large) = (requests(&lab, "small", 100).await?, requests(&lab, "large", 20_000).await?);
    for (files, requests) in [(100, &small), (20_000, &large)] {
        for (end, counts) in requests {
            println!("nothing new, {files} files, {end:?}: {counts}");
        }
    }
    assert_eq!(small, large);
    Ok(())
}
