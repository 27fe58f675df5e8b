//! From what is observed to a plan. Writes nothing; `plan` and `sync` share it.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use futures::future::try_join_all;
use lakedr_control::cut::{Cut, Pin};
use lakedr_control::group_log::History;
use lakedr_control::id::TableName;

use super::leg::Leg;
use super::present::all_present;
use super::receive::landed;
use super::scene::{Scene, Stop};
use super::table::plan_table;
use crate::cut::{Choice, Chosen, Known, Refusal};
use crate::error::{At as _, Stage};
use crate::observe::choice::{FromRuns, Last, choose_instant, choose_listed, choose_run};
use crate::observe::incarnation::Named;
use crate::observe::source::{Newer, Pinned, heads, pin};
use crate::observe::target::{Target, target};
use crate::plan::group::GroupPlan;
use crate::record::with_records;
use crate::spec::{TableStore, apart};

/// What a group is about to do.
#[derive(Debug)]
pub enum Prepared {
    /// Nothing: the newest recovery point holds the newest finished state.
    UpToDate {
        /// Its tables that nobody has read back yet.
        unproven: Vec<TableName>,
    },
    /// This.
    Plan(Box<GroupPlan>),
}

/// While an intent is open its tables may be anywhere between two recovery points: nothing can be planned on them.
fn settled(history: &History) -> Result<(), Refusal> {
    let Some(intent) = history.state.as_ref().and_then(|state| state.open_intent.as_ref()) else {
        return Ok(());
    };
    let reason = format!(
        "intent {} ({}) is not finished; `lakedr sync` finishes it first, plan again after that",
        intent.seq,
        intent.cut.describe()
    );
    Err(Refusal::Fenced { reason })
}

/// Observes both sides, chooses a cut, and plans it.
///
/// # Errors
/// A refusal when there is no cut, a failure when something cannot be read.
pub async fn prepare(scene: &Scene<'_>, history: &History) -> Result<Prepared, Stop> {
    if scene.leg != Leg::Send {
        settled(history)?;
    }
    let name = &scene.group.name;
    let sources = scene.sources(history).await.at(Stage::Observe, name)?;
    let targets = scene.targets(history).await.at(Stage::Observe, name)?;
    apart(&sources, &targets).at(Stage::Observe, name)?;
    let targets = try_join_all(targets.into_iter().map(|table| target(scene, history, table))).await?;
    // a table that the standby region has lost is cloned anew, also when there is no newer run
    let lost = !scene.begins_again(history) && !targets.iter().all(|target| target.at_recovery_point);
    let held = last(scene, history);
    let last = Last { cut: held.as_deref(), lost };
    let pinned = match scene.leg {
        Leg::Receive => landed(scene, history, sources, last).await?,
        Leg::Direct | Leg::Send => newest(scene, history, sources, last).await?,
    };
    let Some((cut, pinned)) = pinned else { return Ok(up_to_date(&targets)) };
    goes_forward(&cut, last.cut)?;
    let source_side = scene.source_side(history);
    let plans = pinned
        .into_iter()
        .zip(targets)
        .map(|(source, target)| plan_table(scene, source_side, source, target));
    let mut plans = try_join_all(plans).await?;
    if scene.is_returning(history) {
        // whoever was paused in the middle of an intent that was given up finds its slots taken
        plans.iter_mut().for_each(|plan| plan.diff.marks = true);
    }
    all_present(scene, history, &plans).await?;
    let mut plan = GroupPlan::new(cut, plans);
    plan.cut.tables.iter_mut().for_each(|table| scene.leg.pin_target(table));
    Ok(Prepared::Plan(Box::new(plan)))
}

/// What the target of this leg held last. Before anything has landed, that is what the newest recovery point holds.
pub(super) fn last<'a>(scene: &Scene<'_>, history: &'a History) -> Option<Cow<'a, Cut>> {
    let point = || history.state.as_ref()?.held();
    scene.base(history).map(|base| base.cut).or_else(point)
}

/// A cut, and its source tables at their versions.
type PinnedCut = (Cut, Vec<Pinned>);

/// The newest finished state of the active region; none when the target holds it.
async fn newest(
    scene: &Scene<'_>,
    history: &History,
    sources: Vec<TableStore>,
    last: Last<'_>,
) -> Result<Option<PinnedCut>, Stop> {
    let begins_again = scene.begins_again(history);
    let run = match choose_run(scene, history, last).await {
        // the region that is active may have finished nothing yet, but it began with a finished state
        Ok(Some(FromRuns::Choice(Choice::UpToDate))) | Err(Stop::Refused(_)) if begins_again => {
            Some(FromRuns::Choice(at_recovery_point(scene, last.cut)?))
        }
        Err(Stop::Refused(Refusal::NoFinishedRun { .. }))
            if began_finished(history) || last.lost && last.cut.is_some() =>
        {
            let choice = if last.lost { at_recovery_point(scene, last.cut)? } else { Choice::UpToDate };
            Some(FromRuns::Choice(choice))
        }
        Err(Stop::Refused(refusal @ Refusal::NoFinishedRun { .. })) => {
            // a table that is not there is why no run can finish
            heads(sources.into_iter().map(|table| (table, None)).collect(), Newer::Leave).await?;
            return Err(refusal.into());
        }
        run => run?,
    };
    if matches!(run, Some(FromRuns::Choice(Choice::UpToDate))) {
        return Ok(None);
    }
    let heads = match &run {
        // what is known of some tables only says nothing about the runs in the others
        Some(FromRuns::Listed(_)) if !last.covers(scene) => {
            heads(sources.into_iter().map(|table| (table, None)).collect(), Newer::Leave).await?
        }
        Some(_) => heads(with_records(scene, history, sources).await, Newer::Leave).await?,
        None => heads(with_records(scene, history, sources).await, Newer::Read).await?,
    };
    let (choice, as_of) = match run {
        Some(FromRuns::Choice(choice)) => (choice, scene.world.now()),
        Some(FromRuns::Listed(listed)) => {
            let choice = match choose_listed(scene, &heads, &listed, last).await {
                Ok(Choice::UpToDate) | Err(Stop::Refused(_)) if begins_again => {
                    at_recovery_point(scene, last.cut)?
                }
                choice => choice?,
            };
            (choice, scene.world.now())
        }
        None => choose_instant(scene, &heads).await?,
    };
    let Choice::Chosen(chosen) = choice else { return Ok(None) };
    let pins = heads.iter().zip(&chosen.versions).map(|(head, (_, version))| pin(head, *version));
    let pinned = try_join_all(pins).await?;
    pinned.iter().try_for_each(|source| is_the_chosen(scene, history, &chosen, source))?;
    let cut = cut(scene, chosen, as_of, &pinned);
    if last.held().is_some_and(|held| held.id == cut.id) {
        return Ok(None);
    }
    if !begins_again {
        pinned.iter().for_each(|source| say_recreated(source, last.cut));
    }
    Ok(Some((cut, pinned)))
}

fn up_to_date(targets: &[Target]) -> Prepared {
    let unproven = targets.iter().filter(|target| target.at_recovery_point && !target.proven());
    Prepared::UpToDate { unproven: unproven.map(|target| target.table.name.clone()).collect() }
}

/// Whether the region that is active was given a finished state by a change of roles, and has passed it on.
fn began_finished(history: &History) -> bool {
    history
        .state
        .as_ref()
        .is_some_and(|state| state.role_change.is_some() && !state.recovery_points.is_empty())
}

/// The state that the region which is active began with when the roles changed.
fn at_recovery_point(scene: &Scene<'_>, held: Option<&Cut>) -> Result<Choice, Refusal> {
    let held = held.ok_or(Refusal::NoFinishedRun { seen: 0 })?;
    let versions = scene.group.tables.iter().map(|table| {
        let version = held.table(&table.name).map(|held| held.source_version);
        let problem = || {
            "is not part of the recovery point that the roles were changed at; the next run that finishes with it will do"
                .to_owned()
        };
        let version = version.ok_or_else(|| Refusal::TableMissing { table: table.name.clone(), problem: problem() });
        Ok((table.name.clone(), version?))
    });
    let versions = versions.collect::<Result<_, Refusal>>()?;
    Ok(Choice::Chosen(Chosen { run: held.run.clone(), versions, known: Known::ByRecoveryPoint }))
}

fn cut(scene: &Scene<'_>, chosen: Chosen, as_of: DateTime<Utc>, pinned: &[Pinned]) -> Cut {
    let pins = pinned
        .iter()
        .map(|pinned| Pin {
            table: pinned.at.table.name.clone(),
            source_table_id: pinned.at.head.metadata.id.clone(),
            source_version: pinned.at.head.version,
        })
        .collect();
    match chosen.run {
        Some(run) => Cut::of_run(&scene.group.name, run, pins),
        None => Cut::at_instant(&scene.group.name, as_of, pins),
    }
}

/// A cut never goes back: a table that is still the same table keeps or raises its version.
pub(super) fn goes_forward(cut: &Cut, last: Option<&Cut>) -> Result<(), Refusal> {
    for table in &cut.tables {
        let Some(held) = last.and_then(|last| last.table(&table.name)) else { continue };
        if held.source_table_id == table.source_table_id && table.source_version < held.source_version {
            return Err(Refusal::GoesBack {
                table: table.name.clone(),
                run: cut.describe(),
                version: table.source_version,
                recorded: held.source_version,
            });
        }
    }
    Ok(())
}

/// Refuses a table that was created anew since its version was chosen: the number is there again, the state is not.
fn is_the_chosen(
    scene: &Scene<'_>,
    history: &History,
    chosen: &Chosen,
    source: &Pinned,
) -> Result<(), Refusal> {
    let (name, head) = (&source.at.table.name, &source.at.head);
    let is_it = match &chosen.known {
        Known::ByTime => true,
        Known::Ids(ids) => ids.get(name).is_none_or(|id| *id == head.metadata.id),
        Known::ByRecoveryPoint => history.state.as_ref().is_none_or(|state| {
            let point = state.recovery_point();
            point.is_none_or(|point| Named::by(scene, state, point, scene.active(history)).holds(name, head))
        }),
    };
    if is_it {
        return Ok(());
    }
    let cause = "the table was dropped and created anew since, and its versions begin again; the next run that finishes \
                 will do";
    Err(Refusal::VersionGone { table: name.clone(), version: head.version, cause: cause.to_owned() })
}

fn say_recreated(source: &Pinned, last: Option<&Cut>) {
    let held = last.and_then(|last| last.table(&source.at.table.name));
    if held.is_some_and(|held| held.source_table_id != source.at.head.metadata.id) {
        tracing::warn!(table = %source.at.table.name, "the table was recreated in the active region; its new state replaces the old one");
    }
}
