//! A table of more files than one commit of a first clone holds.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::world::{Group, World};
use serde_json::{Value, json};

const FILES: u32 = 10_050;
const HEAD: &str = concat!(
    r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#,
    "\n",
    r#"{"metaData":{"id":"many","format":{"provider":"parquet","options":{}},"schemaString":"{\"type\":\"struct\",\"fields\":[{\"name\":\"x\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}}]}","partitionColumns":[],"configuration":{},"createdTime":1}}"#,
    "\n",
);

/// Files of one byte, and the commit that adds them. Nobody reads their rows here.
fn append(table: &Path, version: u32, files: std::ops::Range<u32>) -> Result<()> {
    let log = table.join("_delta_log");
    std::fs::create_dir_all(&log)?;
    let mut commit = if version == 0 { HEAD.to_owned() } else { String::new() };
    for file in files {
        let name = format!("part-{file:05}.parquet");
        std::fs::write(table.join(&name), b"x")?;
        writeln!(
            commit,
            r#"{{"add":{{"path":"{name}","partitionValues":{{}},"size":1,"modificationTime":1,"dataChange":true,"stats":"{{\"numRecords\":1}}"}}}}"#
        )?;
    }
    Ok(std::fs::write(log.join(format!("{version:020}.json")), commit)?)
}

fn world() -> Result<World> {
    let world = World::new()?;
    world.declare(&[Group::of("etl", &["many"]).with("clock_skew", json!("0s"))])?;
    append(&world.source("many"), 0, 0..FILES)?;
    Ok(world)
}

fn group(world: &World, arguments: &[&str]) -> Result<Value> {
    Ok(world.lakedr(arguments)?.json()?["groups"][0].clone())
}

fn is_equal(world: &World) -> Result<()> {
    let proof = group(world, &["verify", "--level", "size"])?;
    ensure!(proof["equal"] == true, "{proof}");
    assert_eq!(proof["tables"][0]["second_implementation"], "agrees", "{proof}");
    Ok(())
}

#[test]
fn its_first_clone_takes_several_commits_and_shows_one_state() -> Result<()> {
    let world = world()?;
    let cloned = group(&world, &["sync"])?;
    assert_eq!(cloned["outcome"], "published", "{cloned}");
    assert_eq!(cloned["cut"]["tables"][0]["target_version"], 1);
    assert_eq!(cloned["cut"]["tables"][0]["files_copied"], FILES);
    is_equal(&world)?;
    assert_eq!(group(&world, &["sync"])?["outcome"], "up_to_date");
    append(&world.source("many"), 1, FILES..FILES + 1)?;
    let synced = world.lakedr(&["sync", "-vv"])?;
    // only what came since the proven version is read back, by both implementations
    let read_back = "equal, 1 file(s) checked, 0 bytes compared, second implementation: agrees";
    ensure!(synced.stderr.contains(read_back), "{}", synced.stderr);
    let followed = synced.json()?["groups"][0].clone();
    let table = &followed["cut"]["tables"][0];
    assert_eq!(
        (&table["target_version"], &table["files_copied"], &table["files_reused"]),
        (&json!(2), &json!(1), &json!(FILES)),
        "{followed}"
    );
    is_equal(&world)
}

#[test]
fn killed_between_its_commits_it_is_not_there_at_all() -> Result<()> {
    let world = world()?;
    let log = world.target("many").join("_delta_log");
    let slot = |version: u32| log.join(format!("{version:020}.json"));
    let mut sync = world.command(&["sync"])?.spawn().context("lakedr sync")?;
    let begun = Instant::now();
    while !slot(1).exists() {
        ensure!(begun.elapsed() < Duration::from_secs(240), "no commit came");
        ensure!(sync.try_wait()?.is_none() || slot(1).exists(), "the sync ended before its commits");
        std::thread::sleep(Duration::from_millis(1));
    }
    sync.kill()?;
    sync.wait()?;
    // what no reader sees before version 0 is there; if the kill came late, everything is
    let early = !slot(0).exists();
    let resumed = group(&world, &["sync"])?;
    ensure!(
        ["published", "up_to_date"].contains(&resumed["outcome"].as_str().unwrap_or_default()),
        "{resumed}"
    );
    ensure!(!early || resumed["outcome"] == "published", "{resumed}");
    is_equal(&world)
}
