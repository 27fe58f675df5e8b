//! A day of appends, each followed by an OPTIMIZE, with a sync after each of them: the bytes that arrive in the
//! standby region.

use anyhow::{Context as _, Result};
use lakedr_e2e::declared::Declared;
use lakedr_e2e::servers::{ObjectServer as _, Proxy};
use serde_json::{Map, Value, json};

use crate::child::run;
use crate::peers::{deltalake_append, deltalake_optimize, rclone};
use crate::row::{Row, Verdict};
use crate::stage::{MIRROR, SECOND_TARGET, SOURCE, Stage, TARGET};

const HOURS: u32 = 24;
/// Files of each append; OPTIMIZE makes them one.
const FILES: u32 = 8;
const MOST: f64 = 0.55;

/// Two groups of the same table: one copies what OPTIMIZE writes, one skips it.
struct Day<'a> {
    stage: &'a Stage,
    endpoints: [String; 2],
    copy: Declared,
    skip: Declared,
}

/// The rows.
pub(crate) async fn measure() -> Result<Vec<Row>> {
    let stage = Stage::start().await?;
    let proxy = Proxy::start(&stage.west)?;
    let declare = |bucket: &str, compaction: &str| {
        let attributes: Map<String, Value> =
            [("compaction".to_owned(), json!(compaction))].into_iter().collect();
        stage.declare_through([stage.east.options(), proxy.options()], bucket, &attributes)
    };
    let day = Day {
        stage: &stage,
        endpoints: [stage.east.endpoint(), proxy.endpoint()],
        copy: declare(TARGET, "copy")?,
        skip: declare(SECOND_TARGET, "skip")?,
    };
    // what lakedr writes into its location counts, the group log as well
    let arrived = |bucket: &str| [proxy.watch(bucket), proxy.watch(&format!("{bucket}-dr"))];
    let arrived = [TARGET, SECOND_TARGET, MIRROR].map(arrived);
    for hour in 0..HOURS {
        deltalake_append(&stage.source(), FILES, hour)?;
        day.everybody_follows().with_context(|| format!("hour {hour}, after the append"))?;
        deltalake_optimize(&stage.source())?;
        day.everybody_follows().with_context(|| format!("hour {hour}, after the OPTIMIZE"))?;
    }
    let [copy, skip, mirror] =
        arrived.map(|watches| watches.iter().map(|watch| watch.take_bytes()).sum::<u64>());
    Ok(vec![
        row(skip, "`copy`", copy, Verdict::of(share(skip, copy) <= MOST)),
        row(skip, "a mirror by rclone", mirror, Verdict::NoTarget),
    ])
}

impl Day<'_> {
    fn everybody_follows(&self) -> Result<()> {
        for declared in [&self.copy, &self.skip] {
            let synced = run(&mut declared.command(&["sync"])?)?;
            let outcome = synced.json()?["groups"][0]["outcome"].clone();
            anyhow::ensure!(outcome == "published" || outcome == "up_to_date", "{}", synced.stdout);
        }
        let [east, west] = &self.endpoints;
        let (from, to) = (format!("EAST:{SOURCE}/bench"), format!("WEST:{MIRROR}/bench"));
        rclone((&self.stage.east, &self.stage.west), (east, west), &["sync", "--size-only", &from, &to])?;
        self.stage.is_mirrored(MIRROR)
    }
}

fn share(ours: u64, peer: u64) -> f64 {
    ours as f64 / peer as f64
}

fn row(skip: u64, name: &str, peer: u64, verdict: Verdict) -> Row {
    let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
    Row {
        work: format!("day of {HOURS} appends with hourly OPTIMIZE, `skip` against {name}"),
        ours: format!("{} arrived", megabytes(skip)),
        peer: format!("{} arrived", megabytes(peer)),
        ratio: format!("{:.2}", share(skip, peer)),
        target: if verdict == Verdict::NoTarget { "–".to_owned() } else { format!("at most {MOST}") },
        verdict,
    }
}
