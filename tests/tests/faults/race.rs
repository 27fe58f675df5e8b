//! Two executors that clone the same groups at once, over a network that fails.

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::servers::{Fault, Kind};

use crate::lab::{End, Lab, STATES};
use crate::syncs::{finish, proven_and_up_to_date, start, sync_until_in_step};

const TABLES: [&str; 2] = ["noise", "golden"];
/// The requests of both executors that are hit; each group has one of them.
const NTH: [u64; 8] = [1, 5, 9, 14, 20, 27, 35, 44];

#[tokio::test(flavor = "multi_thread")]
async fn two_executors_end_in_one_valid_state() -> Result<()> {
    let lab = Lab::of_two_tables().await?;
    let mut groups = Vec::new();
    for fault in Fault::ALL {
        for (number, nth) in NTH.into_iter().enumerate() {
            let group = format!("{fault:?}-{nth:03}").to_lowercase();
            lab.reach(STATES[0], &group)?;
            lab.watch(End::BOTH[number % 2], &group).inject(fault, &Kind::ALL, nth);
            groups.push(group);
        }
    }
    let (network, direct) = (lab.declare(&groups, &TABLES)?, lab.declare_direct(&groups, &TABLES)?);
    finish((0..2).map(|_| start(&network, &groups)))?;
    sync_until_in_step(&network, &groups)?;
    let mut hits = 0;
    for group in &groups {
        hits += End::BOTH.into_iter().filter(|end| lab.watch(*end, group).disarm().is_some()).count();
        let points = lab.recovery_points(group).await.with_context(|| group.clone())?;
        ensure!(points == 1, "{group} has {points} recovery points");
    }
    println!("{} groups, {hits} faults", groups.len());
    ensure!(hits * 2 > groups.len(), "most of the faults have to happen, {hits} did");
    proven_and_up_to_date(&direct)
}
