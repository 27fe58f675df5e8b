use std::sync::atomic::{AtomicU32, Ordering};

use backon::{ExponentialBuilder, Retryable as _};
use lakedr_control::group_log::{Event, FailureClass, History};
use lakedr_control::spec::{Delivery, SyncGroupSpec};
use lakedr_control::validate::ValidGroup;

use super::attempt::{End, attempt};
use super::leg::{Asked, Here, Leg, legs};
use super::scene::{Scene, Stop};
use crate::cut::Refusal;
use crate::error::{At as _, Classify, Failure, Stage, chain};
use crate::notify::{Part, tell, tell_without_stores};
use crate::other_region::remember;
use crate::record::keep_metadata;
use crate::report::{GroupReport, Outcome, Progress};
use crate::spec::Loaded;
use crate::world::World;

/// Races with other executors within one attempt before it counts as failed.
const RACES: usize = 8;

/// Other executors were faster again and again.
#[derive(Debug, thiserror::Error)]
#[error(
    "other executors wrote to the group log {RACES} times in a row; stop all but one of them, then try again"
)]
struct TooManyRaces;

impl Classify for TooManyRaces {
    fn class(&self) -> FailureClass {
        FailureClass::Unreachable
    }
}

/// What to do with a group.
#[derive(Debug, Clone, Copy)]
pub struct Task {
    /// Which part of the way.
    pub asked: Asked,
    /// Whether to ignore its schedule.
    pub force: bool,
}

/// Brings one group to its newest finished state, as far as it is asked for and this region has to: attempts with backoff,
/// and a report that says how it ended. Of two legs, the first that fails is reported. Whom the group names is told.
pub async fn sync_group(
    world: &World,
    loaded: &Loaded,
    (spec, group): &(SyncGroupSpec, ValidGroup),
    task: Task,
    progress: &Progress,
) -> GroupReport {
    let mut scene = match Scene::open(world, loaded, spec, group).await {
        Ok(scene) => scene.keeping_caches(),
        Err(failure) => {
            let report = GroupReport::failed(&group.name, &failure);
            tell_without_stores(world, group, &loaded.secrets, &report, part(task.asked, &[])).await;
            return report;
        }
    };
    let legs = match legs_here(&scene, task.asked).await {
        Ok(legs) => legs,
        Err(report) => {
            finish(&scene, None, &report, part(task.asked, &[])).await;
            return *report;
        }
    };
    let (mut last, mut failed, mut history) = (None, None, None);
    for leg in legs {
        scene = scene.on(*leg);
        let report;
        (report, history) = run_leg(&scene, task.force, progress).await;
        if report.error.is_some() {
            failed = failed.or(Some(report));
        } else {
            last = Some(report);
        }
    }
    let Some(report) = failed.or(last) else { return GroupReport::not_here(&group.name) };
    if let (Outcome::Published, Some(history)) = (report.outcome, &history) {
        remember(&scene, loaded, spec, history).await;
    }
    finish(&scene, history, &report, part(task.asked, legs)).await;
    report
}

/// What the failures of a call are about.
fn part(asked: Asked, legs: &[Leg]) -> Part {
    match (asked, legs) {
        (_, [Leg::Send]) | (Asked::Send, _) => Part::Send,
        (_, [Leg::Receive]) | (Asked::Receive, _) => Part::Receive,
        _ => Part::Sync,
    }
}

/// What follows a call, however it ended: rows for people with SQL, then news for those whom the group names. Best effort.
/// `history` is the log as the call left it; it is read anew where that is not known.
async fn finish(scene: &Scene<'_>, history: Option<History>, report: &GroupReport, part: Part) {
    let history = match history {
        Some(history) => Some(history),
        None => scene.log.read().await.ok(),
    };
    if let Some(history) = &history {
        keep_metadata(scene, history).await;
    }
    Box::pin(tell(scene, history.as_ref(), report, part)).await;
}

/// The legs that this region has to cover.
async fn legs_here(scene: &Scene<'_>, asked: Asked) -> Result<&'static [Leg], Box<GroupReport>> {
    let name = &scene.group.name;
    let failed = |failure: Failure| Box::new(GroupReport::failed(name, &failure));
    let here = if scene.group.delivery == Delivery::Staged {
        let history = scene.log.read().await.at(Stage::Observe, name).map_err(failed)?;
        scene.here(&history)
    } else {
        Here::Anywhere
    };
    legs(asked, scene.group.delivery, here).at(Stage::Spec, name).map_err(failed)
}

/// The report, and the group log as it was left by a leg that came to its end.
async fn run_leg(scene: &Scene<'_>, force: bool, progress: &Progress) -> (GroupReport, Option<History>) {
    let group = scene.group;
    let attempts = AtomicU32::new(0);
    let backoff = ExponentialBuilder::default()
        .with_jitter()
        .with_min_delay(group.initial_backoff)
        .with_max_delay(group.max_backoff.max(group.initial_backoff))
        .with_max_times(usize::try_from(group.max_attempts.saturating_sub(1)).unwrap_or(usize::MAX));
    let once = || async {
        let number = attempts.fetch_add(1, Ordering::Relaxed) + 1;
        let ended = until_no_race(scene, force, progress).await;
        if let Err(stop) = &ended {
            record(scene, number, stop).await;
        }
        ended
    };
    let ended = once
        .retry(backoff)
        .when(|stop| matches!(stop, Stop::Failed(failure) if failure.retryable))
        .notify(|stop, wait| {
            if let Stop::Failed(failure) = stop {
                tracing::warn!(group = %group.name, wait_s = wait.as_secs(), "{}; trying again", chain(failure));
            }
        })
        .await;
    match ended {
        Ok(done) => {
            let history = done.history().cloned();
            (GroupReport::done(&group.name, done), history)
        }
        Err(Stop::Refused(refusal)) => (GroupReport::refused(&group.name, &refusal), None),
        Err(Stop::Failed(failure)) => (GroupReport::failed(&group.name, &failure), None),
    }
}

async fn until_no_race(
    scene: &Scene<'_>,
    force: bool,
    progress: &Progress,
) -> Result<crate::report::Done, Stop> {
    for _ in 0..RACES {
        if let End::Done(done) = Box::pin(attempt(scene, force, progress)).await? {
            return Ok(done);
        }
    }
    Err(Stop::Failed(TooManyRaces.at(Stage::Publish, &scene.group.name)))
}

/// Writes a failure into the group log, unless the newest entry says the same. Best effort: when the log itself is
/// what cannot be reached, the report says so.
async fn record(scene: &Scene<'_>, number: u32, stop: &Stop) {
    let (stage, class, message) = match stop {
        Stop::Refused(refusal @ Refusal::Diverged { .. }) => {
            (Stage::Publish, FailureClass::Diverged, refusal.to_string())
        }
        Stop::Refused(_) => return,
        Stop::Failed(failure) => (failure.stage, failure.class, chain(failure)),
    };
    let Ok(history) = scene.log.read().await else { return };
    let Some(state) = &history.state else { return };
    let said = state.last_failure.as_ref().is_some_and(|last| last.class == class && last.message == message);
    if said {
        return;
    }
    let event = Event::Failed { attempt: number, stage: stage.to_string(), class, message };
    let appended = scene.log.append(history, event, scene.world.now(), scene.world.author.clone()).await;
    if let Err(error) = appended {
        tracing::debug!(%error, "the failure is not in the group log");
    }
}
