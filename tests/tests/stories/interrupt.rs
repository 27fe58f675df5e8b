//! Ctrl-C and SIGTERM: an exit code of their own, and nothing to clean up.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use lakedr_e2e::regions::{Region, Regions};
use lakedr_e2e::running::Running;
use lakedr_e2e::world::{Group, World};
use nix::sys::signal::Signal;
use serde_json::json;

/// Bytes of a file, and the bytes of it that may be copied in a second.
const BYTES: usize = 64 << 20;
const IN_A_SECOND: usize = 1 << 20;

#[test]
fn an_interrupted_watch_ends_with_130_and_has_kept_the_group_in_step() -> Result<()> {
    let regions = Regions::folders()?;
    regions.run(1, None)?;
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut watch = regions.start_lakedr(&["sync", "--watch", "--every", "100ms"])?;
        wait_until_equal(&regions)?;
        watch.signal(signal)?;
        let outcome = watch.wait(Duration::from_secs(10))?;
        ensure!(outcome.code == Some(130), "{signal}: {outcome}");
        regions.run(if signal == Signal::SIGINT { 2 } else { 3 }, None)?;
    }
    Ok(())
}

fn wait_until_equal(regions: &Regions) -> Result<()> {
    let begun = Instant::now();
    // while there is no recovery point its RPO target is missed, and the exit code says so
    while regions.lakedr(&["status", "--output", "json"])?.json()?["groups"][0]["runs_behind"] != 0 {
        ensure!(begun.elapsed() < Duration::from_secs(30), "the watch syncs nothing");
        std::thread::sleep(Duration::from_millis(50));
    }
    ensure!(regions.rows(Region::West)? == regions.rows(Region::East)?);
    Ok(())
}

/// A copy that has a minute to go is given up at once, leaves nothing behind, and is taken up by the next call.
#[test]
fn an_interrupted_copy_ends_at_once() -> Result<()> {
    let world = World::new()?;
    let table = world.source("t");
    std::fs::create_dir_all(table.join("_delta_log"))?;
    std::fs::write(table.join("large.parquet"), vec![7; BYTES])?;
    let schema = r#"{"type":"struct","fields":[]}"#;
    let actions = [
        json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}),
        json!({"metaData": {
            "id": "t", "format": {"provider": "parquet", "options": {}}, "schemaString": schema,
            "partitionColumns": [], "configuration": {}, "createdTime": 0
        }}),
        json!({"add": {
            "path": "large.parquet", "partitionValues": {}, "size": BYTES, "modificationTime": 0, "dataChange": true
        }}),
    ];
    let commit: String = actions.iter().map(|action| format!("{action}\n")).collect();
    std::fs::write(table.join("_delta_log/00000000000000000000.json"), commit)?;
    let group = Group::of("etl", &["t"]).with("clock_skew", json!("0s"));

    world.declare(&[group.clone().with("max_bytes_per_second", json!(IN_A_SECOND))])?;
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut sync = Running::spawn(&mut world.command(&["sync"])?)?;
        std::thread::sleep(Duration::from_secs(2));
        let begun = Instant::now();
        sync.signal(signal)?;
        let outcome = sync.wait(Duration::from_secs(30))?;
        ensure!(outcome.code == Some(130), "{signal}: {outcome}");
        ensure!(begun.elapsed() < Duration::from_secs(15), "{signal}: it went on for {:?}", begun.elapsed());
        let left = std::fs::read_dir(world.target("t")).map_or(0, Iterator::count);
        ensure!(left == 0, "{signal}: {left} file(s) are left of a copy that was given up");
    }
    world.declare(&[group])?;
    let outcome = world.lakedr(&["sync"])?;
    ensure!(outcome.json()?["groups"][0]["outcome"] == "published", "{outcome}");
    ensure!(
        std::fs::read(world.target("t").join("large.parquet"))?
            == std::fs::read(table.join("large.parquet"))?
    );
    Ok(())
}
