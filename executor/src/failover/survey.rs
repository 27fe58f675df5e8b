//! One group before its roles change: what it would go on from, what would be lost, and what is in the way. Writes nothing.

use std::borrow::Cow;
use std::time::Duration;

use futures::future::join_all;
use lakedr_control::cut::Cut;
use lakedr_control::group_log::{FailureClass, GroupState, History};
use lakedr_control::id::TableName;
use lakedr_control::validate::Publisher;

use super::basis::{Basis, Kind};
use super::hand_over::Declared;
use super::loss::{Seen, look};
use super::refusal::SwitchRefusal;
use super::report::{Facts, Loss, Survey};
use super::retention::left;
use super::steps::steps;
use crate::cut::Refusal;
use crate::error::{At as _, Failure, Stage};
use crate::observe::choice::{Runs, holds_all};
use crate::observe::target::target;
use crate::pipeline::{Scene, Stop, regions_fit};
use crate::publish::warehouse_tables;
use crate::report::GroupReport;

/// Looks at a group from the log and, as far as they answer, from both regions.
pub async fn survey(scene: &Scene<'_>, kind: Kind) -> Survey {
    let name = &scene.group.name;
    match scene.log.read().await.at(Stage::Observe, name) {
        Ok(history) => of_history(scene, kind, &history).await,
        Err(failure) => Survey::unknown(GroupReport::failed(name, &failure)),
    }
}

async fn of_history(scene: &Scene<'_>, kind: Kind, history: &History) -> Survey {
    let name = &scene.group.name;
    let Some(state) = &history.state else {
        return Survey::unknown(refused(scene, &SwitchRefusal::NoRecoveryPoint));
    };
    let part = match part(scene, kind, state) {
        Ok(part) => part,
        Err(failure) => return Survey::unknown(GroupReport::failed(name, &failure)),
    };
    let open = state.open_intent.as_ref();
    let held = open.map(|open| open.cut.clone()).or_else(|| state.held().map(Cow::into_owned));
    let mut problems: Vec<GroupReport> =
        in_the_way(scene, kind, state).iter().map(|refusal| refused(scene, refusal)).collect();
    if problems.is_empty() && open.is_none() {
        problems.extend(standby_problems(scene, history).await);
    }
    let mut seen = look(scene, history).await;
    if kind == Kind::Failback {
        problems
            .extend(would_lose(state, &seen, held.as_ref()).iter().map(|refusal| refused(scene, refusal)));
    }
    let retention = left(scene, history, held.as_ref(), &mut seen).await;
    let lag = lag(scene, history, held.as_ref()).await;
    Survey {
        group: name.to_string(),
        part: Some(part),
        facts: Some(facts(scene, state, lag)),
        other_region: None,
        retention,
        loss: Some(loss(state, seen, held.as_ref())),
        steps: if problems.is_empty() {
            steps(kind, state, &Declared::of(scene, history, kind))
        } else {
            Vec::new()
        },
        problems,
    }
}

/// Digest over what a plan rests on in a group.
pub(super) fn part(scene: &Scene<'_>, kind: Kind, state: &GroupState) -> Result<String, Failure> {
    let basis = Basis::of(kind, scene.group.name.as_str(), state, &scene.spec_digest);
    basis.part().map_err(|cause| Failure {
        stage: Stage::Plan,
        subject: scene.group.name.to_string(),
        class: FailureClass::Internal,
        retryable: false,
        cause: Box::new(cause),
    })
}

pub(super) fn refused(scene: &Scene<'_>, refusal: &SwitchRefusal) -> GroupReport {
    GroupReport::refused_as(&scene.group.name, refusal.tag(), refusal.to_string())
}

/// What the log and the specification have against a change of roles.
pub(crate) fn in_the_way(scene: &Scene<'_>, kind: Kind, state: &GroupState) -> Vec<SwitchRefusal> {
    let mut found: Vec<SwitchRefusal> = regions_fit(scene, state).err().map(Into::into).into_iter().collect();
    if state.is_returning() && state.open_intent.is_none() {
        found.push(SwitchRefusal::Returning { standby: state.role.standby.clone(), epoch: state.epoch });
    } else if state.recovery_points.is_empty() && state.open_intent.is_none() {
        found.push(SwitchRefusal::NoRecoveryPoint);
    }
    if kind == Kind::Failback && scene.group.side_of(&state.role.active) == Some(scene.group.initial_active) {
        found.push(SwitchRefusal::AtHome { active: state.role.active.clone() });
    }
    found
}

/// Tables of the standby region that are not where the recovery point left them.
pub(crate) async fn standby_problems(scene: &Scene<'_>, history: &History) -> Vec<GroupReport> {
    let name = &scene.group.name;
    if scene.group.publisher != Publisher::Native {
        return cloned_problems(scene, history).await;
    }
    let targets = scene.stores.targets(scene.standby(history), scene.group).await;
    let targets = match targets.at(Stage::Observe, name) {
        Ok(targets) => targets,
        Err(failure) => return vec![GroupReport::failed(name, &failure)],
    };
    let recorded = |table: &_| scene.recorded_version(history, table).is_some();
    // a table that was added to the group since is not part of what is gone on from
    let targets = targets.into_iter().filter(|table| recorded(&table.name));
    let looks = targets.map(|table| async move {
        let subject = table.name.clone();
        match target(scene, history, table).await {
            Ok(found) if found.at_recovery_point => None,
            Ok(_) => Some(GroupReport::refused(name, &not_there(subject))),
            Err(Stop::Refused(refusal)) => Some(GroupReport::refused(name, &refusal)),
            Err(Stop::Failed(failure)) => Some(GroupReport::failed(name, &failure)),
        }
    });
    join_all(looks).await.into_iter().flatten().collect()
}

/// The same where a SQL warehouse writes the tables.
async fn cloned_problems(scene: &Scene<'_>, history: &History) -> Vec<GroupReport> {
    let name = &scene.group.name;
    match warehouse_tables(scene, history).await {
        Ok(held) => {
            let lost = held.into_iter().filter(|table| !table.at_recovery_point);
            let named = lost.filter(|table| scene.recorded_version(history, &table.table).is_some());
            named.map(|table| GroupReport::refused(name, &not_there(table.table))).collect()
        }
        Err(Stop::Refused(refusal)) => vec![GroupReport::refused(name, &refusal)],
        Err(Stop::Failed(failure)) => vec![GroupReport::failed(name, &failure)],
    }
}

fn not_there(table: TableName) -> Refusal {
    let problem =
        "is not in the standby region as the recovery point names it; `lakedr sync` clones it anew, if the \
                   active region can be read"
            .to_owned();
    Refusal::TableMissing { table, problem }
}

/// What a failback would lose.
pub(super) fn would_lose(state: &GroupState, seen: &Seen, held: Option<&Cut>) -> Vec<SwitchRefusal> {
    let active = state.role.active.clone();
    let mut found = Vec::new();
    if !seen.unseen.is_empty() {
        found.push(SwitchRefusal::Unseen { what: seen.unseen.join("; ") });
    }
    let runs = seen.runs.as_ref().map(Runs::under_way).unwrap_or_default();
    if !runs.is_empty() {
        found.push(SwitchRefusal::UnderWay { active, runs });
        return found;
    }
    let behind = seen.runs.as_ref().map_or(0, |runs| runs.behind(held));
    let mut lacks: Vec<String> =
        (behind > 0).then(|| format!("{behind} finished run(s)")).into_iter().collect();
    let remedy = if behind > 0 || seen.runs.is_none() {
        "`lakedr sync` brings it over, plan again after that"
    } else {
        "a run that finishes with it makes it part of the next recovery point: let one run, sync, then plan again"
    };
    lacks.extend(seen.behind.iter().filter(|table| table.recreated || table.logical_commits > 0).map(
        |table| {
            let at = table.recovery_version.map_or_else(|| "none".to_owned(), |version| version.to_string());
            if table.recreated {
                return format!("{} was dropped and created anew", table.name);
            }
            format!(
                "{} is at version {}, the recovery point holds {at} ({} commit(s) that change it)",
                table.name, table.newest_version, table.logical_commits
            )
        },
    ));
    if !lacks.is_empty() {
        found.push(SwitchRefusal::Lacks { active, lacks, remedy });
    }
    found
}

/// Now minus the state that is gone on from.
async fn lag(scene: &Scene<'_>, history: &History, held: Option<&Cut>) -> Option<Duration> {
    if holds_all(scene, history).await {
        return Some(Duration::ZERO);
    }
    // an end in the future is the error of a clock, and no lag
    held.map(|held| scene.world.now().signed_duration_since(held.as_of).to_std().unwrap_or_default())
}

fn facts(scene: &Scene<'_>, state: &GroupState, lag: Option<Duration>) -> Facts {
    let paused_by = state.paused_by.clone();
    Facts {
        epoch: state.epoch,
        active_region: state.role.active.clone(),
        standby_region: state.role.standby.clone(),
        recovery_point: state.recovery_point().cloned(),
        open_intent: state.open_intent.as_ref().map(|open| open.seq),
        open_cut: state.open_intent.as_ref().map(|open| open.cut.clone()),
        rpo_lag_seconds: lag.map(|lag| lag.as_secs()),
        paused_by: paused_by.or_else(|| scene.group.paused.then(|| "specification".to_owned())),
        spec_is_current: state.spec_digest == scene.spec_digest,
        landed_spec_is_current: state.landed.as_ref().map(|landed| landed.spec_digest == scene.spec_digest),
        last_failure: state.last_failure.as_ref().map(|failure| failure.message.clone()),
    }
}

fn loss(state: &GroupState, seen: Seen, held: Option<&Cut>) -> Loss {
    // what an open intent publishes is as good as published
    let landed = state.unpublished().filter(|landed| held.is_none_or(|held| held.id != landed.cut.id));
    Loss {
        landed: landed.map(|landed| landed.cut.describe()),
        runs: seen.runs.as_ref().map(|runs| runs.behind(held)),
        runs_under_way: seen.runs.as_ref().map(Runs::under_way),
        tables: seen.behind,
        unseen: seen.unseen,
    }
}
