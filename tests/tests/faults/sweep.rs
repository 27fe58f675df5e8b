//! Each kind of fault at each request of a first sync, and of the sync after it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::servers::{Counts, Fault, Watch};

use crate::lab::{End, Lab, proven_and_up_to_date, sync_until_in_step};

/// A group, and the request of it that is hit.
struct Case {
    group: String,
    end: End,
    nth: u64,
}

/// Requests of a sync without faults.
type Requests = BTreeMap<End, Counts>;

/// Hits every request of both syncs with the fault, each in a group of its own.
pub(crate) async fn sweep(fault: Fault) -> Result<()> {
    let lab = Lab::start().await?;
    let quiet = without_faults(&lab)?;
    let cases: Vec<Case> = End::BOTH.into_iter().flat_map(|end| cases(fault, end, &quiet)).collect();
    ensure!(!cases.is_empty(), "{fault} has nothing to hit");
    let names: Vec<String> = cases.iter().map(|case| case.group.clone()).collect();
    let declared = lab.declare(&names)?;
    for (number, (state, requests)) in ["first", "second"].into_iter().zip(&quiet).enumerate() {
        for case in &cases {
            lab.reach(state, &case.group)?;
            lab.watch(case.end, &case.group).inject(fault, case.nth);
        }
        sync_until_in_step(&declared, &names).with_context(|| format!("{fault}, {state} sync"))?;
        every_request_was_hit(&lab, fault, &cases, requests)?;
        proven_and_up_to_date(&declared).with_context(|| format!("{fault}, {state} sync"))?;
        for case in &cases {
            let points = lab.recovery_points(&case.group).await;
            let story = || format!("{fault} at {:?} request {} of {}", case.end, case.nth, case.group);
            ensure!(points.with_context(story)? == number + 1, "{}: {number} more recovery points", story());
        }
    }
    println!("{fault}: {} groups, two syncs each; without faults {quiet:?}", cases.len());
    Ok(())
}

/// The requests of the two syncs of a group whose network works.
fn without_faults(lab: &Lab) -> Result<[Requests; 2]> {
    let group = "quiet".to_owned();
    let declared = lab.declare(&[group.clone()])?;
    let mut requests = Vec::new();
    for state in ["first", "second"] {
        lab.reach(state, &group)?;
        sync_until_in_step(&declared, &[group.clone()])?;
        requests.push(lab.counts(&group));
    }
    requests.try_into().ok().context("two syncs")
}

fn cases(fault: Fault, end: End, quiet: &[Requests; 2]) -> Vec<Case> {
    let most = quiet.iter().map(|requests| targets(fault, end, requests)).max().unwrap_or_default();
    let case = |nth| Case { group: format!("{end:?}-{nth:03}").to_lowercase(), end, nth };
    (1..=most).map(case).collect()
}

fn targets(fault: Fault, end: End, requests: &Requests) -> u64 {
    requests.get(&end).map_or(0, |counts| Watch::targets(fault, counts))
}

fn every_request_was_hit(lab: &Lab, fault: Fault, cases: &[Case], requests: &Requests) -> Result<()> {
    let missed: BTreeSet<&str> = cases
        .iter()
        .filter(|case| case.nth <= targets(fault, case.end, requests))
        .filter(|case| lab.watch(case.end, &case.group).hit().is_none())
        .map(|case| case.group.as_str())
        .collect();
    ensure!(missed.is_empty(), "{fault} did not happen in {missed:?}: the sync has fewer requests there");
    Ok(())
}

macro_rules! sweeps {
    ($($name:ident: $fault:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() -> Result<()> {
                sweep(Fault::$fault).await
            }
        )*

        #[test]
        fn no_kind_of_fault_is_left_out() {
            assert_eq!([$(Fault::$fault),*], Fault::ALL);
        }
    };
}

sweeps! {
    silence: Silence,
    internal_error: InternalError,
    slow_down: SlowDown,
    reset_before: ResetBefore,
    reset_midway: ResetMidway,
    truncated: Truncated,
    done_then_reset: DoneThenReset,
    done_then_error: DoneThenError,
    not_found: NotFound,
    twice: Twice,
}
