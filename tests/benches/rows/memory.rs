//! The most memory that a first clone of 10 GiB has at a time; of 4 GiB where the disk has no room for more.

use anyhow::{Context as _, Result};
use lakedr_e2e::noise::{self, Files};
use object_store::local::LocalFileSystem;

use crate::child::{mebibytes, run};
use crate::row::{Row, Verdict};
use crate::stage::Stage;

const BYTES: u64 = 256 << 20;
/// Files of that size, as many as there is room for.
const COUNTS: [u64; 2] = [40, 16];
const PEAK: u64 = 256_000_000;
/// What has to be left on the disk beside the copy.
const RESERVE: u64 = 15 << 30;

/// The row.
pub(crate) async fn measure() -> Result<Vec<Row>> {
    let stage = Stage::start().await?;
    let free = nix::sys::statvfs::statvfs(stage.folder.path())?;
    let free = free.blocks_available() * free.fragment_size();
    let count = COUNTS.into_iter().find(|count| free > count * BYTES + RESERVE);
    let count =
        count.with_context(|| format!("{} of the disk are free, that is not enough", mebibytes(free)))?;
    let files = Files { count, bytes: BYTES };
    // the source's files are sparse, the copies are not
    std::fs::create_dir_all(stage.source())?;
    for name in noise::names(0, files.count) {
        std::fs::File::create(stage.source().join(name))?.set_len(files.bytes)?;
    }
    noise::log(&LocalFileSystem::new_with_prefix(stage.source())?, &"".into(), 0, files).await?;
    let cloned = run(&mut stage.declare()?.command(&["sync"])?)?;
    cloned.group("published")?;
    Ok(vec![Row {
        work: format!("first clone of {} GiB, peak memory", (files.count * files.bytes) >> 30),
        ours: format!(
            "{} at {:.0} MB/s",
            mebibytes(cloned.peak),
            megabytes(files) / cloned.took.as_secs_f64()
        ),
        peer: "–".to_owned(),
        ratio: "–".to_owned(),
        target: "256 MB".to_owned(),
        verdict: Verdict::of(cloned.peak < PEAK),
    }])
}

fn megabytes(files: Files) -> f64 {
    (files.count * files.bytes) as f64 / 1e6
}
