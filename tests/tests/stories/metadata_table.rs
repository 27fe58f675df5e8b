//! The sync metadata table: what people with SQL read of what was done.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::environment::{checkout, tool};
use lakedr_e2e::running::Running;
use lakedr_e2e::world::{Group, World};
use serde_json::{Value, json};

const COLUMNS: usize = 39;

/// A version of a table of one file, which nobody decodes.
fn commit(world: &World, path: &str, version: u32) -> Result<()> {
    let table = world.source(path);
    std::fs::create_dir_all(table.join("_delta_log"))?;
    std::fs::write(table.join(format!("{version}.parquet")), "rows")?;
    let mut actions = vec![json!({"add": {
        "path": format!("{version}.parquet"), "partitionValues": {}, "size": 4, "modificationTime": 0, "dataChange": true
    }})];
    if version == 0 {
        actions.push(json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}));
        actions.push(json!({"metaData": {
            "id": path, "format": {"provider": "parquet", "options": {}},
            "schemaString": r#"{"type":"struct","fields":[]}"#,
            "partitionColumns": [], "configuration": {}, "createdTime": 0
        }}));
    }
    let text: String = actions.iter().map(|action| format!("{action}\n")).collect();
    Ok(std::fs::write(table.join(format!("_delta_log/{version:020}.json")), text)?)
}

fn group(name: &str) -> Group {
    Group::of(name, &[name]).with("clock_skew", json!("0s"))
}

fn place(world: &World) -> PathBuf {
    world.place("west-dr/meta/sync_metadata_table")
}

/// The table as others read it.
fn read(world: &World) -> Result<Value> {
    let mut command = Command::new(tool("venv/bin/python")?);
    command.arg(checkout().join("tests/metadata/read.py")).arg(place(world));
    let outcome = Running::spawn(&mut command)?.wait(Duration::from_secs(120))?;
    ensure!(outcome.code == Some(0), "the table has to be readable: {outcome}");
    outcome.json()
}

/// The rows, without those columns.
fn rows_without(document: &Value, columns: &[&str]) -> Result<Vec<Value>> {
    let mut rows = document["rows"].as_array().context("rows")?.clone();
    for row in rows.iter_mut().filter_map(Value::as_object_mut) {
        columns.iter().for_each(|column| drop(row.remove(*column)));
    }
    Ok(rows)
}

fn sync(world: &World, outcomes: &[&str]) -> Result<String> {
    let ended = world.lakedr(&["sync", "--force", "-v"])?;
    let document = ended.json()?;
    let groups = document["groups"].as_array().context("groups")?;
    let seen: Vec<&str> = groups.iter().filter_map(|group| group["outcome"].as_str()).collect();
    ensure!(seen == outcomes, "{outcomes:?} were expected: {ended}");
    Ok(ended.stderr)
}

#[test]
fn there_is_a_row_for_each_success_and_each_failure() -> Result<()> {
    let world = World::new()?;
    world.declare(&[group("etl")])?;
    commit(&world, "etl", 0)?;
    sync(&world, &["published"])?;
    // a folder where the next commit has to go
    commit(&world, "etl", 1)?;
    let slot = world.target("etl").join("_delta_log/00000000000000000001.json");
    std::fs::write(&slot, r#"{"commitInfo":{"engineInfo":"somebody"}}"#)?;
    sync(&world, &["refused"])?;
    sync(&world, &["refused"])?;
    std::fs::remove_file(&slot)?;
    sync(&world, &["published"])?;
    sync(&world, &["up_to_date"])?;

    let seen = read(&world)?;
    assert_eq!(seen["types"].as_object().map(serde_json::Map::len), Some(COLUMNS));
    assert_eq!(seen["comments"], COLUMNS);
    for (column, arrow, duckdb) in [
        ("logged_at", "timestamp[us, tz=UTC]", "TIMESTAMP WITH TIME ZONE"),
        ("seq", "int64", "BIGINT"),
        ("validated", "bool", "BOOLEAN"),
        ("group_name", "string", "VARCHAR"),
        ("tables", "list<element: string>", "VARCHAR[]"),
    ] {
        assert_eq!(
            (&seen["types"][column], &seen["duckdb"]["types"][column]),
            (&json!(arrow), &json!(duckdb))
        );
    }
    let rows = seen["rows"].as_array().context("rows")?;
    let events: Vec<(&str, &str)> =
        rows.iter().filter_map(|row| Some((row["event"].as_str()?, row["sync_status"].as_str()?))).collect();
    assert_eq!(events, [("published", "Success"), ("failed", "Failed"), ("published", "Success")]);
    assert_eq!((&rows[1]["error_class"], &rows[1]["tables"]), (&json!("diverged"), &Value::Null));
    assert_eq!((&rows[2]["tables"], &rows[2]["files_copied"]), (&json!(["world.etl.t000"]), &json!(1)));
    assert_eq!(seen["duckdb"]["rows"], 3);

    // the log says the same, to the millisecond
    let log = world.lakedr(&["history"])?.json()?;
    let entries = log["groups"][0]["entries"].as_array().context("entries")?;
    let at: BTreeMap<u64, &str> =
        entries.iter().filter_map(|entry| Some((entry["seq"].as_u64()?, entry["at"].as_str()?))).collect();
    for (row, ms) in rows.iter().zip(seen["duckdb"]["unix_ms"].as_array().context("times")?) {
        let logged = at[&row["seq"].as_u64().context("seq")?];
        assert_eq!(
            chrono::DateTime::parse_from_rfc3339(logged)?.timestamp_millis(),
            ms.as_i64().context("ms")?
        );
    }
    Ok(())
}

#[test]
fn rows_that_were_missed_are_written_by_the_next_call() -> Result<()> {
    let world = World::new()?;
    world.declare(&[group("etl")])?;
    commit(&world, "etl", 0)?;
    // a file where the folder has to be: nothing can be written there, and no sync fails for it
    std::fs::create_dir_all(world.place("west-dr/meta"))?;
    std::fs::write(place(&world), "in the way")?;
    let said = sync(&world, &["published"])?;
    assert!(said.contains("the sync metadata table is not up to date"), "{said}");
    std::fs::remove_file(place(&world))?;
    sync(&world, &["up_to_date"])?;
    assert_eq!(read(&world)?["rows"].as_array().map(Vec::len), Some(1));
    // and what is there is not written again
    let version = read(&world)?["version"].clone();
    sync(&world, &["up_to_date"])?;
    assert_eq!(read(&world)?["version"], version);
    Ok(())
}

#[test]
fn groups_write_at_the_same_time_and_every_tenth_commit_gets_a_checkpoint() -> Result<()> {
    let world = World::new()?;
    let names = ["a", "b", "c", "d"];
    world.declare(&names.map(group))?;
    for version in 0..4 {
        names.iter().try_for_each(|name| commit(&world, name, version))?;
        // two executors at once, four groups each
        let mut other = Running::spawn(&mut world.command(&["sync", "--force"])?)?;
        let ended = world.lakedr(&["sync", "--force"])?;
        ensure!(ended.code == Some(0), "{ended}");
        ensure!(other.id() > 0 && other.wait(Duration::from_secs(120))?.code == Some(0));
    }
    sync(&world, &["up_to_date"; 4])?;
    let seen = read(&world)?;
    let mut counts: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for row in seen["rows"].as_array().context("rows")? {
        let name = row["group_name"].as_str().context("a group")?.to_owned();
        counts.entry(name).or_default().push(row["seq"].as_u64().context("seq")?);
    }
    for (name, seqs) in &counts {
        let published = world.lakedr(&["history", "--group", name])?.json()?;
        let entries = published["groups"][0]["entries"].as_array().context("entries")?;
        let logged: Vec<u64> = entries
            .iter()
            .filter(|entry| matches!(entry["event"]["type"].as_str(), Some("published" | "failed")))
            .filter_map(|entry| entry["seq"].as_u64())
            .collect();
        assert_eq!(*seqs, logged, "{name} has each row once");
    }
    assert_eq!(counts.len(), 4);
    let hint = std::fs::read_to_string(place(&world).join("_delta_log/_last_checkpoint"))?;
    assert!(hint.contains("\"version\""), "{hint}");

    // from the checkpoint alone: nothing before it is needed
    let checkpoint: u64 = serde_json::from_str::<Value>(&hint)?["version"].as_u64().context("a version")?;
    for version in 0..checkpoint {
        std::fs::remove_file(place(&world).join(format!("_delta_log/{version:020}.json")))?;
    }
    assert_eq!(read(&world)?["rows"], seen["rows"]);
    names.iter().try_for_each(|name| commit(&world, name, 4))?;
    sync(&world, &["published"; 4])?;
    assert_eq!(
        read(&world)?["rows"].as_array().map(Vec::len),
        seen["rows"].as_array().map(|rows| rows.len() + 4)
    );
    Ok(())
}

#[test]
fn the_table_can_be_rebuilt_from_the_logs_at_any_time() -> Result<()> {
    let world = World::new()?;
    world.declare(&[group("a"), group("b"), group("gone")])?;
    for version in 0..2 {
        ["a", "b", "gone"].iter().try_for_each(|name| commit(&world, name, version))?;
        sync(&world, &["published"; 3])?;
    }
    let before = read(&world)?;
    world.declare(&[group("a"), group("b")])?;
    let rebuild = || world.lakedr(&["state", "rebuild", "--metadata-table"]);
    let rebuilt = rebuild()?;
    assert_eq!(rebuilt.json()?["tables"][0]["rows"], 4, "{rebuilt}");
    let after = read(&world)?;
    let kept: Vec<Value> =
        rows_without(&before, &[])?.into_iter().filter(|row| row["group_name"] != "gone").collect();
    assert_eq!(rows_without(&after, &[])?, kept);

    // a table that is lost altogether, and rows of a group that comes back
    std::fs::remove_dir_all(place(&world))?;
    rebuild()?;
    assert_eq!(read(&world)?["rows"], after["rows"]);
    world.declare(&[group("a"), group("b"), group("gone")])?;
    sync(&world, &["up_to_date"; 3])?;
    assert_eq!(read(&world)?["rows"], before["rows"]);

    // what others made of the table is not lakedr's any more
    let version = read(&world)?["version"].as_u64().context("a version")? + 1;
    let upgrade = r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":4}}"#;
    std::fs::write(place(&world).join(format!("_delta_log/{version:020}.json")), upgrade)?;
    let refused = rebuild()?;
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(refused.says("it asks for writer version 4. Move it away"), "{refused}");
    assert_eq!(world.lakedr(&["state", "rebuild", "--metadata-table", "--group", "a"])?.code, Some(2));
    Ok(())
}
