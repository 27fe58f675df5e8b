//! One service that is being seen to: looked at, asked, looked at again.

use std::time::Duration;

use futures::future::{join, join_all};
use lakedr_control::group_log::{History, Power};
use lakedr_control::validate::{ServiceKind, SideName, SideService};
use tokio::time::{Instant, sleep, timeout};

use super::fault::ServiceFault;
use super::hook::Moment;
use super::open::open;
use super::switch::{Seen, State, Switch};
use crate::error::chain;
use crate::pipeline::Scene;

/// How long one service may take to answer: it may be lost with its region.
const ANSWER: Duration = Duration::from_secs(15);

/// Wait between two looks.
const BETWEEN: Duration = Duration::from_secs(1);

/// What a look came to.
pub(super) type Look = Result<Option<Seen>, ServiceFault>;

/// A service that is being seen to.
pub(super) struct Case<'a> {
    pub(super) service: &'a SideService,
    switch: Option<Box<dyn Switch>>,
    pub(super) look: Look,
    /// What came of asking, if that was wrong.
    asked: Option<ServiceFault>,
}

/// Places in the order of services: what others run on comes first when they start, and goes last when they stop.
const POOLS: u8 = 0;
const COMPUTE: u8 = 1;
const SCHEDULES: u8 = 2;
const HOOKS: u8 = 3;

/// The order in which services are asked; hooks, which lead users to what runs, when the others have been seen to.
pub(super) fn waves(wanted: Power) -> &'static [&'static [u8]] {
    match wanted {
        Power::On => &[&[POOLS, COMPUTE, SCHEDULES], &[HOOKS]],
        Power::Off => &[&[SCHEDULES, COMPUTE, POOLS], &[HOOKS]],
    }
}

impl Case<'_> {
    pub(super) fn rank(&self) -> u8 {
        match &self.service.kind {
            ServiceKind::InstancePool { .. } => POOLS,
            ServiceKind::SqlWarehouse(_) | ServiceKind::Cluster(_) => COMPUTE,
            ServiceKind::DatabricksJob(_) | ServiceKind::AirflowDag(_) => SCHEDULES,
            ServiceKind::Hook(_) => HOOKS,
        }
    }

    /// Asks for it, where that is needed.
    pub(super) async fn ask(&mut self, wanted: Power) {
        let answer = match &self.service.kind {
            // a hook has a time-out of its own
            ServiceKind::Hook(hook) => hook.timeout + Duration::from_secs(1),
            _ => ANSWER,
        };
        if let Some(switch) = self.switch.as_deref().filter(|_| self.asks(wanted)) {
            self.asked = in_time(switch.ask(wanted), answer).await.err();
        }
    }

    /// Whether something has to be asked of it.
    pub(super) fn asks(&self, wanted: Power) -> bool {
        match &self.look {
            Err(_) => false,
            Ok(None) => true,
            Ok(Some(seen)) => !seen.is(wanted) && seen.state != State::Towards(wanted),
        }
    }
}

/// What the ledger is told about a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) seen: String,
    pub(super) note: Option<String>,
}

impl Told {
    fn of_fault(fault: &ServiceFault) -> Self {
        Self { seen: fault.word().to_owned(), note: Some(chain(fault)) }
    }

    pub(super) fn of(look: &Look, wanted: Power) -> Self {
        match look {
            Err(fault) => Self::of_fault(fault),
            Ok(None) => Self { seen: "asked".to_owned(), note: None },
            Ok(Some(seen)) if seen.is(wanted) => {
                let note = (seen.state == State::Neither).then(|| seen.word.clone());
                Self { seen: wanted.word().to_owned(), note }
            }
            Ok(Some(seen)) => Self { seen: seen.word.clone(), note: None },
        }
    }
}

/// The group as it is.
pub(super) fn moment(scene: &Scene<'_>, history: &History, side: SideName) -> Moment {
    let state = history.state.as_ref();
    Moment {
        group: scene.group.name.to_string(),
        region: scene.group.side(side).region.clone(),
        epoch: state.map_or(0, |state| state.epoch),
        active_region: scene.group.side(scene.active(history)).region.clone(),
        standby_region: scene.group.side(scene.standby(history)).region.clone(),
    }
}

/// Whether a service can be turned.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The service, as the ledger names it.
    pub(crate) service: String,
    /// What keeps it from being turned; none when it can be looked at.
    pub(crate) problem: Option<String>,
}

/// Looks at the declared services of a side. Changes nothing.
pub(crate) async fn answers(scene: &Scene<'_>, side: SideName) -> Vec<Answer> {
    let moment = Moment {
        group: scene.group.name.to_string(),
        region: scene.group.side(side).region.clone(),
        epoch: 0,
        active_region: String::new(),
        standby_region: String::new(),
    };
    let looks = scene.group.services.of(side).iter().map(|service| look(scene, side, service, &moment));
    let cases = join_all(looks).await;
    let answer = |case: &Case<'_>| Answer {
        service: case.service.id.clone(),
        problem: case.look.as_ref().err().map(|fault| chain(fault)),
    };
    cases.iter().map(answer).collect()
}

/// What keeps the declared services of a group from being turned: one text for each that cannot be looked at.
pub(crate) async fn unusable(scene: &Scene<'_>) -> Vec<String> {
    let (primary, secondary) =
        join(answers(scene, SideName::Primary), answers(scene, SideName::Secondary)).await;
    let told = primary.into_iter().chain(secondary).filter_map(|answer| {
        Some(format!("a failover could not stop or start {}: {}", answer.service, answer.problem?))
    });
    told.collect()
}

/// Opens a service and looks at it.
pub(super) async fn look<'a>(
    scene: &Scene<'_>,
    side: SideName,
    service: &'a SideService,
    moment: &Moment,
) -> Case<'a> {
    let opened = async {
        let switch = open(service, scene.group.side(side), &scene.secrets, moment.clone()).await?;
        let seen = switch.look().await?;
        Ok((switch, seen))
    };
    match in_time(opened, ANSWER).await {
        Ok((switch, seen)) => Case { service, switch: Some(switch), look: Ok(seen), asked: None },
        Err(fault) => Case { service, switch: None, look: Err(fault), asked: None },
    }
}

/// Runs of a service that are under way.
///
/// # Errors
/// When the service does not say.
pub(crate) async fn runs_under_way(
    scene: &Scene<'_>,
    history: &History,
    side: SideName,
    service: &SideService,
) -> Result<Vec<String>, ServiceFault> {
    let ask = async {
        let moment = moment(scene, history, side);
        let switch = open(service, scene.group.side(side), &scene.secrets, moment).await?;
        switch.runs_under_way().await
    };
    in_time(ask, ANSWER).await
}

async fn in_time<T>(
    act: impl Future<Output = Result<T, ServiceFault>>,
    patience: Duration,
) -> Result<T, ServiceFault> {
    let late = |_| ServiceFault::TimedOut { seconds: patience.as_secs() };
    timeout(patience, act).await.map_err(late)?
}

/// Looks until a service is as it should be, or patience ends. None when it could not be looked at in the first place.
pub(super) async fn settled(case: &Case<'_>, wanted: Power, patience: Duration) -> Option<Told> {
    let switch = case.switch.as_deref()?;
    let mut told = Told::of(&case.look, wanted);
    if told.seen != wanted.word() {
        let look = match &case.asked {
            Some(fault) => return Some(Told::of_fault(fault)),
            None => look_again(switch, wanted, patience).await,
        };
        told = Told::of(&look, wanted);
    }
    // what still writes is worth knowing; that nobody says so is not
    if case.service.kind.is_schedule() && wanted == Power::Off && told.seen == wanted.word() {
        let runs = in_time(switch.runs_under_way(), ANSWER).await.unwrap_or_default();
        let under_way = format!("under way, and left to finish: run(s) {}", runs.join(", "));
        told.note = (!runs.is_empty()).then_some(under_way).or(told.note);
    }
    Some(told)
}

async fn look_again(switch: &dyn Switch, wanted: Power, patience: Duration) -> Look {
    let until = Instant::now() + patience;
    loop {
        let Some(seen) = in_time(switch.look(), ANSWER).await? else { return Ok(Some(Seen::of(wanted))) };
        if seen.is(wanted) || Instant::now() >= until {
            return Ok(Some(seen));
        }
        sleep(BETWEEN.min(until.saturating_duration_since(Instant::now()))).await;
    }
}
