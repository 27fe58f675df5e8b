//! Bringing the writers of the active region to rest before a controlled way home, and letting them go on if it is given up.

use std::time::Duration;

use futures::future::join_all;
use lakedr_control::group_log::{GroupState, History, Power, ServiceRecord};
use lakedr_control::validate::{SideName, SideService, ValidGroup};
use tokio::time::{Instant, sleep};

use super::case::runs_under_way;
use super::report::ServiceOutcome;
use super::turn::{Turn, turn};
use crate::error::{At as _, Failure, Stage, chain};
use crate::pipeline::Scene;

/// How long a paused schedule may take to be seen as paused.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long runs that are under way may take to finish.
const RUNS: Duration = Duration::from_secs(1_800);

/// Wait between two looks at them.
const BETWEEN: Duration = Duration::from_secs(2);

/// The writers of the active region.
#[derive(Debug, Default)]
pub(crate) struct Quiesced {
    /// What became of each schedule; empty when none is declared.
    pub(crate) outcomes: Vec<ServiceOutcome>,
    /// Runs that were still under way at the end of patience.
    pub(crate) under_way: Vec<String>,
    /// What keeps them from being known to be at rest.
    pub(crate) unseen: Vec<String>,
}

/// Pauses the schedules of the active region, and waits for the runs that they started.
///
/// # Errors
/// When the group log cannot be read or written.
pub(crate) async fn quiesce(scene: &Scene<'_>) -> Result<Quiesced, Failure> {
    let history = scene.log.read().await.at(Stage::Observe, &scene.group.name)?;
    let side = scene.active(&history);
    let services: Vec<&SideService> =
        scene.group.services.of(side).iter().filter(|service| service.kind.is_schedule()).collect();
    if services.is_empty() {
        return Ok(Quiesced::default());
    }
    let ids = services.iter().map(|service| service.id.clone()).collect();
    scene.world.paused.may_be(&scene.group.name, ids);
    let pause = Turn { side, wanted: Power::Off, services: services.clone(), patience: PATIENCE };
    let turned = turn(scene, history, pause).await?;
    let held_back = turned.history.state.iter().flat_map(|state| held_back(scene.group, side, state));
    let ids = held_back.map(|(service, _)| service.id.clone()).collect();
    scene.world.paused.may_be(&scene.group.name, ids);
    let open = turned.outcomes.iter().filter(|outcome| !outcome.done);
    let unseen: Vec<String> = open.map(ServiceOutcome::line).collect();
    let mut quiesced = Quiesced { outcomes: turned.outcomes, under_way: Vec::new(), unseen };
    if quiesced.unseen.is_empty() {
        wait(scene, &turned.history, (side, &services), &mut quiesced).await;
    }
    Ok(quiesced)
}

async fn wait(
    scene: &Scene<'_>,
    history: &History,
    (side, services): (SideName, &[&SideService]),
    quiesced: &mut Quiesced,
) {
    let until = Instant::now() + RUNS;
    loop {
        let looks =
            join_all(services.iter().map(|service| runs_under_way(scene, history, side, service))).await;
        quiesced.under_way.clear();
        for (service, look) in services.iter().zip(looks) {
            match look {
                Ok(runs) => quiesced.under_way.extend(runs),
                Err(fault) => quiesced.unseen.push(format!("runs of {}: {}", service.id, chain(&fault))),
            }
        }
        if quiesced.under_way.is_empty() || !quiesced.unseen.is_empty() || Instant::now() >= until {
            return;
        }
        tracing::info!(group = %scene.group.name, "waiting for run(s) {}", quiesced.under_way.join(", "));
        sleep(BETWEEN).await;
    }
}

/// Schedules of the active region that were paused for a way home that did not come to its end, and that ran before.
pub(crate) fn held_back<'a, 'l>(
    group: &'a ValidGroup,
    active: SideName,
    state: &'l GroupState,
) -> impl Iterator<Item = (&'a SideService, &'l ServiceRecord)> {
    let paused = |record: &&ServiceRecord| record.wants(Power::Off) && record.before == Some(Power::On);
    let schedules = group.services.of(active).iter().filter(|service| service.kind.is_schedule());
    schedules.filter_map(move |service| Some((service, state.service(&service.id).filter(paused)?)))
}

/// Unpauses what was paused for a way home that is given up. Best effort: what cannot be unpaused stays open in the ledger,
/// and each later sync tries again.
pub(crate) async fn resume(scene: &Scene<'_>) -> Vec<ServiceOutcome> {
    let resumed = async {
        let history = scene.log.read().await.at(Stage::Observe, &scene.group.name)?;
        let side = scene.active(&history);
        let held_back = history.state.iter().flat_map(|state| held_back(scene.group, side, state));
        let services: Vec<_> = held_back.map(|(service, _)| service).collect();
        if services.is_empty() {
            return Ok(Vec::new());
        }
        let go_on = Turn { side, wanted: Power::On, services, patience: PATIENCE };
        Ok::<_, Failure>(turn(scene, history, go_on).await?.outcomes)
    };
    let resumed = resumed.await.unwrap_or_else(|failure| {
        tracing::error!("schedules of the active region may still be paused: {}", chain(&failure));
        Vec::new()
    });
    scene.world.paused.is_over(&scene.group.name);
    resumed
}
