//! Stopping and starting services, with the ledger.
//!
//! For each service: look; enter what was seen, and that something is about to be done; ask; look again until it is as it
//! should be or patience ends; enter what changed. The entry before the act is what makes it safe: an executor that was
//! paused since it read the log loses the race for that entry, reads that the roles have changed, and touches nothing.

use std::time::Duration;

use futures::future::join_all;
use lakedr_control::group_log::{History, Power};
use lakedr_control::validate::{SideName, SideService};

use super::case::{look, moment, settled, waves};
use super::decide::{Todo, by_role, is_due, open_services, todo};
use super::ledger::Ledger;
use super::report::ServiceOutcome;
use crate::error::Failure;
use crate::pipeline::Scene;

/// Services of a side that should be so.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) side: SideName,
    pub(crate) wanted: Power,
    pub(crate) services: Vec<&'a SideService>,
    /// How long a service may take to become so, after it was asked.
    pub(crate) patience: Duration,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Turned {
    /// The log with the entries about it.
    pub(crate) history: History,
    /// One for each service.
    pub(crate) outcomes: Vec<ServiceOutcome>,
}

/// Turns services on or off, all at the same time. That one cannot be reached keeps nobody longer than its patience, and is
/// no error: the ledger has it open.
///
/// # Errors
/// When the group log cannot be written, or somebody else decided otherwise meanwhile.
pub(crate) async fn turn(scene: &Scene<'_>, history: History, turn: Turn<'_>) -> Result<Turned, Failure> {
    let moment = moment(scene, &history, turn.side);
    let mut ledger = Ledger::new(scene, history, &turn);
    let mut cases =
        join_all(turn.services.iter().map(|service| look(scene, turn.side, service, &moment))).await;
    for case in &cases {
        ledger.claim(case).await?;
    }
    for wave in waves(turn.wanted) {
        // all of a wave are asked, then the next; only hooks wait until the others are as they should be
        for rank in *wave {
            let asked = cases.iter_mut().filter(|case| case.rank() == *rank);
            join_all(asked.map(|case| case.ask(turn.wanted))).await;
        }
        let of_wave = || cases.iter().filter(|case| wave.contains(&case.rank()));
        let told = join_all(of_wave().map(|case| settled(case, turn.wanted, turn.patience))).await;
        for (case, told) in of_wave().zip(told) {
            ledger.result(case.service, told).await?;
        }
    }
    let history = ledger.into_history();
    let record = |service: &&SideService| history.state.as_ref()?.service(&service.id);
    let outcomes = turn.services.iter().filter_map(record);
    let outcomes = outcomes.map(|record| ServiceOutcome::of(record, turn.wanted)).collect();
    Ok(Turned { history, outcomes })
}

/// Tries those services again that the ledger has open and that are due, as the roles in force want them. Where nothing is
/// open nothing is sent, and what the ledger does not know is left alone: it is for people to change roles.
///
/// # Errors
/// When the group log cannot be written.
pub async fn retry(scene: &Scene<'_>, history: History) -> Result<History, Failure> {
    let mut history = history;
    for side in SideName::BOTH {
        let Some(state) = &history.state else { return Ok(history) };
        let (active, now) = (scene.active(&history), scene.world.now());
        let open = open_services(&scene.group.services, (side, active), state);
        let services: Vec<_> =
            open.filter(|(_, record)| is_due(record, now)).map(|(service, _)| service).collect();
        if services.is_empty() {
            continue;
        }
        let again = Turn { side, wanted: by_role(side, active), services, patience: Duration::ZERO };
        let turned = turn(scene, history, again).await?;
        for outcome in turned.outcomes.iter().filter(|outcome| !outcome.done) {
            tracing::warn!(group = %scene.group.name, "{}", outcome.line());
        }
        history = turned.history;
    }
    Ok(history)
}

impl<'a> Turn<'a> {
    /// What is left to be done so that the services of a side are as wanted, and those that stay as somebody left them.
    pub(crate) fn of_side(
        scene: &'a Scene<'_>,
        history: &History,
        (side, wanted, patience): (SideName, Power, Duration),
    ) -> (Self, Vec<ServiceOutcome>) {
        let state = history.state.as_ref();
        let since = state.and_then(|state| state.role_change.as_ref()).map_or(0, |change| change.seq);
        let (mut services, mut rest) = (Vec::new(), Vec::new());
        for service in scene.group.services.of(side) {
            let record = state.and_then(|state| state.service(&service.id));
            match (todo(&service.kind, record, wanted, since), record) {
                (Todo::See, _) => services.push(service),
                (Todo::LeftOff, _) => rest.push(ServiceOutcome::left_off(&service.id)),
                (Todo::Nothing, record) => {
                    rest.extend(record.map(|record| ServiceOutcome::of(record, wanted)));
                }
            }
        }
        (Self { side, wanted, services, patience }, rest)
    }
}
