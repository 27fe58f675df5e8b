//! The first clone of a table in local folders beside `cp -r` of the same tree, and a sync that finds nothing new.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use object_store::local::LocalFileSystem;
use tempfile::TempDir;

use lakedr_e2e::declared::Side;
use lakedr_e2e::noise::{Files, commit};
use crate::{median, ratio};

const ROUNDS: usize = 8;
const FILES: Files = Files { count: 2000, bytes: 100_000 };

/// Measures, and says what came out.
pub(crate) async fn measure() -> Result<String> {
    let places = tempfile::Builder::new().prefix("lakedr-bench-").tempdir()?;
    let east = places.path().join("east");
    fs::create_dir(&east)?;
    commit(&LocalFileSystem::new_with_prefix(&east)?, &"bench/raw/wide".into(), 0, FILES).await?;
    let group = Group::declare(
        places.path(),
        &[side(&places, "east"), side(&places, "west")],
        &["bench.raw.wide".to_owned()],
    )?;
    let (mut first, mut again, mut copy) = (Vec::new(), Vec::new(), Vec::new());
    // taken in turns, so that a change of the machine's load meets all of them
    for _ in 0..ROUNDS {
        let copied = places.path().join("copied");
        for place in [&copied, &places.path().join("west"), &places.path().join("west-dr")] {
            remove(place)?;
        }
        copy.push(cp(&east, &copied)?);
        first.push(clone(&group)?);
        again.push(group.sync("up_to_date")?.took);
    }
    Ok(format!(
        "first clone of a table of {} files and {} MB in local folders, medians of {ROUNDS}:\n  \
         cp -r: {:.2?}\n  \
         lakedr sync: {:.2?}, {}\n  \
         lakedr sync again, nothing new: {:.1?}, {}",
        FILES.count,
        FILES.count * FILES.bytes / 1_000_000,
        median(&copy),
        median(&first),
        ratio(&first, &copy),
        median(&again),
        ratio(&again, &copy),
    ))
}

fn clone(group: &Group) -> Result<Duration> {
    idle_disk();
    let cloned = group.sync("published")?;
    ensure!(cloned.report["cut"]["tables"][0]["files_copied"] == FILES.count, "{}", cloned.report);
    Ok(cloned.took)
}

fn side(places: &TempDir, region: &'static str) -> Side {
    let url = |folder: &str| format!("file://{}", places.path().join(folder).display());
    Side {
        region,
        location: url(&format!("{region}-dr")),
        table_root: url(region),
        options: std::collections::BTreeMap::new(),
    }
}

fn cp(from: &Path, to: &Path) -> Result<Duration> {
    idle_disk();
    let start = Instant::now();
    let status = Command::new("cp").arg("-r").arg(from).arg(to).status()?;
    ensure!(status.success(), "cp -r ended with {status}");
    Ok(start.elapsed())
}

/// What was written before is on the disk when the clock starts.
fn idle_disk() {
    nix::unistd::sync();
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
