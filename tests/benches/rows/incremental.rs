//! Syncs of a table of a million files that has been cloned: one with nothing new, and one after a small append.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::servers::{Counts, Proxy};
use serde_json::Map;

use crate::big_table::Shape;
use crate::child::{mebibytes, run};
use crate::cloned;
use crate::peers::{deltalake_open, rclone};
use crate::row::{Row, Verdict};
use crate::stage::{SOURCE, Stage, TARGET};
use crate::times::{divided, median, ratio};

const SMALL: Shape = Shape { files: 10_000, columns: 20 };
const LARGE: Shape = Shape { files: 1_000_000, columns: 20 };
const ROUNDS: usize = 5;
const APPENDED: u64 = 100;
/// Requests that a sync of one table may have when nothing is new.
const REQUESTS: u64 = 6 + 3;
const PEAK: u64 = 300_000_000;

/// Both rows.
pub(crate) async fn measure() -> Result<Vec<Row>> {
    let small = nothing_new(&cloned::stage(SMALL).await?, SMALL.files).context("10,000 files")?;
    let stage = cloned::stage(LARGE).await?;
    let large = nothing_new(&stage, LARGE.files).context("1,000,000 files")?;
    Ok(vec![requests_row(&small, &large), append(&stage).await?])
}

/// The requests of a sync with nothing new, and of rclone.
struct Requests {
    ours: [Counts; 2],
    rclone: u64,
}

fn nothing_new(stage: &Stage, files: u64) -> Result<Requests> {
    let (east, west) = (Proxy::start(&stage.east)?, Proxy::start(&stage.west)?);
    // the folder of the tables, and the name of the group
    let watches = [east.watch("bench"), west.watch("bench")];
    let declared = stage.declare_through([east.options(), west.options()], TARGET, &Map::new())?;
    run(&mut declared.command(&["sync"])?)?.group("up_to_date")?;
    let ours = watches.each_ref().map(|watch| watch.take_counts());
    let table = |remote: &str, bucket: &str| format!("{remote}:{bucket}/bench/raw/wide");
    rclone(
        (&stage.east, &stage.west),
        (&east.endpoint(), &west.endpoint()),
        &[
            "sync",
            "--size-only",
            "--exclude",
            "_delta_log/**",
            &table("EAST", SOURCE),
            &table("WEST", TARGET),
        ],
    )?;
    let rclone: u64 = watches.iter().map(|watch| watch.take_counts().total()).sum();
    // it lists both sides, a thousand objects a page
    ensure!(rclone >= 2 * files / 1000, "rclone has not listed the table: {rclone} requests");
    Ok(Requests { ours, rclone })
}

fn requests_row(small: &Requests, large: &Requests) -> Row {
    let total = |requests: &Requests| requests.ours.iter().map(Counts::total).sum::<u64>();
    let [source, target] = &large.ours;
    let reached = small.ours == large.ours && total(large) <= REQUESTS;
    Row {
        work: "sync with nothing new, 10,000 and 1,000,000 files".to_owned(),
        ours: format!("{} and {} requests (source {source}; target {target})", total(small), total(large)),
        peer: format!("rclone --size-only {} and {} requests", small.rclone, large.rclone),
        ratio: format!("{:.4} at 1,000,000", total(large) as f64 / large.rclone as f64),
        target: format!("the same number, at most {REQUESTS}"),
        verdict: Verdict::of(reached),
    }
}

async fn append(stage: &Stage) -> Result<Row> {
    LARGE.append(&stage.source(), 2, APPENDED)?;
    let declared = stage.declare()?;
    let (mut plans, mut opens, mut peak, mut peer_peak) = (Vec::new(), Vec::new(), 0, 0);
    for _ in 0..ROUNDS {
        let planned = run(&mut declared.command(&["plan"])?)?;
        let table = planned.group("planned")?["cut"]["tables"][0].clone();
        anyhow::ensure!(table["files_copied"] == APPENDED, "{table}");
        plans.push(planned.took);
        peak = planned.peak.max(peak);
        let opened = deltalake_open(&stage.east, &url())?;
        opens.push(opened.took);
        peer_peak = opened.peak.max(peer_peak);
    }
    Ok(plan_row(
        "plan after an append of 100 files to 1,000,000",
        (&plans, peak),
        (&opens, peer_peak),
        "1/5 of the time, 300 MB",
        (0.2, PEAK),
    ))
}

/// The table, for a reader.
pub(crate) fn url() -> String {
    format!("s3://{SOURCE}/bench/raw/wide")
}

/// A plan beside the opening of the table: times and the most memory, and how much of both may be used.
pub(crate) fn plan_row(
    work: &str,
    (plans, peak): (&[Duration], u64),
    (opens, peer_peak): (&[Duration], u64),
    target: &str,
    (most, most_memory): (f64, u64),
) -> Row {
    Row {
        work: work.to_owned(),
        ours: format!("{:.2?}, {} peak", median(plans), mebibytes(peak)),
        peer: format!("`deltalake` opens it in {:.2?}, {} peak", median(opens), mebibytes(peer_peak)),
        ratio: format!("time {}", ratio(plans, opens)),
        target: target.to_owned(),
        verdict: Verdict::of(divided(median(plans), median(opens)) < most && peak < most_memory),
    }
}
