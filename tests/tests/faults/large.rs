//! A file that moves in parts: each kind of fault at each request of its upload, and broken answers at its source.

use anyhow::{Result, ensure};
use lakedr_e2e::noise::Files;
use lakedr_e2e::servers::{Fault, Kind};

use crate::lab::{End, Lab, Requests};
use crate::sweep::Sweep;

const TABLES: [&str; 1] = ["large"];
const STATES: [&str; 1] = ["only"];
const UPLOAD: Sweep<'_> = Sweep {
    tables: &TABLES,
    states: &STATES,
    ends: &[End::Target],
    kinds: &[Kind::BeginUpload, Kind::Part, Kind::CompleteUpload, Kind::AbortUpload],
};
const DOWNLOAD: Sweep<'_> =
    Sweep { tables: &TABLES, states: &STATES, ends: &[End::Source], kinds: &[Kind::Get] };
/// Faults that leave a reader with less than it asked for.
const BROKEN_ANSWERS: [Fault; 4] = [Fault::Silence, Fault::ResetMidway, Fault::Truncated, Fault::NotFound];

async fn lab() -> Result<(Lab, Vec<Requests>)> {
    let lab = Lab::start().await?;
    lab.state("only", "large", 0, Files { count: 1, bytes: 17 << 20 }).await?;
    let quiet = UPLOAD.without_faults(&lab)?;
    let parts =
        quiet.iter().flat_map(|requests| requests.get(&End::Target)).map(|counts| counts.of(Kind::Part));
    ensure!(parts.sum::<u64>() >= 2, "the file has to move in parts: {quiet:?}");
    Ok((lab, quiet))
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads() -> Result<()> {
    let (lab, quiet) = lab().await?;
    for fault in Fault::ALL {
        let groups = UPLOAD.run(&lab, fault, &quiet).await?;
        println!("upload, {fault}: {groups} groups");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn downloads() -> Result<()> {
    let (lab, quiet) = lab().await?;
    for fault in BROKEN_ANSWERS {
        let groups = DOWNLOAD.run(&lab, fault, &quiet).await?;
        ensure!(groups > 0, "{fault} had nothing to hit");
        println!("download, {fault}: {groups} groups");
    }
    Ok(())
}
