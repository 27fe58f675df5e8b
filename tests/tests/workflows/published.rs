//! What the jobs that lakedr replaces did wrong when they copied and published. Rows C1, C2 and C3 of `docs/selection.md`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use lakedr_e2e::regions::contents;
use serde_json::{Value, json};

use crate::lake::{Lake, TABLES};
use crate::sources::{Job, Marked, Source as _};

/// A group with a job, and how often it tries.
fn begin(attempts: u32) -> Result<(Job, Lake)> {
    let job = Job::with_token()?;
    let mut attributes = job.attributes()?;
    let retry = json!({"max_attempts": attempts, "initial_backoff": "10ms", "max_backoff": "10ms"});
    attributes.insert("retry".to_owned(), retry);
    let lake = Lake::new(&attributes, job.secrets())?;
    Ok((job, lake))
}

/// A run that appends a file to each table and finishes.
fn finish(job: &Job, lake: &Lake, file: &str) -> Result<String> {
    let run = job.workspace.begin(job.id);
    for table in TABLES {
        lake.append(table, file, None)?;
    }
    job.workspace.end(run, "SUCCESS")?;
    Ok(run.to_string())
}

/// The commits of a table of the standby region, oldest first.
fn commits(lake: &Lake, table: &str) -> Result<Vec<PathBuf>> {
    let log = lake.world.target(table).join("_delta_log");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(log)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    Ok(files)
}

/// All files of the standby region that hold rows, and how often each content is there.
fn copies(lake: &Lake) -> Result<BTreeMap<Vec<u8>, usize>> {
    let mut counts = BTreeMap::new();
    for place in ["west", "west-dr"] {
        for (path, bytes) in contents(&lake.world.place(place))? {
            let is_own = path.iter().any(|part| part == "_delta_log" || part == "meta");
            if bytes.starts_with(b"PAR1") && !is_own {
                *counts.entry(bytes).or_default() += 1;
            }
        }
    }
    Ok(counts)
}

fn tables(cut: &Value) -> Result<&Vec<Value>> {
    cut["tables"].as_array().with_context(|| cut.to_string())
}

#[test]
fn c1_14_a_copy_that_ends_half_way_shows_nothing_of_itself() -> Result<()> {
    let (job, lake) = begin(1)?;
    finish(&job, &lake, "1")?;
    assert_eq!(lake.sync(0)?, "published");
    let before = contents(&lake.world.place("west"))?;
    finish(&job, &lake, "2")?;
    let lost = lake.world.source("gold").join("2");
    let bytes = std::fs::read(&lost)?;
    std::fs::remove_file(&lost)?;
    assert_eq!(lake.sync(3)?, "version_gone");
    for (path, bytes) in &before {
        assert!(std::fs::read(path)? == *bytes, "{} was changed", path.display());
    }
    assert_eq!(lake.standby()?, ["bronze/1", "gold/1"]);
    std::fs::write(lost, bytes)?;
    assert_eq!(lake.sync(0)?, "published");
    assert_eq!(lake.standby()?, ["bronze/1", "bronze/2", "gold/1", "gold/2"]);
    Ok(())
}

#[test]
fn c1_15_a_failure_is_written_down_and_ends_with_itself() -> Result<()> {
    let (job, lake) = begin(1)?;
    finish(&job, &lake, "1")?;
    let commit = lake.world.source("gold").join("_delta_log/00000000000000000001.json");
    let good = std::fs::read(&commit)?;
    std::fs::write(&commit, "this is no commit\n")?;
    let report = lake.lakedr(4, &["sync"])?;
    assert_eq!((&report["outcome"], &report["error"]["type"]), (&json!("failed"), &json!("damaged")));
    let failure = lake.lakedr(0, &["status"])?["last_failure"].clone();
    assert_eq!((&failure["class"], &failure["stage"]), (&json!("damaged"), &json!("observe")), "{failure}");
    let message = failure["message"].as_str().unwrap_or_default();
    assert!(message.contains("commit 1 cannot be read"), "{message}");
    std::fs::write(&commit, good)?;
    assert_eq!(lake.sync(0)?, "published");
    Ok(())
}

#[test]
fn c1_16_no_failure_ends_with_zero() -> Result<()> {
    let (job, lake) = begin(1)?;
    assert_eq!(lake.sync(3)?, "no_finished_run");
    finish(&job, &lake, "1")?;
    job.workspace.trouble(429, Some(3_600));
    assert_eq!(lake.sync(5)?, "unreachable");
    job.workspace.trouble(403, None);
    assert_eq!(lake.sync(4)?, "denied");
    job.workspace.delete(job.id);
    assert_eq!(lake.sync(2)?, "configuration");
    Ok(())
}

#[test]
fn c1_17_a_failure_that_passes_is_tried_again() -> Result<()> {
    let (job, lake) = begin(2)?;
    finish(&job, &lake, "1")?;
    // longer than a single call waits
    job.workspace.trouble(429, Some(3_600));
    assert_eq!(lake.sync(0)?, "published");
    let history = lake.lakedr(0, &["history"])?;
    let failed: Vec<&Value> = history["entries"]
        .as_array()
        .with_context(|| history.to_string())?
        .iter()
        .filter(|entry| entry["event"]["type"] == "failed")
        .collect();
    assert_eq!(failed.len(), 1, "{history}");
    assert_eq!(failed[0]["event"]["attempt"], 1);
    // and what does not pass is not
    finish(&job, &lake, "2")?;
    job.workspace.trouble(403, None);
    job.workspace.trouble(403, None);
    assert_eq!(lake.sync(4)?, "denied");
    assert_eq!(lake.sync(4)?, "denied", "the second answer was left for another sync");
    Ok(())
}

#[test]
fn c1_24_each_file_is_once_in_the_standby_region() -> Result<()> {
    let (job, lake) = begin(1)?;
    for file in ["1", "2", "3"] {
        finish(&job, &lake, file)?;
        assert_eq!(lake.sync(0)?, "published");
    }
    let copies = copies(&lake)?;
    assert_eq!(copies.len(), 3);
    // both tables have a file of these bytes
    assert!(copies.values().all(|count| *count == TABLES.len()), "{copies:?}");
    Ok(())
}

#[test]
fn c2_01_a_recovery_point_is_one_commit_a_table() -> Result<()> {
    let (job, lake) = begin(1)?;
    for count in 1..=3 {
        finish(&job, &lake, &count.to_string())?;
        let report = lake.lakedr(0, &["sync"])?;
        for table in tables(&report["cut"])? {
            assert_eq!(table["files_copied"], 1, "{table}");
            assert_eq!(table["target_version"], count - 1, "{table}");
        }
        assert_eq!(lake.sync(0)?, "up_to_date");
        for table in TABLES {
            assert_eq!(commits(&lake, table)?.len(), count, "{table}");
        }
    }
    Ok(())
}

#[test]
fn c2_02_runs_of_one_second_have_recovery_points_of_their_own() -> Result<()> {
    let marks = Marked::new()?;
    let lake = Lake::new(&marks.attributes()?, marks.secrets())?;
    let mut ends: Vec<(String, String)> = Vec::new();
    // the ends of runs that follow each other share a second, if not the first two then others
    while !ends.windows(2).any(|pair| pair[0].1[..19] == pair[1].1[..19]) {
        let run = marks.begin(&lake.world)?;
        for table in TABLES {
            lake.append(table, &ends.len().to_string(), None)?;
        }
        marks.end(&lake.world, &run, true)?;
        let report = lake.lakedr(0, &["sync"])?;
        assert_eq!((&report["outcome"], &report["cut"]["run"]["id"]), (&json!("published"), &json!(run)));
        let ended = report["cut"]["run"]["ended_at"].as_str().context("an end")?;
        ends.push((run, ended.to_owned()));
        anyhow::ensure!(ends.len() < 50, "no two runs end in one second: {ends:?}");
    }
    let points = lake.lakedr(0, &["recovery-points"])?;
    let points = points["recovery_points"].as_array().context("recovery points")?;
    assert_eq!(points.len(), ends.len());
    for (index, (point, (run, ended))) in points.iter().rev().zip(&ends).enumerate() {
        assert_eq!(
            (&point["cut"]["run"]["id"], &point["cut"]["run"]["ended_at"]),
            (&json!(run), &json!(ended))
        );
        for table in tables(&point["cut"])? {
            assert_eq!(
                (&table["source_version"], &table["target_version"]),
                (&json!(index + 1), &json!(index))
            );
        }
    }
    Ok(())
}

#[test]
fn c2_03_the_clock_of_the_standby_store_decides_nothing() -> Result<()> {
    let (job, lake) = begin(1)?;
    for (file, time) in
        [("1", SystemTime::UNIX_EPOCH), ("2", SystemTime::now() + Duration::from_secs(1 << 30))]
    {
        finish(&job, &lake, file)?;
        assert_eq!(lake.sync(0)?, "published");
        for place in ["west", "west-dr"] {
            for path in contents(&lake.world.place(place))?.into_keys() {
                std::fs::File::options().write(true).open(path)?.set_modified(time)?;
            }
        }
        assert_eq!(lake.sync(0)?, "up_to_date");
    }
    finish(&job, &lake, "3")?;
    assert_eq!(lake.sync(0)?, "published");
    assert_eq!(lake.standby()?, ["bronze/1", "bronze/2", "bronze/3", "gold/1", "gold/2", "gold/3"]);
    assert_eq!(lake.lakedr(0, &["verify", "--level", "content"])?["equal"], true);
    Ok(())
}

#[test]
fn c2_04_a_group_is_published_whole_or_not_at_all() -> Result<()> {
    let (job, lake) = begin(1)?;
    finish(&job, &lake, "1")?;
    assert_eq!(lake.sync(0)?, "published");
    finish(&job, &lake, "2")?;
    // the last table of the group cannot be published
    let foreign = lake.world.target("gold").join("_delta_log/00000000000000000001.json");
    std::fs::write(&foreign, "{\"commitInfo\":{\"timestamp\":1,\"operation\":\"WRITE\"}}\n")?;
    assert_eq!(lake.sync(3)?, "diverged");
    assert_eq!(commits(&lake, "bronze")?.len(), 1, "the first table was published alone");
    assert_eq!(lake.standby()?, ["bronze/1", "gold/1"]);
    let status = lake.lakedr(0, &["status"])?;
    assert_eq!(status["last_failure"]["class"], "diverged", "{status}");
    Ok(())
}

#[test]
fn c2_05_tables_of_the_standby_region_are_made() -> Result<()> {
    let (job, lake) = begin(1)?;
    finish(&job, &lake, "1")?;
    assert!(!lake.world.target("bronze").exists());
    assert_eq!(lake.sync(0)?, "published");
    let first = std::fs::read_to_string(commits(&lake, "bronze")?.first().context("a commit")?)?;
    assert!(first.contains("\"schemaString\""), "a table without a schema: {first}");
    // one that is lost is made again
    std::fs::remove_dir_all(lake.world.target("bronze"))?;
    assert_eq!(lake.sync(0)?, "published");
    assert_eq!(lake.standby()?, ["bronze/1", "gold/1"]);
    Ok(())
}

#[test]
fn c2_06_versions_of_both_sides_are_told() -> Result<()> {
    let (job, lake) = begin(1)?;
    lake.append("bronze", "0", None)?;
    finish(&job, &lake, "1")?;
    let report = lake.lakedr(0, &["sync"])?;
    let versions: Vec<_> = tables(&report["cut"])?
        .iter()
        .map(|table| (table["source_version"].as_u64(), table["target_version"].as_u64()))
        .collect();
    assert_eq!(versions, [(Some(2), Some(0)), (Some(1), Some(0))]);
    let told = std::fs::read_to_string(commits(&lake, "bronze")?.first().context("a commit")?)?;
    let info = told.lines().find(|line| line.contains("commitInfo")).context("a commitInfo")?;
    let info: Value = serde_json::from_str(info)?;
    assert_eq!(info["commitInfo"]["operationParameters"]["sourceVersion"].to_string().trim_matches('"'), "2");
    Ok(())
}

/// Changes a byte and leaves the size.
fn damage(file: &Path) -> Result<()> {
    let mut bytes = std::fs::read(file)?;
    *bytes.first_mut().context("an empty file")? ^= 1;
    Ok(std::fs::write(file, bytes)?)
}

#[test]
fn c3_12_equal_sizes_are_no_proof_and_equal_bytes_are() -> Result<()> {
    let (job, lake) = begin(1)?;
    finish(&job, &lake, "1")?;
    assert_eq!(lake.sync(0)?, "published");
    assert_eq!(lake.lakedr(0, &["verify", "--level", "content"])?["equal"], true);
    damage(&lake.world.target("gold").join("1"))?;
    assert_eq!(lake.lakedr(0, &["verify", "--level", "size"])?["equal"], true);
    let found = lake.lakedr(4, &["verify", "--level", "content"])?;
    assert_eq!(found["equal"], false, "{found}");
    assert!(found.to_string().contains("world.etl.t001"), "{found}");
    Ok(())
}
