//! A worker that copies for a group has the credentials of the group's external locations, one set for each end.

use std::time::Duration;

use anyhow::{Result, ensure};
use lakedr_e2e::regions::{Region, Regions};
use lakedr_e2e::running::Running;

use crate::copy_worker::{manifest, noise, outcomes, receipts, transfer};

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_copies_between_the_servers_of_a_group() -> Result<()> {
    let regions = Regions::on_s3().await?;
    let (east, west) = (regions.dir(Region::East, "lake"), regions.dir(Region::West, "lake"));
    std::fs::create_dir_all(east.join("t"))?;
    let bytes = noise(20 << 20, 7);
    std::fs::write(east.join("t/a.parquet"), &bytes)?;
    let root = |region| format!("{}/t", regions.url(region, "lake"));
    let line = transfer(&root(Region::East), &root(Region::West), "a.parquet", bytes.len());
    let mut command = regions.lakedr_command(Region::West, &["copy-worker", "--group", "etl"])?;
    let worker = Running::spawn(command.stdin(manifest(&[line])?))?;
    let receipts = receipts(&worker.wait(Duration::from_secs(120))?, 0)?;
    ensure!(outcomes(&receipts) == ["moved"], "{receipts:?}");
    ensure!(std::fs::read(west.join("t/a.parquet"))? == bytes);
    Ok(())
}
