//! The first plan of a table of a million files, which reads its checkpoint from end to end.

use anyhow::{Result, ensure};

use crate::big_table::Shape;
use crate::child::run;
use crate::incremental::{plan_row, url};
use crate::peers::deltalake_open;
use crate::row::Row;
use crate::stage::Stage;

const SHAPE: Shape = Shape { files: 1_000_000, columns: 20 };
const ROUNDS: usize = 3;
const PEAK: u64 = 400_000_000;

/// The row.
pub(crate) async fn measure() -> Result<Vec<Row>> {
    let stage = Stage::start().await?;
    SHAPE.put_log(&stage.source())?;
    let declared = stage.declare()?;
    let (mut plans, mut opens, mut peak, mut peer_peak) = (Vec::new(), Vec::new(), 0, 0);
    for _ in 0..ROUNDS {
        let planned = run(&mut declared.command(&["plan"])?)?;
        let table = planned.group("planned")?["cut"]["tables"][0].clone();
        ensure!(table["files_copied"].as_u64().is_some_and(|files| files > SHAPE.newest_files()), "{table}");
        plans.push(planned.took);
        peak = planned.peak.max(peak);
        let opened = deltalake_open(&stage.east, &url())?;
        opens.push(opened.took);
        peer_peak = opened.peak.max(peer_peak);
    }
    Ok(vec![plan_row(
        "first plan of 1,000,000 files",
        (&plans, peak),
        (&opens, peer_peak),
        "less time, 400 MB",
        (1.0, PEAK),
    )])
}
