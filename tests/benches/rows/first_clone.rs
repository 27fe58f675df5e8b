//! The first clone of a table between two S3 servers, beside two programs that copy the same objects.

use std::path::Path as FilePath;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::declared::Declared;
use lakedr_e2e::noise::{self, Files};
use lakedr_e2e::servers::ObjectServer as _;

use crate::child::run;
use crate::peers::{rclone, s5cmd};
use crate::row::{Row, Verdict};
use crate::stage::{MIRROR, SOURCE, Stage};
use crate::times::{divided, median, ratio};

const ROUNDS: usize = 3;
/// What s5cmd takes its detour through: memory, as far as the machine has it.
const MEMORY: &str = "/dev/shm";

/// 64 files of 16 MiB.
pub(crate) async fn large_files() -> Result<Vec<Row>> {
    let files = Files { count: 64, bytes: 16 << 20 };
    let megabytes = files.count * files.bytes / 1_000_000;
    clone(files, "first clone, 64 files of 16 MiB", megabytes, "MB/s").await
}

/// 5,000 files of 64 KiB.
pub(crate) async fn small_files() -> Result<Vec<Row>> {
    let files = Files { count: 5000, bytes: 64 << 10 };
    clone(files, "first clone, 5,000 files of 64 KiB", files.count, "files/s").await
}

async fn clone(files: Files, work: &str, units: u64, unit: &str) -> Result<Vec<Row>> {
    let stage = Stage::start().await?;
    noise::commit(&*stage.east.store(SOURCE)?, &"bench/raw/wide".into(), 0, files).await?;
    let declared = stage.declare()?;
    let memory = tempfile::tempdir_in(FilePath::new(MEMORY)).or_else(|_| tempfile::tempdir())?;
    let (mut ours, mut rclones, mut s5cmds) = (Vec::new(), Vec::new(), Vec::new());
    // taken in turns, so that a change of the machine's load meets all of them
    for _ in 0..ROUNDS {
        stage.clear()?;
        ours.push(lakedr(&stage, &declared, files)?);
        stage.clear()?;
        let (from, to) = (format!("EAST:{SOURCE}"), format!("WEST:{MIRROR}"));
        let endpoints = (&*stage.east.endpoint(), &*stage.west.endpoint());
        rclones.push(rclone((&stage.east, &stage.west), endpoints, &["copy", &from, &to])?.took);
        stage.is_mirrored(MIRROR).context("rclone")?;
        stage.clear()?;
        let (from, to) = (format!("s3://{SOURCE}/"), format!("s3://{MIRROR}/"));
        s5cmds.push(s5cmd((&stage.east, &from), (&stage.west, &to), &memory.path().join("detour"))?);
        stage.is_mirrored(MIRROR).context("s5cmd")?;
    }
    let rate = |times: &[Duration]| units as f64 / median(times).as_secs_f64();
    let (faster, name) =
        if median(&rclones) <= median(&s5cmds) { (&rclones, "rclone") } else { (&s5cmds, "s5cmd") };
    Ok(vec![Row {
        work: work.to_owned(),
        ours: format!("{:.0} {unit}", rate(&ours)),
        peer: format!("rclone {:.0} {unit}, s5cmd {:.0} {unit}", rate(&rclones), rate(&s5cmds)),
        ratio: format!("speed {} × {name}", ratio(faster, &ours)),
        target: "1.0 × the faster one".to_owned(),
        verdict: Verdict::of(divided(median(faster), median(&ours)) >= 1.0),
    }])
}

fn lakedr(stage: &Stage, declared: &Declared, files: Files) -> Result<Duration> {
    let cloned = run(&mut declared.command(&["sync"])?)?;
    let report = cloned.group("published")?;
    ensure!(report["cut"]["tables"][0]["files_copied"] == files.count, "{report}");
    ensure!(stage.target().join("_delta_log").exists(), "the clone is not where it belongs");
    Ok(cloned.took)
}
