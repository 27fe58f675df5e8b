//! A fault at each request of one sync after the other, each in a group of its own.

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::servers::{Fault, Kind};

use crate::lab::{End, Lab, Requests};
use crate::syncs::{proven_and_up_to_date, sync_until_in_step};

/// What is swept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sweep<'a> {
    /// The tables of each group.
    pub(crate) tables: &'a [&'a str],
    /// The states that the source goes through, a sync after each.
    pub(crate) states: &'a [&'a str],
    /// Where requests are hit.
    pub(crate) ends: &'a [End],
    /// Which requests are hit.
    pub(crate) kinds: &'a [Kind],
}

/// A group, and the request of it that is hit.
struct Case {
    group: String,
    end: End,
    nth: u64,
}

impl Sweep<'_> {
    /// Hits every request with the fault; `quiet` are the requests of each sync without faults. How many groups.
    pub(crate) async fn run(&self, lab: &Lab, fault: Fault, quiet: &[Requests]) -> Result<usize> {
        let cases: Vec<Case> = self.ends.iter().flat_map(|end| self.cases(fault, *end, quiet)).collect();
        let names: Vec<String> = cases.iter().map(|case| case.group.clone()).collect();
        let (network, direct) = (lab.declare(&names, self.tables)?, lab.declare_direct(&names, self.tables)?);
        for (number, (state, requests)) in self.states.iter().zip(quiet).enumerate() {
            let story = || format!("{fault}, sync of the {state} state");
            for case in &cases {
                lab.reach(state, &case.group)?;
                lab.watch(case.end, &case.group).inject(fault, self.kinds, case.nth);
            }
            let synced = sync_until_in_step(&network, &names);
            self.every_request_was_hit(lab, fault, &cases, requests)?;
            synced.with_context(story)?;
            proven_and_up_to_date(&direct).with_context(story)?;
            let mut wrong = Vec::new();
            for case in &cases {
                match lab.recovery_points(&case.group).await {
                    Ok(points) if points == number + 1 => {}
                    Ok(points) => wrong.push(format!("{}: {points} recovery points", case.group)),
                    Err(error) => wrong.push(format!("{}: {error:#}", case.group)),
                }
            }
            ensure!(wrong.is_empty(), "{}, {} group(s): {wrong:#?}", story(), wrong.len());
        }
        Ok(cases.len())
    }

    /// The requests of each sync of a group whose network works.
    pub(crate) fn without_faults(&self, lab: &Lab) -> Result<Vec<Requests>> {
        let group = "quiet";
        let declared = lab.declare(&[group.to_owned()], self.tables)?;
        let count = |state: &&str| {
            lab.reach(state, group)?;
            lab.count_sync(&declared, group)
        };
        self.states.iter().map(count).collect()
    }

    fn cases(&self, fault: Fault, end: End, quiet: &[Requests]) -> Vec<Case> {
        let most = quiet.iter().map(|requests| self.targets(fault, end, requests)).max().unwrap_or_default();
        let name = |nth| format!("{fault:?}-{end:?}-{nth:03}").to_lowercase();
        (1..=most).map(|nth| Case { group: name(nth), end, nth }).collect()
    }

    fn targets(&self, fault: Fault, end: End, requests: &Requests) -> u64 {
        requests.get(&end).map_or(0, |counts| counts.targets(fault, self.kinds))
    }

    /// Disarms every fault, whether it happened or not, because what follows is no part of the sync.
    fn every_request_was_hit(
        &self,
        lab: &Lab,
        fault: Fault,
        cases: &[Case],
        requests: &Requests,
    ) -> Result<()> {
        let mut missed = Vec::new();
        for case in cases {
            match lab.watch(case.end, &case.group).disarm() {
                // what the test harness shows of a test that fails
                Some(hit) => println!("{}: {hit}", case.group),
                None if case.nth <= self.targets(fault, case.end, requests) => missed.push(&case.group),
                None => {}
            }
        }
        ensure!(missed.is_empty(), "{fault} did not happen in {missed:?}: the sync has fewer requests there");
        Ok(())
    }
}
