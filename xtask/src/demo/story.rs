//! What the demo tells.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::stage::{EAST, Stage, WEST, chapter, show};
use crate::{console, process, tools};

/// Builds the programs and tells the story.
///
/// # Errors
/// The first claim that does not hold.
pub(crate) fn run() -> Result<()> {
    let terraform = tools::install_terraform()?;
    console::say(
        "building lakedr, the provider and the example workflow (the first time takes some minutes) …",
    );
    process::run(process::cargo_all("build").arg("--bins"))?;
    let begun = Instant::now();
    let stage = Stage::set(terraform)?;
    declare(&stage)?;
    let finished = work(&stage)?;
    recover(&stage, &finished)?;
    again(&stage)?;
    unchanged(&stage)?;
    rehearsal(&stage)?;
    outage(&stage, &finished)?;
    other_side(&stage)?;
    home_again(&stage)?;
    console::say(&format!(
        "\nDone in {}. Look around in {}, or ask: lakedr --help",
        console::duration(begun.elapsed()),
        stage.root().display()
    ));
    Ok(())
}

fn declare(stage: &Stage) -> Result<()> {
    chapter(
        "Two regions, one configuration",
        "examples/two-regions is applied once per region, each into a control store of its own. Neither reads the other's state.",
    );
    stage.terraform(EAST.0, &["apply", "-auto-approve"], 4)?;
    stage.terraform(WEST.0, &["apply", "-auto-approve"], 4)
}

/// Two runs that finish and one that does not; the row counts after the second.
fn work(stage: &Stage) -> Result<Value> {
    chapter(
        "A workflow in the east",
        "Bronze is appended, silver replaced by days, gold computed anew. `lakedr mark` says when a run begins and ends.",
    );
    for run in ["1", "2"] {
        marked_run(stage, EAST.0, run)?;
    }
    let finished = stage.rows(EAST.0)?;
    show(&format!("rows at the end of run 2: {finished}"));
    chapter(
        "Run 3 dies half-way",
        "Bronze and silver are written, gold is not, and nobody says that the run is over.",
    );
    stage.lakedr(&["mark", "start", "--group", "etl", "--run", "3"])?;
    stage.workflow(EAST.0, &["--run", "3", "--stop-after", "silver"])?;
    let torn = stage.rows(EAST.0)?;
    show(&format!("rows now, in the east: {torn}"));
    ensure!(torn != finished, "run 3 wrote nothing, so the demo would prove nothing");
    Ok(finished)
}

/// A whole run of the workflow in a region.
fn marked_run(stage: &Stage, region: &str, run: &str) -> Result<()> {
    stage.lakedr(&["mark", "start", "--group", "etl", "--run", run])?;
    stage.workflow(region, &["--run", run])?;
    stage.lakedr(&["mark", "finish", "--group", "etl", "--run", run])
}

fn recover(stage: &Stage, finished: &Value) -> Result<()> {
    chapter(
        "What would a sync do?",
        "The newest finished run is 2. The half of run 3 is not part of any plan.",
    );
    stage.lakedr(&["plan"])?;
    chapter(
        "Sync",
        "Every file first, then one intent with a fixed version slot per table, then all slots, then `published`.",
    );
    stage.lakedr(&["sync"])?;
    stage.lakedr(&["status"])?;
    chapter(
        "Is the west really at run 2?",
        "lakedr compares logs and bytes; another Delta library counts the rows.",
    );
    stage.lakedr(&["verify", "--level", "content"])?;
    let standby = stage.rows(WEST.0)?;
    show(&format!("rows in the west: {standby}"));
    ensure!(standby == *finished, "the west does not hold run 2: {standby} instead of {finished}");
    Ok(())
}

fn again(stage: &Stage) -> Result<()> {
    chapter("Sync again", "There is nothing new, so nothing is copied and nothing is written.");
    let before = stage.lakedr_json(&["history"])?;
    stage.lakedr(&["sync"])?;
    ensure!(stage.lakedr_json(&["history"])? == before, "a sync with nothing new wrote to the group log");
    let outcome = stage.lakedr_json(&["sync"])?["groups"][0]["outcome"].clone();
    ensure!(outcome == "up_to_date", "the outcome of a second sync is {outcome}");
    Ok(())
}

fn unchanged(stage: &Stage) -> Result<()> {
    chapter(
        "Terraform",
        "What the executor did never shows up as a change: the plan is empty in both regions.",
    );
    for (name, _) in [EAST, WEST] {
        // with -detailed-exitcode a plan that would change anything is a failure
        stage.terraform(name, &["plan", "-detailed-exitcode"], 3)?;
    }
    Ok(())
}

fn rehearsal(stage: &Stage) -> Result<()> {
    chapter(
        "Rehearse it",
        "A drill looks at log and tables, copies the recovery point aside, measures RTO and RPO, and leaves a report and nothing else.",
    );
    let before = stage.lakedr_json(&["history"])?;
    stage.lakedr(&["drill"])?;
    ensure!(stage.lakedr_json(&["history"])? == before, "a drill wrote to the group log");
    Ok(())
}

/// Carries out what `lakedr failover plan` or `lakedr failback plan` plans.
fn change_roles(stage: &Stage, command: &str) -> Result<()> {
    stage.lakedr(&[command, "plan"])?;
    let planned = stage.lakedr_json(&[command, "plan"])?;
    let plan = planned["plan"].as_str().context("an id of the plan")?;
    stage.lakedr(&[command, "execute", "--plan", plan, "--approve", "ada@example.com"])
}

fn outage(stage: &Stage, finished: &Value) -> Result<()> {
    chapter(
        "The east is lost",
        "Nothing fails over by itself: a plan says what is gone on from and what cannot be seen; somebody approves its id.",
    );
    stage.lose(EAST.0)?;
    change_roles(stage, "failover")?;
    let active = stage.rows(WEST.0)?;
    ensure!(active == *finished, "the west does not go on from run 2: {active} instead of {finished}");
    chapter("A run in the west", "`lakedr mark` follows the group log: these are runs of the west.");
    marked_run(stage, WEST.0, "3")
}

fn other_side(stage: &Stage) -> Result<()> {
    chapter(
        "The east is back",
        "Its half of run 3 is kept beside the group log, then its tables follow the west.",
    );
    stage.recover(EAST.0)?;
    stage.lakedr(&["sync"])?;
    stage.lakedr(&["status"])?;
    stage.lakedr(&["verify", "--level", "content"])?;
    equal(stage)
}

fn home_again(stage: &Stage) -> Result<()> {
    chapter("Home again", "The workflow rests and everything is synced, so nothing is lost on the way.");
    change_roles(stage, "failback")?;
    marked_run(stage, EAST.0, "4")?;
    stage.lakedr(&["sync"])?;
    stage.lakedr(&["history"])?;
    equal(stage)?;
    for (name, _) in [EAST, WEST] {
        stage.terraform(name, &["apply", "-auto-approve"], 4)?;
    }
    Ok(())
}

fn equal(stage: &Stage) -> Result<()> {
    let (east, west) = (stage.rows(EAST.0)?, stage.rows(WEST.0)?);
    show(&format!("rows in both regions: {west}"));
    ensure!(east == west, "the regions differ: {east} and {west}");
    Ok(())
}
