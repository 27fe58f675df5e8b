//! SIGKILL at random moments of a sync: the group is readable at exactly one finished run, always, and ends where an
//! undisturbed sync ends.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::regions::{Region, Regions, TABLES};
use nix::sys::signal::Signal;
use serde_json::Value;

/// Kills in a row.
const KILLS: u32 = 50;

/// The wait for the end of what was killed.
const SOON: Duration = Duration::from_secs(10);

type Rows = BTreeMap<String, u64>;

#[test]
fn fifty_kills_never_leave_a_torn_group() -> Result<()> {
    let regions = Regions::folders()?;
    let mut finished: Vec<Rows> = Vec::new();
    let mut killed = 0;
    let mut number = 0;
    let undisturbed = first_sync(&regions, &mut number, &mut finished)?;
    while killed < KILLS {
        number += 1;
        regions.run(number, None)?;
        finished.push(regions.rows(Region::East)?);
        // from right after the start to beyond the end of an undisturbed sync
        for _ in 0..4 {
            let mut sync = regions.start_lakedr(&["sync"])?;
            std::thread::sleep(random_share(undisturbed));
            let _ = sync.signal(Signal::SIGKILL);
            // a process that ended by itself before the signal has an exit code
            killed += u32::from(sync.wait(SOON)?.code.is_none());
            one_finished_run(&regions, &finished)?;
        }
        let ended = regions.group(0, &["sync"])?;
        ensure!(ended["cut"]["run"]["id"] == *number.to_string(), "the end is not run {number}: {ended}");
        ensure!(
            regions.rows(Region::West)? == regions.rows(Region::East)?,
            "the end is not the undisturbed end"
        );
    }
    ensure!(regions.group(0, &["verify", "--level", "content"])?["equal"] == true);
    Ok(())
}

fn first_sync(regions: &Regions, number: &mut u32, finished: &mut Vec<Rows>) -> Result<Duration> {
    *number += 1;
    regions.run(*number, None)?;
    finished.push(regions.rows(Region::East)?);
    let begun = Instant::now();
    regions.sync()?;
    Ok(begun.elapsed())
}

/// Reads what an independent reader sees: the versions that the newest `published` entry names, straight from the
/// files, and the rows of these versions; they are those of one finished run, and of no older one than before.
fn one_finished_run(regions: &Regions, finished: &[Rows]) -> Result<()> {
    let log = regions.dir(Region::West, "dr").join("meta/groups/etl/log");
    let mut entries: Vec<_> =
        std::fs::read_dir(&log)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    entries.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    entries.sort();
    let mut point = None;
    for path in entries {
        let entry: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
        if entry["event"]["type"] == "published" {
            point = Some(entry["event"]["cut"].clone());
        }
    }
    let point = point.context("a recovery point")?;
    let run: usize = point["run"]["id"].as_str().context("a run")?.parse()?;
    let expected = finished.get(run - 1).context("a finished run")?;
    let mut rows = Rows::new();
    for table in point["tables"].as_array().context("tables")? {
        let name = table["name"].as_str().context("a name")?;
        let version = table["target_version"].as_u64().context("a version")?;
        rows.insert(name.to_owned(), rows_at(regions, name, version)?);
    }
    ensure!(
        rows == *expected,
        "the recovery point names run {run} but its versions hold {rows:?}, not {expected:?}"
    );
    ensure!(rows.len() == TABLES.len());
    Ok(())
}

/// Rows of a table at a version, replayed from the raw log files: every add that no remove took back, by its
/// statistics; and every such file is there with its size.
fn rows_at(regions: &Regions, table: &str, version: u64) -> Result<u64> {
    let root = regions.table_dir(Region::West, table);
    let mut live: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for version in 0..=version {
        let text = std::fs::read_to_string(root.join(format!("_delta_log/{version:020}.json")))?;
        for line in text.lines() {
            let action: Value = serde_json::from_str(line)?;
            if let Some(path) = action["remove"]["path"].as_str() {
                live.remove(path);
            }
            if let Some(path) = action["add"]["path"].as_str() {
                let stats: Value =
                    serde_json::from_str(action["add"]["stats"].as_str().context("statistics")?)?;
                let rows = stats["numRecords"].as_u64().context("numRecords")?;
                live.insert(path.to_owned(), (rows, action["add"]["size"].as_u64().context("size")?));
            }
        }
    }
    for (path, (_, size)) in &live {
        // paths in a log are URIs
        let path = percent_encoding::percent_decode_str(path).decode_utf8()?;
        let length =
            std::fs::metadata(root.join(path.as_ref())).with_context(|| format!("{path} of {table}"))?.len();
        ensure!(length == *size, "{path} of {table} has {length} bytes instead of {size}");
    }
    Ok(live.values().map(|(rows, _)| rows).sum())
}

/// A random part of a duration and a little more.
fn random_share(whole: Duration) -> Duration {
    let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.subsec_nanos());
    whole * (nanos / 1000 % 1200) / 1000
}
