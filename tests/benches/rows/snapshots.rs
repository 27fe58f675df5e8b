//! A quarter of weekly snapshots: the bytes that they take, and the time that the newest one takes to be back.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::declared::Declared;
use lakedr_e2e::noise::{self, Files};
use lakedr_e2e::servers::ObjectServer as _;
use serde_json::json;

use crate::child::run;
use crate::peers::rclone;
use crate::row::{Row, Verdict};
use crate::stage::{MIRROR, SOURCE, Stage, TABLE, TARGET, objects, remove};
use crate::times::{divided, median, ratio};

const WEEKS: u64 = 12;
const FILES: Files = Files { count: 100, bytes: 2 << 20 };
/// Two of a hundred files are replaced every week.
const CHANGED: Files = Files { count: 2, bytes: FILES.bytes };
/// The bytes of a whole copy and of what changed, beside those of whole copies: (1 + 11 × 0.02) / 12, and something for logs.
const MOST: f64 = 0.12;
const ROUNDS: usize = 3;
/// A snapshot shows an instant that the clocks of all writers have passed.
const SETTLED: Duration = Duration::from_secs(3);
const MODES: [&str; 2] = ["incremental", "batch"];

/// The rows.
pub(crate) async fn measure() -> Result<Vec<Row>> {
    let stage = Stage::start().await?;
    let declared = stage.declare()?;
    for mode in MODES {
        declared.add_schedule(&json!({
            "name": mode, "mode": mode, "schedule": {"interval": "7d"},
            "source": {"region": "east", "table_root": stage.east.url(SOURCE), "tables": [{"name": TABLE}]},
            "target": {"location": "west", "prefix": mode},
        }))?;
    }
    let mut newest = String::new();
    for week in 0..WEEKS {
        write(&stage, week).await?;
        std::thread::sleep(SETTLED);
        newest = take(&declared).with_context(|| format!("week {week}"))?;
        copy(&stage, [("EAST", SOURCE.to_owned()), ("WEST", mirror(week))])?;
        ensure!(
            objects(&stage.west.bucket_dir(MIRROR).join(format!("week-{week:02}")))?
                == objects(&stage.east.bucket_dir(SOURCE))?,
            "rclone has not copied week {week}"
        );
    }
    let stored = |folder: PathBuf| -> Result<u64> { Ok(objects(&folder)?.values().sum()) };
    let location = stage.west.bucket_dir(&format!("{TARGET}-dr"));
    let [incremental, batch] = MODES.map(|mode| stored(location.join(mode)));
    let (incremental, copies) = (incremental?, stored(stage.west.bucket_dir(MIRROR))?);
    Ok(vec![
        stored_row(incremental, "batch", batch?),
        stored_row(incremental, "copies by rclone", copies),
        restored(&stage, &declared, &newest)?,
    ])
}

async fn write(stage: &Stage, week: u64) -> Result<()> {
    let (store, root) = (stage.east.store(SOURCE)?, "bench/raw/wide".into());
    if week == 0 {
        return noise::commit(&*store, &root, 0, FILES).await;
    }
    let first = usize::try_from((week - 1) * CHANGED.count)?;
    let gone: Vec<String> =
        noise::names(0, FILES.count).skip(first).take(usize::try_from(CHANGED.count)?).collect();
    noise::replace(&*store, &root, week, (CHANGED, &gone)).await?;
    // the files that are gone are vacuumed, so that nobody copies them
    for name in gone {
        std::fs::remove_file(stage.source().join(name))?;
    }
    Ok(())
}

/// Takes both snapshots; the id of the incremental one.
fn take(declared: &Declared) -> Result<String> {
    let taken = run(&mut declared.command(&["snapshot", "take", "--force"])?)?.json()?;
    let schedules = taken["schedules"].as_array().context("schedules")?;
    ensure!(schedules.len() == 2 && schedules.iter().all(|of| of["outcome"] == "taken"), "{taken}");
    let incremental = schedules.iter().find(|of| of["schedule"] == "incremental");
    let id = incremental.and_then(|of| of["snapshot"].as_str());
    Ok(id.context("an id")?.to_owned())
}

fn mirror(week: u64) -> String {
    format!("{MIRROR}/week-{week:02}")
}

fn copy(stage: &Stage, [from, to]: [(&str, String); 2]) -> Result<Duration> {
    let place = |(remote, path): (&str, String)| format!("{remote}:{path}");
    let endpoints = (&*stage.east.endpoint(), &*stage.west.endpoint());
    let arguments = ["copy", &place(from), &place(to)];
    Ok(rclone((&stage.east, &stage.west), endpoints, &arguments)?.took)
}

fn stored_row(ours: u64, name: &str, peer: u64) -> Row {
    let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
    let share = ours as f64 / peer as f64;
    Row {
        work: format!("{WEEKS} weekly snapshots, 2 % changed a week, `incremental` against {name}"),
        ours: format!("{} stored", megabytes(ours)),
        peer: format!("{} stored", megabytes(peer)),
        ratio: format!("{share:.3}"),
        target: format!("at most {MOST}"),
        verdict: Verdict::of(share <= MOST),
    }
}

/// The table is lost and comes back, from the newest snapshot and from the newest copy of rclone.
fn restored(stage: &Stage, declared: &Declared, newest: &str) -> Result<Row> {
    let table = stage.source();
    let lose = || -> Result<()> {
        remove(&table)?;
        nix::unistd::sync();
        Ok(())
    };
    let is_back = || -> Result<()> {
        let files = objects(&table)?.into_iter().filter(|(key, _)| !key.contains("_delta_log/"));
        let (count, bytes) = files.fold((0, 0), |(count, bytes), (_, size)| (count + 1, bytes + size));
        ensure!((count, bytes) == (FILES.count, FILES.count * FILES.bytes), "{count} files, {bytes} bytes");
        Ok(())
    };
    let (mut ours, mut rclones) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        lose()?;
        let of = ["snapshot", "restore", "--schedule", "incremental", "--snapshot", newest, "--in-place"];
        ours.push(run(&mut declared.command(&of)?)?.took);
        is_back().context("lakedr")?;
        lose()?;
        rclones.push(copy(stage, [("WEST", mirror(WEEKS - 1)), ("EAST", SOURCE.to_owned())])?);
        is_back().context("rclone")?;
    }
    let rate = |times: &[Duration]| (FILES.count * FILES.bytes) as f64 / 1e6 / median(times).as_secs_f64();
    Ok(Row {
        work: "a lost table of 100 files of 2 MiB comes back from a snapshot".to_owned(),
        ours: format!("{:.0} MB/s", rate(&ours)),
        peer: format!("rclone copies it back at {:.0} MB/s", rate(&rclones)),
        ratio: format!("speed {} × rclone", ratio(&rclones, &ours)),
        target: "1.0 × rclone".to_owned(),
        verdict: Verdict::of(divided(median(&rclones), median(&ours)) >= 1.0),
    })
}
