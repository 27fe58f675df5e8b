//! `lakedr failover plan|execute` and `lakedr failback plan|execute`.

use std::time::Instant;

use futures::future::{join, join_all};
use lakedr_control::cut::Cut;
use lakedr_control::spec::SyncGroupSpec;
use lakedr_control::validate::ValidGroup;
use serde::Serialize;

use super::context::{CommandError, Context};
use crate::cli::SwitchCommand;
use crate::error::Failure;
use crate::exit::Exit;
use crate::failover::{
    Approved, Kind, SYNC, Standing, Step, Survey, SwitchRefusal, Switched, bring_to_rest, execute, give_up,
    plan_id, standing, survey,
};
use crate::notify::tell_change;
use crate::other_region::other_region;
use crate::pipeline::{Asked, Scene, Task, sync_group};
use crate::report::GroupReport;
use crate::spec::Loaded;

#[derive(Serialize)]
struct Planned {
    kind: Kind,
    /// None when something is in the way of a group.
    plan: Option<String>,
    groups: Vec<Survey>,
}

#[derive(Serialize)]
struct Executed<'a> {
    kind: Kind,
    plan: &'a str,
    approved_by: &'a str,
    groups: Vec<OfGroup>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum OfGroup {
    Switched(Box<Switched>),
    Stopped(Box<GroupReport>),
}

/// Carries out one of them.
pub(super) async fn run(
    context: &Context,
    kind: Kind,
    command: &SwitchCommand,
) -> Result<Exit, CommandError> {
    let loaded = context.load().await?;
    if loaded.groups.is_empty() {
        return Err(CommandError::NoGroups { command: kind.command() });
    }
    match command {
        SwitchCommand::Plan => plan(context, &loaded, kind).await,
        SwitchCommand::Execute { plan, approve } => {
            carry_out(context, &loaded, Approved { kind, plan, by: approve }).await
        }
    }
}

async fn open<'a>(
    context: &'a Context,
    loaded: &Loaded,
    (spec, group): &'a (SyncGroupSpec, ValidGroup),
) -> Result<Scene<'a>, Failure> {
    Scene::open_in_an_outage(&context.world, loaded, spec, group).await
}

async fn plan(context: &Context, loaded: &Loaded, kind: Kind) -> Result<Exit, CommandError> {
    let surveys = loaded.groups.iter().map(|group| async {
        match open(context, loaded, group).await {
            Ok(scene) => {
                let (survey, other_region) =
                    join(survey(&scene, kind), other_region(&scene, loaded, &group.0)).await;
                Survey { other_region, ..survey }
            }
            Err(failure) => Survey::unknown(GroupReport::failed(&group.1.name, &failure)),
        }
    });
    let groups = join_all(surveys).await;
    let ready = groups.iter().all(|survey| survey.problems.is_empty());
    let parts = groups.iter().filter_map(|survey| Some((survey.group.as_str(), survey.part.as_deref()?)));
    let document = Planned { kind, plan: ready.then(|| plan_id(parts)), groups };
    context.output.write(&document, || {
        let mut lines: Vec<String> = document.groups.iter().map(Survey::text).collect();
        lines.push(next(kind, document.plan.as_deref(), &context.global.group));
        lines.join("\n")
    })?;
    Ok(Exit::of_all(document.groups.iter().map(Survey::exit)))
}

/// What to type next.
fn next(kind: Kind, plan: Option<&str>, groups: &[String]) -> String {
    let command = kind.command();
    match plan {
        Some(plan) => {
            let groups: String = groups.iter().map(|group| format!(" --group {group}")).collect();
            format!(
                "plan {plan}; to carry it out: lakedr {command} execute --plan {plan} --approve WHO{groups}"
            )
        }
        None => format!(
            "no plan: something is in the way; mend it, or leave groups out with --group, then plan the {command} again"
        ),
    }
}

async fn carry_out(context: &Context, loaded: &Loaded, approved: Approved<'_>) -> Result<Exit, CommandError> {
    let scenes = join_all(loaded.groups.iter().map(|group| open(context, loaded, group))).await;
    let standings = join_all(scenes.iter().map(|scene| async {
        match scene {
            Ok(scene) => standing(scene, approved).await.map_err(|failure| failed(scene, &failure)),
            Err(_) => Ok(None),
        }
    }));
    let standings = standings.await;
    let unreadable = scenes
        .iter()
        .zip(&loaded.groups)
        .filter_map(|(scene, (_, group))| Some(GroupReport::failed(&group.name, scene.as_ref().err()?)));
    let mut stopped: Vec<GroupReport> = unreadable.collect();
    stopped.extend(standings.iter().filter_map(|standing| standing.as_ref().err().cloned()));
    let known: Vec<(&Scene<'_>, &Standing)> = scenes
        .iter()
        .zip(&standings)
        .filter_map(|(scene, standing)| Some((scene.as_ref().ok()?, standing.as_ref().ok()?.as_ref()?)))
        .collect();
    if stopped.is_empty() {
        stopped.extend(stale(loaded, &known, approved));
    }
    let groups = if stopped.is_empty() {
        let switches = known.iter().zip(&loaded.groups);
        let switches = switches
            .map(|((scene, standing), group)| switch(context, loaded, group, scene, standing, approved));
        join_all(switches).await
    } else {
        stopped.into_iter().map(|report| OfGroup::Stopped(Box::new(report))).collect()
    };
    write(context, approved, groups)
}

/// Carries out a plan for one group; a failback begins with a last sync in the old direction, of tables that nobody writes
/// any more.
async fn switch(
    context: &Context,
    loaded: &Loaded,
    group: &(SyncGroupSpec, ValidGroup),
    scene: &Scene<'_>,
    standing: &Standing,
    approved: Approved<'_>,
) -> OfGroup {
    let comes_home = approved.kind == Kind::Failback && !standing.switched;
    let mut before = Vec::new();
    if comes_home {
        match bring_to_rest(scene).await {
            Ok(step) => before.extend(step),
            Err(report) => return OfGroup::Stopped(report),
        }
        match last_sync(context, loaded, group).await {
            Ok(step) => before.push(step),
            Err(report) => {
                give_up(scene).await;
                return OfGroup::Stopped(report);
            }
        }
    }
    let switched = execute(scene, approved, &standing.part, before).await;
    if comes_home && !switched.switched {
        give_up(scene).await;
    }
    // carried out by an earlier call, it has been told of, or will be by the next sync
    if switched.switched && !standing.switched {
        tell_change(scene, switched.outcome()).await;
    }
    OfGroup::Switched(Box::new(switched))
}

async fn last_sync(
    context: &Context,
    loaded: &Loaded,
    group: &(SyncGroupSpec, ValidGroup),
) -> Result<Step, Box<GroupReport>> {
    let (begun, task) = (Instant::now(), Task { asked: Asked::Sync, force: true });
    let report = sync_group(&context.world, loaded, group, task, &context.progress()).await;
    if report.error.is_some() {
        return Err(Box::new(report));
    }
    let result = report.cut.as_ref().map_or_else(|| "nothing to sync".to_owned(), Cut::describe);
    let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Step { step: SYNC, took_ms, result })
}

fn failed(scene: &Scene<'_>, failure: &Failure) -> GroupReport {
    GroupReport::failed(&scene.group.name, failure)
}

/// Refuses every group when the plan is about something else: a plan is carried out whole or not at all.
fn stale(loaded: &Loaded, known: &[(&Scene<'_>, &Standing)], approved: Approved<'_>) -> Vec<GroupReport> {
    let parts = known.iter().map(|(scene, standing)| (scene.group.name.as_str(), standing.part.as_str()));
    if known.len() == loaded.groups.len() && plan_id(parts) == approved.plan {
        return Vec::new();
    }
    let described: Vec<&str> = known.iter().map(|(_, standing)| standing.described.as_str()).collect();
    let found = if described.is_empty() { "there is no group log".to_owned() } else { described.join("; ") };
    let refusal = SwitchRefusal::StalePlan { plan: approved.plan.to_owned(), kind: approved.kind, found };
    let refused = |(_, group): &(SyncGroupSpec, ValidGroup)| {
        GroupReport::refused_as(&group.name, refusal.tag(), refusal.to_string())
    };
    loaded.groups.iter().map(refused).collect()
}

fn write(context: &Context, approved: Approved<'_>, groups: Vec<OfGroup>) -> Result<Exit, CommandError> {
    let document = Executed { kind: approved.kind, plan: approved.plan, approved_by: approved.by, groups };
    let text = |group: &OfGroup| match group {
        OfGroup::Switched(switched) => switched.text(approved.kind),
        OfGroup::Stopped(report) => report.text(),
    };
    context.output.write(&document, || document.groups.iter().map(text).collect::<Vec<_>>().join("\n"))?;
    Ok(Exit::of_all(document.groups.iter().map(|group| match group {
        OfGroup::Switched(switched) => switched.exit(),
        OfGroup::Stopped(report) => report.exit(),
    })))
}
