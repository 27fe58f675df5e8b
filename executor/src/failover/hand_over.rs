//! The services of a group in a change of roles: what stops, what starts, and in which order.

use std::time::{Duration, Instant};

use lakedr_control::group_log::{History, Power};
use lakedr_control::validate::ServiceKind;

use super::basis::Kind;
use super::refusal::SwitchRefusal;
use super::report::{Step, millis};
use super::survey::refused;
use crate::error::Failure;
use crate::pipeline::Scene;
use crate::report::GroupReport;
use crate::services::{ServiceOutcome, Turn, quiesce, resume, summary, turn};

/// How long a service of the region that is left may take to stop. It may be lost with its region, so this is short; the
/// ledger keeps it open.
const STOPS: Duration = Duration::from_secs(15);

/// How long a service of the region that takes over may take to start.
const STARTS: Duration = Duration::from_secs(300);

/// Services that were turned, and the step that it was.
#[derive(Debug)]
pub(super) struct HandedOver {
    pub(super) history: History,
    pub(super) outcomes: Vec<ServiceOutcome>,
    /// None when no service is declared.
    pub(super) step: Option<Step>,
}

/// Stops the services of the region that is standby by now.
pub(super) async fn stop(scene: &Scene<'_>, history: History) -> Result<HandedOver, Failure> {
    // what a failback paused stays so from now on
    scene.world.paused.is_over(&scene.group.name);
    let side = scene.standby(&history);
    let (left, rest) = Turn::of_side(scene, &history, (side, Power::Off, STOPS));
    hand_over(scene, history, left, rest, "stop").await
}

/// Starts the services of the region that is active by now.
pub(super) async fn start(scene: &Scene<'_>, history: History) -> Result<HandedOver, Failure> {
    let side = scene.active(&history);
    let (left, rest) = Turn::of_side(scene, &history, (side, Power::On, STARTS));
    hand_over(scene, history, left, rest, "start").await
}

async fn hand_over(
    scene: &Scene<'_>,
    history: History,
    left: Turn<'_>,
    mut outcomes: Vec<ServiceOutcome>,
    step: &'static str,
) -> Result<HandedOver, Failure> {
    if left.services.is_empty() && outcomes.is_empty() {
        return Ok(HandedOver { history, outcomes, step: None });
    }
    let (begun, wanted) = (Instant::now(), left.wanted);
    let turned = turn(scene, history, left).await?;
    outcomes.extend(turned.outcomes);
    let step = Step { step, took_ms: millis(begun), result: summary(&outcomes, wanted) };
    Ok(HandedOver { history: turned.history, outcomes, step: Some(step) })
}

/// Pauses the writers of the active region before the last sync of a failback, and waits for their runs; none when no such
/// service is declared.
///
/// # Errors
/// The report, when they are not known to be at rest. What was paused goes on.
pub async fn bring_to_rest(scene: &Scene<'_>) -> Result<Option<Step>, Box<GroupReport>> {
    let begun = Instant::now();
    let failed = |failure: &Failure| Box::new(GroupReport::failed(&scene.group.name, failure));
    let quiesced = match quiesce(scene).await {
        Ok(quiesced) => quiesced,
        Err(failure) => {
            let report = failed(&failure);
            give_up(scene).await;
            return Err(report);
        }
    };
    let refusal = if !quiesced.unseen.is_empty() {
        Some(SwitchRefusal::Unseen { what: quiesced.unseen.join("; ") })
    } else if !quiesced.under_way.is_empty() {
        let history = scene.log.read().await;
        let active = history.map_or_else(|_| String::new(), |history| region(scene, &history));
        Some(SwitchRefusal::UnderWay { active, runs: quiesced.under_way })
    } else {
        None
    };
    if let Some(refusal) = refusal {
        give_up(scene).await;
        return Err(Box::new(refused(scene, &refusal)));
    }
    let result = summary(&quiesced.outcomes, Power::Off);
    let result = format!("{result}, no run of them under way");
    Ok((!quiesced.outcomes.is_empty()).then(|| Step { step: "pause", took_ms: millis(begun), result }))
}

fn region(scene: &Scene<'_>, history: &History) -> String {
    scene.group.side(scene.active(history)).region.clone()
}

/// Lets the writers of the active region go on after a failback that did not change the roles.
pub async fn give_up(scene: &Scene<'_>) {
    for outcome in resume(scene).await {
        tracing::info!(group = %scene.group.name, "{}", outcome.line());
    }
}

/// The steps that the declared services of a group add to a plan.
pub(super) struct Declared {
    pub(super) pause: Option<String>,
    pub(super) stop: Option<String>,
    pub(super) start: Option<String>,
}

impl Declared {
    /// Of a group that has these regions.
    pub(super) fn of(scene: &Scene<'_>, history: &History, kind: Kind) -> Self {
        let names = |services: Vec<String>| (!services.is_empty()).then(|| services.join(", "));
        let of = |side| scene.group.services.of(side);
        let (active, standby) = (scene.active(history), scene.standby(history));
        let schedules = of(active).iter().filter(|service| service.kind.is_schedule());
        // hooks go last either way
        let (hooks, others): (Vec<_>, Vec<_>) =
            of(active).iter().partition(|service| matches!(service.kind, ServiceKind::Hook(_)));
        let stops = others.into_iter().rev().chain(hooks);
        Self {
            pause: names(schedules.map(|service| service.id.clone()).collect())
                .filter(|_| kind == Kind::Failback),
            stop: names(stops.map(|service| service.id.clone()).collect()),
            start: names(of(standby).iter().map(|service| service.id.clone()).collect()),
        }
    }
}
