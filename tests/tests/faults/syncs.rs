//! The executor at work on many groups, and what has to hold when it is done.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use lakedr_e2e::declared::Declared;
use lakedr_e2e::running::{Outcome, Running};
use serde_json::{Value, json};

/// No call of the executor may take longer.
const WITHIN: Duration = Duration::from_secs(300);
/// Executors at a time, each for groups of its own: most of them wait for an answer that does not come.
const EXECUTORS: usize = 4;
/// How often a sync is started until the group has to be in step.
const RUNS: usize = 3;

/// Runs syncs, several executors beside each other for groups of their own, until every one of these groups is in
/// step, as often as a scheduler would.
pub(crate) fn sync_until_in_step(declared: &Declared, groups: &[String]) -> Result<()> {
    let mut behind = groups.to_vec();
    let mut said = Vec::new();
    for _ in 0..RUNS {
        said = finish(
            behind.chunks(behind.len().div_ceil(EXECUTORS).max(1)).map(|groups| start(declared, groups)),
        )?;
        behind.retain(|group| !said.iter().any(|outcome| in_step(outcome, group)));
        if behind.is_empty() {
            return Ok(());
        }
    }
    let of_behind = |report: &Value| behind.iter().any(|group| report["group"] == *group);
    let reports: Vec<Value> = said.iter().flat_map(reports).filter(of_behind).collect();
    let silent = said.iter().find(|_| reports.is_empty()).map(Outcome::to_string).unwrap_or_default();
    bail!("{} group(s) are not in step after {RUNS} runs: {reports:#?}{silent}", behind.len())
}

/// Starts a sync of some groups.
pub(crate) fn start(declared: &Declared, groups: &[String]) -> Result<Running> {
    let named = groups.iter().flat_map(|group| ["--group", group.as_str()]);
    let arguments: Vec<&str> = std::iter::once("sync").chain(named).collect();
    Running::spawn(&mut declared.command(&arguments)?)
}

/// Starts all of them before it waits for the first.
pub(crate) fn finish(started: impl Iterator<Item = Result<Running>>) -> Result<Vec<Outcome>> {
    let running = started.collect::<Result<Vec<_>>>()?;
    running.into_iter().map(|running| running.wait(WITHIN)).collect()
}

fn in_step(outcome: &Outcome, group: &str) -> bool {
    let reports = reports(outcome);
    let report = reports.iter().find(|report| report["group"] == group);
    report.is_some_and(|report| report["outcome"] == "published" || report["outcome"] == "up_to_date")
}

fn reports(outcome: &Outcome) -> Vec<Value> {
    outcome.json().ok().and_then(|document| document["groups"].as_array().cloned()).unwrap_or_default()
}

/// Every group is proven byte by byte, and another sync has nothing to do.
pub(crate) fn proven_and_up_to_date(direct: &Declared) -> Result<()> {
    for (arguments, fact, wanted) in [
        (vec!["verify", "--level", "content"], "equal", json!(true)),
        (vec!["sync"], "outcome", json!("up_to_date")),
    ] {
        let outcome = direct.lakedr(&arguments, WITHIN)?;
        let document = outcome.json()?;
        let groups = document["groups"].as_array().context("groups")?;
        let wrong: Vec<&Value> = groups.iter().filter(|group| group[fact] != wanted).collect();
        ensure!(wrong.is_empty(), "{} {fact} has to be {wanted}: {wrong:#?}", outcome.line);
    }
    Ok(())
}
