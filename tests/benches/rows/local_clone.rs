//! The first clone of a table in local folders beside `cp -r` of the same tree, and a sync that finds nothing new.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use lakedr_e2e::noise::{self, Files};
use object_store::local::LocalFileSystem;

use crate::child::run;
use crate::row::{Row, Verdict};
use crate::stage::{MIRROR, SOURCE, Stage};
use crate::times::{median, ratio};

const ROUNDS: usize = 8;
const FILES: Files = Files { count: 2000, bytes: 100_000 };

/// The rows.
pub(crate) async fn measure() -> Result<Vec<Row>> {
    let stage = Stage::start().await?;
    let source = stage.east.bucket_dir(SOURCE);
    noise::commit(&LocalFileSystem::new_with_prefix(&source)?, &"bench/raw/wide".into(), 0, FILES).await?;
    let declared = stage.declare_folders()?;
    let (mut first, mut again, mut copy) = (Vec::new(), Vec::new(), Vec::new());
    // taken in turns, so that a change of the machine's load meets all of them
    for _ in 0..ROUNDS {
        stage.clear()?;
        copy.push(cp(&source, &stage.west.bucket_dir(MIRROR))?);
        stage.clear()?;
        let cloned = run(&mut declared.command(&["sync"])?)?;
        let report = cloned.group("published")?;
        ensure!(report["cut"]["tables"][0]["files_copied"] == FILES.count, "{report}");
        first.push(cloned.took);
        let synced = run(&mut declared.command(&["sync"])?)?;
        synced.group("up_to_date")?;
        again.push(synced.took);
    }
    let row = |work: &str, ours: &[Duration]| Row {
        work: work.to_owned(),
        ours: format!("{:.2?}", median(ours)),
        peer: format!("`cp -r` of the tree {:.2?}", median(&copy)),
        ratio: ratio(ours, &copy),
        target: "–".to_owned(),
        verdict: Verdict::NoTarget,
    };
    Ok(vec![
        row("first clone in local folders, 2,000 files of 100 kB", &first),
        row("sync of them with nothing new", &again),
    ])
}

fn cp(from: &Path, to: &Path) -> Result<Duration> {
    let start = Instant::now();
    let status = Command::new("cp").arg("-r").arg(from).arg(to).status()?;
    ensure!(status.success(), "cp -r ended with {status}");
    Ok(start.elapsed())
}
