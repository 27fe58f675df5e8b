//! The most memory that a first clone of 10 GiB has at a time.

use anyhow::{Result, ensure};
use lakedr_e2e::noise::{self, Files};
use object_store::local::LocalFileSystem;

use crate::child::{mebibytes, run};
use crate::row::{Row, Verdict};
use crate::stage::Stage;

const FILES: Files = Files { count: 40, bytes: 256 << 20 };
const PEAK: u64 = 256_000_000;
/// What has to be left on the disk beside the copy.
const RESERVE: u64 = 4 << 30;

/// The row.
pub(crate) async fn measure() -> Result<Vec<Row>> {
    let stage = Stage::start().await?;
    let free = nix::sys::statvfs::statvfs(stage.folder.path())?;
    let free = free.blocks_available() * free.fragment_size();
    ensure!(
        free > FILES.count * FILES.bytes + RESERVE,
        "{} of the disk are free, the copy needs more",
        mebibytes(free)
    );
    // the source's files are sparse, the copies are not
    std::fs::create_dir_all(stage.source())?;
    for name in noise::names(0, FILES.count) {
        std::fs::File::create(stage.source().join(name))?.set_len(FILES.bytes)?;
    }
    noise::log(&LocalFileSystem::new_with_prefix(stage.source())?, &"".into(), 0, FILES).await?;
    let cloned = run(&mut stage.declare()?.command(&["sync"])?)?;
    cloned.group("published")?;
    Ok(vec![Row {
        work: "first clone of 10 GiB, peak memory".to_owned(),
        ours: format!("{} at {:.0} MB/s", mebibytes(cloned.peak), megabytes() / cloned.took.as_secs_f64()),
        peer: "–".to_owned(),
        ratio: "–".to_owned(),
        target: "256 MB".to_owned(),
        verdict: Verdict::of(cloned.peak < PEAK),
    }])
}

fn megabytes() -> f64 {
    (FILES.count * FILES.bytes) as f64 / 1e6
}
